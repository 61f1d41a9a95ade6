// Dense layers. An image that was flattened stays as it lies: the columns of the weights are moved instead.
#include <numeric>

#include "tflite/lower.h"
#include "tflite/operands.h"

namespace consort::tflite {
namespace {

// Of FULLY_CONNECTED (lite/tools/versioning/op_version.cc): int8; with more than two axes kept.
constexpr int kInt8Version = 4;
constexpr int kKeptAxesVersion = 5;

// A matrix of weights as TensorFlow Lite has it, [units, inputs].
struct DenseWeights {
  const QdqConstant* stored;
  bool transposed;  // stored as [inputs, units]
  int64_t units;
  int64_t inputs;
};

DenseWeights WeightsOf(Draft& draft, const QdqOp& op, bool transposed) {
  const QdqConstant& weights = WeightsAt(draft, op, 1, transposed ? 1 : 0);
  if (weights.shape.size() != 2) throw Refusal{"its weights are not a matrix"};
  return {&weights, transposed, weights.shape[transposed ? 1 : 0], weights.shape[transposed ? 0 : 1]};
}

// How the columns have to be moved for rows of `x` as they lie; nothing where they are not rows of the weights' length.
std::optional<Arrangement> RowOf(const Form& x, const DenseWeights& weights) {
  const auto& [shape, order] = x.arrangement;
  if (shape.size() < 2 || order.front() != 0) return std::nullopt;
  Arrangement row = {.shape = {shape.begin() + 1, shape.end()}};
  if (std::accumulate(row.shape.begin(), row.shape.end(), int64_t{1}, std::multiplies<>()) != weights.inputs) {
    return std::nullopt;
  }
  for (size_t i = 1; i < order.size(); ++i) row.order.push_back(order[i] - 1);
  return row;
}

int AddWeights(Draft& draft, const DenseWeights& weights, const Arrangement& row) {
  Shape shape = row.shape;
  Order order = {0};
  for (const int axis : row.order) order.push_back(axis + 1);
  shape.insert(shape.begin(), weights.units);
  if (weights.transposed) {  // the units' axis is the last
    shape.erase(shape.begin());
    shape.push_back(weights.units);
    for (int& axis : order) axis = axis == 0 ? static_cast<int>(shape.size()) - 1 : axis - 1;
  }
  return draft.AddConstant({.name = weights.stored->name,
                            .shape = {weights.units, weights.inputs},
                            .values = MovedInto(weights.stored->values, shape, order),
                            .scale = weights.stored->scale,
                            .axis = 0});
}

void AddDense(Draft& draft, const QdqOp& op, const DenseWeights& weights) {
  const ValueId in = ValueAt(op, 0);
  const size_t rank = draft.value(in).shape.size();
  const Form x = draft.native(in);
  std::optional<Arrangement> row = rank == 2 ? RowOf(x, weights) : std::nullopt;
  const int input = row ? x.tensor : draft.TakePlain(in);
  if (!row) row = Arrangement{{weights.inputs}, {0}};
  const int filter = AddWeights(draft, weights, *row);
  const int bias = BiasAt(draft, op, 2, weights.units, draft.value(in).affine, *weights.stored);
  const int output = draft.Define(OutputOf(op), PlainOrder(draft.value(OutputOf(op)).shape.size()));
  Options options = {.table = OptionsTable::kFullyConnected,
                     .entries = {ByteOption(FullyConnectedField::kActivation, ActivationOf(draft, op))}};
  if (rank > 2) options.entries.push_back(BoolOption(FullyConnectedField::kKeepNumDims, true));
  draft.AddOperator(Builtin::kFullyConnected, rank > 2 ? kKeptAxesVersion : kInt8Version, {input, filter, bias},
                    {output}, options);
}

void LowerGemm(Draft& draft, const QdqOp& op) {
  if (IntAttribute(*op.node, "transA", 0) != 0) throw Refusal{"transA: TensorFlow Lite has no such layout"};
  if (FloatAttribute(*op.node, "alpha", 1) != 1 || FloatAttribute(*op.node, "beta", 1) != 1) {
    throw Refusal{"alpha or beta is not 1: fold it into the weights"};
  }
  AddDense(draft, op, WeightsOf(draft, op, IntAttribute(*op.node, "transB", 0) == 0));
}

// Of two activations. LiteRT 2.21 with XNNPACK computes as if the right one's zero point were 0 (without, it is right).
void AddBatchMatMul(Draft& draft, const QdqOp& op) {
  if (ActivationOf(draft, op) != Activation::kNone) throw Refusal{"BATCH_MATMUL has no activation"};
  if (draft.value(ValueAt(op, 1)).affine.zero_point != 0) {
    throw Refusal{"its right operand has a zero point, which LiteRT 2.21 ignores: quantize that symmetrically"};
  }
  const int output = draft.Define(OutputOf(op), PlainOrder(draft.value(OutputOf(op)).shape.size()));
  draft.AddOperator(Builtin::kBatchMatMul, 2, {draft.TakePlain(ValueAt(op, 0)), draft.TakePlain(ValueAt(op, 1))},
                    {output}, {.table = OptionsTable::kBatchMatMul});
}

void LowerMatMul(Draft& draft, const QdqOp& op) {
  if (ConstantAt(draft, op, 1) == nullptr) return AddBatchMatMul(draft, op);
  if (draft.value(ValueAt(op, 0)).shape.size() < 2) throw Refusal{"its input has one axis"};
  AddDense(draft, op, WeightsOf(draft, op, true));
}

}  // namespace

LoweringTable DenseLowerings() {
  return {{"Gemm", {LowerGemm, Taste::kAny}}, {"MatMul", {LowerMatMul, Taste::kAny}}};
}

}  // namespace consort::tflite
