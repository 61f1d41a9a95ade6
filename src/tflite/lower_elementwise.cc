// Operators that work element by element, and Softmax.
#include <cmath>

#include "model/node_queries.h"
#include "tflite/lower.h"
#include "tflite/operands.h"

namespace consort::tflite {
namespace {

constexpr int kInt8Version = 2;       // of all of them in int8 (lite/tools/versioning/op_version.cc)
constexpr int kLargeScaleVersion = 3;  // MUL whose product of scales is above the output's
constexpr int kWideVersion = 3;       // SUB of unlike shapes of more than 4 axes

// --- One operand ----------------------------------------------------------------------------------------------------

// The output lies as the input does.
void AddUnary(Draft& draft, const QdqOp& op, Builtin builtin, int version, const Options& options) {
  const Form x = draft.native(ValueAt(op, 0));
  draft.AddOperator(builtin, version, {x.tensor}, {draft.DefineAs(OutputOf(op), x.arrangement)}, options);
}

void LowerQuantize(Draft& draft, const QdqOp& op) {
  AddUnary(draft, op, Builtin::kQuantize, 1, {.table = OptionsTable::kQuantize});
}

void LowerClamp(Draft& draft, const QdqOp& op) {
  const std::optional<Clamp> clamp = ClampOf(*op.node, draft.constants());
  if (!clamp) throw Refusal{"its bounds are not constant"};
  if (clamp->low == 0 && std::isinf(clamp->high)) return AddUnary(draft, op, Builtin::kRelu, kInt8Version, {});
  if (clamp->low == 0 && clamp->high == 6) return AddUnary(draft, op, Builtin::kRelu6, kInt8Version, {});
  if (IsKept(*clamp, draft.value(OutputOf(op)).affine)) return LowerQuantize(draft, op);
  throw Refusal{"TensorFlow Lite has bounds of 0 to 6 and 0 to infinity only"};
}

void LowerLeakyRelu(Draft& draft, const QdqOp& op) {
  AddUnary(draft, op, Builtin::kLeakyRelu, 1,
           {.table = OptionsTable::kLeakyRelu,
            .entries = {FloatOption(LeakyReluField::kAlpha, FloatAttribute(*op.node, "alpha", 0.01F))}});
}

void LowerHardSwish(Draft& draft, const QdqOp& op) {
  AddUnary(draft, op, Builtin::kHardSwish, 1, {.table = OptionsTable::kHardSwish});
}

// The kernel writes at one scale and zero point only; another one is made of it by QUANTIZE.
void AddFixed(Draft& draft, const QdqOp& op, Builtin builtin, const Affine& fixed, int input, const Arrangement& lies,
              const Options& options) {
  const ValueId out = OutputOf(op);
  if (draft.value(out).affine == fixed) {
    draft.AddOperator(builtin, kInt8Version, {input}, {draft.DefineAs(out, lies)}, options);
    return;
  }
  const TensorEntry like = draft.tensor(input);
  const int raw =
      draft.AddTensor(draft.value(out).name + "_before_quantize", {like.shape.begin(), like.shape.end()}, fixed);
  draft.AddOperator(builtin, kInt8Version, {input}, {raw}, options);
  draft.AddQuantize(raw, draft.DefineAs(out, lies));
}

void LowerSigmoid(Draft& draft, const QdqOp& op) {
  const Form x = draft.native(ValueAt(op, 0));
  AddFixed(draft, op, Builtin::kLogistic, kUnitRange, x.tensor, x.arrangement, {});
}

void LowerTanh(Draft& draft, const QdqOp& op) {
  const Form x = draft.native(ValueAt(op, 0));
  AddFixed(draft, op, Builtin::kTanh, kSignedUnitRange, x.tensor, x.arrangement, {});
}

// TensorFlow Lite's goes along the last axis. Before opset 13 ONNX's went along all axes from `axis` on.
void LowerSoftmax(Draft& draft, const QdqOp& op) {
  constexpr int64_t kOneAxis = 13;
  const ValueId in = ValueAt(op, 0);
  const Shape& shape = draft.value(in).shape;
  const bool one_axis = draft.graph().opset >= kOneAxis;
  const auto axis = static_cast<int>(FromFront(IntAttribute(*op.node, "axis", one_axis ? -1 : 1), shape.size()));
  if (!one_axis && axis + 1 != static_cast<int>(shape.size())) {
    throw Refusal{"it goes along several axes (opset below 13)"};
  }
  Order order = OrderFor(draft.native(in).arrangement, shape).value_or(PlainOrder(shape.size()));
  if (order.back() != axis) {
    order = PlainOrder(shape.size());
    order.erase(order.begin() + axis);
    order.push_back(axis);
  }
  const Options options = {.table = OptionsTable::kSoftmax, .entries = {FloatOption(SoftmaxField::kBeta, 1)}};
  AddFixed(draft, op, Builtin::kSoftmax, kUnitRange, draft.Take(in, order), {shape, order}, options);
}

// --- Two operands ---------------------------------------------------------------------------------------------------

Shape Expanded(Shape shape, size_t rank) {
  shape.insert(shape.begin(), rank - shape.size(), 1);
  return shape;
}

int AddConstantOperand(Draft& draft, const QdqConstant& constant, size_t rank, const Order& order) {
  const Shape shape = Expanded(constant.shape, rank);
  ConstantTensor tensor = {.name = constant.name, .shape = InOrder(shape, order)};
  if (constant.type == ElementType::kInt8 && constant.scale.size() == 1) {
    tensor.values = MovedInto(constant.values, shape, order);
    tensor.scale = constant.scale;
    return draft.AddConstant(tensor, static_cast<int>(constant.zero_point.front()));
  }
  if (constant.floats.size() != 1 || !(std::abs(constant.floats.front()) > 0)) {
    throw Refusal{"its constant operand is not quantized to 8 bits with one scale"};
  }
  tensor.values = {constant.floats.front() > 0 ? 127 : -127};  // a single number is exact at a scale of its own
  tensor.scale = {std::abs(constant.floats.front()) / 127};
  return draft.AddConstant(tensor);
}

int TakeOperand(Draft& draft, const QdqOp& op, size_t i, size_t rank, const Order& order) {
  if (const QdqConstant* constant = ConstantAt(draft, op, i)) return AddConstantOperand(draft, *constant, rank, order);
  const ValueId id = ValueAt(op, i);
  const QdqValue& value = draft.value(id);
  if (value.shape.size() == rank) return draft.Take(id, order);
  const Shape shape = Expanded(value.shape, rank);
  if (!SameInMemory(shape, PlainOrder(rank), order)) throw Refusal{"its operands differ in rank and in layout"};
  const int expanded = draft.AddTensor(value.name + "_expanded", InOrder(shape, order), value.affine);
  draft.AddReshape(draft.TakePlain(id), expanded);
  return expanded;
}

// The order of the first operand that is as large as the output.
Order CommonOrder(const Draft& draft, const QdqOp& op, const Shape& out) {
  for (const Operand& operand : op.inputs) {
    if (operand.value == kNone || draft.value(operand.value).shape != out) continue;
    if (const auto order = OrderFor(draft.native(operand.value).arrangement, out)) return *order;
  }
  return PlainOrder(out.size());
}

template <Builtin builtin, OptionsTable table>
void LowerArithmetic(Draft& draft, const QdqOp& op) {
  const QdqValue& out = draft.value(OutputOf(op));
  const Order order = CommonOrder(draft, op, out.shape);
  const int a = TakeOperand(draft, op, 0, out.shape.size(), order);
  const int b = TakeOperand(draft, op, 1, out.shape.size(), order);
  int version = kInt8Version;
  if (builtin == Builtin::kMul && draft.AffineOf(a).scale * draft.AffineOf(b).scale >= out.affine.scale) {
    version = kLargeScaleVersion;
  } else if (builtin == Builtin::kSub && out.shape.size() > 4 && draft.tensor(a).shape != draft.tensor(b).shape) {
    version = kWideVersion;
  }
  draft.AddOperator(builtin, version, {a, b}, {draft.Define(OutputOf(op), order)},
                    {.table = table, .entries = {ByteOption(ArithmeticField::kActivation, ActivationOf(draft, op))}});
}

}  // namespace

LoweringTable ElementwiseLowerings() {
  return {{"QuantizeLinear", {LowerQuantize}},
          {"Relu", {LowerClamp}},
          {"Clip", {LowerClamp}},
          {"LeakyRelu", {LowerLeakyRelu}},
          {"HardSwish", {LowerHardSwish}},
          {"Sigmoid", {LowerSigmoid}},
          {"Tanh", {LowerTanh}},
          {"Softmax", {LowerSoftmax}},
          {"Add", {LowerArithmetic<Builtin::kAdd, OptionsTable::kAdd>}},
          {"Sub", {LowerArithmetic<Builtin::kSub, OptionsTable::kSub>}},
          {"Mul", {LowerArithmetic<Builtin::kMul, OptionsTable::kMul>}}};
}

}  // namespace consort::tflite
