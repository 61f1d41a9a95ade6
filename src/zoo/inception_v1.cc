// Inception v1 (GoogLeNet): Szegedy et al., "Going Deeper with Convolutions", 2015, table 1, without the auxiliary
// classifiers, with batch norm and with 3×3 in place of 5×5 convolutions, as TensorFlow's research/slim and torchvision
// have it.
#include <fmt/format.h>

#include "zoo/image_networks.h"
#include "zoo/inception.h"

namespace consort::zoo {
namespace {

// Channels of a module: 1×1; 1×1 and 3×3; 1×1 and "5×5"; behind the pooling.
struct Row {
  const char* name;
  int64_t one, reduce3, three, reduce5, five, pool;
};
constexpr Row kRows3[] = {{"3a", 64, 96, 128, 16, 32, 32}, {"3b", 128, 128, 192, 32, 96, 64}};
constexpr Row kRows4[] = {{"4a", 192, 96, 208, 16, 48, 64},
                          {"4b", 160, 112, 224, 24, 64, 64},
                          {"4c", 128, 128, 256, 24, 64, 64},
                          {"4d", 112, 144, 288, 32, 64, 64},
                          {"4e", 256, 160, 320, 32, 128, 128}};
constexpr Row kRows5[] = {{"5a", 256, 160, 320, 32, 128, 128}, {"5b", 384, 192, 384, 48, 128, 128}};

Module ModuleOf(const Row& row) {
  return {{.steps = {Pointwise(row.one)}},
          {.steps = {Pointwise(row.reduce3), Same(row.three, 3)}},
          {.steps = {Pointwise(row.reduce5), Same(row.five, 3)}},
          {.pooling = Pooling::kMax, .steps = {Pointwise(row.pool)}}};
}

template <size_t count>
Value Stage(LayerWriter& net, Value x, const Row (&rows)[count]) {
  for (const Row& row : rows) x = Apply(net, row.name, x, ModuleOf(row));
  return x;
}

void Build(LayerWriter& net, const MakeOptions& options) {
  Value x = ImageInput(net, options, {.network = "inception-v1"});
  x = net.MaxPool(ConvNormRelu(net, x, 64, Square(7, 2)), Square(3, 2));
  x = net.MaxPool(Apply(net, x, {Pointwise(64), Same(192, 3)}), Square(3, 2));
  x = net.MaxPool(Stage(net, x, kRows3), Square(3, 2));
  x = net.MaxPool(Stage(net, x, kRows4), Square(2, 2));
  Classify(net, Stage(net, x, kRows5));
}

Value Pooled(LayerWriter& net, const Value& x, Pooling pooling) {
  switch (pooling) {
    case Pooling::kNone:
      return x;
    case Pooling::kAverage:
      return net.AveragePool(x, Square(3));
    case Pooling::kMax:
      return net.MaxPool(x, Square(3));
    case Pooling::kHalving:
      break;
  }
  return net.MaxPool(x, Square(3, 2, Padding::kValid));
}

}  // namespace

Value Apply(LayerWriter& net, Value x, const std::vector<Step>& steps) {
  for (const Step& step : steps) x = ConvNormRelu(net, x, step.channels, step.window);
  return x;
}

Value Apply(LayerWriter& net, const std::string& name, const Value& x, const Module& module) {
  const LayerWriter::Scope scope(net, name);
  std::vector<Value> parts;
  for (size_t i = 0; i < module.size(); ++i) {
    const LayerWriter::Scope inner(net, fmt::format("branch{}", i + 1));
    const Value y = Apply(net, Pooled(net, x, module[i].pooling), module[i].steps);
    for (const Step& end : module[i].ends) parts.push_back(Apply(net, y, {end}));
    if (module[i].ends.empty()) parts.push_back(y);
  }
  return net.Concat(parts);
}

Architecture InceptionV1() {
  return {.name = "inception-v1",
          .summary = "Inception v1 (GoogLeNet) with batch norm, no auxiliary heads, 224 x 224 (Szegedy et al. 2015)",
          .choices = {Choice::kSize},
          .default_size = 224,
          .build = Build};
}

Family InceptionFamily() { return {InceptionV1(), InceptionV3(), InceptionV4()}; }

}  // namespace consort::zoo
