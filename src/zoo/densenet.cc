// DenseNet-121: Huang et al., "Densely Connected Convolutional Networks", 2017, table 1; padded as torchvision does.
#include <fmt/format.h>

#include "zoo/image_networks.h"

namespace consort::zoo {
namespace {

constexpr float kEpsilon = 1e-5F;
constexpr int64_t kGrowth = 32;
constexpr int64_t kBottleneck = 4 * kGrowth;
constexpr int64_t kStem = 2 * kGrowth;
constexpr int kLayers[] = {6, 12, 24, 16};  // of each dense block

Window Symmetric(int64_t size, int64_t stride = 1) { return Square(size, stride, Padding::kSymmetric); }

Value NormReluConv(LayerWriter& net, const Value& x, int64_t channels, const Window& window) {
  return net.Conv(net.Relu(net.BatchNorm(x, kEpsilon)), channels, window);
}

// Every layer reads what all before it made.
Value DenseBlock(LayerWriter& net, Value x, int block) {
  for (int layer = 0; layer < kLayers[block]; ++layer) {
    const LayerWriter::Scope scope(net, fmt::format("block{}/layer{}", block + 1, layer + 1));
    const Value inner = NormReluConv(net, x, kBottleneck, Symmetric(1));
    x = net.Concat({x, NormReluConv(net, inner, kGrowth, Symmetric(3))});
  }
  return x;
}

// Halves channels and image.
Value Transition(LayerWriter& net, const Value& x, int block) {
  const LayerWriter::Scope scope(net, fmt::format("transition{}", block + 1));
  return net.AveragePool(NormReluConv(net, x, x.shape[1] / 2, Symmetric(1)), Square(2, 2, Padding::kValid));
}

void Build(LayerWriter& net, const MakeOptions& options) {
  Value x = ImageInput(net, options, {.network = "densenet-121"});
  x = net.MaxPool(ConvNormRelu(net, x, kStem, Symmetric(7, 2), kEpsilon), Symmetric(3, 2));
  for (int block = 0; block < 4; ++block) {
    x = DenseBlock(net, x, block);
    if (block < 3) x = Transition(net, x, block);
  }
  Classify(net, net.Relu(net.BatchNorm(x, kEpsilon)));
}

}  // namespace

Family DenseNetFamily() {
  return {{.name = "densenet-121",
           .summary = "DenseNet-121, growth 32, 224 x 224 (Huang et al. 2017)",
           .choices = {Choice::kSize},
           .default_size = 224,
           .build = Build}};
}

}  // namespace consort::zoo
