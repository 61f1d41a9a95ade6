// Resizing of images. ONNX says in many ways where a pixel comes from; TensorFlow Lite knows three. One of them is
// taken if every pixel of this size comes from the same place.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string>

#include "tflite/lower.h"
#include "tflite/operands.h"
#include "tflite/window.h"

namespace consort::tflite {
namespace {

struct Variant {
  bool align_corners;
  bool half_pixel_centers;
};
constexpr std::array<Variant, 3> kVariants = {{{false, true}, {true, false}, {false, false}}};

struct Axis {
  int64_t in;
  int64_t out;
  double scale;  // as the node has it: out / in, or what was rounded down to it
};

// Where output pixel `x` comes from (onnx.ai/onnx/operators/onnx__Resize.html, coordinate_transformation_mode).
double OnnxSource(const std::string& mode, const Axis& axis, int64_t x) {
  const auto at = static_cast<double>(x);
  if (mode == "align_corners") {
    return axis.out == 1 ? 0 : at * static_cast<double>(axis.in - 1) / static_cast<double>(axis.out - 1);
  }
  if (mode == "asymmetric") return at / axis.scale;
  if (mode == "half_pixel") return (at + 0.5) / axis.scale - 0.5;
  if (mode == "pytorch_half_pixel") return axis.out == 1 ? 0 : (at + 0.5) / axis.scale - 0.5;
  throw Refusal{"coordinate_transformation_mode " + mode + " has no counterpart"};
}

// Of TensorFlow Lite's kernels (lite/kernels/internal/reference/resize_bilinear.h).
double TfLiteSource(const Variant& variant, const Axis& axis, int64_t x) {
  const bool align = variant.align_corners && axis.out > 1;
  const double step = align ? static_cast<double>(axis.in - 1) / static_cast<double>(axis.out - 1)
                            : static_cast<double>(axis.in) / static_cast<double>(axis.out);
  const auto at = static_cast<double>(x);
  return variant.half_pixel_centers ? (at + 0.5) * step - 0.5 : at * step;
}

bool SameLinear(const std::string& mode, const Variant& variant, const Axis& axis) {
  const auto largest = static_cast<double>(axis.in - 1);
  for (int64_t x = 0; x < axis.out; ++x) {
    const double a = std::clamp(OnnxSource(mode, axis, x), 0.0, largest);
    const double b = std::clamp(TfLiteSource(variant, axis, x), 0.0, largest);
    if (std::abs(a - b) > 1e-4) return false;
  }
  return true;
}

int64_t OnnxNearest(const std::string& rounding, double source) {
  if (rounding == "floor") return static_cast<int64_t>(std::floor(source));
  if (rounding == "ceil") return static_cast<int64_t>(std::ceil(source));
  if (rounding == "round_prefer_ceil") return static_cast<int64_t>(std::floor(source + 0.5));
  return static_cast<int64_t>(std::ceil(source - 0.5));  // round_prefer_floor
}

// lite/kernels/internal/reference/resize_nearest_neighbor.h: half_pixel_centers takes the floor of the pixel's centre.
int64_t TfLiteNearest(const Variant& variant, const Axis& axis, int64_t x) {
  const double source = TfLiteSource(variant, axis, x);
  if (variant.align_corners) return std::llround(source);
  return static_cast<int64_t>(std::floor(variant.half_pixel_centers ? source + 0.5 : source));
}

bool SameNearest(const std::string& mode, const std::string& rounding, const Variant& variant, const Axis& axis) {
  for (int64_t x = 0; x < axis.out; ++x) {
    const int64_t a = std::clamp<int64_t>(OnnxNearest(rounding, OnnxSource(mode, axis, x)), 0, axis.in - 1);
    const int64_t b = std::clamp<int64_t>(TfLiteNearest(variant, axis, x), 0, axis.in - 1);
    if (a != b) return false;
  }
  return true;
}

std::vector<Axis> AxesOf(const Draft& draft, const QdqOp& op) {
  const Shape& in = draft.value(ValueAt(op, 0)).shape;
  const Shape& out = draft.value(OutputOf(op)).shape;
  if (in.size() != 4 || in[0] != out[0] || in[1] != out[1]) {
    throw Refusal{"only height and width of images are resized"};
  }
  const auto scales = draft.constants().Floats(*op.node, 2);
  std::vector<Axis> axes;
  for (const size_t i : {size_t{2}, size_t{3}}) {
    const bool given = scales && scales->size() == 4;
    axes.push_back({in[i], out[i], given ? (*scales)[i] : static_cast<double>(out[i]) / static_cast<double>(in[i])});
  }
  return axes;
}

Options OptionsOf(bool linear, const Variant& variant) {
  if (linear) {
    return {.table = OptionsTable::kResizeBilinear,
            .entries = {BoolOption(ResizeBilinearField::kAlignCorners, variant.align_corners),
                        BoolOption(ResizeBilinearField::kHalfPixelCenters, variant.half_pixel_centers)}};
  }
  return {.table = OptionsTable::kResizeNearestNeighbor,
          .entries = {BoolOption(ResizeNearestNeighborField::kAlignCorners, variant.align_corners),
                      BoolOption(ResizeNearestNeighborField::kHalfPixelCenters, variant.half_pixel_centers)}};
}

// Of both operators: int8 is 2, half_pixel_centers 3; nearest with align_corners 3, too
// (lite/tools/versioning/op_version.cc).
int VersionOf(bool linear, const Variant& variant) {
  return variant.half_pixel_centers || (!linear && variant.align_corners) ? 3 : 2;
}

void AddResize(Draft& draft, const QdqOp& op, bool linear, const Variant& variant) {
  const int image = TakeImage(draft, ValueAt(op, 0));
  const int output = NewImage(draft, OutputOf(op), draft.AffineOf(image));
  const std::vector<int32_t> sizes = draft.tensor(output).shape;
  draft.AddOperator(linear ? Builtin::kResizeBilinear : Builtin::kResizeNearestNeighbor, VersionOf(linear, variant),
                    {image, draft.AddInts({sizes[1], sizes[2]})}, {output}, OptionsOf(linear, variant));
  SettleImage(draft, OutputOf(op), output);
}

void LowerResize(Draft& draft, const QdqOp& op) {
  const std::string mode = TextAttribute(*op.node, "mode", "nearest");
  if (mode != "linear" && mode != "nearest") throw Refusal{"mode " + mode + " has no counterpart"};
  const std::string source = TextAttribute(*op.node, "coordinate_transformation_mode", "half_pixel");
  const std::string rounding = TextAttribute(*op.node, "nearest_mode", "round_prefer_floor");
  if (IntAttribute(*op.node, "antialias", 0) != 0) throw Refusal{"antialias has no counterpart"};
  const std::vector<Axis> axes = AxesOf(draft, op);
  for (const Variant& variant : kVariants) {
    const bool same = std::all_of(axes.begin(), axes.end(), [&](const Axis& axis) {
      return mode == "linear" ? SameLinear(source, variant, axis) : SameNearest(source, rounding, variant, axis);
    });
    if (same) return AddResize(draft, op, mode == "linear", variant);
  }
  throw Refusal{"pixels come from other places than in any of TensorFlow Lite's three ways"};
}

}  // namespace

LoweringTable ResizeLowerings() { return {{"Resize", {LowerResize, Taste::kChannelsLast}}}; }

}  // namespace consort::tflite
