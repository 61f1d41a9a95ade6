#include "tflite/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tflite/parse.h"
#include "tflite/test_tflite.h"

namespace consort::test {
namespace {

using tflite::AuditReport;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

AuditReport AuditOf(const std::string& bytes) { return tflite::Audit(tflite::ParseContents(bytes, "audited.tflite")); }

TEST(Audit, AModelForTheCpu) {
  const AuditReport report = AuditOf(FullyConnectedTfLite(true));
  EXPECT_FALSE(report.compiled());
  EXPECT_TRUE(report.full_integer());
  EXPECT_EQ(report.cpu_operators(), 1);
  EXPECT_EQ(report.cpu_macs, 6);
  EXPECT_TRUE(report.cpu_macs_known);
  EXPECT_THAT(report.activation_types, ElementsAre(Pair("int8", 2)));
  ASSERT_EQ(report.inputs.size(), 1U);
  EXPECT_THAT(report.inputs[0].scale, ElementsAre(0.5F));
  EXPECT_THAT(report.inputs[0].zero_point, ElementsAre(-1));
  EXPECT_THAT(report.decoys, IsEmpty());
}

TEST(Audit, FloatingPointIsNamed) {
  const AuditReport report = AuditOf(AddMulTfLite(true));
  EXPECT_FALSE(report.full_integer());
  EXPECT_THAT(report.float_operators, ElementsAre("'sum' (ADD)", "'y' (MUL)"));
  EXPECT_THAT(report.open_shapes, ElementsAre("a", "b", "sum", "y"));
}

TEST(Audit, ACompiledModel) {
  TfLiteWriter writer;
  const int x = writer.Tensor("x", {1, 4}, TfLiteElement::kInt8, {{0.5F}, {0}});
  const int y = writer.Tensor("y", {1, 4}, TfLiteElement::kInt8, {{0.5F}, {0}});
  const int z = writer.Tensor("z", {1, 4}, TfLiteElement::kInt8, {{1.0F / 256}, {-128}});
  writer.Operator(TfLiteOp::kCustom, {x}, {y}, TfLiteOptionsTable::kNone, "edgetpu-custom-op");
  writer.Operator(TfLiteOp::kSoftmax, {y}, {z}, TfLiteOptionsTable::kSoftmax);
  const AuditReport report = AuditOf(writer.Finish({x}, {z}));
  EXPECT_TRUE(report.compiled());
  EXPECT_EQ(report.edgetpu_operators, 1);
  EXPECT_EQ(report.cpu_operators(), 1);
  EXPECT_TRUE(report.cpu_macs_known);
  EXPECT_THAT(report.decoys, IsEmpty());
}

// The text is in the file; no operator uses it.
TEST(Audit, DecoysCompileNothing) {
  TfLiteWriter described;
  described.Describe("made with edgetpu-custom-op");
  described.Tensor("edgetpu-custom-op", {1, 4}, TfLiteElement::kInt8, {{0.5F}, {0}});
  described.UnusedCode("edgetpu-custom-op");
  const AuditReport report = AuditOf(described.Finish({0}, {0}));
  EXPECT_FALSE(report.compiled());
  EXPECT_THAT(report.decoys,
              ElementsAre("the description", "a name", "an operator code that no operator uses"));
  EXPECT_FALSE(AuditOf(CustomTfLite("edgetpu-custom-op-2")).compiled());
  EXPECT_THAT(AuditOf(CustomTfLite("edgetpu-custom-op-2")).decoys, ElementsAre("the code of another operator"));
  EXPECT_FALSE(AuditOf(CustomTfLite("Edgetpu-custom-op")).compiled());
  EXPECT_TRUE(AuditOf(CustomTfLite("edgetpu-custom-op")).compiled());
}

TEST(Audit, WhatACustomOperatorComputesIsNotKnown) {
  const AuditReport report = AuditOf(CustomTfLite("my-op"));
  ASSERT_EQ(report.kinds.size(), 1U);
  EXPECT_EQ(report.kinds[0].name, "custom 'my-op'");
  EXPECT_FALSE(report.kinds[0].macs_known);
  EXPECT_FALSE(report.cpu_macs_known);
}

TEST(Audit, MacsComeFromShapes) {
  TfLiteWriter writer;
  const auto tensor = [&](const std::vector<int32_t>& shape) {
    return writer.Tensor("t", shape, TfLiteElement::kInt8, {{0.5F}, {0}});
  };
  const int image = tensor({1, 8, 8, 4});
  writer.Operator(TfLiteOp::kConv2D, {image, tensor({6, 3, 3, 4}), -1}, {tensor({1, 8, 8, 6})});
  writer.Operator(TfLiteOp::kDepthwiseConv2D, {image, tensor({1, 3, 3, 4}), -1}, {tensor({1, 8, 8, 4})});
  writer.Operator(TfLiteOp::kTransposeConv, {tensor({4}), tensor({6, 2, 2, 4}), image}, {tensor({1, 16, 16, 6})});
  writer.Operator(TfLiteOp::kBatchMatMul, {tensor({2, 5, 7}), tensor({2, 7, 3})}, {tensor({2, 5, 3})});
  const AuditReport report = AuditOf(writer.Finish({image}, {image}));
  std::map<std::string, int64_t> macs;
  for (const auto& kind : report.kinds) macs[kind.name] = kind.macs;
  EXPECT_EQ(macs["CONV_2D"], 8 * 8 * 6 * 3 * 3 * 4);
  EXPECT_EQ(macs["DEPTHWISE_CONV_2D"], 8 * 8 * 4 * 3 * 3);
  EXPECT_EQ(macs["TRANSPOSE_CONV"], 8 * 8 * 4 * 2 * 2 * 6);
  EXPECT_EQ(macs["BATCH_MATMUL"], 2 * 5 * 3 * 7);
}

}  // namespace
}  // namespace consort::test
