// Operators that add or take away parts of axes: axes are given for ONNX's order and written for that in memory.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>

#include "tflite/lower.h"
#include "tflite/operands.h"

namespace consort::tflite {
namespace {

constexpr int kInt8Version = 2;  // PAD, SLICE, STRIDED_SLICE and SPLIT in int8 (lite/tools/versioning/op_version.cc)
constexpr int kPadVersion = 2;
constexpr int kWidePadVersion = 4;  // more than 4 axes

// The order that the input is read in, and its tensor.
struct Source {
  Order order;
  int tensor;
};

Source Read(Draft& draft, const QdqOp& op) {
  const ValueId in = ValueAt(op, 0);
  const Shape& shape = draft.value(in).shape;
  const Order order = OrderFor(draft.native(in).arrangement, shape).value_or(PlainOrder(shape.size()));
  return {order, draft.Take(in, order)};
}

// The tensor of an output at the input's quantization.
int NewLike(Draft& draft, const Source& source, ValueId out) {
  return draft.AddTensor(draft.value(out).name, InOrder(draft.value(out).shape, source.order),
                         draft.AffineOf(source.tensor));
}

std::vector<int64_t> ReadInts(const Draft& draft, const QdqOp& op, const std::string& attribute, int input,
                              const std::vector<int64_t>& otherwise) {
  return AttributeOrInput(draft, op, attribute, input).value_or(otherwise);
}

std::vector<int64_t> FirstAxes(size_t count) {
  std::vector<int64_t> axes(count);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

// --- Pad ------------------------------------------------------------------------------------------------------------

// Elements before and behind each axis, in memory's order.
std::vector<int64_t> Paddings(const Draft& draft, const QdqOp& op, const Order& order) {
  const size_t rank = order.size();
  const std::vector<int64_t> pads = ReadInts(draft, op, "pads", 1, {});
  const std::vector<int64_t> axes = ReadInts(draft, op, "axes", 3, FirstAxes(rank));
  std::vector<int64_t> paddings(2 * rank, 0);
  for (size_t i = 0; i < axes.size() && pads.size() == 2 * axes.size(); ++i) {
    const auto place = static_cast<size_t>(PlaceOf(order, static_cast<int>(FromFront(axes[i], rank))));
    paddings[2 * place] = pads[i];
    paddings[2 * place + 1] = pads[axes.size() + i];
  }
  if (std::any_of(paddings.begin(), paddings.end(), [](int64_t pad) { return pad < 0; })) {
    throw Refusal{"its padding is negative"};
  }
  return paddings;
}

void LowerPad(Draft& draft, const QdqOp& op) {
  if (const std::string mode = TextAttribute(*op.node, "mode", "constant"); mode != "constant") {
    throw Refusal{fmt::format("mode {}: only constant padding is written", mode)};
  }
  const QdqConstant* filling = ConstantAt(draft, op, 2);
  const bool zero = filling == nullptr ? FloatAttribute(*op.node, "value", 0) == 0
                                       : std::all_of(filling->floats.begin(), filling->floats.end(),
                                                     [](float value) { return value == 0; }) &&
                                             !filling->floats.empty();
  if (!zero) throw Refusal{"it pads with other values than 0"};
  const Source source = Read(draft, op);
  const std::vector<int64_t> paddings = Paddings(draft, op, source.order);
  const auto rank = static_cast<int64_t>(source.order.size());
  const int output = NewLike(draft, source, OutputOf(op));
  draft.AddOperator(Builtin::kPad, rank > 4 ? kWidePadVersion : kPadVersion,
                    {source.tensor, draft.AddInts(paddings, {rank, 2})}, {output}, {.table = OptionsTable::kPad});
  draft.Settle(OutputOf(op), output, source.order);
}

// --- Slice ----------------------------------------------------------------------------------------------------------

// Of every axis, in memory's order.
struct Ranges {
  std::vector<int64_t> begin;
  std::vector<int64_t> end;
  std::vector<int64_t> step;
};

Ranges RangesOf(const Draft& draft, const QdqOp& op, const Order& order) {
  const Shape& in = draft.value(ValueAt(op, 0)).shape;
  const Shape& out = draft.value(OutputOf(op)).shape;
  const std::vector<int64_t> starts = ReadInts(draft, op, "starts", 1, {});
  const std::vector<int64_t> axes = ReadInts(draft, op, "axes", 3, FirstAxes(starts.size()));
  const std::vector<int64_t> steps = ReadInts(draft, op, "steps", 4, std::vector<int64_t>(axes.size(), 1));
  if (starts.size() != axes.size() || steps.size() != axes.size()) throw Refusal{"its lists differ in length"};
  const size_t rank = in.size();
  Ranges ranges = {std::vector<int64_t>(rank, 0), InOrder(out, order), std::vector<int64_t>(rank, 1)};
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(FromFront(axes[i], rank));
    const auto place = static_cast<size_t>(PlaceOf(order, static_cast<int>(axis)));
    if (steps[i] < 1) throw Refusal{"it goes backwards"};
    const int64_t start = std::clamp<int64_t>(starts[i] < 0 ? starts[i] + in[axis] : starts[i], 0, in[axis]);
    ranges.begin[place] = start;
    ranges.end[place] = start + (out[axis] - 1) * steps[i] + 1;
    ranges.step[place] = steps[i];
  }
  return ranges;
}

void AddSlice(Draft& draft, const Source& source, const std::vector<int64_t>& begin, int output) {
  const std::vector<int32_t> sizes = draft.tensor(output).shape;
  const int version = source.order.size() > 4 ? 5 : kInt8Version;
  draft.AddOperator(Builtin::kSlice, version,
                    {source.tensor, draft.AddInts(begin), draft.AddInts({sizes.begin(), sizes.end()})}, {output},
                    {.table = OptionsTable::kSlice});
}

void LowerSlice(Draft& draft, const QdqOp& op) {
  const Source source = Read(draft, op);
  const Ranges ranges = RangesOf(draft, op, source.order);
  const int output = NewLike(draft, source, OutputOf(op));
  if (std::all_of(ranges.step.begin(), ranges.step.end(), [](int64_t step) { return step == 1; })) {
    AddSlice(draft, source, ranges.begin, output);
  } else {
    const int version = source.order.size() > 4 ? 4 : kInt8Version;
    draft.AddOperator(Builtin::kStridedSlice, version,
                      {source.tensor, draft.AddInts(ranges.begin), draft.AddInts(ranges.end),
                       draft.AddInts(ranges.step)},
                      {output}, {.table = OptionsTable::kStridedSlice});
  }
  draft.Settle(OutputOf(op), output, source.order);
}

// --- Split ----------------------------------------------------------------------------------------------------------

void AddSplit(Draft& draft, const Source& source, int64_t place, const std::vector<int>& outputs) {
  const auto count = static_cast<int64_t>(outputs.size());
  draft.AddOperator(Builtin::kSplit, kInt8Version, {draft.AddInts({place}), source.tensor}, outputs,
                    {.table = OptionsTable::kSplit, .entries = {IntOption(SplitField::kNumSplits, count)}});
}

void LowerSplit(Draft& draft, const QdqOp& op) {
  const Source source = Read(draft, op);
  const auto axis = static_cast<size_t>(FromFront(IntAttribute(*op.node, "axis", 0), source.order.size()));
  const int place = PlaceOf(source.order, static_cast<int>(axis));
  if (std::find(op.outputs.begin(), op.outputs.end(), kNone) != op.outputs.end()) {
    throw Refusal{"one of its outputs is not read or not quantized"};
  }
  std::vector<int> outputs;
  bool equal = true;
  for (const ValueId out : op.outputs) {
    outputs.push_back(NewLike(draft, source, out));
    equal = equal && draft.value(out).shape == draft.value(op.outputs.front()).shape;
  }
  std::vector<int64_t> begin(source.order.size(), 0);
  if (equal) AddSplit(draft, source, place, outputs);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!equal) AddSlice(draft, source, begin, outputs[i]);
    begin[static_cast<size_t>(place)] += draft.value(op.outputs[i]).shape[axis];
    draft.Settle(op.outputs[i], outputs[i], source.order);
  }
}

}  // namespace

LoweringTable SliceLowerings() {
  return {{"Pad", {LowerPad}}, {"Slice", {LowerSlice}}, {"Split", {LowerSplit}}};
}

}  // namespace consort::tflite
