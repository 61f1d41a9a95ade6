#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

#include "backends/litert/litert_backend.h"
#include "consort/error.h"
#include "tflite/test_tflite.h"

namespace consort::test {
namespace {

// The error's code, or nothing when the bytes compile.
std::optional<ErrorCode> CodeOf(const std::string& bytes) {
  static const auto device = MakeLiteRtBackend()->Open({"cpu", "", "litert", {}}, {});
  try {
    device->Compile(Artifact(ArtifactKind::kTfLite, "bad.tflite", std::make_shared<const std::string>(bytes)), {});
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("bad.tflite"), std::string::npos);
    EXPECT_EQ(std::string(error.what()).find("/tensorflow/"), std::string::npos) << error.what();
    return error.code();
  }
  return std::nullopt;
}

TEST(LiteRtBadInput, TruncatedFilesAreRefused) {
  const std::string good = FullyConnectedTfLite(true);
  ASSERT_EQ(CodeOf(good), std::nullopt);
  for (size_t size = 0; size < good.size(); size += 5) {
    EXPECT_EQ(CodeOf(good.substr(0, size)), ErrorCode::kInvalidModel) << size;
  }
}

TEST(LiteRtBadInput, TextAndNoiseAreRefused) {
  EXPECT_EQ(CodeOf("no model at all"), ErrorCode::kInvalidModel);
  EXPECT_EQ(CodeOf(std::string(100, '\xff')), ErrorCode::kInvalidModel);
  EXPECT_EQ(CodeOf(std::string("\x08\0\0\0TFL3", 8) + std::string(200, '\0')), ErrorCode::kInvalidModel);
}

TEST(LiteRtBadInput, IndicesOutsideTheirListsAreRefused) {
  for (int32_t wrong : {2, 1000, -2, INT32_MAX, INT32_MIN}) {
    TfLiteWriter writer;
    const int x = writer.Tensor("x", {4}, TfLiteElement::kFloat32);
    const int y = writer.Tensor("y", {4}, TfLiteElement::kFloat32);
    writer.Operator(TfLiteOp::kAdd, {x, wrong}, {y}, TfLiteOptionsTable::kAdd);
    EXPECT_EQ(CodeOf(writer.Finish({x}, {y})), ErrorCode::kInvalidModel) << wrong;
    TfLiteWriter other;
    other.Tensor("x", {4}, TfLiteElement::kFloat32);
    other.Tensor("y", {4}, TfLiteElement::kFloat32);
    other.Operator(TfLiteOp::kRelu, {x}, {y});
    EXPECT_EQ(CodeOf(other.Finish({wrong}, {y})), ErrorCode::kInvalidModel) << wrong;
  }
}

TEST(LiteRtBadInput, ATensorThatNothingMakesIsRefused) {
  TfLiteWriter writer;
  const int x = writer.Tensor("x", {1, 4}, TfLiteElement::kFloat32);
  const int weights = writer.Tensor("weights", {4, 4}, TfLiteElement::kFloat32);
  const int y = writer.Tensor("y", {1, 4}, TfLiteElement::kFloat32);
  writer.Operator(TfLiteOp::kFullyConnected, {x, weights, -1}, {y}, TfLiteOptionsTable::kFullyConnected);
  EXPECT_EQ(CodeOf(writer.Finish({x}, {y})), ErrorCode::kInvalidModel);
}

TEST(LiteRtBadInput, ShapesThatAKernelRefusesAreTheModelsFault) {
  TfLiteWriter writer;
  const int x = writer.Tensor("x", {3}, TfLiteElement::kFloat32);
  const int z = writer.Tensor("z", {4}, TfLiteElement::kFloat32);
  const int y = writer.Tensor("y", {4}, TfLiteElement::kFloat32);
  writer.Operator(TfLiteOp::kAdd, {x, z}, {y}, TfLiteOptionsTable::kAdd);
  EXPECT_EQ(CodeOf(writer.Finish({x, z}, {y})), ErrorCode::kInvalidModel);
}

TEST(LiteRtBadInput, HugeAndNegativeSizesAreRefused) {
  for (const std::vector<int32_t>& shape :
       {std::vector<int32_t>{INT32_MAX, INT32_MAX}, {-7}, {1 << 30, 1 << 30, 1 << 30}}) {
    TfLiteWriter writer;
    const int x = writer.Tensor("x", shape, TfLiteElement::kFloat32);
    const int y = writer.Tensor("y", shape, TfLiteElement::kFloat32);
    writer.Operator(TfLiteOp::kRelu, {x}, {y});
    EXPECT_EQ(CodeOf(writer.Finish({x}, {y})), ErrorCode::kInvalidModel);
  }
}

}  // namespace
}  // namespace consort::test
