#include "report/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/test_error.h"
#include "report/check.h"
#include "report/test_documents.h"

namespace consort::report {
namespace {

using ::consort::test::ErrorOf;
using test::LatencyTable;
using test::SampleDocument;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ReportComparisonTest, RowsAreJoinedByTheirKeys) {
  const Table a = LatencyTable();
  Table b = LatencyTable();
  std::swap(b.rows[0], b.rows[1]);
  std::get<double>(b.rows[1].cells[2]) = 25;  // cpu
  const ComparedTable compared = CompareTables(a, b);
  EXPECT_THAT(compared.key_titles, ElementsAre("device", "batch"));
  ASSERT_EQ(compared.figures.size(), 2u);
  EXPECT_THAT(compared.figures[0].key, ElementsAre("coral-usb3", "1"));
  EXPECT_EQ(compared.figures[0].verdict(), "same");
  EXPECT_EQ(compared.figures[1].a, 12.5);
  EXPECT_EQ(compared.figures[1].b, 25);
  EXPECT_EQ(compared.figures[1].verdict(), "B is 2 of A");
  EXPECT_EQ(compared.figures[1].unit, "ms");
}

TEST(ReportComparisonTest, RowsOfOneReportOnlyAreSaid) {
  Table b = LatencyTable();
  b.rows[0].cells[0] = "npu";
  const ComparedTable compared = CompareTables(LatencyTable(), b);
  ASSERT_EQ(compared.figures.size(), 3u);
  EXPECT_EQ(compared.figures[1].verdict(), "only in A");
  EXPECT_EQ(compared.figures[2].verdict(), "only in B");
}

TEST(ReportComparisonTest, AWordInTheNumbersPlaceIsShown) {
  Document a = SampleDocument(), b = SampleDocument();
  const auto cell_of = [](Document& document) -> Cell& {
    for (Section& section : document.sections) {
      for (Block& block : section.blocks) {
        if (auto* table = std::get_if<Table>(&block)) return table->rows[0].cells[2];
      }
    }
    throw std::logic_error("the sample has no table");
  };
  cell_of(a) = "unstable";
  const auto row_of = [](const Comparison& comparison) {
    for (const Section& section : comparison.document.sections) {
      for (const Block& block : section.blocks) {
        const auto* table = std::get_if<Table>(&block);
        if (table == nullptr || table->id != LatencyTable().id) continue;
        for (const TableRow& row : table->rows) {
          if (row.cells[0] == LatencyTable().rows[0].cells[0]) return row.cells;
        }
      }
    }
    return std::vector<Cell>();
  };
  // device, batch, figure, unit, A, B, B / A, verdict, origins
  const Comparison comparison = Compare(a, b, "a.json", "b.json");
  EXPECT_THAT(row_of(comparison).at(4), Cell("unstable"));
  EXPECT_THAT(row_of(comparison).at(7), Cell("no number in A"));
  EXPECT_THAT(comparison.document.verdict, HasSubstr("1 are numbers in one of them only"));
  EXPECT_THAT(row_of(Compare(b, a, "b.json", "a.json")).at(5), Cell("unstable"));
  EXPECT_THAT(row_of(Compare(b, a, "b.json", "a.json")).at(7), Cell("no number in B"));
  cell_of(a) = Cell();
  EXPECT_THAT(row_of(Compare(a, b, "a.json", "b.json")).at(7), Cell("only in B"));
}

TEST(ReportComparisonTest, FivePerCentAreTheSame) {
  EXPECT_EQ((ComparedFigure{.a = 100, .b = 105}).verdict(), "same");
  EXPECT_EQ((ComparedFigure{.a = 100, .b = 94}).verdict(), "B is 0.94 of A");
  EXPECT_EQ((ComparedFigure{.a = 0, .b = 1}).verdict(), "A is 0");
  EXPECT_EQ((ComparedFigure{.a = 0, .b = 0}).verdict(), "same");
}

TEST(ReportComparisonTest, ChartsLieOverEachOther) {
  Chart a{.id = "c", .mark = Mark::kBars, .x = {.categories = {"cpu", "gpu"}}};
  a.series = {{.name = "median", .x = {0, 1}, .y = {1, 2}}};
  Chart b = a;
  b.x.categories = {"gpu", "npu"};
  const Chart both = OverlaidCharts(a, b);
  EXPECT_THAT(both.x.categories, ElementsAre("cpu", "gpu", "npu"));
  ASSERT_EQ(both.series.size(), 2u);
  EXPECT_EQ(both.series[0].name, "median (A)");
  EXPECT_EQ(both.series[1].name, "median (B)");
  EXPECT_THAT(both.series[1].x, ElementsAre(1, 2));
}

TEST(ReportComparisonTest, MapsBecomeRatios) {
  HeatMap b = test::StrategyMap();
  b.values[0][0] = 3;
  const auto ratios = RatioMap(test::StrategyMap(), b);
  ASSERT_TRUE(ratios);
  EXPECT_EQ(ratios->values[0][0], 3);
  EXPECT_EQ(ratios->values[0][1], 1);
  EXPECT_TRUE(std::isnan(ratios->values[1][1]));
  b.x.categories[0] = "other";
  EXPECT_FALSE(RatioMap(test::StrategyMap(), b));
}

TEST(ReportComparisonTest, TheWholeIsAReport) {
  Document b = SampleDocument();
  b.environment[0].second = "another";
  const Comparison comparison = Compare(SampleDocument(), b, "a.json", "b.json");
  EXPECT_EQ(ProblemOf(comparison.document), "");
  EXPECT_THAT(comparison.document.verdict, HasSubstr("Of 2 figures that a.json (A) and b.json (B)"));
  EXPECT_THAT(comparison.document.verdict, HasSubstr("2 are the same within 5 %, 0 differ"));
  const auto& differing = std::get<Table>(comparison.document.sections[0].blocks[0]);
  ASSERT_EQ(differing.rows.size(), 1u);
  EXPECT_EQ(std::get<std::string>(differing.rows[0].cells[2]), "another");
}

TEST(ReportComparisonTest, ReportsWithNothingInCommonAreRefused) {
  Document b = SampleDocument();
  for (Section& section : b.sections) section.blocks.clear();
  const auto [code, message] = ErrorOf([&b] { Compare(SampleDocument(), b, "a.json", "b.json"); });
  EXPECT_EQ(code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(message, HasSubstr("a.json and b.json have no table, chart or map in common"));
}

}  // namespace
}  // namespace consort::report
