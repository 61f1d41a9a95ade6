#include "report/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/test_error.h"
#include "report/check.h"
#include "report/test_documents.h"

namespace consort::report {
namespace {

using ::consort::test::ErrorOf;
using test::SampleDocument;
using ::testing::HasSubstr;

TEST(ReportJsonTest, WhatIsWrittenIsReadAgain) {
  const std::string text = FormatJson(SampleDocument());
  const Document read = ParseJson(text, "a.json");
  EXPECT_EQ(FormatJson(read), text);
  EXPECT_EQ(read.title, SampleDocument().title);
  ASSERT_EQ(read.sections.size(), 2u);
  const auto& table = std::get<Table>(read.sections[0].blocks[1]);
  EXPECT_TRUE(table.columns[0].filters);
  EXPECT_TRUE(table.columns[1].is_key);
  EXPECT_FALSE(table.columns[2].is_key);
  EXPECT_EQ(table.rows[1].origin, Origin::kModelled);
  EXPECT_EQ(std::get<double>(table.rows[0].cells[2]), 12.5);
  EXPECT_EQ(std::get<std::string>(table.rows[1].cells[3]), test::kHostile);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows[0].cells[3]));
  const auto& chart = std::get<Chart>(read.sections[1].blocks[0]);
  EXPECT_TRUE(chart.x.logarithmic);
  EXPECT_TRUE(std::isnan(chart.series[0].y[2]));
  EXPECT_TRUE(chart.series[1].low.empty());
  const auto& map = std::get<HeatMap>(read.sections[1].blocks[1]);
  EXPECT_TRUE(std::isnan(map.values[1][1]));
  EXPECT_EQ(map.origin, Origin::kEmulated);
}

TEST(ReportJsonTest, NumbersWithoutJsonAreNull) {
  Document document = SampleDocument();
  auto& table = std::get<Table>(document.sections[0].blocks[1]);
  table.rows[0].cells[2] = std::numeric_limits<double>::infinity();
  const auto json = ToJson(document);
  EXPECT_TRUE(json["sections"][0]["blocks"][1]["rows"][0]["cells"][2].is_null());
}

TEST(ReportJsonTest, BytesThatAreNoUtf8AreReplaced) {
  Document document = SampleDocument();
  document.title = "a\xFFz";
  EXPECT_EQ(ParseJson(FormatJson(document), "a.json").title, "a\uFFFDz");
}

// Changes one value of the sample and expects the complaint.
void ExpectRefused(const std::string& pointer, const nlohmann::ordered_json& value, const std::string& complaint) {
  auto json = ToJson(SampleDocument());
  json[nlohmann::ordered_json::json_pointer(pointer)] = value;
  const auto [code, message] = ErrorOf([&json] { ParseJson(json.dump(), "a.json"); });
  EXPECT_EQ(code, ErrorCode::kInvalidModel) << pointer;
  EXPECT_THAT(message, HasSubstr("a.json: ")) << pointer;
  EXPECT_THAT(message, HasSubstr(complaint)) << pointer;
}

TEST(ReportJsonTest, ComplaintsNameThePlace) {
  ExpectRefused("/format", "consort-plan", "format: 'consort-plan' is not 'consort-report'");
  ExpectRefused("/version", 2, "version: must lie between 1 and 1");
  ExpectRefused("/titel", "x", "unknown key \"titel\": did you mean \"title\"?");
  ExpectRefused("/sections/1/blocks/0/mark", "pie", "sections[1].blocks[0].mark: 'pie' is none of 'line'");
  ExpectRefused("/sections/0/blocks/1/rows/0/origin", "guessed", "sections[0].blocks[1].rows[0].origin: 'guessed'");
  ExpectRefused("/sections/0/blocks/1/rows/0/cells", {1, 2}, "latency: row 0 has 2 cells, there are 4 columns");
  ExpectRefused("/sections/0/blocks/1/rows/0/cells/0", {1}, "cells[0]: must be a number");
  ExpectRefused("/sections/1/blocks/0/kind", "video", "kind: 'video' is none of paragraph");
  ExpectRefused("/sections/1/blocks/0/series/0/x", {1}, "latency-by-batch: series 0 has 1 x and 3 y");
  ExpectRefused("/sections/1/blocks/1/values", {{1, 2, 3}}, "strategies: 1 rows of values, 2 categories of y");
  ExpectRefused("/sections/1/blocks/2/spans/0/lane", 7, "devices: span 0 lies in lane 7 of 2");
  ExpectRefused("/sections/1/blocks/2/spans/0/end_s", -1, "devices: span 0 ends before it begins");
  ExpectRefused("/sections/0/id", "plots", "the id 'plots' stands twice");
}

TEST(ReportJsonTest, NamesThatCouldLeaveTheirFolderAreRefused) {
  for (const char* id : {"../x", "", "a b", "a\"b", "ü", "a/b"})
    ExpectRefused("/sections/1/blocks/0/id", id, "is no id");
}

TEST(ReportJsonTest, WhatIsNoReportIsRefused) {
  EXPECT_THAT(ErrorOf([] { ParseJson("{", "a.json"); }).second, HasSubstr("a.json: not JSON"));
  EXPECT_THAT(ErrorOf([] { ParseJson("[]", "a.json"); }).second, HasSubstr("must be an object"));
  EXPECT_THAT(ErrorOf([] { ParseJson(R"({"title": "a", "title": "b"})", "a.json"); }).second,
              HasSubstr("stands twice"));
}

TEST(ReportCheckTest, WritersRefuseWhatDoesNotFit) {
  Document document = SampleDocument();
  std::get<Table>(document.sections[0].blocks[1]).rows[0].cells.pop_back();
  const auto [code, message] = ErrorOf([&document] { FormatJson(document); });
  EXPECT_EQ(code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(message, "report: latency: row 0 has 3 cells, there are 4 columns");
}

}  // namespace
}  // namespace consort::report
