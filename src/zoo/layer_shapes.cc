#include "zoo/layer_shapes.h"

#include <fmt/format.h>

#include <algorithm>

#include "consort/error.h"

namespace consort::zoo {
namespace {

[[noreturn]] void Refuse(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

int64_t BroadcastAxis(int64_t a, int64_t b, const Shape& left, const Shape& right) {
  if (a == b || b == 1) return a;
  if (a == 1 || a == kDynamic) return b;
  if (b == kDynamic) return a;
  Refuse(fmt::format("shapes {} and {} do not broadcast", FormatShape(left), FormatShape(right)));
}

// Elements of the axes that `target` does not keep as they are; kDynamic when one of them is dynamic.
int64_t Unkept(const Shape& shape, const std::vector<int64_t>& target) {
  int64_t elements = 1;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (axis < target.size() && target[axis] == 0) continue;
    if (shape[axis] == kDynamic) return kDynamic;
    elements *= shape[axis];
  }
  return elements;
}

}  // namespace

WindowAxis SlideOver(int64_t size, int64_t window, int64_t stride, int64_t dilation, Padding padding) {
  if (size == kDynamic) Refuse("the side of an image must be a number where a window slides over it");
  const int64_t extent = (window - 1) * dilation + 1;
  WindowAxis axis;
  if (padding == Padding::kSymmetric) axis.begin = axis.end = (window - 1) / 2 * dilation;
  if (padding == Padding::kSame) {
    const int64_t windows = (size + stride - 1) / stride;
    const int64_t pads = std::max<int64_t>(0, (windows - 1) * stride + extent - size);
    axis.begin = pads / 2;
    axis.end = pads - axis.begin;
  }
  const int64_t slack = size + axis.begin + axis.end - extent;
  if (slack < 0)
    Refuse(fmt::format("an image of side {} is too small for a window of {}: make it larger", size, extent));
  axis.output = slack / stride + 1;
  return axis;
}

WindowAxis SpreadOver(int64_t size, int64_t window, int64_t stride) {
  if (size == kDynamic) Refuse("the side of an image must be a number where a window slides over it");
  if (window < stride) Refuse(fmt::format("a window of {} leaves gaps at stride {}", window, stride));
  WindowAxis axis;
  axis.begin = (window - stride) / 2;
  axis.end = window - stride - axis.begin;
  axis.output = size * stride;
  return axis;
}

Shape Broadcast(const Shape& a, const Shape& b) {
  const size_t rank = std::max(a.size(), b.size());
  Shape result(rank);
  for (size_t back = 1; back <= rank; ++back) {
    const int64_t left = back <= a.size() ? a[a.size() - back] : 1;
    const int64_t right = back <= b.size() ? b[b.size() - back] : 1;
    result[rank - back] = BroadcastAxis(left, right, a, b);
  }
  return result;
}

Shape ReshapeTo(const Shape& shape, const std::vector<int64_t>& target) {
  Shape result = target;
  int64_t given = 1;
  for (size_t axis = 0; axis < target.size(); ++axis) {
    if (target[axis] == 0) result[axis] = shape.at(axis);
    if (target[axis] > 0) given *= target[axis];
  }
  const auto open = std::find(target.begin(), target.end(), -1);
  const int64_t elements = Unkept(shape, target);
  if (elements == kDynamic) return result;  // -1 stands for kDynamic already
  const bool fits = open == target.end() ? given == elements : given > 0 && elements % given == 0;
  if (!fits) Refuse(fmt::format("shape {} cannot become {}", FormatShape(shape), FormatShape(result)));
  if (open != target.end()) result[static_cast<size_t>(open - target.begin())] = elements / given;
  return result;
}

}  // namespace consort::zoo
