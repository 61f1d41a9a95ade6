#include "zoo/window_taps.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "model/node_queries.h"

namespace consort::zoo {
namespace {

int64_t Item(const onnx::NodeProto& node, const char* name, int index, int64_t otherwise) {
  const auto* attribute = FindAttribute(node, name);
  return attribute != nullptr && index < attribute->ints_size() ? attribute->ints(index) : otherwise;
}

struct Axis {
  int64_t input, output, window, stride, dilation, begin;
};

// Padding in front, auto_pad resolved.
int64_t FrontPadding(const onnx::NodeProto& node, const Axis& axis, int index) {
  const auto* automatic = FindAttribute(node, "auto_pad");
  if (automatic == nullptr || automatic->s() == "NOTSET") return Item(node, "pads", index, 0);
  if (automatic->s() == "VALID") return 0;
  const int64_t extent = (axis.window - 1) * axis.dilation + 1;
  const int64_t pads = std::max<int64_t>(0, (axis.output - 1) * axis.stride + extent - axis.input);
  return automatic->s() == "SAME_LOWER" ? pads - pads / 2 : pads / 2;
}

double LiveShare(const Axis& axis) {
  int64_t live = 0;
  for (int64_t tap = 0; tap < axis.window; ++tap) {
    // Outputs o with 0 <= o · stride + shift < input.
    const int64_t shift = tap * axis.dilation - axis.begin;
    const int64_t first = shift >= 0 ? 0 : (-shift + axis.stride - 1) / axis.stride;
    const int64_t last = shift >= axis.input ? -1 : (axis.input - 1 - shift) / axis.stride;
    live += std::max<int64_t>(0, std::min(last, axis.output - 1) - first + 1);
  }
  return static_cast<double>(live) / static_cast<double>(axis.window * axis.output);
}

}  // namespace

double LiveTaps(const onnx::NodeProto& conv, const Shape& input, const Shape& filters, const Shape& output) {
  double share = 1;
  if (input.size() != filters.size() || output.size() != filters.size()) return share;
  for (size_t i = 2; i < filters.size(); ++i) {
    const int index = static_cast<int>(i) - 2;
    Axis axis = {input[i], output[i], filters[i], Item(conv, "strides", index, 1), Item(conv, "dilations", index, 1),
                 0};
    if (std::min({axis.input, axis.output, axis.window, axis.stride, axis.dilation}) <= 0) continue;
    axis.begin = FrontPadding(conv, axis, index);
    share *= LiveShare(axis);
  }
  return share > 0 ? share : 1;
}

}  // namespace consort::zoo
