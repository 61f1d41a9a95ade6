#include "cli/experiment_text.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/strings.h"

namespace consort {
namespace {

std::string TextOf(report::Block block) { return SectionText({.title = "Title", .blocks = {std::move(block)}}); }

size_t Widest(const std::string& text) {
  size_t widest = 0;
  for (const std::string& line : Split(text, '\n')) widest = std::max(widest, line.size());
  return widest;
}

report::Table WideTable(size_t rows) {
  report::Table table{.caption = "Wide.", .columns = {{.title = "key", .is_key = true}}};
  for (int i = 0; i < 12; ++i) table.columns.push_back({.title = "column-" + std::to_string(i), .unit = "ms"});
  for (size_t row = 0; row < rows; ++row) {
    report::TableRow& line = table.rows.emplace_back();
    line.cells.emplace_back("row-" + std::to_string(row));
    for (int i = 0; i < 12; ++i) line.cells.emplace_back(0.125 * i);
  }
  return table;
}

TEST(ExperimentTextTest, EmptySectionHasItsTitle) { EXPECT_EQ(SectionText({.title = "Title"}), "Title\n=====\n"); }

TEST(ExperimentTextTest, ColumnsThatDoNotFitStandBelowBehindTheKeys) {
  const std::string text = TextOf(WideTable(2));
  EXPECT_LE(Widest(text), 80U);
  for (int i = 0; i < 12; ++i) EXPECT_NE(text.find("column-" + std::to_string(i) + ", ms"), std::string::npos) << text;
  EXPECT_GE(std::count(text.begin(), text.end(), '\n'), 2 * 3 + 4);
}

TEST(ExperimentTextTest, OfLongTablesRowsAndColumnsAreLeftOutAndNamed) {
  const std::string text = TextOf(WideTable(kMostTextRows + 5));
  EXPECT_LE(Widest(text), 82U);  // "…" is three bytes
  EXPECT_NE(text.find("5 more rows, column-"), std::string::npos) << text;
  EXPECT_EQ(text.find("row-" + std::to_string(kMostTextRows)), std::string::npos);
}

TEST(ExperimentTextTest, OriginsAreSaidOnceOrInAColumn) {
  report::Table table{.caption = "T.", .columns = {{.title = "a"}}};
  table.rows = {{{1.0}, report::Origin::kMeasured}, {{2.0}, report::Origin::kMeasured}};
  EXPECT_NE(TextOf(table).find("T. [measured]"), std::string::npos);
  table.rows[1].origin = report::Origin::kEmulated;
  const std::string text = TextOf(table);
  EXPECT_EQ(text.find("[measured]"), std::string::npos);
  EXPECT_NE(text.find("2  emulated"), std::string::npos) << text;
}

TEST(ExperimentTextTest, MapsAreGridsWithTheirTexts) {
  report::HeatMap map{.caption = "Map.",
                      .x = {.title = "x", .categories = {"1", "2"}},
                      .y = {.title = "y", .categories = {"a"}},
                      .value_title = "time",
                      .value_unit = "ms"};
  map.values = {{1.5, report::kNothing}};
  EXPECT_NE(TextOf(map).find("Map. Shown: time, ms."), std::string::npos);
  EXPECT_NE(TextOf(map).find("a      1.5  -"), std::string::npos) << TextOf(map);
  map.texts = {{"gpu x2", "none"}};
  EXPECT_NE(TextOf(map).find("gpu x2  none"), std::string::npos) << TextOf(map);
}

TEST(ExperimentTextTest, WhatATerminalWouldObeyIsReplaced) {
  EXPECT_EQ(TextOf(report::Paragraph{"a\x1b[31mb"}).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace consort
