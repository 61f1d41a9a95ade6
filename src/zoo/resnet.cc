// Residual networks. v1: He et al., "Deep Residual Learning for Image Recognition", 2015, table 1, with the stride in
// the 3×3 as torchvision has it ("v1.5"). v2: He et al., "Identity Mappings in Deep Residual Networks", 2016, with the
// biases and the places of the strides of Keras (keras.applications.resnet_v2); Keras pads in front of the first
// pooling with zeros, here padding is never the largest.
#include <fmt/format.h>

#include <array>
#include <string>

#include "zoo/image_networks.h"

namespace consort::zoo {
namespace {

constexpr int64_t kExpansion = 4;  // channels behind a block, in units of those inside
constexpr int64_t kFirstWidth = 64;
constexpr float kEpsilon = 1e-5F;
constexpr float kEpsilonV2 = 1.001e-5F;

struct Depth {
  const char* layers;
  std::array<int, 4> blocks;  // of each stage
};
constexpr Depth k50 = {"50", {3, 4, 6, 3}};
constexpr Depth k101 = {"101", {3, 4, 23, 3}};
constexpr Depth k152 = {"152", {3, 8, 36, 3}};

Window Symmetric(int64_t size, int64_t stride = 1) { return Square(size, stride, Padding::kSymmetric); }

Value Bottleneck(LayerWriter& net, const Value& x, int64_t width, int64_t stride) {
  Value y = ConvNormRelu(net, x, width, Symmetric(1), kEpsilon);
  y = ConvNormRelu(net, y, width, Symmetric(3, stride), kEpsilon);
  y = ConvNorm(net, y, kExpansion * width, Symmetric(1), kEpsilon);
  const bool same = stride == 1 && x.shape[1] == kExpansion * width;
  return net.Relu(net.Add(y, same ? x : ConvNorm(net, x, kExpansion * width, Symmetric(1, stride), kEpsilon)));
}

// Batch norm and ReLU in front; `project` replaces the shortcut by a convolution.
Value BottleneckV2(LayerWriter& net, const Value& x, int64_t width, int64_t stride, bool project) {
  const Value active = net.Relu(net.BatchNorm(x, kEpsilonV2));
  Value shortcut = x;
  if (project)
    shortcut = net.Conv(active, kExpansion * width, Symmetric(1, stride), {.bias = true});
  else if (stride > 1)
    shortcut = net.MaxPool(x, Symmetric(1, stride));
  Value y = ConvNormRelu(net, active, width, Symmetric(1), kEpsilonV2);
  y = ConvNormRelu(net, y, width, Symmetric(3, stride), kEpsilonV2);
  return net.Add(shortcut, net.Conv(y, kExpansion * width, Symmetric(1), {.bias = true}));
}

// The first block of a stage halves the image, except in the first stage.
Value Stage(LayerWriter& net, Value x, int stage, int blocks) {
  const LayerWriter::Scope scope(net, fmt::format("stage{}", stage + 1));
  for (int block = 0; block < blocks; ++block) {
    const LayerWriter::Scope inner(net, fmt::format("block{}", block + 1));
    x = Bottleneck(net, x, kFirstWidth << stage, block == 0 && stage > 0 ? 2 : 1);
  }
  return x;
}

// The last block of a stage halves the image, except in the last stage.
Value StageV2(LayerWriter& net, Value x, int stage, int blocks) {
  const LayerWriter::Scope scope(net, fmt::format("stage{}", stage + 1));
  for (int block = 0; block < blocks; ++block) {
    const LayerWriter::Scope inner(net, fmt::format("block{}", block + 1));
    const bool halves = block + 1 == blocks && stage < 3;
    x = BottleneckV2(net, x, kFirstWidth << stage, halves ? 2 : 1, block == 0);
  }
  return x;
}

void ResNet(LayerWriter& net, const MakeOptions& options, const Depth& depth) {
  Value x = ImageInput(net, options, {.network = fmt::format("resnet-{}", depth.layers)});
  x = net.MaxPool(ConvNormRelu(net, x, kFirstWidth, Symmetric(7, 2), kEpsilon), Symmetric(3, 2));
  for (int stage = 0; stage < 4; ++stage) x = Stage(net, x, stage, depth.blocks.at(stage));
  Classify(net, x);
}

void ResNetV2(LayerWriter& net, const MakeOptions& options, const Depth& depth) {
  Value x = ImageInput(net, options, {.network = fmt::format("resnet-{}-v2", depth.layers)});
  x = net.MaxPool(net.Conv(x, kFirstWidth, Symmetric(7, 2), {.bias = true}), Symmetric(3, 2));
  for (int stage = 0; stage < 4; ++stage) x = StageV2(net, x, stage, depth.blocks.at(stage));
  Classify(net, net.Relu(net.BatchNorm(x, kEpsilonV2)));
}

Architecture V1(const Depth& depth) {
  return {.name = fmt::format("resnet-{}", depth.layers),
          .summary = fmt::format("ResNet-{} v1, stride in the 3x3 as in torchvision, 224 x 224 (He et al. 2015)",
                                 depth.layers),
          .choices = {Choice::kSize},
          .default_size = 224,
          .build = [depth](LayerWriter& net, const MakeOptions& options) { ResNet(net, options, depth); }};
}

Architecture V2(const Depth& depth) {
  return {.name = fmt::format("resnet-{}-v2", depth.layers),
          .summary =
              fmt::format("ResNet-{} v2, batch norm in front, as in Keras, 224 x 224 (He et al. 2016)", depth.layers),
          .choices = {Choice::kSize},
          .default_size = 224,
          .build = [depth](LayerWriter& net, const MakeOptions& options) { ResNetV2(net, options, depth); }};
}

}  // namespace

Family ResNetFamily() { return {V1(k50), V1(k101), V1(k152), V2(k50), V2(k152)}; }

}  // namespace consort::zoo
