// ONNX models on devices that take TensorFlow Lite files: a decorator over a backend.
#ifndef CONSORT_BACKENDS_CONVERTING_CONVERTING_BACKEND_H_
#define CONSORT_BACKENDS_CONVERTING_CONVERTING_BACKEND_H_

#include <functional>
#include <memory>

#include "backends/quantizing/quantizing_backend.h"
#include "consort/backend.h"

namespace consort {

// `inner`, whose devices take ONNX models as well as .tflite files: a float one becomes integers by `quantizer` and a
// file of TensorFlow Lite, for an Edge TPU compiled by Coral's compiler (tflite_forms.h). "cpu@litert/int8" and
// "edgetpu:0" then stand in a plan beside engines that take ONNX, and all take the same shards. Executables have the
// model's own ports, in float32, and NativePorts. The placement is told by the model's ops. A CPU computes a float
// model in integers only where the target says int8: else, and in uint8, which TensorFlow Lite's kernels lack, it is
// refused. On an Edge TPU uint8 is the type of the file's inputs and outputs.
// Bundles of `consort edgetpu` run there as well (a blob, edgetpu/read_bundle.h): on an Edge TPU the compiled file, on
// a CPU the one before it; the rest on the device that `open_rest` opens.
using OpenDevice = std::function<std::shared_ptr<Device>(const Target& target, const OpenOptions& options)>;
std::unique_ptr<Backend> MakeConvertingBackend(std::unique_ptr<Backend> inner, Quantizer quantizer,
                                               OpenDevice open_rest = nullptr);

}  // namespace consort

#endif  // CONSORT_BACKENDS_CONVERTING_CONVERTING_BACKEND_H_
