#include "tflite_agreement.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "consort/registry.h"
#include "io/element.h"
#include "tflite/layout.h"

namespace consort::test {
namespace {

const Registry& Engines() {
  static const Registry registry = MakeBuiltinRegistry();
  return registry;
}

tflite::Order Inverse(const tflite::Order& order) {
  tflite::Order inverse(order.size());
  for (size_t i = 0; i < order.size(); ++i) inverse[static_cast<size_t>(order[i])] = static_cast<int>(i);
  return inverse;
}

Artifact FileOf(const TfLiteFile& file) {
  return {ArtifactKind::kTfLite, "written.tflite", std::make_shared<const std::string>(file.bytes)};
}

}  // namespace

Evaluator OnCpu(const std::string& target, const Artifact& artifact) {
  SubjectOptions options;
  options.compile = {.optimization = Optimization::kBasic, .threads = 1, .prove_placement = false};
  return {Engines(), Engines().Resolve(Target::Parse(target)), artifact, options};
}

std::vector<double> StoredNumbers(const std::vector<double>& real, const TfLitePort& port) {
  const double scale = port.spec.quantization.scale.front();
  const auto zero_point = static_cast<double>(port.spec.quantization.zero_point.front());
  std::vector<double> stored;
  for (const double value : real) {
    stored.push_back(std::clamp(std::nearbyint(value / scale) + zero_point, -128.0, 127.0));
  }
  return stored;
}

std::vector<double> RealNumbers(const std::vector<double>& stored, const TfLitePort& port) {
  const double scale = port.spec.quantization.scale.front();
  const auto zero_point = static_cast<double>(port.spec.quantization.zero_point.front());
  std::vector<double> real;
  for (const double value : stored) real.push_back((value - zero_point) * scale);
  return real;
}

Buffer FloatBuffer(const Shape& shape, const std::vector<double>& values) {
  Buffer buffer = Buffer::Allocate({.dtype = DataType::kFloat32, .shape = shape});
  SetFromDoubles(values, buffer);
  return buffer;
}

WrittenModel::WrittenModel(const Model& quantized, const TfLiteOptions& options)
    : file_(WriteTfLite(quantized, options)), evaluator_(OnCpu("cpu@litert", FileOf(file_))) {}

std::vector<double> WrittenModel::Run(const std::vector<std::vector<double>>& stored) {
  std::vector<Buffer> inputs;
  for (size_t i = 0; i < file_.inputs.size(); ++i) {
    const TfLitePort& port = file_.inputs[i];
    inputs.push_back(Buffer::Allocate({.dtype = port.spec.dtype, .shape = port.spec.shape}));
    SetFromDoubles(tflite::MovedInto(stored[i], port.onnx_shape, port.order), inputs.back());
  }
  const Outputs outputs = evaluator_.Evaluate(std::move(inputs));
  const TfLitePort& port = file_.outputs.front();
  return tflite::MovedInto(ToDoubles(outputs.front().tensor), port.spec.shape, Inverse(port.order));
}

}  // namespace consort::test
