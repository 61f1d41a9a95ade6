#include "experiment/reference.h"

#include <gtest/gtest.h>

#include <cmath>

#include "experiment/test_support.h"

namespace consort::experiment {
namespace {

TEST(ReferenceTest, ReadsQuotedFieldsAndEveryLineEnd) {
  const Reference read = ParseReference("a,b\r\n\"x, \"\"y\"\"\",1.5\n\"two\nlines\",\n", "t.csv");
  EXPECT_EQ(read.columns, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(read.rows.size(), 2);
  EXPECT_EQ(read.Text(0, "a"), "x, \"y\"");
  EXPECT_EQ(read.Number(0, "b"), 1.5);
  EXPECT_EQ(read.Text(1, "a"), "two\nlines");
  EXPECT_TRUE(std::isnan(read.Number(1, "b")));
  EXPECT_TRUE(std::isnan(read.Number(0, "a")));
  EXPECT_TRUE(read.Has({"b", "a"}));
  EXPECT_FALSE(read.Has({"a", "c"}));
}

TEST(ReferenceTest, BrokenFilesAreRefusedWithTheLine) {
  EXPECT_ERROR(ParseReference("", "t.csv"), ErrorCode::kInvalidModel, "t.csv:1: empty");
  EXPECT_ERROR(ParseReference("a,b\n1\n", "t.csv"), ErrorCode::kInvalidModel, "t.csv:2: 1 fields, but 2 titles");
  EXPECT_ERROR(ParseReference("a,b\n1,2\n\"x,3\n", "t.csv"), ErrorCode::kInvalidModel, "does not end");
  EXPECT_ERROR(ParseReference("a,b\n\"x\"y,3\n", "t.csv"), ErrorCode::kInvalidModel, "t.csv:2: text behind");
  EXPECT_ERROR(ParseReference("a,a\n", "t.csv"), ErrorCode::kInvalidModel, "'a' stands twice");
  EXPECT_ERROR(ParseReference("a,\n", "t.csv"), ErrorCode::kInvalidModel, "a title is empty");
  EXPECT_ERROR(ReadReference("/nowhere/t.csv"), ErrorCode::kInvalidArgument, "/nowhere/t.csv");
}

TEST(ReferenceTest, MeanRatioIsGeometricAndSkipsWhatIsNotThere) {
  const double nothing = report::kNothing;
  EXPECT_NEAR(MeanRatio({{"", "", 2, 1}, {"", "", 8, 1}, {"", "", nothing, 1}, {"", "", 1, nothing}}), 4, 1e-12);
  EXPECT_TRUE(std::isnan(MeanRatio({{"", "", nothing, 1}})));
}

TEST(ReferenceTest, WithoutAFigureThereIsNoTableAndNoReason) {
  const std::vector<report::Block> blocks = OverlayBlocks("id", "Beside file.csv.", "ms", {}, "Because.");
  ASSERT_EQ(blocks.size(), 1);
  const std::string& text = std::get<report::Paragraph>(blocks[0]).text;
  EXPECT_EQ(text.find("Beside file.csv. None of its figures"), 0);
  EXPECT_EQ(text.find("Because"), std::string::npos);
}

TEST(ReferenceTest, OverlayHasARatioPerFigureAndAMeanPerGroup) {
  const std::vector<report::Block> blocks =
      OverlayBlocks("id", "caption", "ms", {{"gpu", "64", 3, 2}, {"cpu", "64", 1, 4}, {"cpu", "128", 4, 1}}, "Because.");
  const auto& table = std::get<report::Table>(blocks.at(0));
  EXPECT_EQ(std::get<double>(table.rows.at(0).cells.at(4)), 1.5);
  EXPECT_EQ(std::get<report::Paragraph>(blocks.at(1)).text,
            "Here over published, in the geometric mean: cpu 1; gpu 1.5. Because.");
}

}  // namespace
}  // namespace consort::experiment
