#include "tflite/write_tflite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "consort/error.h"
#include "tflite/audit.h"
#include "tflite/operator_names.h"
#include "tflite/parse.h"
#include "tflite/test_qdq.h"

namespace consort::test {
namespace {

using tflite::Affine;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr Affine kX = {0.5F, -3};
constexpr Affine kY = {0.25F, -128};

// A file that was written, and what it holds.
class Written {
 public:
  explicit Written(const Model& model, const TfLiteOptions& options = {})
      : file_(WriteTfLite(model, options)), contents_(tflite::ParseContents(file_.bytes, "written")) {}

  const TfLiteFile& file() const { return file_; }
  const tflite::SubgraphEntry& graph() const { return contents_.subgraphs.front(); }
  std::vector<std::string> operators() const {
    std::vector<std::string> names;
    for (const auto& op : graph().operators) names.emplace_back(tflite::BuiltinName(contents_.code_of(op).builtin));
    return names;
  }
  const tflite::TensorEntry& input(size_t op, size_t i) const { return Tensor(graph().operators[op].inputs[i]); }
  const tflite::TensorEntry& output(size_t op) const { return Tensor(graph().operators[op].outputs.front()); }
  int version(size_t op) const { return contents_.code_of(graph().operators[op]).version; }
  template <typename T>
  std::vector<int> values(const tflite::TensorEntry& tensor) const {
    const std::string_view data = contents_.buffers[tensor.buffer];
    std::vector<T> values(data.size() / sizeof(T));
    std::memcpy(values.data(), data.data(), data.size());
    return {values.begin(), values.end()};
  }

 private:
  const tflite::TensorEntry& Tensor(int32_t i) const { return graph().tensors[static_cast<size_t>(i)]; }

  TfLiteFile file_;
  tflite::Contents contents_;
};

std::string Refused(const Model& model) {
  try {
    WriteTfLite(model);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    return error.what();
  }
  return "";
}

// x[1,2,5,5] → Conv 3x3, 3 channels, with the attributes that `set` gives → y.
template <typename Set>
Model ConvModel(Set set, const std::vector<int64_t>& out = {1, 3, 5, 5}) {
  QdqWriter net;
  const std::string x = net.Input("x", {1, 2, 5, 5}, kX);
  const std::string w = net.Weights("w", {3, 2, 3, 3}, Scattered(54), {0.1F, 0.2F, 0.4F});
  const std::string b = net.Bias("b", {1, -2, 3}, {0.05F, 0.1F, 0.2F});
  const std::string y = net.Op("Conv", {x, w, b}, "y", kY);
  set(net.node());
  net.Output(y, out);
  return net.Build();
}

TEST(WriteTfLite, AConvolutionKeepsItsScalesAndMovesItsWeights) {
  const Written written(ConvModel([](auto& node) { AddInts(node, "pads", {1, 1, 1, 1}); }));
  EXPECT_THAT(written.operators(), ElementsAre("CONV_2D"));
  EXPECT_EQ(written.version(0), 3);
  EXPECT_THAT(written.input(0, 0).shape, ElementsAre(1, 5, 5, 2));
  EXPECT_THAT(written.input(0, 0).scale, ElementsAre(0.5F));
  EXPECT_THAT(written.input(0, 0).zero_point, ElementsAre(-3));
  EXPECT_EQ(written.input(0, 0).name, "x");
  EXPECT_THAT(written.output(0).zero_point, ElementsAre(-128));
  const auto& weights = written.input(0, 1);
  EXPECT_THAT(weights.shape, ElementsAre(3, 3, 3, 2));
  EXPECT_THAT(weights.scale, ElementsAre(0.1F, 0.2F, 0.4F));
  EXPECT_EQ(weights.axis, 0);
  const std::vector<int32_t> source = Scattered(54);
  // [out 2, row 1, column 2, in 1] of OHWI is [out 2, in 1, row 1, column 2] of OIHW.
  EXPECT_EQ(written.values<int8_t>(weights)[2 * 18 + 1 * 6 + 2 * 2 + 1], source[2 * 18 + 1 * 9 + 1 * 3 + 2]);
  EXPECT_THAT(written.values<int32_t>(written.input(0, 2)), ElementsAre(1, -2, 3));
}

TEST(WriteTfLite, PaddingThatTensorFlowHasNoNameForBecomesPad) {
  const Written same(ConvModel([](auto& node) { AddInts(node, "pads", {1, 1, 1, 1}); }));
  EXPECT_THAT(same.operators(), ElementsAre("CONV_2D"));
  const Written valid(ConvModel([](auto&) {}, {1, 3, 3, 3}));
  EXPECT_THAT(valid.operators(), ElementsAre("CONV_2D"));
  const auto shifted = [](auto& node) { AddInts(node, "pads", {2, 0, 0, 2}); };
  const Written padded(ConvModel(shifted, {1, 3, 5, 5}));
  EXPECT_THAT(padded.operators(), ElementsAre("PAD", "CONV_2D"));
  EXPECT_THAT(padded.values<int32_t>(padded.input(0, 1)), ElementsAre(0, 0, 2, 0, 0, 2, 0, 0));
  EXPECT_THAT(padded.output(0).shape, ElementsAre(1, 7, 7, 2));
  EXPECT_THAT(padded.output(0).zero_point, ElementsAre(-3));
}

TEST(WriteTfLite, PaddingThatNoWindowReachesIsLeftOut) {
  // 6 pixels, 3 wide windows in steps of 2: TensorFlow's SAME puts one pixel at the end, as ONNX does here.
  QdqWriter net;
  const std::string x = net.Input("x", {1, 1, 6, 6}, kX);
  const std::string y = net.Op("Conv", {x, net.Weights("w", {1, 1, 3, 3}, Scattered(9), {0.1F})}, "y", kY);
  AddInts(net.node(), "pads", {0, 0, 2, 2});
  AddInts(net.node(), "strides", {2, 2});
  net.Output(y, {1, 1, 3, 3});
  EXPECT_THAT(Written(net.Build()).operators(), ElementsAre("CONV_2D"));
}

TEST(WriteTfLite, OneFilterPerChannelIsDepthwise) {
  QdqWriter net;
  const std::string x = net.Input("x", {1, 2, 3, 3}, kX);
  const std::string w = net.Weights("w", {4, 1, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8}, {0.1F, 0.2F, 0.3F, 0.4F});
  const std::string y = net.Op("Conv", {x, w}, "y", kY);
  AddInt(net.node(), "group", 2);
  net.Output(y, {1, 4, 3, 2});
  const Written written(net.Build());
  EXPECT_THAT(written.operators(), ElementsAre("DEPTHWISE_CONV_2D"));
  EXPECT_THAT(written.input(0, 1).shape, ElementsAre(1, 1, 2, 4));
  EXPECT_EQ(written.input(0, 1).axis, 3);
  EXPECT_THAT(written.values<int8_t>(written.input(0, 1)), ElementsAre(1, 3, 5, 7, 2, 4, 6, 8));
  EXPECT_THAT(written.values<int32_t>(written.input(0, 2)), ElementsAre(0, 0, 0, 0));
}

TEST(WriteTfLite, AnActivationWithoutQuantizationBetweenIsFused) {
  QdqWriter net;
  const std::string x = net.Input("x", {1, 2, 3, 3}, kX);
  const std::string conv = net.Raw("Conv", {x, net.Weights("w", {2, 2, 1, 1}, {1, 2, 3, 4}, {0.1F})}, "conv");
  const std::string y = net.Op("Clip", {conv, net.Float("low", 0), net.Float("high", 6)}, "y", {6.0F / 255, -128});
  net.Output(y, {1, 2, 3, 3});
  const Written written(net.Build());
  EXPECT_THAT(written.operators(), ElementsAre("CONV_2D"));
  EXPECT_EQ(written.output(0).name, y);
}

// Flattened images are read as they lie: row (c, h, w) of the weights becomes row (h, w, c).
TEST(WriteTfLite, DenseWeightsAreMovedInsteadOfTheImage) {
  QdqWriter net;
  const std::string x = net.Input("x", {1, 2, 2, 2}, kX);
  const std::string pool = net.Op("MaxPool", {x}, "pool", kX);
  AddInts(net.node(), "kernel_shape", {1, 1});
  const std::string flat = net.Op("Flatten", {pool}, "flat", kX);
  const std::string w = net.Weights("w", {8, 1}, {0, 1, 2, 3, 4, 5, 6, 7}, {0.1F});
  const std::string y = net.Op("Gemm", {flat, w}, "y", kY);
  net.Output(y, {1, 1});
  const Written written(net.Build());
  EXPECT_THAT(written.operators(), ElementsAre("MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED"));
  EXPECT_THAT(written.values<int8_t>(written.input(2, 1)), ElementsAre(0, 4, 1, 5, 2, 6, 3, 7));
  EXPECT_THAT(written.input(2, 1).shape, ElementsAre(1, 8));
}

TEST(WriteTfLite, AFlattenedImageIsTransposedForWhoeverReadsItsElements) {
  QdqWriter net;
  const std::string x = net.Input("x", {1, 2, 2, 2}, kX);
  const std::string pool = net.Op("MaxPool", {x}, "pool", kX);
  AddInts(net.node(), "kernel_shape", {1, 1});
  const std::string flat = net.Op("Flatten", {pool}, "flat", kX);
  net.Output(flat, {1, 8});
  const Written written(net.Build());
  EXPECT_THAT(written.operators(), ElementsAre("MAX_POOL_2D", "RESHAPE", "RESHAPE", "TRANSPOSE", "RESHAPE"));
  EXPECT_THAT(written.graph().tensors[static_cast<size_t>(written.graph().outputs[0])].shape, ElementsAre(1, 8));
}

TEST(WriteTfLite, MaxPoolingIsPaddedWithTheLowestNumber) {
  QdqWriter net;
  const std::string x = net.Input("x", {1, 1, 4, 4}, kX);
  const std::string y = net.Op("MaxPool", {x}, "y", kX);
  AddInts(net.node(), "kernel_shape", {3, 3});
  AddInts(net.node(), "strides", {2, 2});
  AddInts(net.node(), "pads", {1, 1, 1, 1});
  net.Output(y, {1, 1, 2, 2});
  const Written written(net.Build());
  EXPECT_THAT(written.operators(), ElementsAre("PADV2", "MAX_POOL_2D"));
  EXPECT_THAT(written.values<int8_t>(written.input(0, 2)), ElementsAre(-128));
  EXPECT_THAT(written.input(0, 2).zero_point, ElementsAre(-3));
}

TEST(WriteTfLite, AnOutputScaleThatAKernelCannotWriteIsMadeByQuantize) {
  QdqWriter net;
  const std::string x = net.Input("x", {1, 4}, kX);
  const std::string soft = net.Op("Softmax", {x}, "soft", {1.0F / 256, -128});
  const std::string other = net.Op("Softmax", {soft}, "other", {0.01F, -128});
  net.Output(other, {1, 4});
  const Written written(net.Build());
  EXPECT_THAT(written.operators(), ElementsAre("SOFTMAX", "SOFTMAX", "QUANTIZE"));
  EXPECT_THAT(written.output(1).scale, ElementsAre(1.0F / 256));
  EXPECT_THAT(written.output(2).scale, ElementsAre(0.01F));
}

TEST(WriteTfLite, PartsOfAConcatenationGetItsScale) {
  QdqWriter net;
  const std::string a = net.Input("a", {1, 2, 3, 3}, kX);
  const std::string b = net.Input("b", {1, 1, 3, 3}, kY);
  const std::string w = net.Weights("w", {2, 2, 1, 1}, {1, 2, 3, 4}, {0.1F});
  const std::string conv = net.Op("Conv", {a, w}, "conv", kX);
  const std::string y = net.Op("Concat", {b, conv}, "y", kX);
  AddInt(net.node(), "axis", 1);
  net.Output(y, {1, 3, 3, 3});
  const Written written(net.Build());
  // `b` is read by nothing that wants channels last: it has one channel, so that RESHAPE is enough.
  EXPECT_THAT(written.operators(), ElementsAre("CONV_2D", "RESHAPE", "QUANTIZE", "CONCATENATION"));
  EXPECT_THAT(written.output(3).shape, ElementsAre(1, 3, 3, 3));
}

TEST(WriteTfLite, TransposeToChannelsLastCostsNothing) {
  QdqWriter net;
  const std::string x = net.Input("x", {1, 2, 4, 3}, kX);
  const std::string conv = net.Op("Conv", {x, net.Weights("w", {5, 2, 1, 1}, Scattered(10), {0.1F})}, "conv", kX);
  const std::string y = net.Op("Transpose", {conv}, "y", kX);
  AddInts(net.node(), "perm", {0, 2, 3, 1});
  net.Output(y, {1, 4, 3, 5});
  const Written written(net.Build());
  EXPECT_THAT(written.operators(), ElementsAre("CONV_2D"));
  EXPECT_THAT(written.output(0).shape, ElementsAre(1, 4, 3, 5));
}

TEST(WriteTfLite, UInt8ActivationsMoveDown) {
  QdqWriter net(true);
  const std::string x = net.Input("x", {1, 4}, kX);
  net.Output(net.Op("Relu", {x}, "y", kY), {1, 4});
  const Written written(net.Build());
  EXPECT_EQ(written.input(0, 0).type, tflite::ElementType::kInt8);
  EXPECT_THAT(written.input(0, 0).zero_point, ElementsAre(-3));
}

TEST(WriteTfLite, PortsOfOtherTypesAreConvertedAtTheEdge) {
  QdqWriter net;
  const std::string x = net.Input("x", {1, 4}, kX);
  net.Output(net.Op("Relu", {x}, "y", kY), {1, 4});
  const Model model = net.Build();
  const Written real(model, {.ports = TfLitePorts::kFloat32});
  EXPECT_THAT(real.operators(), ElementsAre("QUANTIZE", "RELU", "DEQUANTIZE"));
  EXPECT_EQ(real.input(0, 0).type, tflite::ElementType::kFloat32);
  EXPECT_EQ(real.input(0, 0).name, "x");
  const Written bytes(model, {.ports = TfLitePorts::kUInt8});
  EXPECT_THAT(bytes.operators(), ElementsAre("QUANTIZE", "RELU", "QUANTIZE"));
  EXPECT_THAT(bytes.input(0, 0).zero_point, ElementsAre(125));
  EXPECT_EQ(bytes.file().inputs.front().spec.dtype, DataType::kUInt8);
}

TEST(WriteTfLite, ImagesKeepOnnxsLayoutWhereThatIsAsked) {
  const Model model = ConvModel([](auto& node) { AddInts(node, "pads", {1, 1, 1, 1}); });
  const Written written(model, {.keep_port_layout = true});
  EXPECT_THAT(written.operators(), ElementsAre("TRANSPOSE", "CONV_2D", "TRANSPOSE"));
  EXPECT_THAT(written.input(0, 0).shape, ElementsAre(1, 2, 5, 5));
  EXPECT_EQ(written.file().inputs.front().spec.layout, Layout::kNchw);
  EXPECT_EQ(Written(model).file().inputs.front().spec.layout, Layout::kNhwc);
}

TEST(WriteTfLite, ABiasInFloatOrAtAnotherScaleIsBroughtToTheOneOfTheProduct) {
  QdqWriter net;
  const std::string x = net.Input("x", {1, 2}, kX);
  const std::string w = net.Weights("w", {2, 2}, {1, 2, 3, 4}, {0.1F});
  const std::string y = net.Op("Gemm", {x, w, net.Bias("b", {10, -6}, {0.1F})}, "y", kY);
  net.Output(y, {1, 2});
  const Written written(net.Build());
  EXPECT_THAT(written.values<int32_t>(written.input(0, 2)), ElementsAre(20, -12));
}

TEST(WriteTfLite, EveryOperatorWithoutACounterpartIsNamed) {
  QdqWriter net;
  const std::string x = net.Input("x", {1, 2, 3, 3}, kX);
  const std::string lrn = net.Op("LRN", {x}, "norm", kX);
  AddInt(net.node(), "size", 3);
  const std::string relu = net.Op("Relu", {lrn}, "relu", kX);
  const std::string erf = net.Op("Erf", {relu}, "erf", kX);
  net.Output(erf, {1, 2, 3, 3});
  const std::string message = Refused(net.Build());
  EXPECT_THAT(message, HasSubstr("'norm' (LRN)"));
  EXPECT_THAT(message, HasSubstr("'erf' (Erf)"));
  EXPECT_THAT(message, Not(HasSubstr("Relu")));
}

TEST(WriteTfLite, WhatIsNotQuantizedIsNamed) {
  EXPECT_THAT(Refused(Parse(ConvReluModel())), HasSubstr("input 'x' is not quantized"));
  QdqWriter net;
  const std::string x = net.Input("x", {1, 4}, kX);
  net.Output(net.Raw("Neg", {net.Raw("Abs", {x}, "middle")}, "y"), {1, 4});
  EXPECT_THAT(Refused(net.Build()), HasSubstr("'middle' (Abs): its output 'middle' is not quantized"));
}

// As training with quantization leaves them: stored in float32, quantized in the graph.
TEST(WriteTfLite, WeightsThatTheGraphQuantizesAreStoredAsIntegers) {
  QdqWriter net;
  const std::string x = net.Input("x", {1, 2}, kX);
  onnx::GraphProto& graph = *net.proto().mutable_graph();
  const auto stored = [&](const std::string& name, int type, const std::vector<int64_t>& shape) {
    auto* tensor = graph.add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(type);
    for (const int64_t size : shape) tensor->add_dims(size);
    return tensor;
  };
  auto* weights = stored("w", onnx::TensorProto::FLOAT, {2, 2});
  for (const float value : {0.1F, -0.26F, 100.0F, 0.4F}) weights->add_float_data(value);
  auto* scales = stored("w_scale", onnx::TensorProto::FLOAT, {2});
  for (const float value : {0.1F, 0.2F}) scales->add_float_data(value);
  auto* points = stored("w_point", onnx::TensorProto::INT8, {2});
  for (const int value : {0, 0}) points->add_int32_data(value);
  GraphWriter writer(&graph);
  AddInt(writer.Node("QuantizeLinear", {"w", "w_scale", "w_point"}, {"w_stored"}), "axis", 0);
  AddInt(writer.Node("DequantizeLinear", {"w_stored", "w_scale", "w_point"}, {"w_real"}), "axis", 0);
  const std::string y = net.Op("Gemm", {x, "w_real"}, "y", kY);
  AddInt(net.node(), "transB", 1);
  net.Output(y, {1, 2});
  const Written written(net.Build());
  EXPECT_THAT(written.values<int8_t>(written.input(0, 1)), ElementsAre(1, -3, 127, 2));
  EXPECT_THAT(written.input(0, 1).scale, ElementsAre(0.1F, 0.2F));
}

TEST(WriteTfLite, WeightsWithAZeroPointAreRefused) {
  QdqWriter net;
  const std::string x = net.Input("x", {1, 2}, kX);
  net.Output(net.Op("Gemm", {x, net.Weights("w", {2, 2}, {1, 2, 3, 4}, {0.1F}, 0, 5)}, "y", kY), {1, 2});
  EXPECT_THAT(Refused(net.Build()), HasSubstr("symmetric"));
}

// What LiteRT 2.21 would compute is wrong.
TEST(WriteTfLite, ARightOperandWithAZeroPointIsRefused) {
  const auto product = [](const Affine& right) {
    QdqWriter net;
    const std::string a = net.Input("a", {2, 3}, kX);
    const std::string b = net.Input("b", {3, 2}, right);
    net.Output(net.Op("MatMul", {a, b}, "y", kY), {2, 2});
    return net.Build();
  };
  EXPECT_THAT(Refused(product({0.5F, 4})), HasSubstr("right operand has a zero point"));
  EXPECT_THAT(Written(product({0.5F, 0})).operators(), ElementsAre("BATCH_MATMUL"));
}

TEST(WriteTfLite, NothingIsLeftInFloatingPoint) {
  const Written written(ConvModel([](auto& node) { AddInts(node, "pads", {1, 1, 1, 1}); }));
  const tflite::AuditReport report = tflite::Audit(tflite::ParseContents(written.file().bytes, "written"));
  EXPECT_TRUE(report.full_integer());
  EXPECT_EQ(report.cpu_macs, 25 * 3 * 18);
  EXPECT_THAT(report.open_shapes, IsEmpty());
}

}  // namespace
}  // namespace consort::test
