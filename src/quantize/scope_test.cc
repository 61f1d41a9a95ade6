#include "quantize/scope.h"

#include <gmock/gmock.h>

#include "quantize/test_support.h"

namespace consort {
namespace {

using test::GraphWriter;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Names(const Model& model, const std::set<OpId>& ops) {
  std::vector<std::string> names;
  for (const OpId id : ops) names.push_back(model.graph().op(id).name);
  return names;
}

// Conv, Relu, Add.
Model SmallNet() {
  onnx::ModelProto proto = test::EmptyModel("m");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3", "4", "4"}).Output("y", {"1", "3", "4", "4"}).Weight("w", {3, 3, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  graph.Node("Relu", {"c"}, {"r"}, "relu");
  graph.Node("Add", {"r", "x"}, {"y"}, "add");
  return test::Parse(proto);
}

// softmax(x · w) · x, with a Transpose between where `moved`.
Model Attention(bool attends) {
  onnx::ModelProto proto = test::EmptyModel("m");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"4", "4"}).Output("y", {"4", "4"}).Weight("w", {4, 4});
  graph.Node("MatMul", {"x", "w"}, {"scores"}, "scores");
  graph.Node("Softmax", {"scores"}, {"p"}, "softmax");
  graph.Node("Transpose", {"p"}, {"t"}, "turn");
  graph.Node(attends ? "MatMul" : "Add", {"t", "x"}, {"y"}, "last");
  return test::Parse(proto);
}

TEST(Scope, ProductsAndTheirRectifiers) {
  const Model model = SmallNet();
  EXPECT_THAT(Names(model, OpsBeyond(model.graph(), QuantizeScope::kProducts)), ElementsAre("add"));
  EXPECT_THAT(OpsBeyond(model.graph(), QuantizeScope::kAll), IsEmpty());
  EXPECT_THAT(OpsBeyond(model.graph(), QuantizeScope::kAuto), IsEmpty());
}

TEST(Scope, AttentionIsFoundBehindWhatMovesValues) {
  EXPECT_TRUE(HasOutliersBetweenProducts(Attention(true).graph()));
  EXPECT_FALSE(HasOutliersBetweenProducts(Attention(false).graph()));
  const Model model = Attention(true);
  EXPECT_THAT(Names(model, OpsBeyond(model.graph(), QuantizeScope::kAuto)), ElementsAre("softmax", "turn"));
}

TEST(Scope, GatesOfRecurrentCells) {
  for (const std::string other : {"Tanh", "Relu"}) {
    onnx::ModelProto proto = test::EmptyModel("m");
    GraphWriter graph(proto.mutable_graph());
    graph.Input("x", {"4", "8"}).Output("y", {"4", "8"});
    graph.Node("Sigmoid", {"x"}, {"s"}, "sigmoid");
    graph.Node(other, {"x"}, {"t"}, "other");
    graph.Node("Mul", {"t", "s"}, {"y"}, "gate");
    EXPECT_EQ(HasOutliersBetweenProducts(test::Parse(proto).graph()), other == "Tanh");
  }
}

TEST(Scope, NormalizationAsSeparateOps) {
  for (const std::string centred : {"x", "other"}) {
    onnx::ModelProto proto = test::EmptyModel("m");
    GraphWriter graph(proto.mutable_graph());
    graph.Input("x", {"4", "8"}).Input("other", {"4", "8"}).Output("y", {"4", "8"});
    test::AddInts(graph.Node("ReduceMean", {"x"}, {"mean"}, "mean"), "axes", {1});
    graph.Node("Sub", {centred, "mean"}, {"y"}, "centre");
    EXPECT_EQ(HasOutliersBetweenProducts(test::Parse(proto).graph()), centred == "x");
  }
}

}  // namespace
}  // namespace consort
