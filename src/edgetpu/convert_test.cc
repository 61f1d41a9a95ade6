#include "base/test_error.h"
#include "edgetpu/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "edgetpu/listed_operators.h"
#include "edgetpu/test_bundles.h"
#include "tflite/audit.h"
#include "tflite/parse.h"

namespace consort {
namespace {

using test::Convert;
using test::ConvThen;
using test::GraphWriter;
using test::Names;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Code and message of the error that converting ends with.
std::pair<ErrorCode, std::string> ErrorOf(const Model& model, const EdgeTpuConversionOptions& options = {}) {
  return test::ErrorOf([&] { Convert(model, options); });
}

TEST(ConvertForEdgeTpu, KeepsAModelThatFitsWhole) {
  const EdgeTpuConversion conversion = Convert(test::Parse(test::ConvReluModel()));
  EXPECT_TRUE(conversion.preflight.whole());
  EXPECT_FALSE(conversion.rest);
  const tflite::AuditReport audit = tflite::Audit(tflite::ParseContents(conversion.file.bytes, "head"));
  EXPECT_TRUE(audit.full_integer());
  EXPECT_FALSE(audit.compiled());
  ASSERT_EQ(conversion.file.inputs.size(), 1U);
  EXPECT_EQ(conversion.file.inputs[0].spec.dtype, DataType::kInt8);
  EXPECT_EQ(conversion.file.inputs[0].spec.shape, (Shape{1, 8, 8, 3}));
  EXPECT_EQ(conversion.file.inputs[0].onnx_shape, (Shape{1, 3, 8, 8}));
}

TEST(ConvertForEdgeTpu, WritesPortsInTheTypeThatIsAskedFor) {
  const EdgeTpuConversion conversion = Convert(test::Parse(test::ConvReluModel()), {.ports = TfLitePorts::kUInt8});
  EXPECT_EQ(conversion.file.inputs[0].spec.dtype, DataType::kUInt8);
}

TEST(ConvertForEdgeTpu, SeveralTensorsMayCross) {
  const EdgeTpuConversion conversion = Convert(test::TwoCrossing());
  ASSERT_TRUE(conversion.rest);
  const Graph& rest = conversion.rest->graph();
  EXPECT_THAT(Names(rest, rest.inputs()), ElementsAre("r", "s"));
  EXPECT_THAT(Names(rest, rest.outputs()), ElementsAre("y"));
  ASSERT_EQ(conversion.file.outputs.size(), 2U);
  EXPECT_EQ(conversion.file.outputs[0].name, "r");
  EXPECT_EQ(conversion.file.outputs[1].name, "s");
  EXPECT_EQ(conversion.file.outputs[0].spec.layout, Layout::kNhwc);
  EXPECT_EQ(conversion.file.outputs[1].spec.quantization.scale, std::vector<float>{1.0F / 256});
  EXPECT_EQ(conversion.preflight.blockers.at(0).name, "erf");
}

TEST(ConvertForEdgeTpu, CutsBeforeWhatHasNoIntegerForm) {
  onnx::ModelProto proto = test::EmptyModel("max");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3", "8", "8"}).Output("y", {"1", "4", "8", "8"}).Weight("w", {4, 3, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  graph.Node("Tanh", {"c"}, {"t"}, "tanh");
  graph.Node("Max", {"c", "t"}, {"y"}, "max");
  const EdgeTpuConversion conversion = Convert(test::Parse(proto));
  EXPECT_EQ(conversion.preflight.blockers.at(0).name, "max");
  EXPECT_EQ(conversion.preflight.blockers.at(0).why, "Max as 'consort quantize' knows it: no integer form");
  EXPECT_THAT(Names(conversion.rest->graph(), conversion.rest->graph().inputs()), ElementsAre("c", "t"));
}

TEST(ConvertForEdgeTpu, CutsBeforeWhatTensorFlowLiteLacks) {
  const Model model = ConvThen("MaxPool", 6, [](onnx::NodeProto& node) {
    test::AddInts(node, "kernel_shape", {2, 2});
    test::AddInts(node, "dilations", {2, 2});
  });
  const EdgeTpuConversion conversion = Convert(model);
  ASSERT_EQ(conversion.preflight.blockers.size(), 1U);
  EXPECT_EQ(conversion.preflight.blockers[0].name, "middle");
  EXPECT_EQ(conversion.preflight.blockers[0].why, "pooling has no dilation in TensorFlow Lite");
  EXPECT_TRUE(conversion.rest);
}

// The file pads a MaxPool of values of both signs by PADV2.
TEST(ConvertForEdgeTpu, CutsBeforeWhatBecomesAnUnlistedOperator) {
  const Model model = ConvThen("MaxPool", 4, [](onnx::NodeProto& node) {
    test::AddInts(node, "kernel_shape", {3, 3});
    test::AddInts(node, "strides", {2, 2});
    test::AddInts(node, "pads", {1, 1, 1, 1});
  });
  const EdgeTpuConversion conversion = Convert(model);
  ASSERT_EQ(conversion.preflight.blockers.size(), 1U);
  EXPECT_EQ(Describe(conversion.preflight.blockers[0]),
            "'middle' (MaxPool): it becomes PADV2, which is not on the compiler's list");
  EXPECT_THAT(FindUnlisted(tflite::ParseContents(conversion.file.bytes, "head")), ::testing::IsEmpty());
}

TEST(ConvertForEdgeTpu, CutsBeforeConvolutionsInGroups) {
  onnx::ModelProto proto = test::EmptyModel("groups");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "4", "8", "8"}).Output("y", {"1", "6", "8", "8"});
  graph.Weight("w", {4, 1, 1, 1}).Weight("v", {6, 2, 1, 1});
  test::AddInt(graph.Node("Conv", {"x", "w"}, {"d"}, "depthwise"), "group", 4);
  test::AddInt(graph.Node("Conv", {"d", "v"}, {"y"}, "grouped"), "group", 2);
  const EdgeTpuConversion conversion = Convert(test::Parse(proto));
  ASSERT_EQ(conversion.preflight.blockers.size(), 1U);
  EXPECT_EQ(Describe(conversion.preflight.blockers[0]),
            "'grouped' (Conv): a convolution in 2 groups is not on the compiler's list");
}

// A branch that only moves values is not worth a cut of its own, and blocks nothing.
TEST(ConvertForEdgeTpu, LeavesIdleMovesToTheRest) {
  onnx::ModelProto proto = test::EmptyModel("idle");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3", "8", "8"}).Output("y", {"1", "4", "8", "8"}).Output("z", {"1", "3", "8", "8"});
  graph.Weight("w", {4, 3, 1, 1});
  graph.Input("u", {"1", "8", "8", "3"});
  test::AddInts(graph.Node("Transpose", {"u"}, {"t"}, "move"), "perm", {0, 3, 1, 2});
  graph.Node("Erf", {"t"}, {"z"}, "erf");
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  graph.Node("Relu", {"c"}, {"y"}, "relu");
  const EdgeTpuConversion conversion = Convert(test::Parse(proto));
  ASSERT_EQ(conversion.preflight.blockers.size(), 1U);
  EXPECT_EQ(conversion.preflight.blockers[0].name, "erf");
  EXPECT_THAT(Names(conversion.rest->graph(), conversion.rest->graph().inputs()), ElementsAre("u"));
  EXPECT_THAT(Names(conversion.head.graph(), conversion.head.graph().outputs()), ElementsAre("y"));
}

TEST(ConvertForEdgeTpu, SaysWhenNothingIsLeft) {
  onnx::ModelProto proto = test::EmptyModel("erf");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "8"}).Output("y", {"1", "8"});
  graph.Node("Erf", {"x"}, {"y"}, "erf");
  const auto [code, message] = ErrorOf(test::Parse(proto));
  EXPECT_EQ(code, ErrorCode::kInfeasible);
  EXPECT_THAT(message, AllOf(HasSubstr("nothing of it can run on the Edge TPU: 'erf' (Erf)"), HasSubstr("Relu6")));
}

TEST(ConvertForEdgeTpu, DoesNotCutWhereItMustNot) {
  const auto [code, message] = ErrorOf(ConvThen("Erf", 8, [](onnx::NodeProto&) {}), {.cut = false});
  EXPECT_EQ(code, ErrorCode::kInfeasible);
  EXPECT_THAT(message, HasSubstr("1 of 2 ops cannot run on the Edge TPU, and it must not be cut: 'middle' (Erf)"));
}

TEST(ConvertForEdgeTpu, RefusesModelsThatAreQuantizedAlready) {
  onnx::ModelProto proto = test::EmptyModel("quantized");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "8"}).Output("y", {"1", "8"}).Weight("s", {});
  proto.mutable_graph()->mutable_initializer(0)->clear_dims();
  graph.Node("QuantizeLinear", {"x", "s"}, {"q"}, "q");
  graph.Node("DequantizeLinear", {"q", "s"}, {"y"}, "dq");
  const auto [code, message] = ErrorOf(test::Parse(proto));
  EXPECT_EQ(code, ErrorCode::kUnsupported);
  EXPECT_THAT(message, HasSubstr("quantized already"));
}

}  // namespace
}  // namespace consort
