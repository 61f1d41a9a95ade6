// The networks of "Optimizing Inference on Heterogeneous Platforms" and of its program,
// github.com/vayuda/EdgeTPUParallelism (src/architectures.py, commit 9c552624). Convolutions are valid unless said
// otherwise, and have biases, as Keras's defaults are.
#include <fmt/format.h>

#include <cmath>

#include "consort/error.h"
#include "zoo/image_networks.h"
#include "zoo/zoo.h"

namespace consort::zoo {
namespace {

constexpr int64_t kSide = 256;
constexpr double kScale = 5.0;
constexpr LayerWriter::ConvOptions kBias = {.bias = true};

// y = W x: one row of Table 1.
void BuildMatVec(LayerWriter& net, const MakeOptions& options) {
  const int64_t side = options.side.value_or(kSide);
  const Value x = net.Input("x", {options.batch, side});
  net.Output("y", net.Dense(x, side, false));
}

double CheckedScale(const MakeOptions& options) {
  const double scale = options.scale.value_or(kScale);
  const bool half_steps = std::floor(2 * scale) == 2 * scale;
  if (scale >= 1 && scale <= 7 && half_steps) return scale;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("--scale {} is not one of 1.0, 1.5, … 7.0", scale));
}

// base_dnn: every width is a power of two of a multiple of the scale, rounded down.
void BuildDense(LayerWriter& net, const MakeOptions& options) {
  const double scale = CheckedScale(options);
  const auto units = [&](double factor) { return static_cast<int64_t>(std::exp2(factor * scale)); };
  Value x = net.Flatten(net.Input("image", {options.batch, 1, units(1), units(1)}));
  for (const double factor : {1.5, 1.3, 1.1, 1.0}) x = net.Relu(net.Dense(x, units(factor)));
  net.Output("probabilities", net.Softmax(net.Dense(x, static_cast<int64_t>(2 * scale))));
}

Value ConvRelu(LayerWriter& net, const Value& x, int64_t channels, const Window& window) {
  return net.Relu(net.Conv(x, channels, window, kBias));
}

Value ShrinkByTwo(LayerWriter& net, const Value& x) { return net.MaxPool(x, Square(3, 2, Padding::kValid)); }

void BuildAlexNet(LayerWriter& net, const MakeOptions& options) {
  const Value image = net.Input("image", {options.batch, 3, 227, 227});
  Value x = ShrinkByTwo(net, ConvRelu(net, image, 64, Square(11, 4, Padding::kValid)));
  x = ShrinkByTwo(net, ConvRelu(net, x, 192, Square(5)));
  x = ConvRelu(net, x, 384, Square(3));
  x = ConvRelu(net, x, 384, Square(3));
  x = net.Flatten(ShrinkByTwo(net, ConvRelu(net, x, 256, Square(3))));
  for (int i = 0; i < 2; ++i) x = net.Relu(net.Dense(x, 4096));
  net.Output("probabilities", net.Softmax(net.Dense(x, 1000)));
}

// Convolution, depthwise convolution, convolution: the unit of which the sharding experiments' blocks are made.
Value ThreeConvs(LayerWriter& net, const Value& image, int64_t first, int64_t last) {
  const Window window = Square(3, 1, Padding::kValid);
  Value x = ConvRelu(net, image, first, window);
  x = net.Relu(net.Depthwise(x, window, true));
  return ConvRelu(net, x, last, window);
}

Value Halve(LayerWriter& net, const Value& x) { return net.MaxPool(x, Square(2, 2, Padding::kValid)); }

// base_conv without its head: two blocks that end in a pooling are named by the caller's scopes.
Value Block(LayerWriter& net, const std::string& name, const Value& x, int64_t first, int64_t last) {
  const LayerWriter::Scope scope(net, name);
  return Halve(net, ThreeConvs(net, x, first, last));
}

Value PooledBlock(LayerWriter& net, const std::string& name, const Value& x, int64_t first, int64_t last) {
  const LayerWriter::Scope scope(net, name);
  return net.Flatten(net.GlobalAveragePool(ThreeConvs(net, x, first, last)));
}

void AddClassifier(LayerWriter& net, const Value& features) {
  const LayerWriter::Scope scope(net, "block4");
  const Value x = net.Relu(net.Dense(features, 128));
  net.Output("probabilities", net.Softmax(net.Dense(x, 10)));
}

void BuildCnn(LayerWriter& net, const MakeOptions& options) {
  const Value image = ImageInput(net, options, {.network = "seed-cnn", .usual = 128, .least = 20});
  Value x = Block(net, "block1", image, 32, 64);
  x = PooledBlock(net, "block2", x, 64, 128);
  {
    const LayerWriter::Scope scope(net, "block3");
    x = net.Relu(net.Dense(x, 512));
  }
  AddClassifier(net, x);
}

void BuildCnnLarge(LayerWriter& net, const MakeOptions& options) {
  Value x = Block(net, "block1", ImageInput(net, options, {.network = "seed-cnn-large", .least = 46}), 32, 64);
  x = Block(net, "block2", x, 64, 128);
  AddClassifier(net, PooledBlock(net, "block3", x, 128, 256));
}

}  // namespace

Family SeedFamily() {
  return {
      {"matvec",
       "one matrix times one vector, 256 x 256: Table 1 of \"Optimizing Inference on Heterogeneous Platforms\" (OIHP)",
       {Choice::kSide},
       kSide,
       BuildMatVec},
      {"seed-dense",
       "five dense layers that grow as 2^scale, scale 5: OIHP's base_dnn",
       {Choice::kScale},
       0,
       BuildDense},
      {"seed-alexnet", "AlexNet with one column, 227 x 227: OIHP's data-parallel network", {}, 227, BuildAlexNet},
      {"seed-cnn",
       "convolutions in two blocks and two dense ones, 128 x 128: OIHP's conv2",
       {Choice::kSize},
       128,
       BuildCnn},
      {"seed-cnn-large",
       "convolutions in three blocks and a dense one, 224 x 224: OIHP's base_conv",
       {Choice::kSize},
       224,
       BuildCnnLarge},
  };
}

}  // namespace consort::zoo
