#include "cli/bench_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/bench_options.h"
#include "cli/command.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<double> kPercentiles = {50, 99, 99.9};

// A stable row: 1000 queries from 1 to 2 ms.
BenchRow Row() {
  BenchRow row{
      .model = "a, \"b\".onnx", .target = Target::Parse("cpu:0@x"), .batch = 4, .batch_known = true, .threads = 1};
  row.replicas = {row.target};
  for (int i = 0; i < 1000; ++i) row.measured.latencies.Add(1'000'000 + 1000 * i);
  row.measured.queries = 1000;
  row.measured.inferences = 4000;
  row.measured.clean_blocks = 10;
  row.measured.median_ns = {1'500'000, 1'470'000, 1'530'000};
  row.measured.throughput = {2667, 2600, 2700};
  row.phases.push_back({.name = "compute", .times = row.measured.latencies, .median_ns = row.measured.median_ns});
  row.phases.push_back({.name = "host_to_device", .not_measured = "the engine copies"});
  return row;
}

std::string Format(const BenchRow& row, OutputFormat format) {
  return FormatBenchReport({.rows = {row}}, kPercentiles, format);
}

nlohmann::ordered_json JsonOf(const BenchRow& row) {
  return nlohmann::ordered_json::parse(Format(row, OutputFormat::kJson))["rows"][0];
}

TEST(FormatTime, HasThreeToFourDigitsAndTheUnitThatFits) {
  EXPECT_EQ(FormatTime(25), "0.025 µs");
  EXPECT_EQ(FormatTime(1234), "1.234 µs");
  EXPECT_EQ(FormatTime(12'345), "12.35 µs");
  EXPECT_EQ(FormatTime(999'949), "999.9 µs");
  EXPECT_EQ(FormatTime(999'950), "1.000 ms");
  EXPECT_EQ(FormatTime(123'456'789), "123.5 ms");
  EXPECT_EQ(FormatTime(1e9), "1.000 s");
  EXPECT_EQ(FormatTime(3.6e12), "3600 s");
}

TEST(BenchTable, ShowsAStableRow) {
  const std::string text = Format(Row(), OutputFormat::kTable);
  EXPECT_THAT(text, HasSubstr("1.500 ms  ±2 %"));
  EXPECT_THAT(text, HasSubstr("measured"));
  EXPECT_THAT(text, HasSubstr("batch 4"));
  EXPECT_THAT(text, HasSubstr("not measured: the engine copies"));
  EXPECT_THAT(text, Not(HasSubstr("unstable")));
}

TEST(BenchForms, AnUnstableRowHasNoFiguresToMistake) {
  BenchRow row = Row();
  row.measured.unstable = "a neighbour, and \"noise\"";
  for (const OutputFormat format : {OutputFormat::kTable, OutputFormat::kMarkdown, OutputFormat::kCsv}) {
    EXPECT_THAT(Format(row, format), HasSubstr("unstable"));
    EXPECT_THAT(Format(row, format), Not(HasSubstr("2667")));
  }
  EXPECT_THAT(Format(row, OutputFormat::kMarkdown), Not(HasSubstr("1.5")));
  const auto json = JsonOf(row);
  EXPECT_EQ(json["unstable"], row.measured.unstable);
  EXPECT_FALSE(json.contains("latency_ms"));
  EXPECT_FALSE(json.contains("throughput_per_s"));
  EXPECT_DOUBLE_EQ(json["unreliable"]["latency_ms"]["median"]["estimate"], 1.5);
  EXPECT_DOUBLE_EQ(json["unreliable"]["throughput_per_s"]["estimate"], 2667);
}

TEST(BenchForms, AnOverloadedServerHasAThroughputOnly) {
  BenchRow row = Row();
  row.scenario = ScenarioKind::kServer;
  row.queries_per_s = 10'000;
  row.server = ServerFigures{.arrivals_per_s = 9'990, .busy_share = 1, .overloaded = true};
  EXPECT_THAT(Format(row, OutputFormat::kTable), HasSubstr("overloaded: more arrive than can be served"));
  EXPECT_THAT(Format(row, OutputFormat::kCsv), HasSubstr(",overloaded,"));
  const auto json = JsonOf(row);
  EXPECT_FALSE(json.contains("unstable"));
  EXPECT_TRUE(json["server"]["overloaded"]);
  EXPECT_TRUE(json.contains("throughput_per_s"));
  EXPECT_TRUE(json["unreliable"].contains("latency_ms"));
}

TEST(BenchJson, HoldsTheFigures) {
  const auto json = JsonOf(Row());
  EXPECT_DOUBLE_EQ(json["latency_ms"]["median"]["low"], 1.47);
  EXPECT_DOUBLE_EQ(json["latency_ms"]["min"], 1.0);
  EXPECT_NEAR(json["latency_ms"]["percentiles"]["99"], 1.99, 0.01);
  EXPECT_EQ(json["latency_ms"]["count"], 1000);
  EXPECT_EQ(json["inferences"], 4000);
  EXPECT_EQ(json["phases"][1]["not_measured"], "the engine copies");
  EXPECT_FALSE(json.contains("unreliable"));
}

// One query of 1000 lies beyond the percentile 99.9.
TEST(BenchForms, APercentileNeedsFiveQueriesBeyondIt) {
  EXPECT_TRUE(JsonOf(Row())["latency_ms"]["percentiles"]["99.9"].is_null());
  EXPECT_THAT(Format(Row(), OutputFormat::kTable), HasSubstr("p99.9 -"));
  EXPECT_THAT(Format(Row(), OutputFormat::kMarkdown), HasSubstr("| - |"));
  Distribution times;
  times.Add(1000, 999);
  EXPECT_FALSE(HasPercentile(times, 99.5));
  times.Add(1000);
  EXPECT_TRUE(HasPercentile(times, 99.5));
}

TEST(BenchJson, OverheadIsThatOfTheSingleLoop) {
  BenchRow row = Row();
  EXPECT_FALSE(JsonOf(row)["noise"]["overhead_us"].is_null());
  row.scenario = ScenarioKind::kConcurrent;
  EXPECT_TRUE(JsonOf(row)["noise"]["overhead_us"].is_null());
  EXPECT_THAT(Format(row, OutputFormat::kTable), Not(HasSubstr("of measuring in every query")));
}

TEST(BenchCsv, QuotesWhatNeedsIt) {
  const std::vector<std::string> lines = Split(Format(Row(), OutputFormat::kCsv), '\n');
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(lines[0], HasSubstr("target,provenance,model,"));
  EXPECT_THAT(lines[1], HasSubstr("cpu:0@x,measured,\"a, \"\"b\"\".onnx\","));
  EXPECT_THAT(lines[1], HasSubstr(",1.5,1.47,1.53,"));
}

BenchRow EmulatedRow(int64_t overruns) {
  BenchRow row = Row();
  row.provenance = Provenance::kEmulated;
  row.emulation = EmulationReport{.cost_model = "edgetpu of stick",
                                  .numbers = "cpu@x",
                                  .modelled_s = 1.5e-3,
                                  .low = 0.5,
                                  .high = 2,
                                  .warning = "made up"};
  row.emulation->calls = 40;
  row.emulation->overruns = overruns;
  return row;
}

TEST(EmulatedRow, EveryFormSaysSo) {
  for (const OutputFormat format :
       {OutputFormat::kTable, OutputFormat::kMarkdown, OutputFormat::kCsv, OutputFormat::kJson, OutputFormat::kJsonl}) {
    EXPECT_THAT(Format(EmulatedRow(0), format), HasSubstr("emulated"));
    EXPECT_THAT(Format(EmulatedRow(0), format), Not(HasSubstr("overrun\"")));
    EXPECT_THAT(Format(Row(), format), Not(HasSubstr("emulated")));
  }
  EXPECT_THAT(
      Format(EmulatedRow(0), OutputFormat::kTable),
      AllOf(HasSubstr("warning    made up"), HasSubstr("between 750.0 µs and 3.000 ms"), Not(HasSubstr("memory"))));
}

TEST(EmulatedRow, AfterAnOverrunNoFormHasATime) {
  for (const OutputFormat format :
       {OutputFormat::kTable, OutputFormat::kMarkdown, OutputFormat::kCsv, OutputFormat::kJson, OutputFormat::kJsonl}) {
    ASSERT_THAT(Format(EmulatedRow(0), format), HasSubstr("1.5")) << "the median";
    EXPECT_THAT(Format(EmulatedRow(3), format), AllOf(Not(HasSubstr("1.5")), HasSubstr("overrun: 3 of 40 calls")));
  }
}

TEST(BenchArguments, RefuseTheVirtualClock) {
  BenchArguments arguments;
  arguments.clock_kind = ClockKind::kVirtual;
  EXPECT_THAT([&] { CompleteBenchArguments(arguments); }, ThrowsMessage<Error>(HasSubstr("consort simulate -n")));
}

TEST(BenchArguments, ImplyTheScenario) {
  const auto scenario = [](auto change) {
    BenchArguments arguments;
    change(arguments);
    CompleteBenchArguments(arguments);
    return *arguments.scenario;
  };
  EXPECT_EQ(scenario([](BenchArguments&) {}), ScenarioKind::kSingle);
  EXPECT_EQ(scenario([](BenchArguments& a) { a.concurrencies = {2}; }), ScenarioKind::kConcurrent);
  EXPECT_EQ(scenario([](BenchArguments& a) { a.queries_per_s = 5; }), ScenarioKind::kServer);
  EXPECT_THROW(scenario([](BenchArguments& a) { a.scenario = ScenarioKind::kServer; }), UsageError);
}

}  // namespace
}  // namespace consort
