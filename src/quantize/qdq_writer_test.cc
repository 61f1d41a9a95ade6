#include "quantize/qdq_writer.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "consort/error.h"
#include "quantize/calibrate.h"
#include "quantize/group_scales.h"
#include "quantize/prepare.h"
#include "quantize/test_support.h"

namespace consort {
namespace {

using test::GraphWriter;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

struct Quantized {
  Model source;
  QuantizationPlan plan;
  onnx::ModelProto proto;
  Model model;
};

Quantized Quantize(const Model& model, const QdqOptions& options = {}, const std::set<OpId>& keep_float = {}) {
  const Model prepared = PrepareForQuantization(model).model;
  const QuantizationPlan plan = PlanQuantization(prepared, keep_float);
  const Ranges ranges = Calibrate(prepared, plan.TensorsToObserve(prepared.graph()),
                                  test::SeededSamples(prepared.graph(), 8), test::OnOnnxRuntime(), {});
  onnx::ModelProto proto = WriteQdq(prepared, plan, ranges, options);
  return {prepared, plan, proto, test::Parse(proto)};
}
Quantized Quantize(const onnx::ModelProto& model, const QdqOptions& options = {}) {
  return Quantize(test::Parse(model), options);
}

const onnx::NodeProto& NodeOf(const onnx::ModelProto& model, const std::string& name) {
  for (const auto& node : model.graph().node()) {
    if (node.name() == name) return node;
  }
  throw std::runtime_error("no node " + name);
}

// Every op but those that stay float reads DequantizeLinear and is followed, behind a fused activation, by
// QuantizeLinear alone.
void ExpectCanonical(const Quantized& quantized) {
  std::map<std::string, std::string> makers;                // tensor → type
  std::map<std::string, std::vector<std::string>> readers;  // tensor → types
  for (const auto& node : quantized.proto.graph().node()) {
    for (const auto& output : node.output()) makers[output] = node.op_type();
    for (const auto& input : node.input()) readers[input].push_back(node.op_type());
  }
  const Graph& graph = quantized.source.graph();
  for (const Unit& unit : quantized.plan.units) {
    const onnx::NodeProto& node = NodeOf(quantized.proto, graph.op(unit.op).name);
    for (const UnitInput& input : unit.inputs) EXPECT_EQ(makers[node.input(input.index)], "DequantizeLinear");
    const onnx::NodeProto& last = NodeOf(quantized.proto, graph.op(unit.last()).name);
    for (const auto& output : last.output()) EXPECT_THAT(readers[output], ElementsAre("QuantizeLinear")) << output;
  }
}

TEST(QdqWriter, AConvolutionIsWhatIsComputedByHand) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "1", "1", "2"}).Output("y", {"1", "2", "1", "2"});
  test::AddFloats(model, "w", {2, 1, 1, 1}, {2, -0.5F});
  test::AddFloats(model, "b", {2}, {1, 0.25F});
  graph.Node("Conv", {"x", "w", "b"}, {"y"}, "conv");
  const Model source = test::Parse(model);
  const Ranges ranges = {{"x", {-1, 1.55F}}, {"y", {-1, 4.1F}}};
  const onnx::ModelProto proto = WriteQdq(source, PlanQuantization(source), ranges, {});
  // 2.55 / 255, zero at -128 + 100; 5.1 / 255, zero at -128 + 50.
  EXPECT_NEAR(test::ScaleOf(proto, "x"), 0.01, 1e-8);
  EXPECT_EQ(test::ZeroPointOf(proto, "x"), -28);
  EXPECT_NEAR(test::ScaleOf(proto, "y"), 0.02, 1e-8);
  EXPECT_EQ(test::ZeroPointOf(proto, "y"), -78);
  EXPECT_THAT(test::BytesOf(test::Initializer(proto, "w_quantized")), ElementsAre(127, -127));
  EXPECT_FLOAT_EQ(FloatsOf(test::Initializer(proto, "w_scale"))[1], 0.5F / 127);
  // Biases in steps of 0.01 · 2 / 127 and 0.01 · 0.5 / 127.
  std::vector<int32_t> bias(2);
  std::memcpy(bias.data(), test::Initializer(proto, "b_quantized").raw_data().data(), 8);
  EXPECT_THAT(bias, ElementsAre(6350, 6350));
  EXPECT_FLOAT_EQ(FloatsOf(test::Initializer(proto, "b_scale"))[0], 0.01F * (2.0F / 127));
  // x = 0.304 is 30 steps, 0.30: y = 2 · 0.30 + 1 = 1.60 and -0.15 + 0.25 = 0.10. x = 9 saturates at 1.55: 4.1, -0.525
  // rounds to -0.52.
  Buffer x = Buffer::Allocate({.dtype = DataType::kFloat32, .shape = {1, 1, 1, 2}});
  x.as<float>()[0] = 0.304F, x.as<float>()[1] = 9;
  std::vector<NamedTensor> sample;
  sample.push_back({"x", std::move(x)});
  for (const Optimization optimization : {Optimization::kNone, Optimization::kFull}) {
    const auto outputs = test::OnOnnxRuntime(optimization)(test::Parse(proto))(sample);
    const auto y = outputs.front().tensor.as<float>();
    EXPECT_EQ(outputs.front().name, "y");
    EXPECT_NEAR(y[0], 1.60, 1e-6);
    EXPECT_NEAR(y[1], 4.10, 1e-6);
    EXPECT_NEAR(y[2], 0.10, 1e-6);
    EXPECT_NEAR(y[3], -0.52, 1e-6);
  }
}

// Conv + Relu, MaxPool, Conv, Relu6 read twice, Add, GlobalAveragePool, Flatten, Gemm, Softmax.
onnx::ModelProto SmallNet() {
  onnx::ModelProto model = test::EmptyModel("net");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "3", "12", "12"}).Output("y", {"1", "5"});
  graph.Weight("w1", {6, 3, 3, 3}).Weight("b1", {6}).Weight("w2", {6, 6, 3, 3}).Weight("w3", {6, 5}).Weight("b3", {5});
  test::AddFloats(model, "zero", {}, {0});
  test::AddFloats(model, "six", {}, {6});
  test::AddInts(graph.Node("Conv", {"x", "w1", "b1"}, {"c1"}, "conv1"), "pads", {1, 1, 1, 1});
  graph.Node("Relu", {"c1"}, {"r1"}, "relu1");
  onnx::NodeProto& pool = graph.Node("MaxPool", {"r1"}, {"p1"}, "pool");
  test::AddInts(pool, "kernel_shape", {2, 2});
  test::AddInts(pool, "strides", {2, 2});
  test::AddInts(graph.Node("Conv", {"p1", "w2"}, {"c2"}, "conv2"), "pads", {1, 1, 1, 1});
  graph.Node("Clip", {"c2", "zero", "six"}, {"r2"}, "relu6");
  graph.Node("Add", {"r2", "p1"}, {"sum"}, "add");
  graph.Node("GlobalAveragePool", {"sum"}, {"g"}, "mean");
  graph.Node("Flatten", {"g"}, {"f"}, "flatten");
  graph.Node("Gemm", {"f", "w3", "b3"}, {"logits"}, "dense");
  graph.Node("Softmax", {"logits"}, {"y"}, "softmax");
  return model;
}

TEST(QdqWriter, HasOneForm) {
  const Quantized quantized = Quantize(SmallNet());
  ExpectCanonical(quantized);
  EXPECT_EQ(quantized.plan.units.size(), 8U);
  const auto names = [&] {
    std::vector<std::string> found;
    for (const auto& tensor : quantized.proto.graph().initializer()) found.push_back(tensor.name());
    return found;
  }();
  for (const char* name : {"w1", "w2", "w3", "b1"}) EXPECT_THAT(names, Not(Contains(std::string(name))));
  EXPECT_EQ(NodeOf(quantized.proto, "relu1").input(0), "c1");
  EXPECT_EQ(NodeOf(quantized.proto, "r1_QuantizeLinear").output(0), "r1_quantized");
  EXPECT_EQ(NodeOf(quantized.proto, "y_DequantizeLinear").output(0), "y");
  EXPECT_EQ(NodeOf(quantized.proto, "softmax").output(0), "y_float");
  EXPECT_EQ(NodeOf(quantized.proto, "pool").input(0), "r1_dequantized");
}

TEST(QdqWriter, ScalesAreSharedAndFixed) {
  const onnx::ModelProto proto = Quantize(SmallNet()).proto;
  EXPECT_EQ(test::ScaleOf(proto, "r1"), test::ScaleOf(proto, "p1"));
  EXPECT_EQ(test::ZeroPointOf(proto, "r1"), -128);
  EXPECT_EQ(test::ScaleOf(proto, "g"), test::ScaleOf(proto, "f"));
  EXPECT_NE(test::ScaleOf(proto, "sum"), test::ScaleOf(proto, "g"));
  EXPECT_EQ(test::ScaleOf(proto, "y"), 1.0F / 256);
  EXPECT_EQ(test::ZeroPointOf(proto, "y"), -128);
}

TEST(QdqWriter, AllFormatsAreNearTheFloatModel) {
  for (const ByteType type : {ByteType::kInt8, ByteType::kUInt8}) {
    for (const Symmetry symmetry : {Symmetry::kAsymmetric, Symmetry::kSymmetric}) {
      for (const WeightScales weights : {WeightScales::kPerChannel, WeightScales::kPerTensor}) {
        const Quantized quantized = Quantize(SmallNet(), {.format = {type, symmetry}, .weights = weights});
        EXPECT_GT(test::SqnrOf(quantized.model, quantized.source), 25);
      }
    }
  }
}

TEST(QdqWriter, DifferentInputsDiffer) {
  const Quantized quantized = Quantize(SmallNet());
  const RunModel run = test::OnOnnxRuntime()(quantized.model);
  const auto a = run(test::SeededSample(quantized.source.graph(), 1));
  const auto b = run(test::SeededSample(quantized.source.graph(), 2));
  EXPECT_GT(Compare(a.front().tensor, b.front().tensor).max_difference, 0);
}

TEST(QdqWriter, WhatStaysFloatReadsFloats) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "3", "4", "4"}).Output("y", {"1", "4", "4", "4"}).Weight("w", {4, 3, 1, 1});
  graph.Weight("v", {4, 4, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  graph.Node("Erf", {"c"}, {"e"}, "erf");
  graph.Node("Conv", {"e", "v"}, {"y"}, "second");
  const Quantized quantized = Quantize(model);
  ExpectCanonical(quantized);
  EXPECT_EQ(NodeOf(quantized.proto, "erf").input(0), "c_dequantized");
  EXPECT_EQ(NodeOf(quantized.proto, "erf").output(0), "e");
  EXPECT_EQ(NodeOf(quantized.proto, "second").input(0), "e_dequantized");
  EXPECT_EQ(quantized.plan.why_float.size(), 1U);
  EXPECT_GT(test::SqnrOf(quantized.model, quantized.source), 20);
}

TEST(QdqWriter, ABodyReadsTheDequantizedTensor) {
  const Quantized quantized = Quantize(test::Parse(test::IfModel()));
  EXPECT_EQ(NodeOf(quantized.proto, "relu").output(0), "a_float");
  EXPECT_EQ(NodeOf(quantized.proto, "a_DequantizeLinear").output(0), "a");
}

TEST(QdqWriter, ConcatJoinsWhatCanBeJoinedAndRescalesTheRest) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "3", "4", "4"}).Output("y", {"1", "8", "4", "4"}).Output("s", {"1", "4", "4", "4"});
  graph.Weight("w", {4, 3, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  graph.Node("Sigmoid", {"c"}, {"s"}, "sigmoid");
  test::AddInt(graph.Node("Concat", {"c", "s"}, {"y"}, "concat"), "axis", 1);
  const Quantized quantized = Quantize(model);
  ExpectCanonical(quantized);
  EXPECT_EQ(test::ScaleOf(quantized.proto, "s"), 1.0F / 256);
  EXPECT_EQ(test::ScaleOf(quantized.proto, "c"), test::ScaleOf(quantized.proto, "y"));
  EXPECT_EQ(test::ScaleOf(quantized.proto, "s_for_concat"), test::ScaleOf(quantized.proto, "y"));
  EXPECT_EQ(NodeOf(quantized.proto, "concat").input(1), "s_for_concat_dequantized");
  EXPECT_GT(test::SqnrOf(quantized.model, quantized.source), 25);
}

TEST(QdqWriter, ConstantsOfSumsAreIntegersFromTheStart) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "3", "4", "4"}).Output("y", {"1", "3", "4", "4"});
  test::AddFloats(model, "c", {3, 1, 1}, {0, 2.55F, 1});
  graph.Node("Mul", {"x", "c"}, {"y"}, "mul");
  const Quantized quantized = Quantize(model);
  EXPECT_THAT(test::BytesOf(test::Initializer(quantized.proto, "c_quantized")), ElementsAre(-128, 127, -28));
  EXPECT_THAT(test::TypesOf(quantized.proto),
              ElementsAre("QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "Mul", "QuantizeLinear",
                          "DequantizeLinear"));
}

TEST(QdqWriter, BothFactorsOfAProductMayBeActivations) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("a", {"1", "4", "8"}).Input("b", {"1", "8", "5"}).Output("y", {"1", "4", "5"});
  graph.Node("MatMul", {"a", "b"}, {"y"}, "product");
  const Quantized quantized = Quantize(model);
  ExpectCanonical(quantized);
  EXPECT_GT(test::SqnrOf(quantized.model, quantized.source), 25);
}

TEST(QdqWriter, BesideEachLayerIsAlone) {
  const Model source = test::Parse(SmallNet());
  const QuantizationPlan plan = PlanQuantization(source);
  const Ranges ranges = Calibrate(source, plan.TensorsToObserve(source.graph()),
                                  test::SeededSamples(source.graph(), 8), test::OnOnnxRuntime(), {});
  const Model beside = test::Parse(WriteQdqBeside(source, plan, ranges, {}));
  const auto sample = test::SeededSample(source.graph(), 3);
  // The float part is untouched.
  const auto expected = test::OnOnnxRuntime(Optimization::kBasic)(source)(sample);
  const Model observed = WithOutputs(beside, {"y", "y_local_dequantized", "r1_local_dequantized"});
  const auto found = test::OnOnnxRuntime(Optimization::kBasic)(observed)(sample);
  EXPECT_TRUE(Compare(found[0].tensor, expected[0].tensor).Within(1e-5));
  const Comparison alone = Compare(found[1].tensor, expected[0].tensor);
  EXPECT_GT(alone.max_difference, 0);
  EXPECT_LE(alone.max_difference, 0.02);
}

TEST(GroupRanges, OperandsOfSumsNeedNoMoreThanTheSum) {
  onnx::ModelProto proto = test::EmptyModel("m");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("a", {"4"}).Input("mask", {"4"}).Output("y", {"4"});
  graph.Node("Add", {"a", "mask"}, {"sum"}, "add");
  graph.Node("Relu", {"sum"}, {"y"}, "relu");
  const Model model = test::Parse(proto);
  const Ranges ranges = {{"a", {-3, 5}}, {"mask", {-10000, 0}}, {"y", {0, 4}}};
  const auto range_of = [&](const Model& of, const std::string& tensor) {
    const QuantizationPlan plan = PlanQuantization(of);
    return GroupRanges(of, plan, ranges).at(static_cast<size_t>(plan.group_of.at(of.graph().FindTensor(tensor))));
  };
  // With a up to 5, a mask below -5 makes the rectified sum 0 whatever a is; with no mask above 0, so does a below 0.
  EXPECT_EQ(range_of(model, "mask"), (Range{-5, 0}));
  EXPECT_EQ(range_of(model, "a"), (Range{0, 5}));
  EXPECT_EQ(range_of(model, "y"), (Range{0, 4}));
  // Not where others read it.
  graph.Output("z", {"4"});
  graph.Node("Sigmoid", {"mask"}, {"z"}, "sigmoid");
  EXPECT_EQ(range_of(test::Parse(proto), "mask"), (Range{-10000, 0}));
}

TEST(QdqWriter, AMissingRangeIsNamed) {
  const Model source = test::Parse(test::ConvReluModel());
  try {
    WriteQdq(source, PlanQuantization(source), {{"x", {0, 1}}}, {});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), testing::HasSubstr("'y'"));
  }
}

// x · w + bias, whose sum only a float op reads; `factor` times the bias.
onnx::ModelProto WithAddedBias(float factor) {
  onnx::ModelProto proto = test::EmptyModel("m");
  test::GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3", "4"}).Output("y", {"1", "3", "4"}).Weight("w", {4, 4});
  test::AddFloats(proto, "bias", {4}, {0.5F * factor, -0.25F * factor, 0.125F * factor, factor});
  graph.Node("MatMul", {"x", "w"}, {"p"}, "product");
  graph.Node("Add", {"p", "bias"}, {"s"}, "add");
  graph.Node("Erf", {"s"}, {"y"}, "erf");
  return proto;
}

TEST(WriteQdq, ABiasBehindAProductOfFloatsHas32Bits) {
  for (const float factor : {1.F, 1e8F}) {
    const Model model = test::Parse(WithAddedBias(factor));
    const QuantizationPlan plan = PlanQuantization(model, {model.graph().FindOp("add")});
    const Ranges ranges = {{"x", {-1, 1}}};
    const onnx::ModelProto written = WriteQdq(model, plan, ranges, {});
    const auto& add = *std::find_if(written.graph().node().begin(), written.graph().node().end(),
                                    [](const onnx::NodeProto& node) { return node.op_type() == "Add"; });
    // One that would not fit stays as it is.
    EXPECT_EQ(add.input(1) == "bias", factor > 1) << add.input(1);
    EXPECT_GT(test::SqnrOf(test::Parse(written), model), 30);
  }
}

}  // namespace
}  // namespace consort
