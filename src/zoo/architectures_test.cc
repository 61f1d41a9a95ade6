// The published structure, in numbers: parameters and multiply-accumulates of every network, exact and as its source
// rounds them.
#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "consort/model.h"
#include "zoo/test_networks.h"
#include "zoo/zoo.h"

namespace consort::zoo {
namespace {

int64_t ElementsOfOutputs(const Graph& graph, const std::string& type) {
  int64_t elements = 0;
  for (const Op& op : graph.ops()) {
    if (op.type == type) elements += ElementCount(graph.tensor(op.outputs.at(0)).spec.shape);
  }
  return elements;
}

int64_t NormalizedChannels(const Graph& graph) {
  int64_t channels = 0;
  for (const Op& op : graph.ops()) {
    if (op.type == "BatchNormalization") channels += graph.tensor(op.outputs.at(0)).spec.shape.at(1);
  }
  return channels;
}

// What a source counts.
enum class Counted : uint8_t {
  kMacs,
  kMacsAndNorms,           // fvcore, which timm counts with: batch norm adds 2 for every element
  kTrainable,              // PyTorch's parameters: without running means and variances
  kAll,                    // "total params" of Keras: with them
  kTrainableWithoutNorms,  // research/slim of tensorflow/models, for MobileNet v2
};

// A figure in print: `figure` units, rounded or cut to the last digit.
struct Published {
  Counted what;
  int64_t figure;
  double unit = 1;
  bool cut = false;
};

struct Row {
  std::string name;
  MakeOptions options;
  int64_t macs;
  std::vector<Published> published;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

Published Trainable(int64_t exact) { return {Counted::kTrainable, exact}; }
Published All(int64_t exact) { return {Counted::kAll, exact}; }
// "_ops" of the weights in torchvision.models: 10⁹ with three decimals.
Published Torchvision(int64_t mega) { return {Counted::kMacs, mega, 1e6}; }
// results/benchmark-infer-amp-nchw-pt240-cu124-rtx4090.csv of timm: 10⁹ with two decimals.
Published Timm(int64_t ten_mega) { return {Counted::kMacsAndNorms, ten_mega, 1e7}; }
// Howard et al. 2017, tables 6 and 7, and research/slim/nets/mobilenet_v1.md: 10⁶. (The latter has 317 and 233 at width
// 0.75 and sizes 224 and 192; the layers of the paper give the paper's 325, and 239.)
Published MobileNets(int64_t mega) { return {Counted::kMacs, mega, 1e6}; }
// research/slim/nets/mobilenet/README.md: 10⁶, MACs cut, parameters with two decimals.
Published SlimMacs(int64_t mega) { return {Counted::kMacs, mega, 1e6, true}; }
Published SlimParameters(int64_t ten_kilo) { return {Counted::kTrainableWithoutNorms, ten_kilo, 1e4}; }

MakeOptions Sized(int64_t size, double width) { return {.size = size, .width = width}; }

// Layers of width w: 12·w² for each token, and as many products of queries and keys, and of weights and values, as
// tokens are seen; the pooler's w² at the end.
constexpr int64_t EncoderMacs(int64_t layers, int64_t width, int64_t tokens) {
  return layers * tokens * (12 * width * width + 2 * tokens * width) + width * width;
}
constexpr int64_t DecoderMacs(int64_t layers, int64_t width, int64_t seen, int64_t words) {
  return layers * (12 * width * width + 2 * seen * width) + words * width;
}
// 12 matrices' worth of weights and 13·w biases and scales a layer, the last norm, two tables.
constexpr int64_t DecoderParameters(int64_t layers, int64_t width, int64_t words, int64_t positions) {
  return layers * (12 * width * width + 13 * width) + 2 * width + (words + positions) * width;
}

// torchvision.models: num_params and _ops.
std::vector<Row> TorchvisionRows() {
  return {
      {"resnet-50", {}, 4089184256, {Trainable(25557032), Torchvision(4089), Timm(411)}},
      {"resnet-101", {}, 7801405440, {Trainable(44549160), Torchvision(7801), Timm(783)}},
      {"resnet-152", {}, 11513626624, {Trainable(60192808), Torchvision(11514), Timm(1156)}},
      {"inception-v1", {}, 1498376192, {Trainable(6624904), Torchvision(1498)}},
      // num_params is 27161264 with the auxiliary classifier's 3326696.
      {"inception-v3", {}, 5713216096, {Trainable(27161264 - 3326696), Torchvision(5713), Timm(573)}},
      {"densenet-121", {}, 2834161664, {Trainable(7978856), Torchvision(2834), Timm(287)}},
  };
}

// keras.applications' Model.summary() and timm's num_parameters.
std::vector<Row> OtherImageRows() {
  return {
      {"resnet-50-v2", {}, 3482255360, {All(25613800)}},
      {"resnet-152-v2", {}, 10906697728, {All(60380648)}},
      // timm's form: the stride of fused blocks is in their 3×3.
      {"efficientnet-edgetpu-s", {}, 1788731008, {Trainable(5438392), Timm(181)}},
      {"efficientnet-edgetpu-m", {}, 3013321088, {Trainable(6899496), Timm(304)}},
      {"inception-v4", {}, 12253974624, {Trainable(42679816), Timm(1228)}},
      // The summary that TensorFlow's segmentation tutorial prints.
      {"unet-mobilenet-v2", {}, 585512960, {All(6504227)}},
  };
}

// keras.applications.mobilenet, torchvision.models.mobilenetv2, and the papers.
std::vector<Row> MobileNetRows() {
  return {
      {"mobilenet-v1", {}, 568740352, {Trainable(4231976), MobileNets(569)}},
      {"mobilenet-v1", Sized(192, 1), 418121728, {Trainable(4231976), MobileNets(418)}},
      {"mobilenet-v1", Sized(224, 0.75), 325400448, {Trainable(2585560), MobileNets(325)}},
      {"mobilenet-v1", Sized(224, 0.5), 149497088, {Trainable(1331592), MobileNets(149)}},
      {"mobilenet-v1", Sized(160, 0.5), 76524800, {Trainable(1331592), MobileNets(77)}},
      {"mobilenet-v1", Sized(128, 0.25), 13570048, {Trainable(470072), MobileNets(14)}},
      {"mobilenet-v2",
       {},
       300774272,
       {Trainable(3504872), Torchvision(301), Timm(31), SlimMacs(300), SlimParameters(347)}},
      {"mobilenet-v2", Sized(224, 1.4), 582195824, {SlimMacs(582), SlimParameters(606)}},
      {"mobilenet-v2", Sized(224, 1.3), 509374560, {SlimMacs(509), SlimParameters(534)}},
      {"mobilenet-v2", Sized(192, 0.75), 153941888, {SlimMacs(153), SlimParameters(261)}},
      {"mobilenet-v2", Sized(160, 0.5), 50184000, {SlimMacs(50), SlimParameters(195)}},
      {"mobilenet-v2", Sized(96, 0.35), 11934128, {SlimMacs(11), SlimParameters(166)}},
  };
}

// Of Hugging Face's BertModel: num_parameters(). GPT-2's: 124 million in print, the table of the words counted once.
std::vector<Row> TransformerRows() {
  return {
      {"bert-tiny", {}, EncoderMacs(2, 128, 128), {Trainable(4385920)}},
      {"bert-mini", {}, EncoderMacs(4, 256, 128), {Trainable(11170560)}},
      {"bert-base", {}, EncoderMacs(12, 768, 128), {Trainable(109482240)}},
      {"bert-base", {.sequence = 384}, EncoderMacs(12, 768, 384), {Trainable(109482240)}},
      {"gpt-tiny", {}, DecoderMacs(4, 256, 129, 8192), {Trainable(DecoderParameters(4, 256, 8192, 1024))}},
      {"gpt2-small", {}, DecoderMacs(12, 768, 129, 50257), {Trainable(124439808)}},
      {"gpt2-small", {.sequence = 1023}, DecoderMacs(12, 768, 1024, 50257), {Trainable(124439808)}},
  };
}

int64_t Count(Counted what, const Graph& graph, int64_t constants) {
  const GraphTotals& totals = graph.totals();
  const int64_t channels = NormalizedChannels(graph);
  switch (what) {
    case Counted::kMacs:
      return totals.macs;
    case Counted::kMacsAndNorms:
      return totals.macs + 2 * ElementsOfOutputs(graph, "BatchNormalization");
    case Counted::kTrainable:
      return totals.parameters - constants - 2 * channels;
    case Counted::kAll:
      return totals.parameters - constants;
    case Counted::kTrainableWithoutNorms:
      return totals.parameters - constants - 4 * channels;
  }
  return 0;
}

class Structure : public testing::TestWithParam<Row> {};

TEST_P(Structure, IsThePublishedOne) {
  const Row& row = GetParam();
  const onnx::ModelProto proto = Build(row.name, row.options);
  const Model model = Parse(proto);
  ASSERT_TRUE(model.graph().totals().known);
  EXPECT_EQ(model.graph().totals().macs, row.macs);
  EXPECT_EQ(CostsOf(row.name, row.options).trainable, Count(Counted::kTrainable, model.graph(), ConstantsOf(proto)));
  for (const Published& published : row.published) {
    const double units = static_cast<double>(Count(published.what, model.graph(), ConstantsOf(proto))) / published.unit;
    EXPECT_EQ(static_cast<int64_t>(published.cut ? std::floor(units) : std::round(units)), published.figure);
  }
}

std::string TestName(const testing::TestParamInfo<Row>& info) {
  std::string name = info.param.name;
  const MakeOptions& options = info.param.options;
  if (options.width) name += "_" + std::to_string(std::lround(100 * *options.width));
  for (const auto& number : {options.size, options.sequence}) {
    if (number) name += "_" + std::to_string(*number);
  }
  return NameOf(name);
}

INSTANTIATE_TEST_SUITE_P(Torchvision, Structure, testing::ValuesIn(TorchvisionRows()), TestName);
INSTANTIATE_TEST_SUITE_P(Images, Structure, testing::ValuesIn(OtherImageRows()), TestName);
INSTANTIATE_TEST_SUITE_P(MobileNets, Structure, testing::ValuesIn(MobileNetRows()), TestName);
INSTANTIATE_TEST_SUITE_P(Transformers, Structure, testing::ValuesIn(TransformerRows()), TestName);

}  // namespace
}  // namespace consort::zoo
