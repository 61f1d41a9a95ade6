// Operators that move values: into other axes, into another order, beside one another. Most cost nothing or a RESHAPE,
// because the order in memory is kept and remembered.
#include "tflite/lower.h"
#include "tflite/operands.h"

namespace consort::tflite {
namespace {

constexpr int kInt8Version = 2;  // CONCATENATION in int8 (lite/tools/versioning/op_version.cc)

// Elements stay in a row: the output lies as the input does.
void LowerReshape(Draft& draft, const QdqOp& op) {
  const ValueId out = OutputOf(op);
  const Form x = draft.native(ValueAt(op, 0));
  if (draft.value(out).affine == draft.AffineOf(x.tensor)) {
    draft.AddReshape(x.tensor, draft.DefineAs(out, x.arrangement));
    return;
  }
  const int to = draft.DefineAs(out, x.arrangement);
  const std::vector<int32_t> sizes = draft.tensor(to).shape;
  const int reshaped = draft.AddTensor(draft.value(out).name + "_before_quantize", {sizes.begin(), sizes.end()},
                                       draft.AffineOf(x.tensor));
  draft.AddReshape(x.tensor, reshaped);
  draft.AddQuantize(reshaped, to);
}

// Nothing moves: the axes of the output are those of the input under other numbers.
void LowerTranspose(Draft& draft, const QdqOp& op) {
  const ValueId in = ValueAt(op, 0);
  const size_t rank = draft.value(in).shape.size();
  std::vector<int64_t> reversed(rank);
  for (size_t i = 0; i < rank; ++i) reversed[i] = static_cast<int64_t>(rank - 1 - i);
  const std::vector<int64_t> permutation = IntsAttribute(*op.node, "perm", reversed);
  const Order order = OrderFor(draft.native(in).arrangement, draft.value(in).shape).value_or(PlainOrder(rank));
  const int input = draft.Take(in, order);
  Order renumbered;
  for (const int axis : order) {
    renumbered.push_back(PlaceOf(Order(permutation.begin(), permutation.end()), axis));
  }
  draft.Settle(OutputOf(op), input, renumbered);
}

// All parts in the order of the first image among them, at the scale of the output.
void LowerConcat(Draft& draft, const QdqOp& op) {
  const QdqValue& out = draft.value(OutputOf(op));
  const size_t rank = out.shape.size();
  Order order = PlainOrder(rank);
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    const ValueId in = ValueAt(op, i);
    const auto lies = OrderFor(draft.native(in).arrangement, draft.value(in).shape);
    if (!lies || SameInMemory(draft.value(in).shape, *lies, order)) continue;
    order = *lies;
    break;
  }
  std::vector<int> parts;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    const QdqValue& part = draft.value(ValueAt(op, i));
    int tensor = draft.Take(ValueAt(op, i), order);
    if (part.affine != out.affine) {
      const int same = draft.AddTensor(part.name + "_at_" + out.name, InOrder(part.shape, order), out.affine);
      draft.AddQuantize(tensor, same);
      tensor = same;
    }
    parts.push_back(tensor);
  }
  const auto axis = static_cast<int>(FromFront(IntAttribute(*op.node, "axis", 1), rank));
  draft.AddOperator(Builtin::kConcatenation, kInt8Version, parts, {draft.Define(OutputOf(op), order)},
                    {.table = OptionsTable::kConcatenation,
                     .entries = {IntOption(ConcatenationField::kAxis, PlaceOf(order, axis))}});
}

}  // namespace

LoweringTable ShapeLowerings() {
  return {{"Reshape", {LowerReshape}},         {"Flatten", {LowerReshape}},     {"Squeeze", {LowerReshape}},
          {"Unsqueeze", {LowerReshape}},       {"Transpose", {LowerTranspose}}, {"Concat", {LowerConcat}}};
}

}  // namespace consort::tflite
