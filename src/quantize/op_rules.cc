#include "quantize/op_rules.h"

#include <fmt/format.h>

#include <limits>
#include <map>
#include <string_view>

#include "model/node_queries.h"
#include "quantize/stored_values.h"

namespace consort {
namespace {

using Stored = std::function<const onnx::TensorProto*(const std::string&)>;

const std::map<std::string_view, OpRule>& Rules() {
  static constexpr OpRule kWeights = {.activations = 1, .weighted = true};
  static constexpr OpRule kMoves = {.output = OutputScale::kShared};
  static const std::map<std::string_view, OpRule> rules = {
      {"Conv", kWeights},
      {"ConvTranspose", kWeights},
      {"Gemm", kWeights},
      {"MatMul", {.activations = 2}},
      {"Add", {.activations = 2}},
      {"Sub", {.activations = 2}},
      {"Mul", {.activations = 2}},
      {"Concat", {.output = OutputScale::kJoined, .activations = -1}},
      {"GlobalAveragePool", {}},
      {"ReduceMean", {}},
      {"Relu", {}},
      {"Clip", {}},
      {"LeakyRelu", {}},
      {"PRelu", {.activations = 2}},
      {"HardSwish", {}},
      {"HardSigmoid", {}},
      {"Sigmoid", {.output = OutputScale::kUnit}},
      {"Softmax", {.output = OutputScale::kUnit}},
      {"Tanh", {.output = OutputScale::kSymmetric}},
      {"MaxPool", kMoves},
      {"AveragePool", kMoves},
      {"Flatten", kMoves},
      {"Reshape", kMoves},
      {"Transpose", kMoves},
      {"Squeeze", kMoves},
      {"Unsqueeze", kMoves},
      {"DepthToSpace", kMoves},
      {"SpaceToDepth", kMoves},
      {"Pad", kMoves},
      {"Slice", kMoves},
      {"Split", kMoves},
      {"Gather", kMoves},
      {"Resize", kMoves},
  };
  return rules;
}

bool IsFloat(const Graph& graph, TensorId id) { return graph.tensor(id).spec.dtype == DataType::kFloat32; }
bool IsConstant(const Graph& graph, TensorId id) {
  const Tensor& tensor = graph.tensor(id);
  return tensor.kind == TensorKind::kInitializer || (tensor.producer != kNone && graph.op(tensor.producer).constant);
}
bool IsStored(const Graph& graph, TensorId id, const Stored& stored) {
  return stored(graph.tensor(id).name) != nullptr;
}

std::string TextOf(const onnx::NodeProto& node, const char* name, const std::string& otherwise) {
  const auto* attribute = FindAttribute(node, name);
  return attribute == nullptr ? otherwise : attribute->s();
}

// The value of a constant scalar input; `otherwise` where it is left out, NaN where it is no stored number.
float ScalarInput(const onnx::NodeProto& node, int index, float otherwise, const Stored& stored) {
  if (node.input_size() <= index || node.input(index).empty()) return otherwise;
  const onnx::TensorProto* tensor = stored(node.input(index));
  const std::vector<float> values = tensor == nullptr ? std::vector<float>() : FloatsOf(*tensor);
  return values.size() == 1 ? values.front() : std::numeric_limits<float>::quiet_NaN();
}

std::string WhyNoWeights(const Graph& graph, const Op& op, const onnx::NodeProto& node, const Stored& stored) {
  if (op.inputs.size() < 2 || !IsStored(graph, op.inputs[1], stored)) return "weights are not stored constants";
  if (op.inputs.size() > 2 && op.inputs[2] != kNone) {
    if (!IsStored(graph, op.inputs[2], stored)) return "bias is not a stored constant";
    if (graph.tensor(op.inputs[2]).spec.shape.size() != 1) return "bias is not one value per channel";
  }
  if (op.type != "Gemm") return "";
  if (FindAttribute(node, "alpha") != nullptr || FindAttribute(node, "beta") != nullptr)
    return "alpha or beta is not 1";
  const auto* transposed = FindAttribute(node, "transA");
  return transposed != nullptr && transposed->i() != 0 ? "its first input is transposed" : "";
}

// What only some uses of an operator rule out.
std::string WhyNotThisUse(const onnx::NodeProto& node, const Stored& stored) {
  if (IsOp(node, "MaxPool") && node.output_size() > 1 && !node.output(1).empty()) return "indices are read";
  if (IsOp(node, "Resize") && TextOf(node, "mode", "nearest") == "cubic") return "cubic interpolation leaves the range";
  if (IsOp(node, "Resize") && TextOf(node, "coordinate_transformation_mode", "") == "tf_crop_and_resize")
    return "crops beyond the edge";
  if (IsOp(node, "Pad") && TextOf(node, "mode", "constant") == "constant" && !(ScalarInput(node, 2, 0, stored) == 0))
    return "pads with other than 0";
  return "";
}

}  // namespace

const OpRule* RuleFor(const Op& op) {
  if (!op.domain.empty() || op.constant) return nullptr;
  const auto found = Rules().find(op.type);
  return found == Rules().end() ? nullptr : &found->second;
}

std::string WhyFloat(const Graph& graph, const Op& op, const onnx::NodeProto& node, const Stored& stored) {
  const OpRule& rule = *RuleFor(op);
  int variable = 0;
  for (size_t i = 0; i < op.inputs.size() && (rule.activations < 0 || static_cast<int>(i) < rule.activations); ++i) {
    const TensorId id = op.inputs[i];
    if (id == kNone || !IsFloat(graph, id)) return "works on other than float32";
    if (!IsConstant(graph, id)) ++variable;
    else if (!IsStored(graph, id, stored)) return "a constant input is computed in the graph";
  }
  if (variable == 0) return "works on constants";
  for (const TensorId id : op.outputs) {
    if (id != kNone && !IsFloat(graph, id) && op.type != "MaxPool") return "makes other than float32";
  }
  const std::string weights = rule.weighted ? WhyNoWeights(graph, op, node, stored) : "";
  return weights.empty() ? WhyNotThisUse(node, stored) : weights;
}

bool TakesActivation(const Op& op) {
  return op.domain.empty() && (op.type == "Conv" || op.type == "Gemm" || op.type == "MatMul" || op.type == "Add");
}

bool IsRectifier(const Op& op, const onnx::NodeProto& node, const Stored& stored) {
  if (!op.domain.empty()) return false;
  if (op.type == "Relu") return true;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (op.type != "Clip" || ScalarInput(node, 1, -kInfinity, stored) != 0) return false;
  const float high = ScalarInput(node, 2, kInfinity, stored);
  return high == 6 || high >= std::numeric_limits<float>::max();
}

}  // namespace consort
