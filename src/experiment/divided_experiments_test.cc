// sharding, data-parallel, modern and takeaways on platforms: by the virtual clock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/files.h"
#include "experiment/alignment.h"
#include "experiment/data_parallel.h"
#include "experiment/modern.h"
#include "experiment/present.h"
#include "experiment/runner.h"
#include "experiment/sharding.h"
#include "experiment/sharding_report.h"
#include "experiment/takeaways.h"
#include "platform/shipped.h"

namespace consort::experiment {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::Throws;

using Given = std::map<std::string, std::string>;

RunnerResult Ran(const std::string& name, const Given& given, const std::string& platform = "seed") {
  const Experiment& experiment = FindExperiment(name);
  Testbed testbed({.platform = platform, .quick = true});
  const TemporaryFolder folder;
  const Settings settings(experiment.parameters(), given, true);
  RunnerResult result = RunExperiment(experiment, testbed, settings, {.folder = folder.path()});
  const Outcome outcome = experiment.Report({result.rows, settings, testbed, {}});
  EXPECT_FALSE(outcome.verdict.empty());
  EXPECT_FALSE(outcome.section.blocks.empty());
  return result;
}

std::string Dump(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows) text += row.dump() + "\n";
  return text;
}

double Of(const std::vector<Row>& rows, const Wanted& wanted, const std::string& field) {
  const Row* row = FindRow(rows, wanted);
  return row == nullptr ? std::nan("") : NumberOf(*row, field);
}

TEST(ShardingTest, EightStrategiesAreThoseOfTheSeed) {
  const RunnerResult result = Ran("sharding", {{"networks", "seed-cnn"}, {"batches", "1"}, {"sets", "none"}});
  ASSERT_THAT(result.rows, SizeIs(kStrategies + 1));
  const auto on = [&](const char* strategy) { return TextOf(*FindRow(result.rows, {{"strategy", strategy}}), "on"); };
  EXPECT_EQ(on("0"), "coral-usb3");
  for (const char* strategy : {"1", "2", "3"}) EXPECT_EQ(on(strategy), "gtx1650 > coral-usb3");
  EXPECT_EQ(on("4"), "gtx1650");
  for (const char* strategy : {"5", "6", "7"}) EXPECT_EQ(on(strategy), "coral-usb3 > gtx1650");
  // The more blocks a device has, the longer it takes.
  const auto time = [&](const char* strategy, const char* field) { return Of(result.rows, {{"strategy", strategy}}, field); };
  EXPECT_LT(time("1", "b_ms"), time("2", "b_ms"));
  EXPECT_LT(time("2", "b_ms"), time("4", "b_ms"));
  EXPECT_GE(time("0", "a_ms"), time("1", "a_ms"));
  // Behind the second block there is less to hand over than behind the first.
  EXPECT_GT(time("5", "link_ms"), time("6", "link_ms"));
  // The planner is no worse than any of them.
  for (const Row& row : result.rows)
    EXPECT_GE(NumberOf(row, "call_ms") * 1.0001, time("planned for latency", "call_ms")) << row.dump();
}

// How many published figures the report of these settings, on the seed's platform, lays beside its own.
size_t PublishedIn(const std::string& name, Given given, const std::string& csv) {
  const Experiment& experiment = FindExperiment(name);
  Testbed testbed({.platform = "seed", .quick = true});
  const TemporaryFolder folder;
  const Settings settings(experiment.parameters(), given, true);
  const RunnerResult result = RunExperiment(experiment, testbed, settings, {.folder = folder.path()});
  const Reference reference = ParseReference(csv, "seed.csv");
  EXPECT_TRUE(reference.Has(experiment.reference_columns()));
  size_t count = 0;
  for (const report::Block& block : experiment.Report({result.rows, settings, testbed, {&reference}}).section.blocks) {
    const auto* table = std::get_if<report::Table>(&block);
    if (table != nullptr && table->columns.size() == 5 && table->columns[3].title == "published") count += table->rows.size();
  }
  return count;
}

TEST(ShardingTest, PublishedTimesStandBesideAnEdgeTpuAlone) {
  const Given given = {{"networks", "seed-cnn-large"}, {"batches", "1"}, {"sets", "none"}, {"objectives", ""}};
  const char* csv = "network,part,strategy,batch,time,unit\nbase_conv,TPU part only,0,1,100,ms\nbase_conv,TPU part,1,1,5,s\n";
  EXPECT_EQ(PublishedIn("sharding", given, csv), 1U);  // the second is in seconds
  Given turned = given;
  turned["pair"] = "gtx1650,coral-usb3";
  EXPECT_EQ(PublishedIn("sharding", turned, csv), 0U);
}

TEST(DataParallelTest, PublishedTimesStandBesideDevicesOfTheirKinds) {
  const Given given = {{"networks", "seed-dense"}, {"step", "10"}, {"planned", "no"}};
  const char* csv = "cpu_samples,gpu_samples,tpu_samples,ideal_concurrent_max_derived,actual\n0,0,20,15.6,15679\n0,10,10,9,9\n";
  EXPECT_EQ(PublishedIn("data-parallel", given, csv), 2U);
  Given turned = given;
  turned["devices"] = "gtx1650,xeon-2.2ghz,coral-usb3";
  EXPECT_EQ(PublishedIn("data-parallel", turned, csv), 0U);
}

TEST(AlignmentTest, MeasuredJoulesAreNotRankedAgainstModelledOnes) {
  const Row counted = {{"device", "a"}, {"joules", 2.0}, {"mean_ms", 2.0}, {"energy_source", "steady"}};
  const Row modelled = {{"device", "b"}, {"joules", 1.0}, {"mean_ms", 1.0}, {"energy_source", "modelled: active power × busy time"}};
  Row other = modelled;
  other["device"] = "c";
  other["joules"] = 3.0;
  EXPECT_EQ(WinnerOf({&counted, &modelled}, "joules").device, "");
  EXPECT_EQ(WinnerOf({&other, &modelled}, "joules").device, "b");
  EXPECT_EQ(WinnerOf({&counted, &modelled}, "mean_ms").device, "b");
}

TEST(ShardingTest, RowsAreTheSameEveryTime) {
  const Given given = {{"networks", "seed-cnn"}, {"batches", "1,16"}, {"sets", "none"}};
  EXPECT_EQ(Ran("sharding", given).rows, Ran("sharding", given).rows);
}

TEST(ShardingTest, NumbersAreWrongOnlyWhereSomethingRunsInEightBits) {
  const RunnerResult result = Ran("sharding", {{"networks", "seed-cnn"}, {"batches", "1"}, {"sets", "1"}});
  const auto number = [&](const char* strategy, const char* field) {
    return Of(result.rows, {{"what", "numbers"}, {"strategy", strategy}}, field);
  };
  EXPECT_LT(number("4", "max_error"), 1e-5);  // all on the GPU, in fp32
  EXPECT_GT(number("0", "max_error"), 1e-5);  // all on the Edge TPU
  EXPECT_GT(number("0", "cosine"), 0.9);
  EXPECT_GT(number("6", "max_error"), 1e-6);
  // What stands for emulated devices is emulated, and says what computed it.
  const auto from = [&](const char* strategy) {
    const Row* row = FindRow(result.rows, {{"what", "numbers"}, {"strategy", strategy}});
    EXPECT_EQ(TextOf(*row, "provenance"), "emulated");
    return TextOf(*row, "numbers_from");
  };
  EXPECT_EQ(from("4"), "cpu@onnxruntime");
  EXPECT_EQ(from("0"), "cpu@onnxruntime/int8");
  EXPECT_EQ(from("6"), "cpu@onnxruntime/int8, cpu@onnxruntime");
}

TEST(ShardingTest, TheBestAreFoundByTheFigureThatIsAskedFor) {
  const auto row = [](const char* strategy, double call_ms, double between_ms) {
    return Row{{"what", "time"}, {"network", "n"}, {"batch", 4}, {"strategy", strategy}, {"call_ms", call_ms}, {"between_ms", between_ms}};
  };
  const std::vector<Row> rows = {row("0", 10, 10), row("4", 8, 8), row("2", 12, 4), row("5", 9, 6), row("planned for latency", 7, 7)};
  const std::vector<ShardingBest> calls = BestOf(rows, "call_ms");
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(TextOf(*calls[0].divided, "strategy"), "5");
  EXPECT_DOUBLE_EQ(calls[0].gain("call_ms"), 8.0 / 9);
  EXPECT_DOUBLE_EQ(calls[0].planned_gain("call_ms"), 8.0 / 7);
  const std::vector<ShardingBest> steady = BestOf(rows, "between_ms");
  EXPECT_EQ(TextOf(*steady[0].divided, "strategy"), "2");
  EXPECT_DOUBLE_EQ(steady[0].gain("between_ms"), 2);
  EXPECT_EQ(steady[0].planned, nullptr);
}

TEST(DataParallelTest, WaysToShareAreAllOfThemOnce) {
  const auto ways = WaysToShare(20, 2, 3);
  EXPECT_THAT(ways, SizeIs(66));
  EXPECT_THAT(ways, IsSupersetOf({ElementsAre(0, 0, 20), ElementsAre(20, 0, 0), ElementsAre(4, 6, 10)}));
  EXPECT_THAT(WaysToShare(6, 3, 2), ElementsAre(ElementsAre(0, 6), ElementsAre(3, 3), ElementsAre(6, 0)));
  EXPECT_THAT([] { WaysToShare(20, 3, 3); }, Throws<Error>());
}

TEST(DataParallelTest, ASessionTakesAsLongAsTheSlowestDevice) {
  const RunnerResult result = Ran("data-parallel", {{"networks", "seed-dense"}, {"step", "10"}});
  const std::vector<Row> splits = SplitsWithIdeals(result.rows);
  ASSERT_THAT(splits, SizeIs(6));
  for (const Row& row : splits) {
    EXPECT_NEAR(NumberOf(row, "over_ideal"), 1, 0.02) << row.dump();
    EXPECT_LE(NumberOf(row, "over_sum"), 1.02) << row.dump();
  }
  const double planned_ms = Of(result.rows, {{"what", "planned"}}, "wall_ms");
  for (const Row& row : splits) EXPECT_LE(planned_ms, NumberOf(row, "wall_ms") * 1.0001) << row.dump();
}

// The seed's GPU beside this machine's CPU: what either has by itself is what it is, what they share is emulated.
TEST(DataParallelTest, RowsOfAMixedTestbedSayWhatTheyAre) {
  const Experiment& experiment = FindExperiment("data-parallel");
  Testbed testbed({.platform = "seed", .devices = {"gtx1650", "cpu@onnxruntime"}, .quick = true});
  const TemporaryFolder folder;
  const Settings settings(experiment.parameters(),
                          {{"networks", "seed-dense"}, {"scale", "1"}, {"samples", "2"}, {"step", "1"}, {"planned", "no"}}, true);
  const std::vector<Row> rows = RunExperiment(experiment, testbed, settings, {.folder = folder.path()}).rows;
  const auto provenance = [&rows](const Wanted& wanted) { return TextOf(*FindRow(rows, wanted), "provenance"); };
  EXPECT_EQ(provenance({{"device", "gtx1650"}, {"samples", "1"}}), "emulated");
  EXPECT_EQ(provenance({{"device", "cpu@onnxruntime"}, {"samples", "1"}}), "measured");
  EXPECT_EQ(TextOf(*FindRow(rows, {{"what", "split"}}), "parts"), "cpu,gpu");
  EXPECT_EQ(provenance({{"first", "2"}, {"second", "0"}}), "measured");
  EXPECT_EQ(provenance({{"first", "0"}, {"second", "2"}}), "emulated");
  EXPECT_EQ(provenance({{"first", "1"}, {"second", "1"}}), "emulated");
  EXPECT_FALSE(experiment.Report({rows, settings, testbed, {}}).section.blocks.empty());
}

TEST(DataParallelTest, IdealsComeFromTheDevicesOwnTimes) {
  const auto alone = [](const char* device, int samples, double call_ms) {
    return Row{{"what", "alone"}, {"network", "n"}, {"device", device}, {"samples", samples}, {"call_ms", call_ms}};
  };
  const std::vector<Row> rows = {
      alone("a", 2, 3), alone("a", 4, 5), alone("b", 2, 7), alone("b", 4, 14),
      {{"what", "split"}, {"network", "n"}, {"first", 2}, {"second", 2}, {"wall_ms", 8}},
      {{"what", "split"}, {"network", "n"}, {"first", 4}, {"second", 0}, {"wall_ms", 5}}};
  const std::vector<Row> splits = SplitsWithIdeals(rows);
  EXPECT_DOUBLE_EQ(NumberOf(splits[0], "sum_ms"), 10);
  EXPECT_DOUBLE_EQ(NumberOf(splits[0], "ideal_ms"), 7);
  EXPECT_DOUBLE_EQ(NumberOf(splits[0], "over_ideal"), 8.0 / 7);
  EXPECT_DOUBLE_EQ(NumberOf(splits[1], "over_sum"), 1);
}

TEST(ModernTest, WhatTheEdgeTpuRefusesIsNamed) {
  Testbed testbed({.platform = "seed"});
  const Model model = testbed.StructureOf({"bert-tiny", {}});
  const std::vector<std::string> refusals = EdgeTpuRefusals(model.graph());
  const auto has = [&](const char* start) {
    return std::any_of(refusals.begin(), refusals.end(), [&](const std::string& one) { return one.starts_with(start); });
  };
  EXPECT_TRUE(has("Erf (2): ")) << ::testing::PrintToString(refusals);
  EXPECT_TRUE(has("LayerNormalization (5): "));
  EXPECT_FALSE(has("Tanh"));
}

TEST(ModernTest, DividesBetweenAttentionAndDenseLayers) {
  const RunnerResult result = Ran("modern", {{"networks", "gpt-tiny"}, {"tokens", "16"}, {"sets", "1"}});
  SCOPED_TRACE(Dump(result.rows));
  const auto time = [&](const char* division, const char* field) {
    return Of(result.rows, {{"what", "time"}, {"division", division}}, field);
  };
  EXPECT_EQ(time("all on A", "b_ms"), 0);
  EXPECT_GT(time("dense on B", "a_ms"), 0);
  EXPECT_GT(time("dense on B", "b_ms"), 0);
  // Of dense layers of one token nothing is left to the CPU.
  EXPECT_EQ(time("dense on B", "host_ms"), 0);
  EXPECT_GT(time("dense on B", "stages"), time("feed-forward on B", "stages"));
  for (const char* division : {"all on A", "feed-forward on B", "dense on B"})
    EXPECT_GE(time(division, "call_ms") * 1.0001, time("planned", "call_ms")) << division;
  // The words' table is no work for the Edge TPU, and everything stands behind it.
  EXPECT_THAT(TextOf(*FindRow(result.rows, {{"division", "all on B"}}), "refused"), HasSubstr("Gather"));
  const auto error = [&](const char* division) {
    return Of(result.rows, {{"what", "numbers"}, {"division", division}}, "max_error");
  };
  EXPECT_LT(error("all on A"), 1e-5);
  EXPECT_GT(error("dense on B"), 1e-5);
  EXPECT_EQ(TextOf(*FindRow(result.rows, {{"what", "numbers"}, {"division", "all on A"}}), "provenance"), "emulated");
}

TEST(ModernTest, DenseLayersOfASequenceAreNothingForTheEdgeTpu) {
  const RunnerResult result = Ran("modern", {{"networks", "bert-tiny"}, {"tokens", "16"}, {"sets", "1"}});
  const Row* dense = FindRow(result.rows, {{"what", "time"}, {"division", "dense on B"}});
  EXPECT_THAT(TextOf(*dense, "refused"), HasSubstr("one-dimensional"));
}

std::map<std::string, std::string> VerdictsOn(const std::string& platform) {
  const RunnerResult result = Ran("takeaways", {}, platform);
  const Cast cast{TextOf(result.rows.front(), "tpu"), TextOf(result.rows.front(), "gpu")};
  std::map<std::string, std::string> verdicts;
  for (const Takeaway& one : JudgeTakeaways(result.rows, cast)) verdicts[one.id] = std::string(ToString(one.verdict));
  return verdicts;
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// The seed's platform with the GPU's figures under the Edge TPU's name and the other way round.
std::string Exchanged() {
  std::string gpu(ShippedPlatformText("gtx1650"));
  std::string tpu(ShippedPlatformText("coral-usb3"));
  gpu = Replaced(gpu.substr(gpu.find("[[device]]")), "name = \"gtx1650\"\nkind = \"gpu\"", "name = \"coral-usb3\"\nkind = \"edgetpu\"");
  tpu = Replaced(tpu.substr(tpu.find("[[device]]")), "name = \"coral-usb3\"\nkind = \"edgetpu\"", "name = \"gtx1650\"\nkind = \"gpu\"");
  return "name = \"exchanged\"\nsummary = \"the seed's GPU and Edge TPU exchanged\"\n[[device]]\nname = \"xeon-2.2ghz\"\nbase = "
         "\"xeon-2.2ghz\"\n" + gpu + tpu;
}

TEST(TakeawaysOnPlatformsTest, ExchangedDevicesTurnAtLeastThreeVerdicts) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "exchanged.toml";
  WriteFile(file, Exchanged());
  const auto seed = VerdictsOn("seed");
  const auto exchanged = VerdictsOn(file.string());
  int turned = 0;
  std::string which;
  for (const auto& [id, verdict] : seed) {
    const bool known = verdict != "not known" && exchanged.at(id) != "not known";
    turned += known && verdict != exchanged.at(id) ? 1 : 0;
    which += id + ": " + verdict + " -> " + exchanged.at(id) + "; ";
  }
  EXPECT_GE(turned, 3) << which;
}

TEST(TakeawaysOnPlatformsTest, WhatTheAuthorsSawHasNoFixedOverhead) {
  const auto verdicts = VerdictsOn("seed-as-published");
  EXPECT_EQ(verdicts.at("fixed-overhead"), "not confirmed");
  EXPECT_EQ(verdicts.at("scaling"), "confirmed");
  EXPECT_EQ(VerdictsOn("seed").at("fixed-overhead"), "confirmed");
}

}  // namespace
}  // namespace consort::experiment
