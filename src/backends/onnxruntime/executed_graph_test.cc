#include "backends/onnxruntime/executed_graph.h"

#include <gmock/gmock.h>

#include "consort/model.h"
#include "model/test_models.h"

namespace consort {
namespace {

using test::EmptyModel;
using test::GraphWriter;
using test::Parse;
using Kind = OpCoverage::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// x → Conv "conv" → c → Relu "relu" → r → Identity "same" → i → Sigmoid "sig" → y
Model ChainOfFour() {
  onnx::ModelProto proto = EmptyModel("chain");
  GraphWriter writer(proto.mutable_graph());
  writer.Input("x", {"1", "3", "8", "8"}).Weight("w", {4, 3, 1, 1}).Output("y", {"1", "4", "8", "8"});
  writer.Node("Conv", {"x", "w"}, {"c"}, "conv");
  writer.Node("Relu", {"c"}, {"r"}, "relu");
  writer.Node("Identity", {"r"}, {"i"}, "same");
  writer.Node("Sigmoid", {"i"}, {"y"}, "sig");
  return Parse(proto);
}

TEST(CoverOps, UnchangedGraphIsCoveredOpByOp) {
  const Model model = ChainOfFour();
  const GraphCoverage cover = CoverOps(model.graph(), {.nodes = {{"conv", "Conv", "", {"x", "w"}, {"c"}},
                                                                 {"relu", "Relu", "", {"c"}, {"r"}},
                                                                 {"same", "Identity", "", {"r"}, {"i"}},
                                                                 {"sig", "Sigmoid", "", {"i"}, {"y"}}}});
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(cover.ops[i].kind, Kind::kExecuted);
    EXPECT_EQ(cover.ops[i].node, i);
    EXPECT_TRUE(cover.ops[i].alone);
  }
  EXPECT_THAT(cover.inserted, IsEmpty());
}

TEST(CoverOps, FusedKernelListsItsSourcesAndIdentityIsEliminated) {
  const Model model = ChainOfFour();
  const GraphCoverage cover = CoverOps(model.graph(), {.nodes = {{"conv", "FusedConv", "com.microsoft", {"x", "w"}, {"r"}},
                                                                 {"sig", "Sigmoid", "", {"r"}, {"y"}}}});
  EXPECT_EQ(cover.ops[0].node, 0);
  EXPECT_EQ(cover.ops[1].node, 0);
  EXPECT_FALSE(cover.ops[0].alone);
  EXPECT_EQ(cover.ops[2].kind, Kind::kEliminated);
  EXPECT_THAT(cover.ops[2].why, HasSubstr("Identity"));
  EXPECT_EQ(cover.ops[3].node, 1);
  EXPECT_TRUE(cover.ops[3].alone);
}

TEST(CoverOps, LayoutNodesAreFoundByTheTensorInTheirName) {
  const Model model = ChainOfFour();
  const GraphCoverage cover =
      CoverOps(model.graph(), {.nodes = {{"ReorderInput", "ReorderInput", "com.microsoft.nchwc", {"x"}, {"t0"}},
                                         {"r_nchwc_token_3", "Conv", "com.microsoft.nchwc", {"t0", "w2"}, {"t1"}},
                                         {"ReorderOutput", "ReorderOutput", "com.microsoft.nchwc", {"t1"}, {"r"}},
                                         {"sig", "Sigmoid", "", {"r"}, {"y"}}}});
  EXPECT_EQ(cover.ops[0].node, 1);
  EXPECT_EQ(cover.ops[1].node, 1);
  EXPECT_EQ(cover.ops[3].node, 3);
  EXPECT_THAT(cover.inserted, ElementsAre(0, 2));
}

TEST(CoverOps, CopyThatProducesASourceTensorPointsAtItsMaker) {
  const Model model = ChainOfFour();
  const GraphCoverage cover =
      CoverOps(model.graph(), {.nodes = {{"conv", "FusedConv", "com.microsoft", {"x", "w"}, {"r_on_gpu"}},
                                         {"Memcpy", "MemcpyToHost", "", {"r_on_gpu"}, {"r"}},
                                         {"sig", "Sigmoid", "", {"r"}, {"y"}}}});
  EXPECT_EQ(cover.ops[0].node, 0);
  EXPECT_EQ(cover.ops[1].node, 0);
  EXPECT_THAT(cover.inserted, ElementsAre(1));
}

TEST(CoverOps, MovedTransposeDoesNotTakeTheNameOfTheOpBeforeIt) {
  const Model model = ChainOfFour();
  const GraphCoverage cover = CoverOps(model.graph(), {.nodes = {{"conv", "Conv", "", {"x", "w"}, {"c"}},
                                                                 {"relu", "Relu", "", {"c"}, {"moved"}},
                                                                 {"Transpose_token_0", "Transpose", "", {"moved"}, {"r"}},
                                                                 {"sig", "Sigmoid", "", {"r"}, {"y"}}}});
  EXPECT_EQ(cover.ops[1].node, 1);
  EXPECT_TRUE(cover.ops[1].alone);
  EXPECT_THAT(cover.inserted, ElementsAre(2));
}

TEST(CoverOps, NodeWithoutAnySourceNameIsFoundThroughItsConsumer) {
  onnx::ModelProto proto = EmptyModel("middle");
  GraphWriter writer(proto.mutable_graph());
  writer.Input("x", {"1", "4", "8", "8"}).Weight("w", {4, 4, 1, 1}).Output("y", {"1", "4", "8", "8"});
  writer.Node("Conv", {"x", "w"}, {"a"}, "first");
  writer.Node("Exp", {"a"}, {"b"}, "exp");
  writer.Node("Mul", {"a", "b"}, {"c"}, "mul");
  writer.Node("Conv", {"c", "w"}, {"y"}, "second");
  const Model model = Parse(proto);
  const GraphCoverage cover = CoverOps(model.graph(), {.nodes = {{"a_nchwc", "Conv", "nchwc", {"x", "w0"}, {"t1"}},
                                                                 {"Fancy", "FusedExpMul", "", {"t1"}, {"t2"}},
                                                                 {"y_nchwc", "Conv", "nchwc", {"t2", "w1"}, {"t3"}},
                                                                 {"Out", "ReorderOutput", "nchwc", {"t3"}, {"y"}}}});
  EXPECT_EQ(cover.ops[0].node, 0);
  EXPECT_EQ(cover.ops[1].node, 1);
  EXPECT_EQ(cover.ops[2].node, 1);
  EXPECT_EQ(cover.ops[3].node, 2);
}

TEST(CoverOps, OpsThatOnlyFeedConstantsAreEliminated) {
  onnx::ModelProto proto = EmptyModel("shapes");
  GraphWriter writer(proto.mutable_graph());
  writer.Input("x", {"2", "6"}).Input("like", {"3", "4"}).Output("y", {"3", "4"});
  writer.Node("Shape", {"like"}, {"s"}, "shape");
  test::AddInt(writer.Node("Cast", {"s"}, {"s64"}, "cast"), "to", onnx::TensorProto::INT64);
  writer.Node("Reshape", {"x", "s64"}, {"y"}, "reshape");
  const Model model = Parse(proto);
  const GraphCoverage cover =
      CoverOps(model.graph(), {.nodes = {{"reshape", "Reshape", "", {"x", "s64"}, {"y"}}}, .constants = {"s64"}});
  EXPECT_EQ(cover.ops[0].kind, Kind::kEliminated);
  EXPECT_THAT(cover.ops[0].why, HasSubstr("feeds only eliminated ops"));
  EXPECT_EQ(cover.ops[1].kind, Kind::kEliminated);
  EXPECT_EQ(cover.ops[1].why, "constant-folded");
  EXPECT_EQ(cover.ops[2].kind, Kind::kExecuted);
}

TEST(CoverOps, RepeatedComputationIsEliminatedAndNamed) {
  onnx::ModelProto proto = EmptyModel("twins");
  GraphWriter writer(proto.mutable_graph());
  writer.Input("x", {"1", "4"}).Output("y", {"1", "4"});
  writer.Node("Relu", {"x"}, {"a"}, "left");
  writer.Node("Relu", {"x"}, {"b"}, "right");
  writer.Node("Add", {"a", "b"}, {"y"}, "sum");
  const Model model = Parse(proto);
  const GraphCoverage cover = CoverOps(
      model.graph(), {.nodes = {{"left", "Relu", "", {"x"}, {"a"}}, {"sum", "Add", "", {"a", "a"}, {"y"}}}});
  EXPECT_EQ(cover.ops[1].kind, Kind::kEliminated);
  EXPECT_THAT(cover.ops[1].why, HasSubstr("'left'"));
  EXPECT_TRUE(cover.ops[2].alone);
}

TEST(CoverOps, OpWithoutTraceIsUnknown) {
  const Model model = ChainOfFour();
  const GraphCoverage cover = CoverOps(model.graph(), {.nodes = {{"conv", "Conv", "", {"x", "w"}, {"c"}}}});
  EXPECT_EQ(cover.ops[0].kind, Kind::kExecuted);
  EXPECT_EQ(cover.ops[3].kind, Kind::kUnknown);
  EXPECT_THAT(cover.ops[3].why, HasSubstr("in no executed node"));
}

TEST(CoverOps, InlinedBranchStandsForItsOp) {
  const Model model = Model::Parse(test::AsBytes(test::IfModel()), "if.onnx");
  const Graph& graph = model.graph();
  const OpId branch = graph.tensor(graph.outputs()[0]).producer;
  const GraphCoverage cover =
      CoverOps(graph, {.nodes = {{graph.op(0).name, "Relu", "", {"x"}, {graph.tensor(graph.op(0).outputs[0]).name}},
                                 {"_if_then_branch_Add", "Add", "", {"a", "w"}, {graph.tensor(graph.outputs()[0]).name}}}});
  EXPECT_EQ(cover.ops[branch].kind, Kind::kExecuted);
  EXPECT_EQ(cover.ops[branch].node, 1);
  EXPECT_FALSE(cover.ops[branch].alone);
}

}  // namespace
}  // namespace consort
