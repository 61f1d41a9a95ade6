// Networks of separable convolutions, padded as TensorFlow does.
#include "zoo/mobilenet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "zoo/image_networks.h"

namespace consort::zoo {
namespace {

Value ConvNormRelu6(LayerWriter& net, const Value& x, int64_t channels, const Window& window) {
  return net.Relu6(ConvNorm(net, x, channels, window));
}

Value DepthwiseNormRelu6(LayerWriter& net, const Value& x, const Window& window) {
  return net.Relu6(net.BatchNorm(net.Depthwise(x, window)));
}

// --- MobileNet v1: Howard et al. 2017, table 1 -----------------------------------------------------------------
struct Separable {
  int64_t channels;
  int64_t stride;
};
constexpr Separable kSeparables[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                                     {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};

// At least 8, as in TensorFlow's research/slim/nets/mobilenet_v1.py.
int64_t TruncatedChannels(int64_t channels, double width) {
  return std::max<int64_t>(static_cast<int64_t>(static_cast<double>(channels) * width), 8);
}

void BuildMobileNetV1(LayerWriter& net, const MakeOptions& options) {
  const double width = WidthOf(options, "mobilenet-v1");
  Value x = ImageInput(net, options, {.network = "mobilenet-v1"});
  x = ConvNormRelu6(net, x, TruncatedChannels(32, width), Square(3, 2));
  int block = 0;
  for (const Separable& separable : kSeparables) {
    const LayerWriter::Scope scope(net, fmt::format("block{}", ++block));
    x = DepthwiseNormRelu6(net, x, Square(3, separable.stride));
    x = ConvNormRelu6(net, x, TruncatedChannels(separable.channels, width), Square(1));
  }
  Classify(net, x);
}

// --- MobileNet v2: Sandler et al. 2018, table 2 ----------------------------------------------------------------
struct Bottlenecks {
  int64_t expansion;
  int64_t channels;
  int repeats;
  int64_t stride;  // of the first
};
constexpr Bottlenecks kBottlenecks[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                        {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
constexpr int64_t kHead = 1280;

// To the nearest multiple of 8, but not below 90 %: make_divisible of research/slim/nets/mobilenet/conv_blocks.py.
int64_t RoundedChannels(int64_t channels, double width) {
  const double wanted = static_cast<double>(channels) * width;
  const int64_t rounded = std::max<int64_t>(8, static_cast<int64_t>(wanted + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * wanted ? rounded + 8 : rounded;
}

// An inverted residual block without its last batch norm and its shortcut.
Value Project(LayerWriter& net, const Value& x, const Bottlenecks& kind, int64_t channels, int64_t stride,
              MobileNetV2Body& body) {
  Value y = x;
  if (kind.expansion > 1) y = ConvNormRelu6(net, x, kind.expansion * x.shape[1], Square(1));
  if (stride > 1) body.expansions.push_back(y);
  return net.Conv(DepthwiseNormRelu6(net, y, Square(3, stride)), channels, Square(1));
}

void BuildMobileNetV2(LayerWriter& net, const MakeOptions& options) {
  const double width = WidthOf(options, "mobilenet-v2");
  const Value image = ImageInput(net, options, {.network = "mobilenet-v2"});
  const Value x = net.BatchNorm(MobileNetV2(net, image, width).projection);
  Classify(net, ConvNormRelu6(net, x, RoundedChannels(kHead, std::max(1.0, width)), Square(1)));
}

// --- EfficientNet-EdgeTPU -------------------------------------------------------------------------------------------
// Blocks of models/official/efficientnet/edgetpu of tensorflow/tpu (efficientnet_edgetpu_builder.py), in timm's form:
// the stride of a fused block is in its 3×3. (The original has it in the 1×1 behind.)
struct EdgeBlocks {
  int repeats;
  int64_t kernel;
  int64_t stride;     // of the first
  int64_t expansion;  // of `input` in the first, of `output` in the others
  int64_t input;
  int64_t output;
  bool fused;  // expansion and depthwise convolution are one
  bool skip;
};
constexpr EdgeBlocks kEdgeBlocks[] = {
    {1, 3, 1, 4, 24, 24, true, false}, {2, 3, 2, 8, 24, 32, true, true},   {4, 3, 2, 8, 32, 48, true, true},
    {5, 5, 2, 8, 48, 96, false, true}, {4, 5, 1, 8, 96, 144, false, true}, {2, 5, 2, 8, 144, 192, false, true},
};

Value EdgeBlock(LayerWriter& net, const Value& x, const EdgeBlocks& kind, bool first) {
  const Window window = Square(kind.kernel, first ? kind.stride : 1);
  const int64_t wide = kind.expansion * (first ? kind.input : kind.output);
  Value y = ConvNormRelu(net, x, wide, kind.fused ? window : Square(1));
  if (!kind.fused) y = net.Relu(net.BatchNorm(net.Depthwise(y, window)));
  y = ConvNorm(net, y, kind.output, Square(1));
  return kind.skip && !first ? net.Add(y, x) : y;
}

// `depth` multiplies the repeats, rounded up.
void BuildEdge(LayerWriter& net, const MakeOptions& options, const ImageSide& side, double depth) {
  Value x = ConvNormRelu(net, ImageInput(net, options, side), 32, Square(3, 2));
  int stage = 0;
  for (const EdgeBlocks& kind : kEdgeBlocks) {
    const LayerWriter::Scope scope(net, fmt::format("stage{}", ++stage));
    const int repeats = static_cast<int>(std::ceil(depth * kind.repeats));
    for (int block = 0; block < repeats; ++block) {
      const LayerWriter::Scope inner(net, fmt::format("block{}", block + 1));
      x = EdgeBlock(net, x, kind, block == 0);
    }
  }
  Classify(net, ConvNormRelu(net, x, kHead, Square(1)));
}

Architecture Edge(const std::string& letter, int64_t size, double depth) {
  const ImageSide side = {.network = "efficientnet-edgetpu-" + letter, .usual = size};
  return {
      .name = side.network,
      .summary = fmt::format("EfficientNet-EdgeTPU-{}, timm's form: stride in the 3x3, {} x {} (Gupta, Akin 2020)",
                             letter == "s" ? "S" : "M", size, size),
      .choices = {Choice::kSize},
      .default_size = size,
      .build = [side, depth](LayerWriter& net, const MakeOptions& options) { BuildEdge(net, options, side, depth); }};
}

}  // namespace

MobileNetV2Body MobileNetV2(LayerWriter& net, const Value& image, double width) {
  MobileNetV2Body body;
  Value x = ConvNormRelu6(net, image, RoundedChannels(32, width), Square(3, 2));
  int block = 0;
  for (const Bottlenecks& kind : kBottlenecks) {
    for (int repeat = 0; repeat < kind.repeats; ++repeat, ++block) {
      const LayerWriter::Scope scope(net, fmt::format("block{}", block));
      const int64_t channels = RoundedChannels(kind.channels, width);
      const int64_t stride = repeat == 0 ? kind.stride : 1;
      body.projection = Project(net, x, kind, channels, stride, body);
      if (&kind == std::end(kBottlenecks) - 1) break;
      const Value y = net.BatchNorm(body.projection);
      x = stride == 1 && x.shape[1] == channels ? net.Add(x, y) : y;
    }
  }
  return body;
}

Family MobileNetFamily() {
  return {{.name = "mobilenet-v1",
           .summary = "MobileNet v1, --width 0.25, 0.5, 0.75, 1, 224 x 224 (Howard et al. 2017)",
           .choices = {Choice::kSize, Choice::kWidth},
           .default_size = 224,
           .build = BuildMobileNetV1},
          {.name = "mobilenet-v2",
           .summary = "MobileNet v2, --width 0.35, 0.5, 0.75, 1, 1.3, 1.4, 224 x 224 (Sandler et al. 2018)",
           .choices = {Choice::kSize, Choice::kWidth},
           .default_size = 224,
           .build = BuildMobileNetV2},
          Edge("s", 224, 1.0),
          Edge("m", 240, 1.1)};
}

}  // namespace consort::zoo
