#include "cost/edgetpu_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/model.h"
#include "model/test_models.h"

namespace consort {
namespace {

using test::AsBytes;
using test::GraphWriter;
using test::Parse;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Dims = std::vector<std::string>;

// One op of that type, named "op": x, constants w0, w1, … of those shapes → y.
struct OneOp {
  std::string type;
  Dims x;
  Dims y;
  std::vector<std::vector<int64_t>> weights;
  int x_type = onnx::TensorProto::FLOAT;
  int y_type = onnx::TensorProto::FLOAT;
};

std::string WhyNot(const OneOp& one, const std::vector<std::pair<std::string, std::vector<int64_t>>>& attributes = {},
                   const std::vector<std::pair<std::string, int64_t>>& numbers = {}) {
  onnx::ModelProto proto = test::EmptyModel("one");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", one.x, one.x_type).Output("y", one.y, one.y_type);
  std::vector<std::string> inputs = {"x"};
  for (size_t i = 0; i < one.weights.size(); ++i) {
    inputs.push_back("w" + std::to_string(i));
    graph.Weight(inputs.back(), one.weights[i]);
  }
  onnx::NodeProto& node = graph.Node(one.type, inputs, {"y"}, "op");
  for (const auto& [name, values] : attributes) test::AddInts(node, name, values);
  for (const auto& [name, value] : numbers) test::AddInt(node, name, value);
  const Model model = Parse(proto);
  return WhyNotOnEdgeTpu(model.graph(), model.graph().op(model.graph().FindOp("op")));
}

TEST(EdgeTpuSupport, TakesConvolutionsOverImages) {
  EXPECT_EQ(WhyNot({"Conv", {"1", "3", "8", "8"}, {"1", "4", "6", "6"}, {{4, 3, 3, 3}}}), "");
  EXPECT_EQ(WhyNot({"Conv", {"1", "4", "8", "8"}, {"1", "4", "6", "6"}, {{4, 1, 3, 3}}}, {}, {{"group", 4}}), "");
  EXPECT_EQ(WhyNot({"Conv", {"1", "3", "8"}, {"1", "4", "6"}, {{4, 3, 3}}}), "");
  EXPECT_EQ(WhyNot({"Conv", {"1", "3", "8", "8", "1"}, {"1", "4", "6", "6", "1"}, {{4, 3, 3, 3, 1}}}),
            "Conv: 'x' is 1x3x8x8x1: only the 3 innermost axes may be larger than 1");
}

TEST(EdgeTpuSupport, TakesOneInferenceAtATime) {
  EXPECT_EQ(WhyNot({"Conv", {"2", "3", "8", "8"}, {"2", "4", "6", "6"}, {{4, 3, 3, 3}}}),
            "Conv: 'x' is 2x3x8x8: only the 3 innermost axes may be larger than 1");
  EXPECT_EQ(WhyNot({"Gemm", {"8", "64"}, {"8", "10"}, {{64, 10}}}),
            "Gemm with an output of 8x10: FullyConnected gives one-dimensional tensors only");
  EXPECT_EQ(WhyNot({"Gemm", {"1", "64"}, {"1", "10"}, {{64, 10}}}), "");
}

TEST(EdgeTpuSupport, RefusesDynamicShapesAndOtherTypes) {
  EXPECT_EQ(WhyNot({"Relu", {"batch", "8"}, {"batch", "8"}, {}}), "Relu: dynamic shape of 'x'");
  EXPECT_EQ(WhyNot({"Relu", {"1", "8"}, {"1", "8"}, {}, onnx::TensorProto::DOUBLE, onnx::TensorProto::DOUBLE}),
            "Relu: dtype float64 of 'x'");
  EXPECT_EQ(WhyNot({"Cast", {"1", "8"}, {"1", "8"}, {}, onnx::TensorProto::INT64}, {}, {{"to", 1}}),
            "Cast: dtype int64 of 'x'");
  EXPECT_EQ(WhyNot({"Cast", {"1", "8"}, {"1", "8"}, {}, onnx::TensorProto::UINT8}, {}, {{"to", 1}}), "");
}

TEST(EdgeTpuSupport, SoftmaxEndsAtSixteenThousandElements) {
  EXPECT_EQ(WhyNot({"Softmax", {"1", "16000"}, {"1", "16000"}, {}}), "");
  EXPECT_EQ(WhyNot({"Softmax", {"1", "16001"}, {"1", "16001"}, {}}), "Softmax over 16,001 elements: at most 16,000");
  EXPECT_EQ(WhyNot({"Softmax", {"1", "4", "8"}, {"1", "4", "8"}, {}}), "Softmax of 1x4x8: one-dimensional inputs only");
}

TEST(EdgeTpuSupport, MeanOverChannelsTakesMultiplesOfFour) {
  const std::vector<std::pair<std::string, std::vector<int64_t>>> channels = {{"axes", {1}}};
  EXPECT_EQ(WhyNot({"ReduceMean", {"1", "6", "8", "8"}, {"1", "1", "8", "8"}, {}}, channels),
            "ReduceMean over 6 channels: only over multiples of 4");
  EXPECT_EQ(WhyNot({"ReduceMean", {"1", "8", "4", "4"}, {"1", "1", "4", "4"}, {}}, channels), "");
  EXPECT_EQ(WhyNot({"ReduceMean", {"1", "6", "8", "8"}, {"1", "6", "1", "1"}, {}}, {{"axes", {2, 3}}}), "");
  EXPECT_EQ(WhyNot({"ReduceMean", {"3", "8"}, {"1", "8"}, {}}, {{"axes", {0}}}), "ReduceMean over the batch axis");
}

TEST(EdgeTpuSupport, KnowsOperatorsByWhatTheyBecome) {
  for (const char* taken : {"Relu", "Sigmoid", "Tanh", "HardSigmoid", "Identity"}) {
    EXPECT_EQ(WhyNot({taken, {"1", "8"}, {"1", "8"}, {}}), "") << taken;
  }
  for (const char* refused : {"LeakyRelu", "Elu", "HardSwish", "Exp", "Sqrt", "Erf", "Abs"}) {
    EXPECT_EQ(WhyNot({refused, {"1", "8"}, {"1", "8"}, {}}),
              std::string(refused) + " is not on the Edge TPU's list of operators");
  }
}

TEST(EdgeTpuSupport, DividesByConstantsOnly) {
  EXPECT_EQ(WhyNot({"Div", {"1", "8"}, {"1", "8"}, {{1, 8}}}), "");
  onnx::ModelProto proto = test::EmptyModel("div");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("a", {"1", "8"}).Input("b", {"1", "8"}).Output("y", {"1", "8"});
  graph.Node("Div", {"a", "b"}, {"y"});
  const Model model = Parse(proto);
  EXPECT_EQ(WhyNotOnEdgeTpu(model.graph(), model.graph().op(0)), "Div by what is not constant is not on the list");
}

TEST(EdgeTpuSupport, PReluTakesOneSlopePerChannel) {
  EXPECT_EQ(WhyNot({"PRelu", {"1", "4", "8", "8"}, {"1", "4", "8", "8"}, {{4, 1, 1}}}), "");
  EXPECT_EQ(WhyNot({"PRelu", {"1", "4", "8", "8"}, {"1", "4", "8", "8"}, {{4, 8, 8}}}),
            "PRelu with slopes of 4x8x8: one per channel only");
}

TEST(EdgeTpuSupport, RefusesConcatenatingConstants) {
  EXPECT_EQ(WhyNot({"Concat", {"1", "4"}, {"1", "8"}, {{1, 4}}}, {}, {{"axis", 1}}), "Concat with a constant input");
}

TEST(EdgeTpuSupport, RefusesOtherDomains) {
  const Model model = Model::Parse(AsBytes(test::CustomOpModel()), "custom.onnx");
  for (const Op& op : model.graph().ops()) {
    const std::string why = WhyNotOnEdgeTpu(model.graph(), op);
    if (op.domain.empty()) continue;
    EXPECT_THAT(why, HasSubstr("an operator of the domain example.custom"));
  }
}

// x → conv ("a") → LeakyRelu ("refused") → Relu ("b"), and x → Relu ("beside").
onnx::ModelProto Forked() {
  onnx::ModelProto proto = test::EmptyModel("forked");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3", "8", "8"}).Output("y", {"1", "3", "8", "8"}).Output("z", {"1", "3", "8", "8"});
  graph.Weight("w", {3, 3, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"conv"}, "a");
  graph.Node("Softplus", {"conv"}, {"soft"}, "refused");
  graph.Node("Sigmoid", {"soft"}, {"y"}, "b");
  graph.Node("Tanh", {"x"}, {"z"}, "beside");
  return proto;
}

TEST(EdgeTpuMapping, EndsTheSubgraphAtTheFirstRefusedOp) {
  const Model model = Parse(Forked());
  const Graph& graph = model.graph();
  WorkList list;
  for (OpId op = 0; op < static_cast<OpId>(graph.ops().size()); ++op)
    list.works.push_back({.name = graph.op(op).name, .ops = {op}});
  EXPECT_THAT(EdgeTpuMapping(graph, list),
              ElementsAre("", "Softplus is not on the Edge TPU's list of operators",
                          "behind Softplus 'refused': the compiler makes one subgraph", ""));
}

TEST(EdgeTpuMapping, AWorkIsRefusedWithWhatIsFusedIntoIt) {
  const Model model = Parse(Forked());
  WorkList list;
  list.works = {{.name = "a", .ops = {0, 1}}, {.name = "b", .ops = {2}}};
  EXPECT_THAT(EdgeTpuMapping(model.graph(), list),
              ElementsAre(HasSubstr("Softplus is not"), HasSubstr("behind Softplus 'refused'")));
}

TEST(EdgeTpuMapping, AShardStartsItsOwnSubgraph) {
  const Model model = Parse(Forked());
  WorkList list;
  list.works = {{.name = "b", .ops = {2}}};
  list.begin = 2;
  EXPECT_THAT(EdgeTpuMapping(model.graph(), list), ElementsAre(""));
}

// Shape → Gather → Reshape of a static tensor is arithmetic that a converter does.
TEST(EdgeTpuMapping, ArithmeticOnStaticShapesFolds) {
  onnx::ModelProto proto = test::EmptyModel("shapes");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "4", "2"}).Output("y", {"1", "8"}).Int64("first", {0}).Int64("rest", {-1});
  graph.Node("Shape", {"x"}, {"shape"}, "shape_of");
  graph.Node("Gather", {"shape", "first"}, {"batch"}, "gather");
  test::AddInt(graph.Node("Concat", {"batch", "rest"}, {"target"}, "concat"), "axis", 0);
  graph.Node("Reshape", {"x", "target"}, {"y"}, "reshape");
  const Model model = Parse(proto);
  for (const Op& op : model.graph().ops()) EXPECT_EQ(WhyNotOnEdgeTpu(model.graph(), op), "") << op.name;
}

// Integer indices cannot cross: everything behind an embedding runs on the CPU.
TEST(EdgeTpuMapping, EmbeddingsKeepTheirReadersOnTheCpu) {
  onnx::ModelProto proto = test::EmptyModel("embedding");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("ids", {"1", "4"}, onnx::TensorProto::INT64).Output("y", {"1", "4", "2"}).Weight("table", {10, 2});
  graph.Node("Gather", {"table", "ids"}, {"rows"}, "gather");
  graph.Node("Sigmoid", {"rows"}, {"y"}, "sigmoid");
  const Model model = Parse(proto);
  EXPECT_THAT(EdgeTpuMapping(model.graph(), WorkOf(model.graph())),
              ElementsAre(AllOf(HasSubstr("Gather"), HasSubstr("list")), HasSubstr("behind Gather 'gather'")));
}

}  // namespace
}  // namespace consort
