#include "cli/compare_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace consort {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

CompareRow Row(const std::string& target, double median_ns, const Interval& ratio, const Accuracy& accuracy) {
  CompareRow row{.target = Target::Parse(target), .label = target, .precision = "fp32", .threads = 2};
  row.info = {.engine = "Engine 1.0", .cores = CoreSet({0, 1})};
  row.placement.ops = {{.state = PlacementState::kAsAsked}, {.state = PlacementState::kUnknown}};
  row.measured.latencies.Add(static_cast<TimeNs>(median_ns), 100);
  row.measured.median_ns = {median_ns, median_ns * 0.99, median_ns * 1.01};
  row.measured.ratio = ratio;
  row.measured.load_ratios = {ratio.estimate, ratio.estimate};
  row.measured.verdict = Judge(ratio);
  row.accuracy = accuracy;
  return row;
}

CompareReport Report() {
  CompareReport report{.loads = 3, .reference = "cpu@onnxruntime", .inputs = "8 seeded inputs", .probe_ns = 130'000};
  report.rows.push_back(Row("cpu@onnxruntime", 4.3216e6, {1, 1, 1}, {.sqnr_db = kInfinity, .top1 = 1, .inputs = 8}));
  report.rows.push_back(Row("cpu@openvino", 3.2738e6, {0.7576, 0.7407, 0.7752},
                            {.cosine = 0.99994, .error = 0.0207, .sqnr_db = 39.2, .top1 = 0.995, .inputs = 8}));
  report.paired.rounds = 42;
  report.paired.discarded_rounds = 3;
  report.paired.clean_ns = 9'000'000'000;
  report.paired.discarded_ns = 1'000'000'000;
  return report;
}

std::string Printed(const CompareReport& report, OutputFormat format) {
  testing::internal::CaptureStdout();
  PrintCompareReport(report, format);
  std::fflush(stdout);
  return testing::internal::GetCapturedStdout();
}

TEST(DescribeVerdictTest, SaysHowManyTimesWithTheInterval) {
  const auto describe = [](const Interval& ratio) {
    SideResult side{.ratio = ratio, .verdict = Judge(ratio)};
    return DescribeVerdict(side, false);
  };
  EXPECT_EQ(describe({1.32, 1.301, 1.349}), "1.32x slower [1.30, 1.35]");
  EXPECT_EQ(describe({0.5, 0.4, 0.8}), "2.00x faster [1.25, 2.50]");
  EXPECT_EQ(describe({1.01, 0.99, 1.03}), "tie, 1.01x [0.990, 1.03]");
  EXPECT_EQ(describe({123.4, 119, 127}), "123x slower [119, 127]");
  EXPECT_EQ(DescribeVerdict({}, true), "baseline");
}

TEST(CompareReportTest, TheTableHoldsTimesAndAccuracyInOneRow) {
  const std::string text = Printed(Report(), OutputFormat::kTable);
  EXPECT_THAT(text, HasSubstr("cpu@openvino     3.274  1.32x faster [1.29, 1.35]  0.99994  2.1e-02    39   99%"));
  EXPECT_THAT(text, HasSubstr("cpu@onnxruntime  4.322  baseline                   1.00000        0   inf  100%"));
  EXPECT_THAT(text, HasSubstr("2 ops: 1 as-asked, 1\n                 unknown"));
  EXPECT_THAT(text, HasSubstr("42 counted of 45, 3 loads, 10.0 % of the time discarded"));
  EXPECT_THAT(Split(text, '\n'), Each(SizeIs(::testing::Le(80U))));
}

TEST(CompareReportTest, NearlyOneIsNotOne) {
  CompareReport report = Report();
  report.rows[1].accuracy->cosine = 0.9999999;
  report.rows[0].accuracy->cosine = 1 - 1e-15;
  const std::string text = Printed(report, OutputFormat::kTable);
  EXPECT_THAT(text, HasSubstr("0.99999  2.1e-02"));
  EXPECT_THAT(text, HasSubstr("1.00000        0"));
}

TEST(CompareReportTest, LongNamesBecomeNumbers) {
  CompareReport report = Report();
  report.rows[1].target = Target::Parse("cpu:0-1@openvino/bf16");
  report.rows[1].label = report.rows[1].target.ToString();
  const std::string text = Printed(report, OutputFormat::kTable);
  EXPECT_THAT(text, HasSubstr("\n(2)     3.274  1.32x faster"));
  EXPECT_THAT(text, HasSubstr("(2)       cpu:0-1@openvino/bf16: Engine 1.0"));
  EXPECT_THAT(Split(text, '\n'), Each(SizeIs(::testing::Le(80U))));
}

TEST(CompareReportTest, UnstableFiguresAreNotPrinted) {
  CompareReport report = Report();
  report.paired.unstable = "91 % of the time was discarded";
  const std::string text = Printed(report, OutputFormat::kTable);
  EXPECT_THAT(text, Not(HasSubstr("faster")));
  EXPECT_THAT(text, Not(HasSubstr("3.274")));
  EXPECT_THAT(text, HasSubstr("0.99994"));
  EXPECT_THAT(text, HasSubstr("unstable         91 % of the time"));
  const auto json = nlohmann::json::parse(CompareJson(report));
  EXPECT_EQ(json["unstable"], "91 % of the time was discarded");
  EXPECT_FALSE(json["targets"][1].contains("ratio"));
  EXPECT_EQ(json["targets"][1]["unreliable"]["verdict"], "faster");
}

TEST(CompareReportTest, JsonHoldsTheRatioOfTimes) {
  const auto json = nlohmann::json::parse(CompareJson(Report()));
  EXPECT_FALSE(json.contains("unstable"));
  EXPECT_EQ(json["targets"][0]["verdict"], "baseline");
  EXPECT_EQ(json["targets"][1]["verdict"], "faster");
  EXPECT_DOUBLE_EQ(json["targets"][1]["ratio"]["low"], 0.7407);
  EXPECT_DOUBLE_EQ(json["targets"][1]["median_ms"]["estimate"], 3.2738);
  EXPECT_TRUE(json["targets"][0]["accuracy"]["sqnr_db"].is_null());
  EXPECT_DOUBLE_EQ(json["noise"]["discarded_share"], 0.1);
}

TEST(CompareReportTest, CsvHasALineForEachTargetAndQuotes) {
  CompareReport report = Report();
  report.rows[1].info.engine = "Engine, \"new\"";
  const std::vector<std::string> lines = Split(Printed(report, OutputFormat::kCsv), '\n');
  ASSERT_THAT(lines, SizeIs(4));  // header, two targets, the empty end
  EXPECT_THAT(lines[2], HasSubstr("cpu@openvino,measured,\"Engine, \"\"new\"\"\",fp32,2,faster,3.2738,"));
  EXPECT_THAT(lines[1], HasSubstr(",baseline,"));
}

}  // namespace
}  // namespace consort
