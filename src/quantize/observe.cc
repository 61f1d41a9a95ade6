#include "quantize/observe.h"

#include <algorithm>

#include "model/model_rep.h"

namespace consort {
namespace {

constexpr int64_t kGuessedBytes = 4 << 20;  // of a tensor whose shape is not known

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void VisitWanted(const std::vector<NamedTensor>& tensors, const std::vector<std::string>& wanted,
                 const std::function<void(const NamedTensor&)>& visit) {
  for (const NamedTensor& tensor : tensors) {
    if (Contains(wanted, tensor.name)) visit(tensor);
  }
}

}  // namespace

Model WithOutputs(const Model& model, const std::vector<std::string>& tensors) {
  onnx::ModelProto proto = model.rep().proto;
  onnx::GraphProto& graph = *proto.mutable_graph();
  // Types of old outputs are hints for the tensors that stay inside.
  for (const auto& output : graph.output()) {
    if (!Contains(tensors, output.name())) *graph.add_value_info() = output;
  }
  graph.clear_output();
  for (const std::string& name : tensors) {
    onnx::ValueInfoProto& output = *graph.add_output();
    output.set_name(name);
    output.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  }
  return ModelOf(proto, model.name(), model.data_folder());
}

std::vector<std::vector<std::string>> GroupBySize(const Graph& graph, const std::vector<std::string>& tensors,
                                                  int64_t max_bytes) {
  std::vector<std::vector<std::string>> groups;
  int64_t used = max_bytes;
  for (const std::string& name : tensors) {
    const TensorId id = graph.FindTensor(name);
    const int64_t known = id == kNone ? -1 : graph.tensor(id).bytes();
    const int64_t bytes = known < 0 ? kGuessedBytes : known;
    if (used + bytes > max_bytes) groups.emplace_back(), used = 0;
    groups.back().push_back(name);
    used += bytes;
  }
  return groups;
}

void Observe(const Model& model, const std::vector<std::string>& tensors, const Samples& samples,
             const CompileModel& compile, const std::function<void(const NamedTensor&)>& visit,
             const ObserveOptions& options) {
  std::vector<std::string> inputs, inside;
  for (const std::string& name : tensors) {
    const TensorId id = model.graph().FindTensor(name);
    const bool is_input = id != kNone && model.graph().tensor(id).kind == TensorKind::kInput;
    (is_input ? inputs : inside).push_back(name);
  }
  for (int i = 0; i < samples.count && !inputs.empty(); ++i) VisitWanted(samples.get(i), inputs, visit);
  for (const auto& group : GroupBySize(model.graph(), inside, options.max_bytes)) {
    const RunModel run = compile(WithOutputs(model, group));
    for (int i = 0; i < samples.count; ++i) VisitWanted(run(samples.get(i)), group, visit);
  }
}

}  // namespace consort
