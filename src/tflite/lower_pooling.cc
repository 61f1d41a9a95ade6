// Pooling and means.
#include <algorithm>
#include <numeric>

#include "tflite/lower.h"
#include "tflite/operands.h"
#include "tflite/window.h"

namespace consort::tflite {
namespace {

constexpr int kInt8Version = 2;  // MAX_POOL_2D, AVERAGE_POOL_2D and MEAN in int8 (lite/tools/versioning/op_version.cc)

Window PoolWindow(const Draft& draft, const QdqOp& op) {
  const Window window = WindowOf(*op.node, IntsAttribute(*op.node, "kernel_shape", {}),
                                 draft.value(ValueAt(op, 0)).shape, draft.value(OutputOf(op)).shape);
  if (window.dilated()) throw Refusal{"pooling has no dilation in TensorFlow Lite"};
  return window;
}

void RequireOneOutput(const QdqOp& op) {
  if (op.outputs.size() > 1 && op.outputs[1] != kNone) throw Refusal{"its second output is read"};
}

// The kernel keeps the scale; the padding of `window` is in the image already unless it is SAME.
void AddPool(Draft& draft, const QdqOp& op, Builtin builtin, const Window& window, int image) {
  const PaddingScheme padding = window.scheme().value_or(PaddingScheme::kValid);
  const int output = NewImage(draft, OutputOf(op), draft.AffineOf(image));
  draft.AddOperator(builtin, kInt8Version, {image}, {output},
                    {.table = OptionsTable::kPool2D,
                     .entries = {ByteOption(Pool2DField::kPadding, padding),
                                 IntOption(Pool2DField::kStrideW, window.width.stride),
                                 IntOption(Pool2DField::kStrideH, window.height.stride),
                                 IntOption(Pool2DField::kFilterW, window.width.size),
                                 IntOption(Pool2DField::kFilterH, window.height.size)}});
  SettleImage(draft, OutputOf(op), output);
}

void LowerMaxPool(Draft& draft, const QdqOp& op) {
  RequireOneOutput(op);
  const Window window = PoolWindow(draft, op);
  int image = TakeImage(draft, ValueAt(op, 0));
  if (!window.scheme()) image = PaddedImage(draft, image, window, Fill::kLowest);
  AddPool(draft, op, Builtin::kMaxPool2D, window, image);
}

// TensorFlow Lite divides by the elements that lie in the image: as ONNX without count_include_pad.
void LowerAveragePool(Draft& draft, const QdqOp& op) {
  Window window = PoolWindow(draft, op);
  const bool counts_padding = IntAttribute(*op.node, "count_include_pad", 0) != 0;
  int image = TakeImage(draft, ValueAt(op, 0));
  if (window.padded() && counts_padding) {
    if (window.height.end > window.height.given_end || window.width.end > window.width.given_end) {
      throw Refusal{"count_include_pad with ceil_mode divides by other numbers than TensorFlow Lite"};
    }
    image = PaddedImage(draft, image, window, Fill::kZero);
    for (WindowAxis* axis : {&window.height, &window.width}) axis->begin = axis->end = 0;
  } else if (!window.scheme()) {
    throw Refusal{"its padding is neither none nor SAME, so that TensorFlow Lite would divide by other numbers"};
  }
  AddPool(draft, op, Builtin::kAveragePool2D, window, image);
}

// MEAN, which takes any output scale.
void AddMean(Draft& draft, const QdqOp& op, std::vector<int64_t> axes, bool keep) {
  const ValueId in = ValueAt(op, 0);
  const size_t rank = draft.value(in).shape.size();
  for (int64_t& axis : axes) axis = FromFront(axis, rank);
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  const Order order = OrderFor(draft.native(in).arrangement, draft.value(in).shape).value_or(PlainOrder(rank));
  const int input = draft.Take(in, order);
  std::vector<int64_t> places;
  Order rest;  // of the axes that stay, by their number in the output
  for (const int axis : order) {
    const bool reduced = std::find(axes.begin(), axes.end(), axis) != axes.end();
    if (reduced) places.push_back(PlaceOf(order, axis));
    const auto gone = std::count_if(axes.begin(), axes.end(), [&](int64_t other) { return other < axis; });
    if (!reduced) rest.push_back(axis - static_cast<int>(gone));
  }
  std::sort(places.begin(), places.end());
  const int output = draft.Define(OutputOf(op), keep ? order : rest);
  draft.AddOperator(Builtin::kMean, kInt8Version, {input, draft.AddInts(places)}, {output},
                    {.table = OptionsTable::kReducer, .entries = {BoolOption(ReducerField::kKeepDims, keep)}});
}

void LowerGlobalAveragePool(Draft& draft, const QdqOp& op) {
  const size_t rank = draft.value(ValueAt(op, 0)).shape.size();
  if (rank < 3) throw Refusal{"its input is no image"};
  std::vector<int64_t> axes(rank - 2);
  std::iota(axes.begin(), axes.end(), 2);
  AddMean(draft, op, axes, true);
}

void LowerReduceMean(Draft& draft, const QdqOp& op) {
  const auto axes = AttributeOrInput(draft, op, "axes", 1);
  if (!axes || axes->empty()) throw Refusal{"it names no axes"};
  AddMean(draft, op, *axes, IntAttribute(*op.node, "keepdims", 1) != 0);
}

}  // namespace

LoweringTable PoolingLowerings() {
  return {{"MaxPool", {LowerMaxPool, Taste::kChannelsLast}},
          {"AveragePool", {LowerAveragePool, Taste::kChannelsLast}},
          {"GlobalAveragePool", {LowerGlobalAveragePool, Taste::kChannelsLast}},
          {"ReduceMean", {LowerReduceMean, Taste::kAny}}};
}

}  // namespace consort::tflite
