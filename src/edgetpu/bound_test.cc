#include "edgetpu/bound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edgetpu/test_bundles.h"

namespace consort {
namespace {

using test::GraphWriter;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// x[1,3,8,8] → conv0 → relu0 → … → conv3 → relu3 → y; the convolutions of 1×1 have 3 channels each.
Model FourLayers() {
  onnx::ModelProto proto = test::EmptyModel("four");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3", "8", "8"}).Output("y", {"1", "3", "8", "8"});
  std::string tensor = "x";
  for (int i = 0; i < 4; ++i) {
    const std::string number = std::to_string(i);
    graph.Weight("w" + number, {3, 3, 1, 1});
    graph.Node("Conv", {tensor, "w" + number}, {"c" + number}, "conv" + number);
    tensor = i == 3 ? "y" : "r" + number;
    graph.Node("Relu", {"c" + number}, {tensor}, "relu" + number);
  }
  return test::Parse(proto);
}

BoundedConversion Within(const Model& model, const HoldsBound& holds, const EdgeTpuConversionOptions& options = {}) {
  return ConvertWithin(model, test::SeededSamples(model.graph(), 4), test::SeededSamples(model.graph(), 2, 50),
                       test::OnOnnxRuntime(), options, holds);
}

bool InHead(const EdgeTpuConversion& parts, const std::string& op) { return parts.head.graph().FindOp(op) != kNone; }

TEST(ConvertWithin, ABoundThatHoldsChangesNothing) {
  const BoundedConversion within = Within(FourLayers(), [](const EdgeTpuConversion&) { return true; });
  ASSERT_TRUE(within.conversion);
  EXPECT_TRUE(within.conversion->preflight.whole());
  EXPECT_THAT(within.moved, IsEmpty());
  EXPECT_EQ(within.tries, 1);
}

// Only what comes before the third layer may be in integers: the least that has to go.
TEST(ConvertWithin, SendsAsLittleAsHoldsTheBound) {
  const BoundedConversion within =
      Within(FourLayers(), [](const EdgeTpuConversion& parts) { return !InHead(parts, "conv2"); });
  ASSERT_TRUE(within.conversion);
  EXPECT_TRUE(InHead(*within.conversion, "conv1"));
  EXPECT_THAT(test::Names(within.conversion->rest->graph(), within.conversion->rest->graph().inputs()),
              ElementsAre("r1"));
  EXPECT_THAT(within.moved, Contains("conv2"));
  EXPECT_EQ(within.conversion->preflight.blockers.at(0).name, "conv2");
  EXPECT_GT(within.tries, 1);
}

TEST(ConvertWithin, SaysThatNoCutHolds) {
  const BoundedConversion within = Within(FourLayers(), [](const EdgeTpuConversion&) { return false; });
  EXPECT_FALSE(within.conversion);
  EXPECT_GT(within.tries, 2);
}

TEST(ConvertWithin, DoesNotCutWhereItMustNot) {
  const BoundedConversion within =
      Within(FourLayers(), [](const EdgeTpuConversion& parts) { return !InHead(parts, "conv3"); }, {.cut = false});
  EXPECT_FALSE(within.conversion);
  EXPECT_EQ(within.tries, 1);
}

}  // namespace
}  // namespace consort
