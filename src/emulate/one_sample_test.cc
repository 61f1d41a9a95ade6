#include "emulate/one_sample.h"

#include <gtest/gtest.h>

#include "model/test_models.h"

namespace consort {
namespace {

TEST(OneSample, SamplesAreWhatInputsAndOutputsHaveInCommon) {
  EXPECT_EQ(SamplesOf(test::Parse(test::MatMulModel(5, 8, 3)).graph()), 5);
  EXPECT_EQ(SamplesOf(test::Parse(test::ConvReluModel()).graph()), 1);
  EXPECT_EQ(SamplesOf(test::Parse(test::DynamicBatchModel()).graph()), 1) << "not known yet";
  EXPECT_EQ(SamplesOf(test::Parse(test::IdentityModel({7})).graph()), 1) << "the only axis is none of samples";
}

TEST(OneSample, TheSameOpsDoLess) {
  const Model all = test::Parse(test::MatMulModel(5, 8, 3));
  const std::optional<Model> one = WithOneSample(all);
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(one->graph().tensor(one->graph().outputs()[0]).spec.shape, (Shape{1, 3}));
  ASSERT_EQ(one->graph().ops().size(), all.graph().ops().size());
  EXPECT_EQ(5 * one->graph().ops()[0].cost.macs, all.graph().ops()[0].cost.macs);
}

// x[4,6] → Reshape to 4x2x3 → y.
TEST(OneSample, ThereIsNoneWhereAReshapeHoldsTheSamples) {
  onnx::ModelProto proto = test::EmptyModel("reshape");
  test::GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"4", "6"}).Output("y", {"4", "2", "3"}).Int64("to", {4, 2, 3});
  graph.Node("Reshape", {"x", "to"}, {"y"});
  EXPECT_FALSE(WithOneSample(test::Parse(proto)).has_value());
}

}  // namespace
}  // namespace consort
