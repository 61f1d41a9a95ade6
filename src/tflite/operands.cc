#include "tflite/operands.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/node_queries.h"

namespace consort::tflite {
namespace {

constexpr int kLowest = -128;
constexpr int kHighest = 127;
constexpr double kSameScale = 1e-6;  // relative; a product of two float32 numbers is exact to 6e-8

// Real value of a constant's element, which belongs to entry `i` of its scales where it has several.
double RealAt(const QdqConstant& constant, size_t element, size_t i) {
  if (constant.type == ElementType::kFloat32) return constant.floats[element];
  const size_t at = constant.scale.size() == 1 ? 0 : i;
  return static_cast<double>(constant.scale[at]) *
         static_cast<double>(constant.values[element] - constant.zero_point[at]);
}

int32_t BiasEntry(const QdqConstant& bias, size_t element, size_t i, float scale) {
  const size_t at = bias.scale.size() == 1 ? 0 : i;
  const bool same = bias.type == ElementType::kInt32 && bias.zero_point[at] == 0 &&
                    std::abs(static_cast<double>(bias.scale[at]) / scale - 1) <= kSameScale;
  if (same) return bias.values[element];
  const double steps = std::nearbyint(RealAt(bias, element, i) / scale);
  if (!(std::abs(steps) <= std::numeric_limits<int32_t>::max())) {
    throw Refusal{fmt::format("entry {} of its bias does not fit 32 bits at the scale of input times weights", i)};
  }
  return static_cast<int32_t>(steps);
}

}  // namespace

int64_t IntAttribute(const onnx::NodeProto& node, const std::string& name, int64_t otherwise) {
  const auto* attribute = FindAttribute(node, name);
  return attribute == nullptr ? otherwise : attribute->i();
}

float FloatAttribute(const onnx::NodeProto& node, const std::string& name, float otherwise) {
  const auto* attribute = FindAttribute(node, name);
  return attribute == nullptr ? otherwise : attribute->f();
}

std::string TextAttribute(const onnx::NodeProto& node, const std::string& name, const std::string& otherwise) {
  const auto* attribute = FindAttribute(node, name);
  return attribute == nullptr ? otherwise : attribute->s();
}

std::vector<int64_t> IntsAttribute(const onnx::NodeProto& node, const std::string& name,
                                   const std::vector<int64_t>& otherwise) {
  const auto* attribute = FindAttribute(node, name);
  if (attribute == nullptr) return otherwise;
  if (!otherwise.empty() && attribute->ints_size() != static_cast<int>(otherwise.size())) {
    throw Refusal{fmt::format("its {} have {} entries, not {}", name, attribute->ints_size(), otherwise.size())};
  }
  return {attribute->ints().begin(), attribute->ints().end()};
}

std::optional<std::vector<int64_t>> AttributeOrInput(const Draft& draft, const QdqOp& op, const std::string& attribute,
                                                     int input) {
  if (FindAttribute(*op.node, attribute) != nullptr) return IntsAttribute(*op.node, attribute, {});
  if (input >= op.node->input_size() || op.node->input(input).empty()) return std::nullopt;
  auto values = draft.constants().Ints(*op.node, input);
  if (!values) throw Refusal{fmt::format("its input '{}' is not constant", op.node->input(input))};
  return values;
}

int64_t FromFront(int64_t axis, size_t rank) {
  const auto axes = static_cast<int64_t>(rank);
  if (axis < -axes || axis >= axes) throw Refusal{fmt::format("it has no axis {}", axis)};
  return axis < 0 ? axis + axes : axis;
}

ValueId ValueAt(const QdqOp& op, size_t input) {
  if (input < op.inputs.size() && op.inputs[input].value != kNone) return op.inputs[input].value;
  throw Refusal{fmt::format("its input {} is not a quantized activation", input)};
}

ValueId OutputOf(const QdqOp& op) { return op.outputs.front(); }

const QdqConstant* ConstantAt(const Draft& draft, const QdqOp& op, size_t input) {
  if (input >= op.inputs.size() || op.inputs[input].constant == kNone) return nullptr;
  return &draft.graph().constants[static_cast<size_t>(op.inputs[input].constant)];
}

const QdqConstant& WeightsAt(const Draft& draft, const QdqOp& op, size_t input, int axis) {
  const QdqConstant* weights = ConstantAt(draft, op, input);
  if (weights == nullptr) throw Refusal{"its weights are not constant"};
  if (weights->type != ElementType::kInt8) throw Refusal{"its weights are not quantized to 8 bits"};
  const auto& zero_point = weights->zero_point;
  if (std::any_of(zero_point.begin(), zero_point.end(), [](int64_t point) { return point != 0; })) {
    throw Refusal{"its weights have a zero point: TensorFlow Lite takes symmetric ones only"};
  }
  if (weights->scale.size() > 1 && weights->axis != axis) {
    throw Refusal{fmt::format("its weights have scales along axis {}, not along the output channels", weights->axis)};
  }
  return *weights;
}

int BiasAt(Draft& draft, const QdqOp& op, size_t input, int64_t count, const Affine& x, const QdqConstant& weights) {
  ConstantTensor tensor = {.name = op.node->output(0) + "_bias", .shape = {count}, .type = ElementType::kInt32};
  for (const float scale : weights.scale) tensor.scale.push_back(scale * x.scale);
  tensor.values.assign(static_cast<size_t>(count), 0);
  const auto place = static_cast<int>(input);
  const bool given = place < op.node->input_size() && !op.node->input(place).empty();
  const QdqConstant* bias = ConstantAt(draft, op, input);
  if (given && bias == nullptr) throw Refusal{"its bias is not constant"};
  if (bias == nullptr) return draft.AddConstant(tensor);
  const size_t entries = std::max(bias->values.size(), bias->floats.size());
  if (entries != 1 && entries != static_cast<size_t>(count)) throw Refusal{"its bias is not one number per output"};
  for (size_t i = 0; i < tensor.values.size(); ++i) {
    const float scale = tensor.scale[tensor.scale.size() == 1 ? 0 : i];
    tensor.values[i] = BiasEntry(*bias, entries == 1 ? 0 : i, i, scale);
  }
  return draft.AddConstant(tensor);
}

ConstantTensor MovedWeights(const QdqConstant& weights, const Shape& shape, const Order& order) {
  return {.name = weights.name,
          .shape = InOrder(shape, order),
          .values = MovedInto(weights.values, shape, order),
          .scale = weights.scale,
          .axis = weights.scale.size() > 1 ? PlaceOf(order, weights.axis) : 0};
}

bool IsKept(const Clamp& clamp, const Affine& affine) {
  const float half = affine.scale / 2;
  return affine.scale * static_cast<float>(kLowest - affine.zero_point) >= clamp.low - half &&
         affine.scale * static_cast<float>(kHighest - affine.zero_point) <= clamp.high + half;
}

Activation ActivationOf(const Draft& draft, const QdqOp& op) {
  if (!op.clamp) return Activation::kNone;
  if (op.clamp->low == 0 && std::isinf(op.clamp->high)) return Activation::kRelu;
  if (op.clamp->low == 0 && op.clamp->high == 6) return Activation::kRelu6;
  if (IsKept(*op.clamp, draft.value(OutputOf(op)).affine)) return Activation::kNone;
  throw Refusal{fmt::format("the activation behind it keeps {} to {}: TensorFlow Lite has 0 to 6 and 0 to infinity",
                            op.clamp->low, op.clamp->high)};
}

}  // namespace consort::tflite
