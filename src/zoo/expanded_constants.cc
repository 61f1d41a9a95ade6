#include "zoo/expanded_constants.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "model/node_queries.h"
#include "model/proto_walk.h"
#include "zoo/constants.h"
#include "zoo/weight_roles.h"

namespace consort::zoo {
namespace {

using Initializers = std::map<std::string, const onnx::TensorProto*>;

Initializers InitializersOf(const onnx::GraphProto& graph) {
  Initializers initializers;
  for (const auto& tensor : graph.initializer()) initializers[tensor.name()] = &tensor;
  return initializers;
}

// Floating-point ConstantOfShape nodes whose shape is an initializer, by the name of their output.
std::optional<onnx::TensorProto> ExpandedConstant(const onnx::NodeProto& node, const Initializers& initializers) {
  if (!IsOp(node, "ConstantOfShape")) return std::nullopt;
  const auto shape = initializers.find(node.input(0));
  const auto* value = FindAttribute(node, "value");
  const int type = value == nullptr ? onnx::TensorProto::FLOAT : value->t().data_type();
  if (shape == initializers.end() || type != onnx::TensorProto::FLOAT) return std::nullopt;
  onnx::TensorProto tensor;
  tensor.set_name(node.output(0));
  tensor.set_data_type(type);
  for (const int64_t size : IntegersOf(*shape->second)) tensor.add_dims(size);
  const bool shaped = std::all_of(tensor.dims().begin(), tensor.dims().end(), [](int64_t size) { return size > 0; });
  if (!shaped || ElementsOf(tensor) <= 1) return std::nullopt;
  return tensor;
}

void DeclareAsInput(onnx::GraphProto& graph, const onnx::TensorProto& tensor) {
  auto* input = graph.add_input();
  input->set_name(tensor.name());
  auto* type = input->mutable_type()->mutable_tensor_type();
  type->set_elem_type(tensor.data_type());
  for (const int64_t size : tensor.dims()) type->mutable_shape()->add_dim()->set_dim_value(size);
}

std::set<std::string> NamesRead(const onnx::GraphProto& root) {
  std::set<std::string> names;
  ForEachGraph(root, [&](const onnx::GraphProto& graph) {
    for (const auto& node : graph.node()) names.insert(node.input().begin(), node.input().end());
    for (const auto& output : graph.output()) names.insert(output.name());
  });
  return names;
}

template <typename Field, typename Goes>
void RemoveIf(Field* field, Goes goes) {
  field->erase(std::remove_if(field->begin(), field->end(), goes), field->end());
}

// Drops initializers, and the inputs that declare them, of the names given where nothing reads them.
void DropUnread(onnx::GraphProto& graph, const std::set<std::string>& candidates) {
  const std::set<std::string> read = NamesRead(graph);
  const auto goes = [&](const auto& item) { return candidates.count(item.name()) > 0 && read.count(item.name()) == 0; };
  RemoveIf(graph.mutable_initializer(), goes);
  RemoveIf(graph.mutable_input(), goes);
}

// Names of the expanded tensors that some operator reads as weights. Meanwhile they stand among the initializers.
std::set<std::string> ReadAsWeights(onnx::GraphProto& graph) {
  std::vector<onnx::TensorProto> candidates;
  const Initializers initializers = InitializersOf(graph);
  for (const auto& node : graph.node()) {
    if (auto tensor = ExpandedConstant(node, initializers)) candidates.push_back(std::move(*tensor));
  }
  const int before = graph.initializer_size();
  for (const auto& tensor : candidates) *graph.add_initializer() = tensor;
  const Weights weights = FindWeights(graph);
  while (graph.initializer_size() > before) graph.mutable_initializer()->RemoveLast();
  std::set<std::string> names;
  for (const auto& tensor : candidates) {
    const Weight* weight = weights.Find(tensor.name());
    if (weight != nullptr && weight->role != Role::kUnread) names.insert(tensor.name());
  }
  return names;
}

}  // namespace

void MakeInitializers(onnx::ModelProto& model) {
  onnx::GraphProto& graph = *model.mutable_graph();
  const std::set<std::string> wanted = ReadAsWeights(graph);
  const Initializers initializers = InitializersOf(graph);
  std::vector<onnx::TensorProto> made;
  std::set<std::string> shapes;
  RemoveIf(graph.mutable_node(), [&](const onnx::NodeProto& node) {
    if (node.output_size() == 0 || wanted.count(node.output(0)) == 0) return false;
    shapes.insert(node.input(0));
    made.push_back(*ExpandedConstant(node, initializers));
    return true;
  });
  for (auto& tensor : made) {
    if (model.ir_version() < 4) DeclareAsInput(graph, tensor);
    *graph.add_initializer() = std::move(tensor);
  }
  DropUnread(graph, shapes);
}

}  // namespace consort::zoo
