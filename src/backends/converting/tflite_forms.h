// The .tflite file that a device takes in place of an ONNX model.
#ifndef CONSORT_BACKENDS_CONVERTING_TFLITE_FORMS_H_
#define CONSORT_BACKENDS_CONVERTING_TFLITE_FORMS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "backends/quantizing/quantizing_backend.h"
#include "consort/model.h"
#include "tflite/write_tflite.h"

namespace consort {

enum class TfLiteDevice : uint8_t { kCpu, kEdgeTpu };

// A file and the model's tensors that its ports stand for, in its order.
struct TfLiteForm {
  std::shared_ptr<const std::string> bytes;
  std::vector<TfLitePort> inputs;
  std::vector<TfLitePort> outputs;
};

// Makes them and keeps them: planning compiles a shard again and again. Thread-safe.
class TfLiteForms {
 public:
  explicit TfLiteForms(Quantizer quantizer) : quantizer_(std::move(quantizer)) {}

  // A float model is quantized in int8; one that is quantized already keeps its numbers. `ports`: the file's; between
  // them everything is int8. For the Edge TPU the whole model must fit what Coral documents, and is compiled by
  // edgetpu_compiler of $PATH. Throws kUnsupported naming the op that has no place in the file, or on the Edge TPU, and
  // what can be done; where the compiler is missing or fails; what the quantizer throws.
  TfLiteForm Of(const Model& model, TfLiteDevice device, TfLitePorts ports);

 private:
  TfLiteForm Make(const Model& model, TfLiteDevice device, TfLitePorts ports) const;

  Quantizer quantizer_;
  std::mutex mutex_;
  std::map<std::tuple<std::string, TfLiteDevice, TfLitePorts>, TfLiteForm> made_;  // by the model's fingerprint
};

}  // namespace consort

#endif  // CONSORT_BACKENDS_CONVERTING_TFLITE_FORMS_H_
