#include "cli/edgetpu_check.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/quantize_samples.h"
#include "io/convert.h"
#include "tflite/layout.h"

namespace consort {
namespace {

const Buffer& Find(const std::vector<NamedTensor>& tensors, const std::string& name) {
  const Buffer* tensor = FindTensor(tensors, name);
  if (tensor == nullptr) throw Error(ErrorCode::kInternal, "nothing gives '" + name + "'");
  return *tensor;
}

// Real numbers in the file's order of axes: what stands between the two forms.
TensorSpec RealSpec(const TfLitePort& port) { return {.dtype = DataType::kFloat32, .shape = port.spec.shape}; }
// As they are stored, the order of axes aside.
TensorSpec StoredSpec(const TfLitePort& port) {
  TensorSpec spec = port.spec;
  spec.layout = Layout::kPlain;
  return spec;
}

// A float tensor of the ONNX model as the file takes it.
Buffer ToPort(const Buffer& real, const TfLitePort& port) {
  const auto values = real.as<float>();
  std::vector<float> moved = tflite::MovedInto(std::vector<float>(values.begin(), values.end()), port.onnx_shape,
                                               port.order);
  Buffer stored = Buffer::Allocate(port.spec);
  Conversion(RealSpec(port), StoredSpec(port), port.name).Apply(moved.data(), stored.data());
  return stored;
}

// What the file gives as a float tensor of the ONNX model.
Buffer FromPort(const Buffer& stored, const TfLitePort& port) {
  std::vector<float> moved(static_cast<size_t>(ElementCount(port.spec.shape)));
  Conversion(StoredSpec(port), RealSpec(port), port.name).Apply(stored.data(), moved.data());
  tflite::Order back;
  for (int axis = 0; axis < static_cast<int>(port.order.size()); ++axis)
    back.push_back(tflite::PlaceOf(port.order, axis));
  const std::vector<float> values = tflite::MovedInto(moved, port.spec.shape, back);
  Buffer real = Buffer::Allocate({.dtype = DataType::kFloat32, .shape = port.onnx_shape});
  std::copy(values.begin(), values.end(), real.as<float>().begin());
  return real;
}

// The head's file, real numbers in and out.
class Head {
 public:
  Head(const Registry& registry, const TfLiteFile& file)
      : file_(file),
        evaluator_(registry, registry.Resolve(Target::Parse(kHeadTarget)),
                   Artifact(ArtifactKind::kTfLite, "edgetpu.tflite", std::make_shared<const std::string>(file.bytes)),
                   {.compile = {.prove_placement = false}}) {}

  std::vector<NamedTensor> Run(const std::vector<NamedTensor>& sample) {
    std::vector<Buffer> inputs;
    for (const Port& port : evaluator_.signature().inputs)
      inputs.push_back(ToPort(Find(sample, port.name), PortOf(file_.inputs, port.name)));
    std::vector<NamedTensor> results;
    for (const NamedTensor& output : evaluator_.Evaluate(std::move(inputs)))
      results.push_back({output.name, FromPort(output.tensor, PortOf(file_.outputs, output.name))});
    return results;
  }

 private:
  static const TfLitePort& PortOf(const std::vector<TfLitePort>& ports, const std::string& name) {
    const auto port =
        std::find_if(ports.begin(), ports.end(), [&name](const TfLitePort& one) { return one.name == name; });
    if (port == ports.end()) throw Error(ErrorCode::kInternal, "the head has no port '" + name + "'");
    return *port;
  }

  const TfLiteFile& file_;
  Evaluator evaluator_;
};

void Append(std::vector<NamedTensor> more, std::vector<NamedTensor>& tensors) {
  for (NamedTensor& tensor : more) tensors.push_back(std::move(tensor));
}

}  // namespace

Accuracy CheckEdgeTpuParts(const Registry& registry, const Model& whole, const EdgeTpuConversion& parts,
                           const Samples& samples) {
  const CompileModel compile = CompileOnCpu(registry);
  const RunModel reference = compile(whole);
  Head head(registry, parts.file);
  RunModel rest;
  if (parts.rest) rest = compile(*parts.rest);
  AccuracyTally tally;
  for (int i = 0; i < samples.count; ++i) {
    std::vector<NamedTensor> known = samples.get(i);
    const std::vector<NamedTensor> expected = reference(known);
    Append(head.Run(known), known);
    if (rest) Append(rest(known), known);
    std::vector<NamedTensor> outputs;
    for (const NamedTensor& output : expected) outputs.push_back({output.name, Find(known, output.name).Share()});
    tally.Add(outputs, expected);
  }
  return tally.Summarise();
}

}  // namespace consort
