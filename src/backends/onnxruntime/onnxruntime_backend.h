// The ONNX Runtime backend.
#ifndef CONSORT_BACKENDS_ONNXRUNTIME_ONNXRUNTIME_BACKEND_H_
#define CONSORT_BACKENDS_ONNXRUNTIME_ONNXRUNTIME_BACKEND_H_

#include <memory>

#include "consort/backend.h"

namespace consort {

// Devices:
//   cpu[:cores]   the CPU provider; "cpu:0-1" confines every thread to these cores
//   cuda[:N]      the CUDA provider on device N, when the library is a GPU build
//   tensorrt[:N]  the TensorRT provider; what it does not take runs on CUDA, then on the CPU, and the placement says so
//   ep[:N]        the Nth device of a plugin execution provider, given as OpenOptions::plugin = "name=path"
// The library is OpenOptions::plugin when that is a path without a name, else $CONSORT_ONNXRUNTIME_LIBRARY, else the one of this
// build, else the system's. ONNX Runtime 1.24 or newer. Its telemetry is switched off before its first environment is made.
std::unique_ptr<Backend> MakeOnnxRuntimeBackend();

}  // namespace consort

#endif  // CONSORT_BACKENDS_ONNXRUNTIME_ONNXRUNTIME_BACKEND_H_
