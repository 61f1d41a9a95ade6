#include "tflite/window.h"

#include <fmt/format.h>

#include <algorithm>

#include "tflite/operands.h"

namespace consort::tflite {
namespace {

constexpr int kLowest = -128;

int64_t CeilOf(int64_t a, int64_t b) { return (a + b - 1) / b; }

// What ceil(in / stride) windows need around the axis (tensorflow.org/api_docs/python/tf/nn, "Notes on padding").
int64_t SameTotal(const WindowAxis& axis) {
  return std::max<int64_t>((CeilOf(axis.in, axis.stride) - 1) * axis.stride + axis.extent() - axis.in, 0);
}

bool IsSame(const WindowAxis& axis) {
  const int64_t total = SameTotal(axis);
  return axis.out == CeilOf(axis.in, axis.stride) && axis.begin == total / 2 && axis.end == total - total / 2;
}

bool IsValid(const WindowAxis& axis) { return axis.begin == 0 && axis.end == 0; }

Shape ImageShape(const Shape& shape) {
  return shape.size() == 3 ? Shape{shape[0], 1, shape[2], shape[1]} : InOrder(shape, ChannelsLast(shape.size()));
}

void SetPadding(const onnx::NodeProto& node, size_t axes, size_t i, WindowAxis& axis) {
  const std::string automatic = TextAttribute(node, "auto_pad", "NOTSET");
  if (automatic.starts_with("SAME")) {
    const int64_t total = SameTotal(axis);
    axis.begin = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
    axis.given_end = total - axis.begin;
  } else if (automatic == "NOTSET") {
    const std::vector<int64_t> pads = IntsAttribute(node, "pads", std::vector<int64_t>(2 * axes, 0));
    axis.begin = pads[i];
    axis.given_end = pads[axes + i];
  }
  axis.end = std::max<int64_t>((axis.out - 1) * axis.stride + axis.extent() - axis.in - axis.begin, 0);
  if (axis.begin < 0 || axis.given_end < 0) throw Refusal{"its padding is negative"};
}

}  // namespace

bool Window::padded() const { return !IsValid(height) || !IsValid(width); }

std::optional<PaddingScheme> Window::scheme() const {
  if (!padded()) return PaddingScheme::kValid;
  if (IsSame(height) && IsSame(width)) return PaddingScheme::kSame;
  return std::nullopt;
}

Window WindowOf(const onnx::NodeProto& node, const Shape& kernel, const Shape& in, const Shape& out) {
  const size_t axes = kernel.size();
  if (axes < 1 || axes > 2 || in.size() != axes + 2) {
    throw Refusal{fmt::format("its window has {} axes on a tensor of {}; one or two are known", axes, in.size())};
  }
  const std::vector<int64_t> ones(axes, 1);
  const std::vector<int64_t> strides = IntsAttribute(node, "strides", ones);
  const std::vector<int64_t> dilations = IntsAttribute(node, "dilations", ones);
  Window window;
  for (size_t i = 0; i < axes; ++i) {
    WindowAxis& axis = axes == 2 && i == 0 ? window.height : window.width;
    axis = {.in = in[i + 2], .out = out[i + 2], .size = kernel[i], .stride = strides[i], .dilation = dilations[i]};
    if (axis.size < 1 || axis.stride < 1 || axis.dilation < 1) throw Refusal{"its window has a size or step below 1"};
    SetPadding(node, axes, i, axis);
  }
  return window;
}

int TakeImage(Draft& draft, ValueId id) {
  const QdqValue& value = draft.value(id);
  const size_t rank = value.shape.size();
  if (rank != 3 && rank != 4) throw Refusal{fmt::format("its image has {} axes", rank)};
  const int taken = draft.Take(id, ChannelsLast(rank));
  if (rank == 4) return taken;
  const int image = draft.AddTensor(value.name + "_image", ImageShape(value.shape), value.affine);
  draft.AddReshape(taken, image);
  return image;
}

int NewImage(Draft& draft, ValueId id, const Affine& affine) {
  return draft.AddTensor(draft.value(id).name, ImageShape(draft.value(id).shape), affine);
}

void SettleImage(Draft& draft, ValueId id, int image) {
  const QdqValue& value = draft.value(id);
  const Order order = ChannelsLast(value.shape.size());
  if (value.shape.size() == 4) return draft.Settle(id, image, order);
  const int flat = draft.AddTensor(value.name, InOrder(value.shape, order), draft.AffineOf(image));
  draft.AddReshape(image, flat);
  draft.Settle(id, flat, order);
}

int PaddedImage(Draft& draft, int image, const Window& window, Fill fill) {
  const Affine affine = draft.AffineOf(image);
  const TensorEntry from = draft.tensor(image);
  Shape shape(from.shape.begin(), from.shape.end());
  shape[1] += window.height.begin + window.height.end;
  shape[2] += window.width.begin + window.width.end;
  const int padded = draft.AddTensor(from.name + "_padded", shape, affine);
  const auto& [height, width] = window;
  const int pads = draft.AddInts({0, 0, height.begin, height.end, width.begin, width.end, 0, 0}, {4, 2});
  if (fill == Fill::kZero || affine.zero_point == kLowest) {
    draft.AddOperator(Builtin::kPad, 2, {image, pads}, {padded}, {.table = OptionsTable::kPad});
    return padded;
  }
  const ConstantTensor lowest = {
      .name = from.name + "_lowest", .shape = {1}, .values = {kLowest}, .scale = {affine.scale}};
  draft.AddOperator(Builtin::kPadV2, 2, {image, pads, draft.AddConstant(lowest, affine.zero_point)}, {padded},
                    {.table = OptionsTable::kPadV2});
  return padded;
}

}  // namespace consort::tflite
