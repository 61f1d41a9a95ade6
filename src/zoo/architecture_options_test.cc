// What can be chosen of the published networks, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>

#include "consort/error.h"
#include "consort/model.h"
#include "zoo/test_networks.h"
#include "zoo/zoo.h"

namespace consort::zoo {
namespace {

// Every tensor of a network whose batch is symbolic has the shape it has with a batch of 3, but for axis 0 where that
// is the batch.
class SymbolicBatch : public testing::TestWithParam<std::string> {};

TEST_P(SymbolicBatch, LeavesNoOtherAxisOpen) {
  const Graph symbolic = Parse(Build(GetParam(), {.batch = kDynamic})).graph();
  const Graph bound = Parse(Build(GetParam(), {.batch = 3})).graph();
  for (const Tensor& tensor : symbolic.tensors()) {
    Shape shape = bound.tensor(bound.FindTensor(tensor.name)).spec.shape;
    if (!tensor.spec.shape.empty() && tensor.spec.shape[0] == kDynamic) {
      ASSERT_EQ(shape.at(0), 3) << tensor.name;
      EXPECT_EQ(tensor.dim_names.at(0), "batch") << tensor.name;
      shape[0] = kDynamic;
    }
    EXPECT_EQ(tensor.spec.shape, shape) << tensor.name;
  }
  for (const TensorId output : symbolic.outputs()) EXPECT_EQ(symbolic.tensor(output).spec.shape.at(0), kDynamic);
}

INSTANTIATE_TEST_SUITE_P(Zoo, SymbolicBatch,
                         testing::Values("resnet-50", "resnet-50-v2", "mobilenet-v1", "mobilenet-v2",
                                         "efficientnet-edgetpu-s", "inception-v1", "inception-v3", "inception-v4",
                                         "densenet-121", "unet-mobilenet-v2", "bert-tiny", "gpt-tiny"),
                         [](const auto& info) { return NameOf(info.param); });

// The message of the refusal; "" when there is none.
std::string Refusal(const std::string& name, const MakeOptions& options) {
  try {
    Build(name, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(Sizes, BelowTheLeastAreRefused) {
  const std::pair<const char*, int64_t> leasts[] = {{"resnet-101", 32},
                                                    {"resnet-152-v2", 32},
                                                    {"mobilenet-v1", 32},
                                                    {"mobilenet-v2", 32},
                                                    {"efficientnet-edgetpu-m", 32},
                                                    {"inception-v1", 32},
                                                    {"inception-v3", 75},
                                                    {"inception-v4", 75},
                                                    {"densenet-121", 32},
                                                    {"unet-mobilenet-v2", 32},
                                                    {"lenet", 16},
                                                    {"vgg-16", 32},
                                                    {"vgg-19", 32},
                                                    {"squeezenet-1.0", 21},
                                                    {"seed-cnn", 20},
                                                    {"seed-cnn-large", 46}};
  for (const auto& [name, least] : leasts) {
    EXPECT_THAT(Refusal(name, {.size = least - 1}),
                testing::AllOf(testing::HasSubstr(name), testing::HasSubstr("--size " + std::to_string(least))));
    EXPECT_EQ(Refusal(name, {.size = least}), "") << name;
    EXPECT_TRUE(Parse(Build(name, {.size = least})).graph().totals().known) << name;
  }
}

TEST(Sizes, EndBeforeTheyOverflow) {
  EXPECT_THAT(Refusal("vgg-16", {.size = 65537}), testing::HasSubstr("32 to 65536"));
}

// Caffe's poolings: 109 → 54 → 27 → 13 at 224; 54 → 27 → 13 → 6 at 113.
TEST(SqueezeNet, PoolsHalveRoundingUp) {
  for (const auto& [size, sides] :
       {std::pair<int64_t, Shape>{224, {54, 27, 13}}, {113, {27, 13, 6}}, {21, {4, 2, 1}}}) {
    const Graph graph = Parse(Build("squeezenet-1.0", {.size = size})).graph();
    Shape pooled;
    for (const Op& op : graph.ops()) {
      if (op.type == "MaxPool") pooled.push_back(graph.tensor(op.outputs.at(0)).spec.shape.at(2));
    }
    EXPECT_EQ(pooled, sides) << size;
  }
}

TEST(Sizes, OfTheUNetAreMultiplesOf32) {
  EXPECT_THAT(Refusal("unet-mobilenet-v2", {.size = 100}), testing::HasSubstr("96 and 128"));
  const Graph graph = Parse(Build("unet-mobilenet-v2", {.size = 160})).graph();
  EXPECT_EQ(graph.tensor(graph.outputs().at(0)).spec.shape, (Shape{1, 3, 160, 160}));
}

TEST(Widths, FromATenthToTwoAreTaken) {
  for (const char* name : {"mobilenet-v1", "mobilenet-v2"}) {
    for (const double width : {0.0, -1.0, 0.09, 2.1, std::nan("")}) {
      EXPECT_THAT(Refusal(name, {.width = width}), testing::HasSubstr("from 0.1 to 2")) << width;
    }
    for (const double width : {0.1, 0.35, 2.0}) EXPECT_EQ(Refusal(name, {.width = width}), "") << width;
  }
}

TEST(Sequences, EndWithThePositions) {
  EXPECT_THAT(Refusal("bert-tiny", {.sequence = 513}), testing::HasSubstr("1 to 512 tokens"));
  EXPECT_THAT(Refusal("gpt-tiny", {.sequence = 1024}), testing::HasSubstr("1 to 1023 past tokens"));
  EXPECT_THAT(Refusal("gpt2-small", {.sequence = 0}), testing::HasSubstr("1 to 1023 past tokens"));
  EXPECT_EQ(Refusal("bert-tiny", {.sequence = 512}), "");
}

TEST(Decoder, AddsOneTokenToItsCache) {
  const Graph graph = Parse(Build("gpt-tiny", {.sequence = 7, .batch = 2})).graph();
  for (int layer = 0; layer < 4; ++layer) {
    for (const std::string what : {"key_", "value_"}) {
      const std::string which = what + std::to_string(layer);
      EXPECT_EQ(graph.tensor(graph.FindTensor("past_" + which)).spec.shape, (Shape{2, 4, 7, 64}));
      EXPECT_EQ(graph.tensor(graph.FindTensor("present_" + which)).spec.shape, (Shape{2, 4, 8, 64}));
    }
  }
  EXPECT_EQ(graph.inputs().size(), 2U + 2 * 4);
  EXPECT_EQ(graph.tensor(graph.outputs().back()).spec.shape, (Shape{2, 1, 8192}));
}

}  // namespace
}  // namespace consort::zoo
