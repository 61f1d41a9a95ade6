#include "emulate/one_sample.h"

#include <set>
#include <string>

#include "consort/error.h"
#include "cost/work.h"
#include "model/model_rep.h"

namespace consort {
namespace {

void SetOneSample(onnx::ValueInfoProto& value) {
  value.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_value(1);
}

// Every op does `samples` times less, and nothing else has changed.
bool IsPartOf(const Graph& one, const Graph& all, int64_t samples) {
  if (one.ops().size() != all.ops().size()) return false;
  const WorkList part = WorkOf(one);
  const WorkList whole = WorkOf(all);
  return part.works.size() == whole.works.size() && part.macs * samples == whole.macs &&
         part.inputs * samples == whole.inputs && part.outputs * samples == whole.outputs &&
         part.parameters == whole.parameters;
}

}  // namespace

int64_t SamplesOf(const Graph& graph) {
  std::set<int64_t> sizes;
  for (const TensorId id : graph.inputs()) {
    const Shape& shape = graph.tensor(id).spec.shape;
    sizes.insert(shape.size() < 2 ? 0 : shape.front());
  }
  for (const TensorId id : graph.outputs()) {
    const Shape& shape = graph.tensor(id).spec.shape;
    sizes.insert(shape.empty() ? 0 : shape.front());
  }
  return sizes.size() == 1 && *sizes.begin() > 0 ? *sizes.begin() : 1;
}

std::optional<Model> WithOneSample(const Model& model) {
  const int64_t samples = SamplesOf(model.graph());
  if (samples == 1) return model;
  onnx::ModelProto proto = model.rep().proto;
  onnx::GraphProto& graph = *proto.mutable_graph();
  std::set<std::string> inputs;
  for (const TensorId id : model.graph().inputs()) inputs.insert(model.graph().tensor(id).name);
  for (onnx::ValueInfoProto& input : *graph.mutable_input()) {
    if (inputs.contains(input.name())) SetOneSample(input);
  }
  for (onnx::ValueInfoProto& output : *graph.mutable_output()) SetOneSample(output);
  graph.clear_value_info();  // of all samples; worked out anew
  try {
    Model one = ModelOf(proto, model.name(), model.data_folder());
    if (IsPartOf(one.graph(), model.graph(), samples)) return one;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidModel) throw;
  }
  return std::nullopt;
}

}  // namespace consort
