// Networks without branches, or with short ones: LeNet-5, VGG, SqueezeNet.
#include <string>

#include "zoo/image_networks.h"
#include "zoo/zoo.h"

namespace consort::zoo {
namespace {

constexpr LayerWriter::ConvOptions kBias = {.bias = true};

// LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998, in the form that
// frameworks use: every filter sees all channels, rectifiers, largest values pooled, a linear last layer.
void BuildLeNet(LayerWriter& net, const MakeOptions& options) {
  Value x = ImageInput(net, options, {.network = "lenet", .usual = 32, .least = 16}, 1);
  for (const int64_t channels : {6, 16}) {
    x = net.Relu(net.Conv(x, channels, Square(5, 1, Padding::kValid), kBias));
    x = net.MaxPool(x, Square(2, 2, Padding::kValid));
  }
  x = net.Flatten(x);
  for (const int64_t units : {120, 84}) x = net.Relu(net.Dense(x, units));
  net.Output("logits", net.Dense(x, 10));
}

// Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014: configurations D and
// E. `last` is the number of convolutions in each of the last three stages.
void BuildVgg(LayerWriter& net, const MakeOptions& options, int last) {
  Value x = ImageInput(net, options, {.network = last == 3 ? "vgg-16" : "vgg-19"});
  const int convolutions[] = {2, 2, last, last, last};
  const int64_t channels[] = {64, 128, 256, 512, 512};
  for (int stage = 0; stage < 5; ++stage) {
    const LayerWriter::Scope scope(net, "stage" + std::to_string(stage + 1));
    for (int i = 0; i < convolutions[stage]; ++i) x = net.Relu(net.Conv(x, channels[stage], Square(3), kBias));
    x = net.MaxPool(x, Square(2, 2, Padding::kValid));
  }
  x = net.Flatten(x);
  for (int i = 0; i < 2; ++i) x = net.Relu(net.Dense(x, 4096));
  net.Output("logits", net.Dense(x, 1000));
}

// A fire module: few channels, then 1x1 and 3x3 filters side by side.
Value Fire(LayerWriter& net, const std::string& name, const Value& input, int64_t squeeze, int64_t expand) {
  const LayerWriter::Scope scope(net, name);
  const Value x = net.Relu(net.Conv(input, squeeze, Square(1), kBias));
  const Value small = net.Relu(net.Conv(x, expand, Square(1), kBias));
  const Value large = net.Relu(net.Conv(x, expand, Square(3), kBias));
  return net.Concat({small, large});
}

// The largest of 3×3, stride 2; the last window may hang over the end, as Caffe's do.
Value CaffePool(LayerWriter& net, const Value& x) {
  return net.MaxPool(x, Square(3, 2, x.shape[2] % 2 == 0 ? Padding::kSame : Padding::kValid));
}

// Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer, "SqueezeNet", 2016, version 1.0: pooling after conv1, fire4 and
// fire8.
void BuildSqueezeNet(LayerWriter& net, const MakeOptions& options) {
  const Value image = ImageInput(net, options, {.network = "squeezenet-1.0", .least = 21});
  Value x = CaffePool(net, net.Relu(net.Conv(image, 96, Square(7, 2, Padding::kValid), kBias)));
  const int64_t squeezes[] = {16, 16, 32, 32, 48, 48, 64, 64};
  for (int i = 0; i < 8; ++i) {
    x = Fire(net, "fire" + std::to_string(i + 2), x, squeezes[i], 4 * squeezes[i]);
    if (i == 2 || i == 6) x = CaffePool(net, x);
  }
  x = net.Relu(net.Conv(x, 1000, Square(1), kBias));
  net.Output("logits", net.Flatten(net.GlobalAveragePool(x)));
}

}  // namespace

Family PlainFamily() {
  const auto vgg16 = [](LayerWriter& net, const MakeOptions& options) { BuildVgg(net, options, 3); };
  const auto vgg19 = [](LayerWriter& net, const MakeOptions& options) { BuildVgg(net, options, 4); };
  return {
      {"lenet", "LeNet-5, 32 x 32, gray (LeCun et al. 1998)", {Choice::kSize}, 32, BuildLeNet},
      {"vgg-16", "VGG, configuration D, 224 x 224 (Simonyan, Zisserman 2014)", {Choice::kSize}, 224, vgg16},
      {"vgg-19", "VGG, configuration E, 224 x 224 (Simonyan, Zisserman 2014)", {Choice::kSize}, 224, vgg19},
      {"squeezenet-1.0", "SqueezeNet 1.0, 224 x 224 (Iandola et al. 2016)", {Choice::kSize}, 224, BuildSqueezeNet},
  };
}

}  // namespace consort::zoo
