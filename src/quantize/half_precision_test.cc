#include "quantize/half_precision.h"

#include <gmock/gmock.h>

#include <cstring>

#include "io/element.h"
#include "quantize/test_support.h"

namespace consort {
namespace {

using test::GraphWriter;
using testing::ElementsAre;

TEST(HalfPrecision, InputsAndOutputsStayFloat) {
  const Model model = test::Parse(test::ConvReluModel());
  const HalfModel half = ConvertToFp16(model);
  EXPECT_THAT(test::TypesOf(half.proto), ElementsAre("Cast", "Conv", "Relu", "Cast"));
  EXPECT_EQ(test::Initializer(half.proto, "w").data_type(), onnx::TensorProto::FLOAT16);
  EXPECT_EQ(half.half_ops, 2);
  const Model converted = test::Parse(half.proto);
  EXPECT_EQ(converted.graph().tensor(converted.graph().inputs()[0]).spec.dtype, DataType::kFloat32);
  EXPECT_EQ(converted.graph().tensor(converted.graph().outputs()[0]).spec.dtype, DataType::kFloat32);
  const double sqnr = test::SqnrOf(converted, model);
  EXPECT_GT(sqnr, 50);
  EXPECT_LT(sqnr, 120);  // and not float32
}

TEST(HalfPrecision, WeightsBeyondItsRangeAreClampedAndNamed) {
  onnx::ModelProto proto = test::EmptyModel("m");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3"}).Output("y", {"1", "3"});
  test::AddFloats(proto, "w", {3}, {1e6F, -7e4F, 2});
  graph.Node("Mul", {"x", "w"}, {"y"}, "mul");
  const HalfModel half = ConvertToFp16(test::Parse(proto));
  EXPECT_EQ(half.clamped, 2);
  EXPECT_THAT(half.clamped_in, ElementsAre("w"));
  uint16_t first = 0;
  std::memcpy(&first, test::Initializer(half.proto, "w").raw_data().data(), 2);
  EXPECT_EQ(HalfToFloat(first), 65504);
}

TEST(HalfPrecision, WhatHasNoFp16StaysFloat) {
  onnx::ModelProto proto = test::EmptyModel("m");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "1", "2", "2"}).Output("y", {"1", "1", "4", "4"}).Output("t", {"1", "1", "2", "2"});
  test::AddFloats(proto, "scales", {4}, {1, 1, 2, 2});
  graph.Node("Relu", {"x"}, {"r"}, "relu");
  graph.Node("Resize", {"r", "", "scales"}, {"y"}, "resize");
  auto& cast = graph.Node("Cast", {"r"}, {"t"}, "cast");
  test::AddInt(cast, "to", onnx::TensorProto::FLOAT);
  const Model model = test::Parse(proto);
  const HalfModel half = ConvertToFp16(model);
  EXPECT_EQ(test::Initializer(half.proto, "scales").data_type(), onnx::TensorProto::FLOAT);
  EXPECT_EQ(half.why_float.at(model.graph().FindOp("cast")), "names a type");
  EXPECT_GT(test::SqnrOf(test::Parse(half.proto), model), 50);
}

TEST(HalfPrecision, BodiesReadFloats) {
  const Model model = test::Parse(test::IfModel());
  const HalfModel half = ConvertToFp16(model);
  EXPECT_EQ(half.why_float.at(model.graph().FindOp("if")), "holds bodies");
  const Model converted = test::Parse(half.proto);  // checks types
  EXPECT_NE(converted.graph().FindTensor("a_fp16"), kNone);
}

TEST(HalfPrecision, Bf16WeightsAreTheNearest) {
  onnx::ModelProto proto = test::EmptyModel("m");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3"}).Output("y", {"1", "3"});
  test::AddFloats(proto, "w", {3}, {1.00390625F, 1.01171875F, 3});  // 1 + 1/256 and 1 + 3/256: ties to even
  graph.Node("Mul", {"x", "w"}, {"y"}, "mul");
  const HalfModel rounded = RoundWeightsToBf16(test::Parse(proto));
  EXPECT_THAT(FloatsOf(test::Initializer(rounded.proto, "w")), ElementsAre(1, 1.015625F, 3));
  EXPECT_EQ(rounded.half_ops, 1);
}

}  // namespace
}  // namespace consort
