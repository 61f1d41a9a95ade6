#include "zoo/weight_roles.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "model/node_queries.h"
#include "zoo/constants.h"
#include "zoo/node_types.h"

namespace consort::zoo {
namespace {

// Hands a weight on with other axes, in part or in another type.
bool HandsOn(const onnx::NodeProto& node) {
  return IsOneOf(node.op_type(),
                 {"Identity", "Reshape", "Transpose", "Unsqueeze", "Squeeze", "Flatten", "Cast", "Slice", "Split"});
}

int64_t IntAttribute(const onnx::NodeProto& node, const char* name, int64_t otherwise) {
  const auto* attribute = FindAttribute(node, name);
  return attribute == nullptr ? otherwise : attribute->i();
}

bool IsRecurrent(const std::string& type) { return IsOneOf(type, {"LSTM", "GRU", "RNN"}); }

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
  // W, R, B and P; the others are lengths and initial states.
  const bool matrix = (position >= 1 && position <= 3) || position == 7;
  if (IsRecurrent(type)) return matrix ? std::optional(Role::kRecurrent) : std::nullopt;
  if (type == "PRelu" && position == 1) return Role::kSlope;
  if (IsOneOf(type, {"Add", "Sub", "Sum"})) return Role::kBias;
  if (IsOneOf(type, {"Mul", "Div"})) return Role::kScale;
  return std::nullopt;
}

// The axis of the filters as the node sees its operand; -1: none.
int FilterAxis(const onnx::NodeProto& node, int position, int rank) {
  if (node.op_type() == "Conv") return 0;
  if (node.op_type() == "MatMul") return rank < 2 ? -1 : (position == 1 ? rank - 1 : rank - 2);  // a vector has none
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
// What a name stands for: several where they were concatenated, none where an input of a body hides them.
using Sources = std::map<std::string, std::vector<Source>>;

bool IsSeedable(int type) {
  return type == onnx::TensorProto::FLOAT || type == onnx::TensorProto::DOUBLE || type == onnx::TensorProto::FLOAT16 ||
         type == onnx::TensorProto::BFLOAT16;
}

// Numbers that one output sums over; of recurrent weights the hidden size.
double FanIn(const onnx::NodeProto& node, const Weight& weight) {
  const onnx::TensorProto& tensor = *weight.tensor;
  const auto hidden = static_cast<double>(IntAttribute(node, "hidden_size", 0));
  if (weight.role == Role::kRecurrent && hidden > 0) return hidden;
  if (tensor.dims_size() < 2) return 1;
  int64_t outputs = tensor.dims(std::max(0, weight.output_axis));
  if (node.op_type() == "MatMul") {
    for (int i = 0; i < tensor.dims_size() - 2; ++i) outputs *= tensor.dims(i);  // matrices of a batch
  }
  return std::max(1.0, static_cast<double>(ElementsOf(tensor)) / static_cast<double>(std::max<int64_t>(1, outputs)));
}

Source HandedOn(const Source& source, const onnx::NodeProto& node) {
  Source result = source;
  if (IsOneOf(node.op_type(), {"Identity", "Cast", "Slice", "Split"})) return result;
  result.axes.clear();
  const auto* order = FindAttribute(node, "perm");
  if (node.op_type() != "Transpose") return result;
  for (size_t i = 0; i < source.axes.size(); ++i) {
    const size_t axis = order == nullptr ? source.axes.size() - 1 - i : static_cast<size_t>(order->ints(i));
    result.axes.push_back(source.axes.at(axis));
  }
  return result;
}

// Reads the main graph first and the bodies of control flow after it. Names in a body are looked up from the inside
// out.
class Finder {
 public:
  Weights Find(onnx::GraphProto& graph) {
    Enter(graph, "");
    for (const auto& [name, sources] : scopes_.front()) {
      if (sources.size() == 1) Name(name, sources.front());
    }
    return std::move(weights_);
  }

 private:
  void Name(const std::string& name, const Source& source) {
    if (weights_.by_name.count(source.weight) == 0 && !HasValues(*source.tensor)) {
      Weight weight = {.tensor = source.tensor};
      weight.fan_in = FanIn({}, weight);
      weights_.by_name[source.weight] = weight;
    }
    if (weights_.by_name.count(source.weight) > 0) weights_.names[name] = source.weight;
  }

  // `path` stands in front of the names of what a body holds. The depth is bounded by protobuf's limit on nesting.
  void Enter(onnx::GraphProto& graph, const std::string& path) {
    scopes_.emplace_back();
    if (scopes_.size() > 1) {
      for (const auto& input : graph.input()) scopes_.back()[input.name()] = {};
    }
    for (auto& tensor : *graph.mutable_initializer()) Store(tensor.name(), path, tensor);
    for (auto& node : *graph.mutable_node()) Read(node, path);
    for (auto& node : *graph.mutable_node()) EnterBodies(node, path);
    if (scopes_.size() > 1) scopes_.pop_back();
  }

  void EnterBodies(onnx::NodeProto& node, const std::string& path) {
    const std::string owner = node.output_size() > 0 ? node.output(0) : node.name();
    for (auto& attribute : *node.mutable_attribute()) {
      const std::string inner = path + owner + "/" + attribute.name() + "/";
      if (attribute.has_g()) Enter(*attribute.mutable_g(), inner);
      for (auto& graph : *attribute.mutable_graphs()) Enter(graph, inner + graph.name() + "/");
    }
  }

  void Store(const std::string& name, const std::string& path, onnx::TensorProto& tensor) {
    if (!IsSeedable(tensor.data_type()) || (HasValues(tensor) && ElementsOf(tensor) <= 1)) return;
    std::vector<int> axes(static_cast<size_t>(tensor.dims_size()));
    std::iota(axes.begin(), axes.end(), 0);
    scopes_.back()[name] = {{path + name, &tensor, axes}};
  }

  const std::vector<Source>& Lookup(const std::string& name) const {
    static const std::vector<Source> kNone;
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      const auto found = scope->find(name);
      if (found != scope->end()) return found->second;
    }
    return kNone;
  }

  void Read(onnx::NodeProto& node, const std::string& path) {
    if (!node.domain().empty()) return;
    if (node.op_type() == "Constant" && node.output_size() == 1) {
      for (auto& attribute : *node.mutable_attribute()) {
        if (attribute.name() == "value" && attribute.has_t()) Store(node.output(0), path, *attribute.mutable_t());
      }
    }
    if (node.op_type() == "Concat") Join(node);
    for (int i = 0; i < node.input_size(); ++i) {
      const std::vector<Source>& sources = Lookup(node.input(i));
      if (HandsOn(node) && i == 0) HandOn(sources, node);
      for (const Source& source : sources) Assign(source, node, i);
    }
  }

  void HandOn(const std::vector<Source>& sources, const onnx::NodeProto& node) {
    if (sources.empty()) return;
    std::vector<Source> handed;
    for (const Source& source : sources) handed.push_back(HandedOn(source, node));
    for (const auto& output : node.output()) scopes_.back()[output] = handed;
  }

  // Where weights and nothing else are joined.
  void Join(const onnx::NodeProto& node) {
    std::vector<Source> joined;
    std::set<std::string> seen;
    for (const auto& input : node.input()) {
      const std::vector<Source>& sources = Lookup(input);
      if (sources.empty()) return;
      for (const Source& source : sources) {
        if (seen.insert(source.weight).second) joined.push_back({source.weight, source.tensor, {}});
      }
    }
    scopes_.back()[node.output(0)] = joined;
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
    Weight weight = {.tensor = source.tensor, .role = *role, .output_axis = seen ? source.axes[axis] : -1};
    weight.fan_in = FanIn(node, weight);
    weights_.by_name[source.weight] = weight;
  }

  std::vector<Sources> scopes_;  // innermost last
  Weights weights_;
};

}  // namespace

const Weight* Weights::Find(const std::string& input) const {
  const auto name = names.find(input);
  return name == names.end() ? nullptr : &by_name.at(name->second);
}

Weights FindWeights(onnx::GraphProto& graph) { return Finder().Find(graph); }

}  // namespace consort::zoo
