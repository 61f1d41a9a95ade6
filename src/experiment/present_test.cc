#include "experiment/present.h"

#include <gtest/gtest.h>

namespace consort::experiment {
namespace {

const std::vector<Row> kRows = {
    {{"cell", "1"}, {"size", 1}, {"device", "a"}, {"provenance", "emulated"}, {"mean_ms", 2.0}},
    {{"cell", "2"}, {"size", 1}, {"device", "b"}, {"provenance", "measured"}, {"mean_ms", nullptr}},
    {{"cell", "3"}, {"size", 2}, {"device", "a"}, {"provenance", "emulated"}, {"refused", "too large"}},
};

TEST(PresentTest, PivotHasAColumnPerValue) {
  const report::Table table = PivotTable("id", "", kRows, {{"size", "size", ""}}, "device", {"mean_ms", "", "ms"});
  ASSERT_EQ(table.columns.size(), 3);
  EXPECT_EQ(table.columns[2].title, "b");
  ASSERT_EQ(table.rows.size(), 2);
  EXPECT_EQ(std::get<double>(table.rows[0].cells[1]), 2);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows[0].cells[2]));
  EXPECT_EQ(table.rows[0].origin, report::Origin::kEmulated);  // of emulated and measured
  EXPECT_EQ(std::get<std::string>(table.rows[1].cells[1]), "refused");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows[1].cells[2]));
  EXPECT_EQ(table.rows[1].origin, report::Origin::kEmulated);
}

TEST(PresentTest, RefusedRowsDoNotTakeAMapsOrigin) {
  const Row measured = {{"provenance", "measured"}, {"mean_ms", 1}};
  const Row modelled = {{"provenance", "modelled"}, {"mean_ms", 1}};
  const Row refused = {{"refused", "too large"}};
  EXPECT_EQ(LeastReal({measured, refused, measured}), report::Origin::kMeasured);
  EXPECT_EQ(LeastReal({refused, measured, kRows[0], modelled}), report::Origin::kModelled);
  EXPECT_EQ(LeastReal({measured, kRows[2]}), report::Origin::kMeasured);  // an emulated device refused
  EXPECT_EQ(LeastReal({refused}), report::Origin::kNone);
  EXPECT_EQ(LeastReal({}), report::Origin::kNone);
  EXPECT_EQ(MixedOrigins({measured, refused, kRows[2]}), "");
  EXPECT_EQ(MixedOrigins({measured, kRows[0], refused, measured}), " Cells: 1 emulated, 2 measured.");
}

TEST(PresentTest, RemarksSayWhereEnergyComesFrom) {
  std::vector<report::Block> blocks;
  AddRemarks({{{"energy_source", "modelled: by formula"}}, {{"energy_source", "RAPL"}}, {{"energy_source", "RAPL"}}, {{"cell", "x"}}},
             blocks);
  ASSERT_EQ(blocks.size(), 1);
  EXPECT_EQ(std::get<report::Paragraph>(blocks[0]).text, "Where energy comes from: RAPL (2 cells); modelled: by formula (1 cells).");
  blocks.clear();
  AddRemarks({{{"cell", "x"}}}, blocks);
  EXPECT_TRUE(blocks.empty());
}

TEST(PresentTest, LongTableSaysRefusedOnce) {
  const report::Table table =
      LongTable("id", "", kRows, {{"device", "device", ""}}, {{"mean_ms", "mean", "ms"}, {"size", "size", ""}});
  EXPECT_EQ(std::get<std::string>(table.rows[2].cells[1]), "refused");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows[2].cells[2]));
}

TEST(PresentTest, SeriesLeaveOutWhatIsNotThere) {
  const report::Series series = SeriesOf("a", Select(kRows, {{"device", "a"}}), "size", "mean_ms");
  EXPECT_EQ(series.x, std::vector<double>{1});
  EXPECT_EQ(series.y, std::vector<double>{2});
  EXPECT_EQ(series.origin, report::Origin::kEmulated);
}

TEST(PresentTest, ValuesStandOnceInTheirOrder) {
  EXPECT_EQ(ValuesOf(kRows, "device"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(FindRow(kRows, {{"size", "2"}}), &kRows[2]);
  EXPECT_EQ(FindRow(kRows, {{"size", "3"}}), nullptr);
}

TEST(PresentTest, TimesHaveThreeDigits) {
  EXPECT_EQ(FormatMs(0.0123), "12.3 µs");
  EXPECT_EQ(FormatMs(1.25), "1.25 ms");
  EXPECT_EQ(FormatMs(1500), "1.5 s");
  EXPECT_EQ(FormatMs(report::kNothing), "-");
}

}  // namespace
}  // namespace consort::experiment
