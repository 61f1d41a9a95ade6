// Convolutions. Weights move from out, in, height, width to the order that TensorFlow Lite's operators have.
#include <algorithm>
#include <utility>

#include "tflite/lower.h"
#include "tflite/operands.h"
#include "tflite/window.h"

namespace consort::tflite {
namespace {

constexpr int kInt8Version = 3;     // CONV_2D and DEPTHWISE_CONV_2D in int8 (lite/tools/versioning/op_version.cc)
constexpr int kGroupsVersion = 6;   // CONV_2D with groups
constexpr int kTransposeVersion = 3;  // TRANSPOSE_CONV with a bias

// Four axes: one of height 1 is put in where there is one spatial axis.
Shape FilterShape(Shape shape) {
  if (shape.size() == 3) shape.insert(shape.begin() + 2, 1);
  return shape;
}

std::vector<OptionEntry> WindowOptions(const Window& window, PaddingScheme padding) {
  return {ByteOption(Conv2DField::kPadding, padding), IntOption(Conv2DField::kStrideW, window.width.stride),
          IntOption(Conv2DField::kStrideH, window.height.stride)};
}

void AddConv(Draft& draft, const QdqOp& op, const Window& window, PaddingScheme padding, int groups,
             const std::vector<int>& inputs, int output) {
  Options options = {.table = OptionsTable::kConv2D, .entries = WindowOptions(window, padding)};
  options.entries.push_back(ByteOption(Conv2DField::kActivation, ActivationOf(draft, op)));
  options.entries.push_back(IntOption(Conv2DField::kDilationW, window.width.dilation));
  options.entries.push_back(IntOption(Conv2DField::kDilationH, window.height.dilation));
  draft.AddOperator(Builtin::kConv2D, groups == 1 ? kInt8Version : kGroupsVersion, inputs, {output}, options);
}

void AddDepthwise(Draft& draft, const QdqOp& op, const Window& window, PaddingScheme padding, int64_t multiplier,
                  const std::vector<int>& inputs, int output) {
  Options options = {.table = OptionsTable::kDepthwiseConv2D, .entries = WindowOptions(window, padding)};
  options.entries.push_back(IntOption(DepthwiseConv2DField::kMultiplier, multiplier));
  options.entries.push_back(ByteOption(DepthwiseConv2DField::kActivation, ActivationOf(draft, op)));
  options.entries.push_back(IntOption(DepthwiseConv2DField::kDilationW, window.width.dilation));
  options.entries.push_back(IntOption(DepthwiseConv2DField::kDilationH, window.height.dilation));
  draft.AddOperator(Builtin::kDepthwiseConv2D, kInt8Version, inputs, {output}, options);
}

void LowerConv(Draft& draft, const QdqOp& op) {
  const QdqValue& x = draft.value(ValueAt(op, 0));
  const ValueId out = OutputOf(op);
  const QdqConstant& weights = WeightsAt(draft, op, 1, 0);
  if (weights.shape.size() != x.shape.size() || x.shape.size() < 3) throw Refusal{"its weights have other axes"};
  const Window window =
      WindowOf(*op.node, {weights.shape.begin() + 2, weights.shape.end()}, x.shape, draft.value(out).shape);
  const int64_t groups = IntAttribute(*op.node, "group", 1);
  const bool depthwise = groups > 1 && groups == x.shape[1] && weights.shape[1] == 1;
  int image = TakeImage(draft, ValueAt(op, 0));
  if (!window.scheme()) image = PaddedImage(draft, image, window, Fill::kZero);
  const PaddingScheme padding = window.scheme().value_or(PaddingScheme::kValid);
  const Order order = depthwise ? Order{1, 2, 3, 0} : Order{0, 2, 3, 1};
  const int filter = draft.AddConstant(MovedWeights(weights, FilterShape(weights.shape), order));
  const int bias = BiasAt(draft, op, 2, weights.shape[0], x.affine, weights);
  const int output = NewImage(draft, out, draft.value(out).affine);
  if (depthwise) {
    AddDepthwise(draft, op, window, padding, weights.shape[0] / groups, {image, filter, bias}, output);
  } else {
    AddConv(draft, op, window, padding, static_cast<int>(groups), {image, filter, bias}, output);
  }
  SettleImage(draft, out, output);
}

// --- ConvTranspose --------------------------------------------------------------------------------------------------

// Whether TensorFlow Lite's SAME cuts off the full output, (in - 1) * stride + size, what the padding cuts off.
bool CutsAsSame(const WindowAxis& axis) {
  const int64_t total = (axis.in - 1) * axis.stride + axis.size - axis.out;
  return total >= 0 && (axis.out + axis.stride - 1) / axis.stride == axis.in && axis.begin == total / 2;
}

// As the operator defines it: total = stride * (in - 1) + output_padding + extent - out.
void SetTransposedPadding(const onnx::NodeProto& node, size_t i, WindowAxis& axis) {
  const std::string automatic = TextAttribute(node, "auto_pad", "NOTSET");
  const std::vector<int64_t> extra = IntsAttribute(node, "output_padding", {0, 0});
  const bool sized = !IntsAttribute(node, "output_shape", {}).empty();
  if (automatic == "NOTSET" && !sized) {
    axis.begin = IntsAttribute(node, "pads", {0, 0, 0, 0})[i];
    return;
  }
  const int64_t total = axis.stride * (axis.in - 1) + extra[i] + axis.extent() - axis.out;
  axis.begin = automatic == "VALID" ? 0 : automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
}

int AddTransposeConv(Draft& draft, const Window& window, PaddingScheme padding, int filter, int image, int bias,
                     int output) {
  const std::vector<int32_t> sizes = draft.tensor(output).shape;
  draft.AddOperator(Builtin::kTransposeConv, kTransposeVersion,
                    {draft.AddInts({sizes.begin(), sizes.end()}), filter, image, bias}, {output},
                    {.table = OptionsTable::kTransposeConv, .entries = WindowOptions(window, padding)});
  return output;
}

// The full output, and then the part of it that the padding leaves.
int AddCropped(Draft& draft, const Window& window, int filter, int image, int bias, int output) {
  const TensorEntry target = draft.tensor(output);
  Shape full(target.shape.begin(), target.shape.end());
  const std::vector<int64_t> begin = {0, window.height.begin, window.width.begin, 0};
  for (const auto& [axis, place] : {std::pair{window.height, size_t{1}}, {window.width, size_t{2}}}) {
    full[place] = std::max((axis.in - 1) * axis.stride + axis.size, axis.begin + axis.out);
  }
  const int whole = draft.AddTensor(target.name + "_full", full, draft.AffineOf(output));
  AddTransposeConv(draft, window, PaddingScheme::kValid, filter, image, bias, whole);
  const int sizes = draft.AddInts({target.shape.begin(), target.shape.end()});
  draft.AddOperator(Builtin::kSlice, 2, {whole, draft.AddInts(begin), sizes}, {output},
                    {.table = OptionsTable::kSlice});
  return output;
}

void LowerConvTranspose(Draft& draft, const QdqOp& op) {
  const QdqValue& x = draft.value(ValueAt(op, 0));
  const ValueId out = OutputOf(op);
  const QdqConstant& weights = WeightsAt(draft, op, 1, 1);
  if (x.shape.size() != 4 || weights.shape.size() != 4) throw Refusal{"its image has not two spatial axes"};
  if (IntAttribute(*op.node, "group", 1) != 1) throw Refusal{"TRANSPOSE_CONV has no groups"};
  Window window = WindowOf(*op.node, {weights.shape[2], weights.shape[3]}, x.shape, draft.value(out).shape);
  if (window.dilated()) throw Refusal{"TRANSPOSE_CONV has no dilation"};
  if (ActivationOf(draft, op) != Activation::kNone && !IsKept(*op.clamp, draft.value(out).affine)) {
    throw Refusal{"TRANSPOSE_CONV has no activation, and the output's range does not keep the bounds"};
  }
  SetTransposedPadding(*op.node, 0, window.height);
  SetTransposedPadding(*op.node, 1, window.width);
  const int image = TakeImage(draft, ValueAt(op, 0));
  const int filter = draft.AddConstant(MovedWeights(weights, weights.shape, {1, 2, 3, 0}));
  const int bias = BiasAt(draft, op, 2, weights.shape[1], x.affine, weights);
  const int output = NewImage(draft, out, draft.value(out).affine);
  const bool same = CutsAsSame(window.height) && CutsAsSame(window.width);
  same ? AddTransposeConv(draft, window, PaddingScheme::kSame, filter, image, bias, output)
       : AddCropped(draft, window, filter, image, bias, output);
  SettleImage(draft, out, output);
}

}  // namespace

LoweringTable ConvolutionLowerings() {
  return {{"Conv", {LowerConv, Taste::kChannelsLast}}, {"ConvTranspose", {LowerConvTranspose, Taste::kChannelsLast}}};
}

}  // namespace consort::tflite
