#include "consort/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "consort/error.h"
#include "consort/model.h"
#include "model/test_models.h"

namespace consort {
namespace {

using test::GraphWriter;
using test::Names;
using test::Parse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

const Op& OpNamed(const Graph& graph, const std::string& name) { return graph.op(graph.FindOp(name)); }
const Tensor& TensorNamed(const Graph& graph, const std::string& name) { return graph.tensor(graph.FindTensor(name)); }

TEST(Graph, DescribesOpsAndTensors) {
  const Model model = Parse(test::ConvReluModel());
  const Graph& graph = model.graph();
  EXPECT_EQ(graph.name(), "conv_relu");
  EXPECT_EQ(graph.ir_version(), 8);
  EXPECT_EQ(graph.opsets(), (std::map<std::string, int64_t>{{"", 17}}));
  ASSERT_EQ(graph.ops().size(), 2u);
  EXPECT_EQ(graph.op(0).type, "Conv");
  EXPECT_THAT(Names(graph, graph.op(0).inputs), ElementsAre("x", "w", "b"));
  EXPECT_THAT(Names(graph, graph.inputs()), ElementsAre("x"));
  EXPECT_THAT(Names(graph, graph.outputs()), ElementsAre("y"));
  const Tensor& hidden = TensorNamed(graph, "conv_out");
  EXPECT_EQ(hidden.kind, TensorKind::kActivation);
  EXPECT_EQ(hidden.spec.dtype, DataType::kFloat32);
  EXPECT_EQ(hidden.spec.shape, (Shape{1, 4, 8, 8}));
  EXPECT_EQ(hidden.bytes(), 4 * 64 * 4);
  EXPECT_EQ(hidden.producer, 0);
  EXPECT_THAT(hidden.consumers, ElementsAre(1));
  EXPECT_FALSE(hidden.is_output);
  EXPECT_TRUE(TensorNamed(graph, "y").is_output);
  EXPECT_EQ(TensorNamed(graph, "w").kind, TensorKind::kInitializer);
  EXPECT_EQ(graph.FindTensor("nowhere"), kNone);
  EXPECT_EQ(graph.FindOp("nowhere"), kNone);
}

TEST(Graph, CountsCosts) {
  const Model model = Parse(test::ConvReluModel());
  const Graph& graph = model.graph();
  EXPECT_EQ(graph.op(0).cost.macs, 8 * 8 * 4 * 3 * 3 * 3);
  EXPECT_EQ(graph.op(0).cost.parameter_bytes, (4 * 3 * 3 * 3 + 4) * 4);
  EXPECT_EQ(graph.op(0).cost.activation_bytes, (3 * 64 + 4 * 64) * 4);
  EXPECT_EQ(graph.op(1).cost.macs, 0);
  EXPECT_EQ(graph.op(1).cost.activation_bytes, 2 * 4 * 64 * 4);
  EXPECT_EQ(graph.totals().macs, 6912);
  EXPECT_EQ(graph.totals().parameters, 112);
  EXPECT_EQ(graph.totals().parameter_bytes, 448);
  EXPECT_EQ(graph.totals().activation_bytes, 2 * 4 * 64 * 4);
  EXPECT_TRUE(graph.totals().known);
}

TEST(Graph, KeepsSymbolicNamesAndSaysWhatIsUnknown) {
  const Model model = Parse(test::DynamicBatchModel());
  const Tensor& product = TensorNamed(model.graph(), "product");
  EXPECT_EQ(product.spec.shape, (Shape{kDynamic, 4}));
  EXPECT_THAT(product.dim_names, ElementsAre("batch", ""));
  EXPECT_EQ(product.bytes(), -1);
  EXPECT_FALSE(model.graph().totals().known);
  EXPECT_FALSE(model.graph().op(0).cost.macs_known);  // MatMul
  EXPECT_TRUE(model.graph().op(1).cost.macs_known);   // Relu: 0 whatever the shape
}

TEST(Graph, SizesThatInferenceInventsHaveNoNames) {
  onnx::ModelProto proto = test::EmptyModel("nonzero");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"4"}).Output("y", {"1", "?"}, onnx::TensorProto::INT64);
  graph.Node("NonZero", {"x"}, {"z"});
  graph.Node("Identity", {"z"}, {"y"});
  const Model model = Parse(proto);
  EXPECT_THAT(TensorNamed(model.graph(), "z").dim_names, ElementsAre("", ""));
  EXPECT_THAT(TensorNamed(model.graph(), "y").dim_names, ElementsAre("", ""));
}

TEST(Graph, FollowsShapeComputations) {
  onnx::ModelProto proto = test::EmptyModel("reshape");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"2", "3", "4"}).Output("y", {"?", "?"}).Int64("rest", {-1}).Int64("zero", {0});
  graph.Node("Shape", {"x"}, {"shape"});
  graph.Node("Gather", {"shape", "zero"}, {"first"});
  test::AddInt(graph.Node("Concat", {"first", "rest"}, {"target"}), "axis", 0);
  graph.Node("Reshape", {"x", "target"}, {"y"});
  EXPECT_EQ(TensorNamed(Parse(proto).graph(), "y").spec.shape, (Shape{2, 12}));
}

TEST(Graph, ConstantsCostNothingAndCountOnce) {
  onnx::ModelProto proto = test::EmptyModel("constants");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "8"}).Output("y", {"1", "4"}).Int64("dims", {8, 4});
  graph.Node("ConstantOfShape", {"dims"}, {"w"}, "make");
  graph.Node("Neg", {"w"}, {"negated"}, "negate");
  graph.Node("MatMul", {"x", "negated"}, {"y"}, "matmul");
  const Model model = Parse(proto);
  EXPECT_TRUE(OpNamed(model.graph(), "make").constant);
  EXPECT_TRUE(OpNamed(model.graph(), "negate").constant);
  EXPECT_FALSE(OpNamed(model.graph(), "matmul").constant);
  EXPECT_EQ(OpNamed(model.graph(), "negate").cost.activation_bytes, 0);
  EXPECT_EQ(OpNamed(model.graph(), "matmul").cost.parameter_bytes, 32 * 4);
  EXPECT_EQ(model.graph().totals().parameters, 32);  // not the two sizes that "dims" holds
  EXPECT_EQ(model.graph().totals().activation_bytes, 16);
}

TEST(Graph, QuantizedWeightsCountAsTheyAreStored) {
  onnx::ModelProto proto = test::EmptyModel("qdq");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "8"}).Output("y", {"1", "8"});
  auto* weights = proto.mutable_graph()->add_initializer();
  weights->set_name("wq");
  weights->set_data_type(onnx::TensorProto::INT8);
  weights->add_dims(8);
  weights->add_dims(8);
  weights->set_raw_data(std::string(64, '\1'));
  auto* scale = proto.mutable_graph()->add_initializer();
  scale->set_name("scale");
  scale->set_data_type(onnx::TensorProto::FLOAT);
  scale->add_float_data(0.5F);
  graph.Node("DequantizeLinear", {"wq", "scale"}, {"w"}, "dequantize");
  graph.Node("MatMul", {"x", "w"}, {"y"}, "matmul");
  EXPECT_EQ(OpNamed(Parse(proto).graph(), "matmul").cost.parameter_bytes, 64 + 4);
}

TEST(Graph, RandomOpsAndCustomOpsAreNoConstants) {
  onnx::ModelProto proto = test::EmptyModel("random");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "4"}).Output("y", {"1", "4"});
  test::AddInts(graph.Node("RandomNormal", {}, {"noise"}, "noise"), "shape", {1, 4});
  graph.Node("Add", {"x", "noise"}, {"y"});
  EXPECT_FALSE(OpNamed(Parse(proto).graph(), "noise").constant);
}

TEST(Graph, CustomOpsAreKeptAndUnknown) {
  const Model model = Parse(test::CustomOpModel());
  const Op& custom = OpNamed(model.graph(), "custom");
  EXPECT_EQ(custom.domain, "example.custom");
  EXPECT_FALSE(custom.constant);
  EXPECT_FALSE(custom.cost.known);
  EXPECT_FALSE(TensorNamed(model.graph(), "b").has_rank);
  EXPECT_EQ(TensorNamed(model.graph(), "b").bytes(), -1);
  EXPECT_EQ(TensorNamed(model.graph(), "y").spec.shape, (Shape{1, 4}));
}

TEST(Graph, BodiesBelongToTheirOp) {
  const Model model = Parse(test::IfModel());
  const Op& op = OpNamed(model.graph(), "if");
  EXPECT_THAT(Names(model.graph(), op.captures), ElementsAre("a", "w", "two", "x"));
  EXPECT_EQ(op.body_ops, 3);
  EXPECT_THAT(TensorNamed(model.graph(), "a").consumers, ElementsAre(model.graph().FindOp("if")));
  EXPECT_EQ(model.graph().FindTensor("doubled"), kNone);
  EXPECT_FALSE(op.cost.known);  // the branches differ in bytes, not in MACs
  EXPECT_TRUE(op.cost.macs_known);
  EXPECT_EQ(model.graph().totals().parameters, 5);
}

TEST(Graph, NestedBodiesCaptureThroughTheirParents) {
  onnx::ModelProto proto = test::EmptyModel("nested");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "4"}).Input("cond", {}, onnx::TensorProto::BOOL).Output("y", {"1", "4"});
  graph.Node("Relu", {"x"}, {"a"}, "relu");
  onnx::NodeProto& outer = graph.Node("If", {"cond"}, {"y"}, "outer");
  for (const char* branch : {"then_branch", "else_branch"}) {
    GraphWriter body(test::AddBody(outer, branch, branch));
    onnx::NodeProto& inner = body.Node("If", {"cond"}, {std::string(branch) + "_out"}, std::string("inner_") + branch);
    for (const char* leaf : {"then_branch", "else_branch"}) {
      GraphWriter leaf_body(test::AddBody(inner, leaf, leaf));
      const std::string out = std::string(branch) + leaf;
      leaf_body.Node("Neg", {"a"}, {out});
      leaf_body.Output(out, {"1", "4"});
    }
    body.Output(std::string(branch) + "_out", {"1", "4"});
  }
  const Model model = Parse(proto);
  const Op& op = OpNamed(model.graph(), "outer");
  EXPECT_THAT(Names(model.graph(), op.captures), ElementsAre("cond", "a"));
  EXPECT_EQ(op.body_ops, 6);
  EXPECT_TRUE(op.cost.known);
}

TEST(Graph, LoopsCountTheirTrips) {
  const auto cost = [](int64_t trips) {
    const Model model = Parse(test::LoopModel(trips));
    return OpNamed(model.graph(), "loop").cost;
  };
  EXPECT_TRUE(cost(3).known);
  const int64_t per_trip = cost(4).activation_bytes - cost(3).activation_bytes;
  EXPECT_EQ(per_trip, 2 * 1 + 3 * 16);  // Identity of a bool, Add of three tensors of four floats
}

TEST(Graph, LoopsThatMayStopEarlyAreUnknown) {
  onnx::ModelProto proto;
  proto.ParseFromString(test::LoopModel(3));
  onnx::NodeProto& keep = *proto.mutable_graph()->mutable_node(1)->mutable_attribute(0)->mutable_g()->mutable_node(0);
  keep.set_op_type("Not");
  EXPECT_FALSE(OpNamed(Parse(proto).graph(), "loop").cost.known);
}

TEST(Cuts, TensorsThatSkipCrossEveryCutBetween) {
  const Model model = Parse(test::SkipModel());
  const Graph& graph = model.graph();
  EXPECT_THAT(Names(graph, graph.CutAt(1).crossing), ElementsAre("a_out"));
  EXPECT_THAT(Names(graph, graph.CutAt(2).crossing), ElementsAre("a_out", "b_out"));
  EXPECT_EQ(graph.CutAt(2).bytes, 64);
  ASSERT_EQ(graph.Cuts(1).size(), 1u);
  EXPECT_EQ(graph.Cuts(2).size(), 3u);
  EXPECT_THAT(graph.Cuts(0), IsEmpty());
}

TEST(Cuts, CapturesCross) {
  const Model model = Parse(test::IfModel());
  EXPECT_THAT(Names(model.graph(), model.graph().CutAt(1).crossing), ElementsAre("a"));
}

TEST(Cuts, InputsAndFinishedOutputsDoNotCross) {
  const Model two = Parse(test::TwoInputModel());
  EXPECT_THAT(two.graph().CutAt(1).crossing, IsEmpty());
  const Model stateful = Parse(test::StatefulModel());
  EXPECT_THAT(Names(stateful.graph(), stateful.graph().CutAt(1).crossing), ElementsAre("next_state"));
}

TEST(Cuts, BytesAreUnknownWithTheShape) {
  const Model model = Parse(test::DynamicBatchModel());
  EXPECT_EQ(model.graph().CutAt(1).bytes, -1);
}

TEST(Cuts, PositionsOutsideAreRefused) {
  const Model model = Parse(test::SkipModel());
  EXPECT_THAT([&] { model.graph().CutAt(0); }, ThrowsMessage<Error>(HasSubstr("1 to 3")));
  EXPECT_THROW(model.graph().CutAt(4), Error);
  const Model single = Parse(test::IdentityModel());
  EXPECT_THAT([&] { single.graph().CutAt(1); }, ThrowsMessage<Error>(HasSubstr("cannot be cut")));
  EXPECT_THAT(single.graph().Cuts(1), IsEmpty());
}

// A random graph: Cuts must list what CutAt says of every position.
TEST(Cuts, AgreeWithTheDefinition) {
  std::mt19937 random(7);
  onnx::ModelProto proto = test::EmptyModel("random_graph");
  GraphWriter writer(proto.mutable_graph());
  writer.Input("x", {"1", "4"}).Weight("w", {1, 4});
  std::vector<std::string> made{"x", "w"};
  for (int i = 0; i < 120; ++i) {
    const size_t window = std::min<size_t>(made.size(), 8);
    const auto pick = [&] { return made[made.size() - 1 - random() % window]; };
    const std::string out = "t" + std::to_string(i);
    writer.Node("Add", {pick(), random() % 3 == 0 ? "w" : pick()}, {out});
    made.push_back(out);
  }
  writer.Output(made.back(), {"1", "4"}).Output("t20", {"1", "4"});
  const Model model = Parse(proto);
  const Graph& graph = model.graph();
  for (const int limit : {1, 3, 1000}) {
    std::set<int> listed;
    for (const Cut& cut : graph.Cuts(limit)) {
      EXPECT_EQ(cut.crossing, graph.CutAt(cut.position).crossing);
      EXPECT_EQ(cut.bytes, graph.CutAt(cut.position).bytes);
      listed.insert(cut.position);
    }
    for (int position = 1; position < static_cast<int>(graph.ops().size()); ++position) {
      const Cut cut = graph.CutAt(position);
      std::set<TensorId> expected;
      for (size_t id = 0; id < graph.tensors().size(); ++id) {
        const Tensor& tensor = graph.tensors()[id];
        if (tensor.producer == kNone || graph.op(tensor.producer).constant || tensor.producer >= position) continue;
        for (const OpId reader : tensor.consumers) {
          if (reader >= position) expected.insert(static_cast<TensorId>(id));
        }
      }
      EXPECT_EQ(std::set<TensorId>(cut.crossing.begin(), cut.crossing.end()), expected);
      const bool distinct = !graph.op(position - 1).constant;
      EXPECT_EQ(listed.contains(position), distinct && static_cast<int>(expected.size()) <= limit) << position;
    }
  }
}

TEST(Graph, LargeGraphsStayCorrect) {
  const Model model = Parse(test::ChainModel(20'000));
  const Graph& graph = model.graph();
  EXPECT_EQ(graph.ops().size(), 20'000u);
  EXPECT_EQ(graph.Cuts(1).size(), 19'999u);
  EXPECT_EQ(graph.totals().activation_bytes, 20'000 * 64);
}

}  // namespace
}  // namespace consort
