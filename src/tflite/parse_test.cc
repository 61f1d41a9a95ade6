#include "tflite/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "tflite/test_tflite.h"

namespace consort::test {
namespace {

using tflite::Contents;
using tflite::ParseContents;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The error's message, or "" where the bytes are read.
std::string Complaint(const std::string& bytes) {
  try {
    ParseContents(bytes, "bad.tflite");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    EXPECT_THAT(error.what(), HasSubstr("bad.tflite"));
    return error.what();
  }
  return "";
}

TEST(ParseContents, ReadsWhatWasWritten) {
  const std::string bytes = FullyConnectedTfLite(true);
  const Contents contents = ParseContents(bytes, "dense.tflite");
  EXPECT_EQ(contents.version, 3U);
  EXPECT_EQ(contents.description, "consort test model");
  ASSERT_EQ(contents.subgraphs.size(), 1U);
  const auto& graph = contents.subgraphs.front();
  EXPECT_THAT(graph.inputs, ElementsAre(0));
  EXPECT_THAT(graph.outputs, ElementsAre(3));
  ASSERT_EQ(graph.operators.size(), 1U);
  EXPECT_EQ(contents.code_of(graph.operators[0]).builtin, static_cast<int>(TfLiteOp::kFullyConnected));
  EXPECT_EQ(contents.code_of(graph.operators[0]).version, 4);
  EXPECT_THAT(graph.operators[0].inputs, ElementsAre(0, 1, 2));
  EXPECT_EQ(graph.operators[0].options.table, TfLiteOptionsTable::kFullyConnected);
  EXPECT_EQ(graph.tensors[1].name, "w");
  EXPECT_THAT(graph.tensors[1].shape, ElementsAre(2, 3));
  EXPECT_THAT(graph.tensors[1].scale, ElementsAre(0.5F, 0.25F));
  EXPECT_EQ(contents.buffers[graph.tensors[1].buffer].size(), 6U);
}

TEST(ParseContents, DataLiesAtMultiplesOfSixteen) {
  const std::string bytes = FullyConnectedTfLite(true);
  for (const std::string_view buffer : ParseContents(bytes, "dense.tflite").buffers) {
    if (buffer.empty()) continue;
    EXPECT_EQ((buffer.data() - bytes.data()) % 16, 0);
  }
}

TEST(ParseContents, EveryTruncationIsRefusedOrRead) {
  const std::string good = FullyConnectedTfLite(true);
  for (size_t size = 0; size < good.size(); ++size) EXPECT_NE(Complaint(good.substr(0, size)), "") << size;
}

TEST(ParseContents, TextAndNoiseAreRefused) {
  EXPECT_THAT(Complaint("no model at all"), HasSubstr("TFL3"));
  EXPECT_NE(Complaint(""), "");
  EXPECT_NE(Complaint(std::string(100, '\xff')), "");
  EXPECT_NE(Complaint(std::string("\x08\0\0\0TFL3", 8) + std::string(200, '\0')), "");
  EXPECT_NE(Complaint(std::string("\xff\xff\xff\x7fTFL3", 8) + std::string(200, '\x11')), "");
}

TEST(ParseContents, IndicesOutsideTheirListsAreNamed) {
  for (const int32_t wrong : {2, 1000, -2, INT32_MAX, INT32_MIN}) {
    TfLiteWriter writer;
    const int x = writer.Tensor("x", {4}, TfLiteElement::kFloat32);
    const int y = writer.Tensor("y", {4}, TfLiteElement::kFloat32);
    writer.Operator(TfLiteOp::kAdd, {x, wrong}, {y}, TfLiteOptionsTable::kAdd);
    EXPECT_THAT(Complaint(writer.Finish({x}, {y})), HasSubstr("inputs of operator 0 name tensor")) << wrong;
    EXPECT_THAT(Complaint(writer.Finish({wrong}, {y})), HasSubstr("inputs of subgraph 0")) << wrong;
  }
}

TEST(ParseContents, SizesAndScalesThatMakeNoSenseAreNamed) {
  TfLiteWriter negative;
  negative.Tensor("x", {4, -7}, TfLiteElement::kFloat32);
  EXPECT_THAT(Complaint(negative.Finish({0}, {0})), HasSubstr("tensor 0 has a negative size"));
  TfLiteWriter scales;
  scales.Tensor("x", {4}, TfLiteElement::kInt8, {{0.5F, 0.5F}, {0, 0}, 0});
  EXPECT_THAT(Complaint(scales.Finish({0}, {0})), HasSubstr("2 scales for axis 0"));
  TfLiteWriter points;
  points.Tensor("x", {4}, TfLiteElement::kInt8, {{0.5F}, {0, 0}, 0});
  EXPECT_THAT(Complaint(points.Finish({0}, {0})), HasSubstr("1 scales and 2 zero points"));
}

}  // namespace
}  // namespace consort::test
