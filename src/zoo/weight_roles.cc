#include "zoo/weight_roles.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "model/node_queries.h"
#include "model/proto_walk.h"
#include "zoo/constants.h"

namespace consort::zoo {
namespace {

constexpr double kMask = -1000;  // what is added to hide a position is far below any bias

bool IsOneOf(const std::string& type, std::initializer_list<const char*> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

// Hands a weight on with other axes or another type.
bool HandsOn(const onnx::NodeProto& node) {
  return IsOneOf(node.op_type(), {"Identity", "Reshape", "Transpose", "Unsqueeze", "Squeeze", "Flatten", "Cast"});
}

int64_t IntAttribute(const onnx::NodeProto& node, const char* name, int64_t otherwise) {
  const auto* attribute = FindAttribute(node, name);
  return attribute == nullptr ? otherwise : attribute->i();
}

std::optional<Role> RoleOf(const onnx::NodeProto& node, int position) {
  const std::string& type = node.op_type();
  if (IsOneOf(type, {"Conv", "ConvTranspose", "Gemm"})) return position == 2 ? Role::kBias : Role::kFilter;
  if (type == "MatMul") return Role::kFilter;
  if (type == "BatchNormalization" && position > 0) {
    return std::array{Role::kScale, Role::kBias, Role::kMean, Role::kVariance}.at(position - 1);
  }
  if (IsOneOf(type, {"LayerNormalization", "InstanceNormalization", "GroupNormalization"})) {
    return position == 1 ? Role::kScale : Role::kBias;
  }
  if (type == "Gather" && position == 0) return Role::kTable;
  if (IsOneOf(type, {"LSTM", "GRU", "RNN"}) && position > 0 && position != 4) return Role::kRecurrent;
  if (type == "PRelu" && position == 1) return Role::kSlope;
  if (IsOneOf(type, {"Add", "Sub", "Sum"})) return Role::kBias;
  if (IsOneOf(type, {"Mul", "Div"})) return Role::kScale;
  return std::nullopt;
}

// The axis of the filters as the node sees its operand; -1: none.
int FilterAxis(const onnx::NodeProto& node, int position, int rank) {
  if (node.op_type() == "Conv") return 0;
  if (node.op_type() == "MatMul") return position == 1 ? rank - 1 : rank - 2;
  if (node.op_type() != "Gemm") return -1;
  if (position == 1) return IntAttribute(node, "transB", 0) != 0 ? 0 : 1;
  return IntAttribute(node, "transA", 0) != 0 ? 1 : 0;
}

// A stored tensor under the name that a node reads it by.
struct Source {
  std::string weight;
  onnx::TensorProto* tensor = nullptr;
  std::vector<int> axes;  // the stored tensor's, in the order in which they are seen; empty: no longer known
};

Source HandedOn(const Source& source, const onnx::NodeProto& node) {
  Source result = source;
  if (node.op_type() == "Identity" || node.op_type() == "Cast") return result;
  result.axes.clear();
  const auto* order = FindAttribute(node, "perm");
  if (node.op_type() != "Transpose") return result;
  for (size_t i = 0; i < source.axes.size(); ++i) {
    const size_t axis = order == nullptr ? source.axes.size() - 1 - i : static_cast<size_t>(order->ints(i));
    result.axes.push_back(source.axes.at(axis));
  }
  return result;
}

class Finder {
 public:
  explicit Finder(onnx::GraphProto& graph) : graph_(graph) {}

  Weights Find() {
    for (auto& tensor : *graph_.mutable_initializer()) Store(tensor.name(), tensor);
    for (auto& node : *graph_.mutable_node()) Read(node);
    for (const auto& [name, source] : sources_) {
      if (weights_.by_name.count(source.weight) == 0 && !HasValues(*source.tensor)) {
        weights_.by_name[source.weight] = {.tensor = source.tensor};
      }
      if (weights_.by_name.count(source.weight) > 0) weights_.names[name] = source.weight;
    }
    return std::move(weights_);
  }

 private:
  void Store(const std::string& name, onnx::TensorProto& tensor) {
    const int type = tensor.data_type();
    if (type != onnx::TensorProto::FLOAT && type != onnx::TensorProto::DOUBLE) return;
    if (HasValues(tensor) && ElementsOf(tensor) <= 1) return;
    std::vector<int> axes(static_cast<size_t>(tensor.dims_size()));
    std::iota(axes.begin(), axes.end(), 0);
    sources_[name] = {name, &tensor, axes};
  }

  void Read(onnx::NodeProto& node) {
    if (!node.domain().empty()) return;
    if (node.op_type() == "Constant" && node.output_size() == 1) {
      for (auto& attribute : *node.mutable_attribute()) {
        if (attribute.name() == "value" && attribute.has_t()) Store(node.output(0), *attribute.mutable_t());
      }
    }
    for (int i = 0; i < node.input_size(); ++i) {
      const auto source = sources_.find(node.input(i));
      if (source == sources_.end()) continue;
      if (HandsOn(node) && i == 0)
        sources_[node.output(0)] = HandedOn(source->second, node);
      else
        Assign(source->second, node, i);
    }
  }

  // The first use decides, but a table that is multiplied with as well is a filter.
  void Assign(const Source& source, const onnx::NodeProto& node, int position) {
    const std::optional<Role> role = RoleOf(node, position);
    if (!role || (*role == Role::kBias && HasValues(*source.tensor) && Smallest(*source.tensor) <= kMask)) return;
    const auto known = weights_.by_name.find(source.weight);
    const bool better =
        known == weights_.by_name.end() || (known->second.role == Role::kTable && *role == Role::kFilter);
    if (!better) return;
    const int axis = *role == Role::kFilter ? FilterAxis(node, position, static_cast<int>(source.axes.size())) : -1;
    const bool seen = axis >= 0 && axis < static_cast<int>(source.axes.size());
    weights_.by_name[source.weight] = {source.tensor, *role, seen ? source.axes[axis] : -1};
  }

  onnx::GraphProto& graph_;
  std::map<std::string, Source> sources_;
  Weights weights_;
};

// Floating-point ConstantOfShape nodes whose shape is an initializer, by the name of their output.
std::optional<onnx::TensorProto> ExpandedConstant(const onnx::NodeProto& node,
                                                  const std::map<std::string, const onnx::TensorProto*>& initializers) {
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

float ConstantValue(const onnx::NodeProto& node) {
  const auto* value = FindAttribute(node, "value");
  const std::vector<double> numbers = value == nullptr ? std::vector<double>() : NumbersOf(value->t());
  return numbers.empty() ? 0 : static_cast<float>(numbers.front());
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

}  // namespace

const Weight* Weights::Find(const std::string& input) const {
  const auto name = names.find(input);
  return name == names.end() ? nullptr : &by_name.at(name->second);
}

std::map<std::string, float> MakeInitializers(onnx::ModelProto& model) {
  onnx::GraphProto& graph = *model.mutable_graph();
  std::map<std::string, const onnx::TensorProto*> initializers;
  for (const auto& tensor : graph.initializer()) initializers[tensor.name()] = &tensor;
  std::vector<onnx::TensorProto> made;
  std::set<std::string> shapes;
  std::map<std::string, float> values;
  RemoveIf(graph.mutable_node(), [&](const onnx::NodeProto& node) {
    auto tensor = ExpandedConstant(node, initializers);
    if (!tensor) return false;
    shapes.insert(node.input(0));
    values[node.output(0)] = ConstantValue(node);
    made.push_back(std::move(*tensor));
    return true;
  });
  for (auto& tensor : made) {
    if (model.ir_version() < 4) DeclareAsInput(graph, tensor);
    *graph.add_initializer() = std::move(tensor);
  }
  DropUnread(graph, shapes);
  return values;
}

Weights FindWeights(onnx::GraphProto& graph) { return Finder(graph).Find(); }

}  // namespace consort::zoo
