#include "edgetpu/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/test_models.h"

namespace consort {
namespace {

using test::GraphWriter;
using test::Parse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> NamesOf(const Graph& graph, const std::vector<OpId>& ops) {
  std::vector<std::string> names;
  for (const OpId id : ops) names.push_back(graph.op(id).name);
  return names;
}

// x[1,3,8,8] → conv → relu → `type` → conv2 → y.
Model WithInTheMiddle(const std::string& type, const std::vector<std::string>& dims = {"1", "3", "8", "8"}) {
  onnx::ModelProto proto = test::EmptyModel("middle");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", dims).Output("y", {dims[0], "4", dims[2], dims[3]});
  graph.Weight("w", {4, 3, 1, 1}).Weight("w2", {4, 4, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  graph.Node("Relu", {"c"}, {"r"}, "relu");
  graph.Node(type, {"r"}, {"m"}, "middle");
  graph.Node("Conv", {"m", "w2"}, {"y"}, "conv2");
  return Parse(proto);
}

TEST(Preflight, TakesAModelThatFitsAsAWhole) {
  const Model model = Parse(test::ConvReluModel());
  const Preflight preflight = CheckForEdgeTpu(model.graph());
  EXPECT_TRUE(preflight.whole());
  EXPECT_THAT(preflight.blockers, IsEmpty());
  EXPECT_THAT(NamesOf(model.graph(), preflight.head), ElementsAre("conv", "relu"));
  EXPECT_EQ(preflight.macs_share(), 1);
  EXPECT_EQ(preflight.macs, 4 * 8 * 8 * 27);
}

TEST(Preflight, CutsBeforeAnOperatorThatIsNotOnTheList) {
  const Model model = WithInTheMiddle("Erf");
  const Preflight preflight = CheckForEdgeTpu(model.graph());
  EXPECT_THAT(NamesOf(model.graph(), preflight.head), ElementsAre("conv", "relu"));
  EXPECT_THAT(NamesOf(model.graph(), preflight.rest), ElementsAre("middle", "conv2"));
  ASSERT_EQ(preflight.blockers.size(), 1U);
  EXPECT_EQ(Describe(preflight.blockers[0]),
            "'middle' (Erf): Erf is not on the Edge TPU's list of operators");
  EXPECT_EQ(WayOut(preflight.blockers[0]),
            "train with Relu, Relu6 or Sigmoid in its place, or leave it to another device, as here");
  EXPECT_EQ(preflight.macs, 64 * (4 * 3 + 4 * 4));
  EXPECT_EQ(preflight.head_macs, 64 * 4 * 3);
  EXPECT_NEAR(preflight.macs_share(), 12.0 / 28, 1e-9);
}

TEST(Preflight, NamesOpenShapesAndTheOptionThatFixesThem) {
  const Preflight preflight = CheckForEdgeTpu(WithInTheMiddle("Relu", {"batch", "3", "height", "?"}).graph());
  EXPECT_THAT(preflight.head, IsEmpty());
  ASSERT_EQ(preflight.blockers.size(), 4U);  // every op for itself
  EXPECT_EQ(preflight.blockers[0].name, "conv");
  EXPECT_EQ(preflight.blockers[0].why, "dynamic shape of 'x'");
  EXPECT_EQ(preflight.blockers[0].fix, "--shape x:1x3xheightxSIZE fixes the sizes");
}

TEST(Preflight, NamesBatchesAndTheOptionThatDividesThem) {
  const Preflight preflight = CheckForEdgeTpu(WithInTheMiddle("Relu", {"4", "3", "8", "8"}).graph());
  ASSERT_FALSE(preflight.blockers.empty());
  EXPECT_EQ(preflight.blockers[0].why, "'x' is 4x3x8x8: only the 3 innermost axes may be larger than 1");
  EXPECT_EQ(preflight.blockers[0].fix, "--shape x:1x3x8x8 takes one sample at a time");
}

TEST(Preflight, NamesTypes) {
  onnx::ModelProto proto = test::EmptyModel("ids");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("ids", {"1", "4"}, onnx::TensorProto::INT64).Output("y", {"1", "4"});
  test::AddInt(graph.Node("Cast", {"ids"}, {"c"}, "cast"), "to", onnx::TensorProto::FLOAT);
  graph.Node("Relu", {"c"}, {"y"}, "relu");
  const Model model = Parse(proto);
  const Preflight preflight = CheckForEdgeTpu(model.graph());
  EXPECT_THAT(preflight.head, IsEmpty());
  ASSERT_EQ(preflight.blockers.size(), 1U);
  EXPECT_EQ(preflight.blockers[0].why, "dtype int64 of 'ids'");
  EXPECT_THAT(preflight.blockers[0].fix, HasSubstr("float32"));
}

TEST(Preflight, NamesSizesThatTheOperatorDoesNotTake) {
  onnx::ModelProto proto = test::EmptyModel("wide");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "20000"}).Output("y", {"1", "20000"});
  graph.Node("Relu", {"x"}, {"r"}, "relu");
  graph.Node("Softmax", {"r"}, {"y"}, "softmax");
  const Model model = Parse(proto);
  const Preflight preflight = CheckForEdgeTpu(model.graph());
  EXPECT_THAT(NamesOf(model.graph(), preflight.head), ElementsAre("relu"));
  EXPECT_EQ(preflight.blockers.at(0).why, "Softmax over 20,000 elements: at most 16,000");
  EXPECT_EQ(preflight.macs_share(), 1);  // there are none
}

// What does not depend on the blocker stays on the Edge TPU wherever it stands in the order of the ops.
TEST(Preflight, LeavesBranchesBesideTheBlockerInTheHead) {
  onnx::ModelProto proto = test::EmptyModel("branches");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "8"}).Output("y", {"1", "8"});
  graph.Node("Relu", {"x"}, {"a"}, "a");
  graph.Node("Erf", {"a"}, {"b"}, "b");
  graph.Node("Tanh", {"a"}, {"c"}, "c");
  graph.Node("Sigmoid", {"c"}, {"d"}, "d");
  graph.Node("Add", {"b", "d"}, {"y"}, "sum");
  const Model model = Parse(proto);
  const Preflight preflight = CheckForEdgeTpu(model.graph());
  EXPECT_THAT(NamesOf(model.graph(), preflight.head), ElementsAre("a", "c", "d"));
  EXPECT_THAT(NamesOf(model.graph(), preflight.rest), ElementsAre("b", "sum"));
}

TEST(Preflight, IgnoresWhatFoldsToConstants) {
  onnx::ModelProto proto = test::EmptyModel("constants");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "8"}).Output("y", {"1", "8"});
  graph.Weight("w", {1, 8});
  graph.Node("Erf", {"w"}, {"k"}, "folded");
  graph.Node("Add", {"x", "k"}, {"y"}, "sum");
  const Preflight preflight = CheckForEdgeTpu(Parse(proto).graph());
  EXPECT_TRUE(preflight.whole());
  EXPECT_EQ(preflight.ops(), 1U);
}

TEST(Preflight, HeedsWhatTheConversionRefuses) {
  const Model model = WithInTheMiddle("Sigmoid");
  const Graph& graph = model.graph();
  EXPECT_TRUE(CheckForEdgeTpu(graph).whole());
  const Preflight refused = CheckForEdgeTpu(graph, {{graph.FindOp("middle"), "no integer form"}});
  EXPECT_THAT(NamesOf(graph, refused.head), ElementsAre("conv", "relu"));
  ASSERT_EQ(refused.blockers.size(), 1U);
  EXPECT_EQ(refused.blockers[0].why, "no integer form");
  // Without a reason it is left to the rest and blocks nothing.
  EXPECT_THAT(CheckForEdgeTpu(graph, {{graph.FindOp("conv2"), ""}}).blockers, IsEmpty());
}

}  // namespace
}  // namespace consort
