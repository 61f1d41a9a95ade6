#include "quantize/plan_quantization.h"

#include <gmock/gmock.h>

#include "quantize/float_layers.h"
#include "quantize/test_support.h"

namespace consort {
namespace {

using test::GraphWriter;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::string WhyFloat(const Model& model, const QuantizationPlan& plan, const std::string& op) {
  const auto found = plan.why_float.find(model.graph().FindOp(op));
  return found == plan.why_float.end() ? "" : found->second;
}

std::vector<std::string> UnitNames(const Model& model, const QuantizationPlan& plan) {
  std::vector<std::string> names;
  for (const Unit& unit : plan.units) {
    const std::string& name = model.graph().op(unit.op).name;
    names.push_back(unit.activation == kNone ? name : name + "+" + model.graph().op(unit.activation).name);
  }
  return names;
}

TEST(PlanQuantization, ARectifierIsFusedWhereItIsTheOnlyReader) {
  const Model model = test::Parse(test::ConvReluModel());
  EXPECT_THAT(UnitNames(model, PlanQuantization(model)), ElementsAre("conv+relu"));
  EXPECT_THAT(PlanQuantization(model).TensorsToObserve(model.graph()), ElementsAre("x", "y"));
  // Not where the op before it, or it itself, stays float.
  const OpId conv = model.graph().FindOp("conv"), relu = model.graph().FindOp("relu");
  EXPECT_THAT(UnitNames(model, PlanQuantization(model, {conv})), ElementsAre("relu"));
  EXPECT_THAT(UnitNames(model, PlanQuantization(model, {relu})), ElementsAre("conv"));
}

TEST(PlanQuantization, OpsThatMoveValuesFollowTheirNeighbours) {
  onnx::ModelProto proto = test::EmptyModel("m");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3", "4", "4"}).Output("y", {"1", "4", "4", "4"}).Weight("w", {4, 3, 1, 1});
  graph.Node("Transpose", {"x"}, {"t"}, "idle");
  graph.Node("Erf", {"t"}, {"e"}, "erf");
  test::AddInts(graph.Node("Transpose", {"e"}, {"u"}, "first"), "perm", {3, 2, 1, 0});
  test::AddInts(graph.Node("Transpose", {"u"}, {"v"}, "second"), "perm", {0, 1, 2, 3});
  test::AddInts(graph.Node("Transpose", {"v"}, {"z"}, "third"), "perm", {0, 1, 2, 3});
  graph.Node("Relu", {"z"}, {"y"}, "relu");
  proto.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  const Model model = test::Parse(proto);
  const QuantizationPlan plan = PlanQuantization(model);
  EXPECT_THAT(UnitNames(model, plan), ElementsAre("first", "second", "third", "relu"));
  EXPECT_EQ(WhyFloat(model, plan, "idle"), "moves float values");
  EXPECT_EQ(WhyFloat(model, plan, "erf"), "no integer form");
  // One range for all that is moved.
  EXPECT_THAT(plan.TensorsToObserve(model.graph()), ElementsAre("e", "y"));
  EXPECT_THAT(plan.groups, SizeIs(2));
}

TEST(PlanQuantization, SaysWhyAnOpStaysFloat) {
  onnx::ModelProto proto = test::EmptyModel("m");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3", "4", "4"}).Input("k", {"4", "3", "1", "1"}).Input("n", {"1", "4"}, 7);
  graph.Output("a", {"1", "4", "4", "4"}).Output("i", {"1", "4"}, 7).Output("p", {"1", "3", "6", "6"});
  graph.Int64("pads", {0, 0, 1, 1, 0, 0, 1, 1});
  test::AddFloats(proto, "one", {}, {1});
  graph.Node("Conv", {"x", "k"}, {"a"}, "dynamic");
  graph.Node("Add", {"n", "n"}, {"i"}, "integers");
  graph.Node("Pad", {"x", "pads", "one"}, {"p"}, "pad");
  const Model model = test::Parse(proto);
  const QuantizationPlan plan = PlanQuantization(model);
  EXPECT_THAT(plan.units, IsEmpty());
  EXPECT_EQ(WhyFloat(model, plan, "dynamic"), "weights are not stored constants");
  EXPECT_EQ(WhyFloat(model, plan, "integers"), "works on other than float32");
  EXPECT_EQ(WhyFloat(model, plan, "pad"), "pads with other than 0");
}

// A product's sums are rounded only for a reader in 8 bits.
TEST(PlanQuantization, AProductThatOnlyFloatOpsReadGivesFloats) {
  onnx::ModelProto proto = test::EmptyModel("m");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"4", "4"}).Output("y", {"4", "4"}).Weight("w", {4, 4});
  graph.Node("MatMul", {"x", "w"}, {"a"}, "first");
  graph.Node("Erf", {"a"}, {"b"}, "erf");
  graph.Node("MatMul", {"b", "w"}, {"y"}, "last");
  const Model model = test::Parse(proto);
  const QuantizationPlan plan = PlanQuantization(model);
  ASSERT_THAT(plan.units, SizeIs(2));
  EXPECT_TRUE(plan.units[0].float_output);
  EXPECT_FALSE(plan.units[1].float_output);  // an output of the model
  EXPECT_THAT(plan.TensorsToObserve(model.graph()), ElementsAre("x", "b", "y"));
  const OpId erf = model.graph().FindOp("erf");
  EXPECT_EQ(plan.why_float.count(erf), 1U);
  // One reader in integers is enough for a pair.
  graph.Output("z", {"4", "4"});
  graph.Node("Relu", {"a"}, {"z"}, "relu");
  const Model both = test::Parse(proto);
  EXPECT_FALSE(PlanQuantization(both).units[0].float_output);
}

TEST(PlanQuantization, ChainsOfConcatAndPoolingShareOneScale) {
  onnx::ModelProto proto = test::EmptyModel("m");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3", "4", "4"}).Output("y", {"1", "12", "4", "4"}).Weight("w", {4, 3, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"a"}, "conv1");
  graph.Node("Conv", {"x", "w"}, {"b"}, "conv2");
  test::AddInts(graph.Node("MaxPool", {"b"}, {"p"}, "pool"), "kernel_shape", {1, 1});
  test::AddInt(graph.Node("Concat", {"a", "p"}, {"c"}, "concat"), "axis", 1);
  test::AddInt(graph.Node("Concat", {"c", "a"}, {"y"}, "again"), "axis", 1);
  const Model model = test::Parse(proto);
  const QuantizationPlan plan = PlanQuantization(model);
  EXPECT_THAT(plan.groups, SizeIs(2));  // x, all others
  EXPECT_THAT(plan.TensorsToObserve(model.graph()), ElementsAre("x", "a", "b"));
  EXPECT_THAT(plan.AllTensors(model.graph()), SizeIs(6));
}

std::vector<LayerError> Layers(const QuantizationPlan& plan) {
  std::vector<LayerError> layers;
  for (const Unit& unit : plan.units) layers.push_back({.op = unit.op});
  return layers;
}

TEST(FloatLayers, FindsTheLeastNumberThatHolds) {
  const Model model = test::Parse(test::ChainModel(13));
  const QuantizationPlan plan = PlanQuantization(model);
  const std::vector<LayerError> layers = Layers(plan);
  const int all = static_cast<int>(layers.size());
  for (int needed = 0; needed < all; ++needed) {
    const FloatLayers found = KeepWorstInFloat(layers, plan, [&](const std::set<OpId>& ops) {
      return ops.size() >= OpsOfWorst(layers, needed, plan).size();
    });
    EXPECT_TRUE(found.met);
    EXPECT_EQ(found.kept, needed);
    EXPECT_LE(found.tries, 9);
  }
  // A model in which nothing is quantized holds no bound.
  const size_t ops = OpsOfWorst(layers, all, plan).size();
  EXPECT_FALSE(KeepWorstInFloat(layers, plan, [&](const auto& kept) { return kept.size() == ops; }).met);
}

TEST(FloatLayers, AFusedActivationGoesWithItsOp) {
  const Model model = test::Parse(test::ConvReluModel());
  const QuantizationPlan plan = PlanQuantization(model);
  EXPECT_THAT(OpsOfWorst(Layers(plan), 1, plan), SizeIs(2));
}

}  // namespace
}  // namespace consort
