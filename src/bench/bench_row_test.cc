#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <limits>

#include "backends/null/null_backend.h"
#include "bench/advice.h"
#include "bench/bench.h"
#include "bench/foreign_time.h"
#include "consort/error.h"
#include "io/random_input.h"
#include "model/test_models.h"

namespace consort {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Ne;

constexpr int64_t kQueries = 60;
constexpr NoiseLimits kAnything{.probe_excess = 1e9, .delay_share = 1e9};

class BenchRowTest : public ::testing::Test {
 protected:
  BenchRowTest() {
    registry_.Add(MakeNullBackend());
    target_ = registry_.Resolve(Target::Parse("null"));
    options_.meter.queries = kQueries;
    options_.meter.patience = 1;
    options_.loads = 3;
    options_.advice = false;
  }

  BenchRow Measure() {
    const std::string bytes = test::ConvReluModel();
    const LoadedModel model{Artifact(Model::Parse(test::AsBytes(bytes), "conv.onnx")), 5'000'000, 1234};
    return MeasureRow(registry_, target_, model, options_, [this](const Signature& signature) {
      ++loads_;
      std::vector<Buffer> inputs;
      for (const Port& port : signature.inputs) inputs.push_back(RandomInput(port.spec, 0, port.name));
      return inputs;
    });
  }

  Registry registry_;
  Target target_;
  BenchOptions options_;
  int loads_ = 0;
};

std::vector<std::string> PhaseNames(const BenchRow& row) {
  std::vector<std::string> names;
  for (const Phase& phase : row.phases) names.push_back(phase.name);
  return names;
}

// What must hold whether or not the machine was quiet.
void ExpectWhole(const BenchRow& row) {
  EXPECT_THAT(PhaseNames(row), ElementsAre("load", "open", "compile", "first_run", "host_to_device", "compute",
                                           "device_to_host", "end_to_end"));
  EXPECT_EQ(row.measured.latencies.count(), row.measured.queries);
  EXPECT_LE(row.measured.queries, kQueries);
  EXPECT_TRUE(row.measured.queries == kQueries || row.measured.discarded_blocks > 0);
  EXPECT_EQ(row.measured.inferences, row.batch * row.measured.queries);
  EXPECT_EQ(row.ops, 2);
  EXPECT_EQ(row.eliminated, 2);
  EXPECT_GT(row.memory.peak_bytes, 0);
  EXPECT_EQ(row.overhead_ns > 0, row.scenario == ScenarioKind::kSingle);
  EXPECT_GT(row.probe_ns, 0);
}

TEST_F(BenchRowTest, SingleMeasuresEveryPhase) {
  const BenchRow row = Measure();
  ExpectWhole(row);
  EXPECT_EQ(loads_, 3);
  EXPECT_EQ(row.loads, 3);
  EXPECT_EQ(row.Find("load")->times.max_ns(), 5'000'000);
  EXPECT_EQ(row.Find("open")->times.count(), 3);
  EXPECT_EQ(row.Find("compile")->times.count(), 2);  // without the one that proved the placement
  EXPECT_EQ(row.Find("first_run")->times.count(), 3);
  EXPECT_EQ(row.Find("compute")->times.count(), row.measured.queries);
  for (const Phase& phase : row.phases) EXPECT_THAT(phase.not_measured, IsEmpty()) << phase.name;
  EXPECT_EQ(row.Find("nothing"), nullptr);
  EXPECT_EQ(row.input_bytes, 3 * 8 * 8 * 4);
  EXPECT_EQ(row.output_bytes, 4 * 8 * 8 * 4);
}

TEST_F(BenchRowTest, OtherScenariosSayWhatTheyDoNotMeasure) {
  options_.noise = kAnything;
  options_.scenario = ScenarioKind::kConcurrent;
  options_.replicas = 2;
  options_.batch = 8;
  const BenchRow row = Measure();
  ExpectWhole(row);
  EXPECT_EQ(loads_, 6);
  EXPECT_EQ(row.replicas.size(), 2U);
  EXPECT_FALSE(row.shared_cores);  // the null device has no cores
  EXPECT_EQ(row.batch, 8);
  EXPECT_THAT(row.Find("end_to_end")->not_measured, HasSubstr("'single'"));
}

TEST_F(BenchRowTest, ServerSaysWhatArrived) {
  options_.scenario = ScenarioKind::kServer;
  options_.queries_per_s = 500;
  options_.noise = kAnything;
  const BenchRow row = Measure();
  ExpectWhole(row);
  ASSERT_TRUE(row.server.has_value());
  // The mean of 60 exponential gaps lies within a factor of two.
  EXPECT_GT(row.server->arrivals_per_s, 250);
  EXPECT_LT(row.server->arrivals_per_s, 1000);
}

// With limits that let everything pass nothing is discarded, and an interval of any width will do.
TEST_F(BenchRowTest, IsStableWhereNothingIsNoise) {
  options_.noise = kAnything;
  options_.meter.max_half_width = std::numeric_limits<double>::infinity();
  const BenchRow row = Measure();
  EXPECT_THAT(row.unstable(), IsEmpty());
  EXPECT_EQ(row.measured.discarded_blocks, 0);
  EXPECT_EQ(row.measured.queries, kQueries);
}

TEST_F(BenchRowTest, ALargeNumberOfQueriesDoesNotOverflow) {
  options_.meter.queries = std::numeric_limits<int64_t>::max();
  options_.progress = [](const std::string& text) {
    if (text.find("measuring") != std::string::npos) throw Error(ErrorCode::kInvalidArgument, text);
  };
  EXPECT_THAT([this] { Measure(); }, ::testing::ThrowsMessage<Error>(HasSubstr("(1 of 3)")));
}

TEST_F(BenchRowTest, FewerLoadsThanQueriesAtMost) {
  options_.meter.queries = 2;
  EXPECT_EQ(Measure().loads, 2);
  options_.meter.queries = 1;
  EXPECT_EQ(Measure().loads, 1);
}

TEST_F(BenchRowTest, StrictRefusesBeforeMeasuring) {
  options_.subject.strict = true;
  EXPECT_EQ(Measure().unknown, 0);  // eliminated ops are where they should be
}

TEST_F(BenchRowTest, ProgressIsTold) {
  std::vector<std::string> told;
  options_.progress = [&told](const std::string& text) { told.push_back(text); };
  Measure();
  EXPECT_THAT(told, ::testing::Contains("null@null: measuring (3 of 3)"));
}

// A row of figures, without measuring.
BenchRow Figures(TimeNs median_ns, TimeNs first_run_ns, TimeNs copy_ns, TimeNs tail_ns) {
  BenchRow row;
  row.overhead_ns = 25;
  const auto add = [&row](const std::string& name, TimeNs time) {
    Phase phase{.name = name, .median_ns = {static_cast<double>(time), 0, 0}};
    phase.times.Add(time);
    row.phases.push_back(phase);
  };
  add("first_run", first_run_ns);
  add("host_to_device", copy_ns);
  add("device_to_host", copy_ns);
  add("end_to_end", median_ns + 2 * copy_ns);
  row.measured.latencies.Add(median_ns, 980);
  row.measured.latencies.Add(tail_ns, 20);
  row.measured.queries = 1000;
  row.measured.median_ns = {static_cast<double>(median_ns), 0, 0};
  return row;
}

std::vector<std::string> Names(const std::vector<Advice>& advice) {
  std::vector<std::string> names;
  for (const Advice& one : advice) names.push_back(one.name);
  return names;
}

TEST(Advice, RestsOnFigures) {
  EXPECT_THAT(AdviseFromRow(Figures(1'000'000, 1'500'000, 10'000, 1'100'000)), IsEmpty());
  EXPECT_THAT(Names(AdviseFromRow(Figures(1'000'000, 8'000'000, 10'000, 1'100'000))), ElementsAre("warm_up"));
  EXPECT_THAT(Names(AdviseFromRow(Figures(1'000'000, 1'500'000, 10'000, 3'000'000))), ElementsAre("tail"));
  const std::vector<Advice> transfer = AdviseFromRow(Figures(1'000'000, 1'500'000, 2'000'000, 1'100'000));
  ASSERT_THAT(Names(transfer), ElementsAre("transfer_bound"));
  EXPECT_THAT(transfer.front().text, HasSubstr("80 %"));
}

TEST(Advice, IsSilentAboutTimesThatMeasuringItselfTakes) {
  EXPECT_THAT(AdviseFromRow(Figures(60, 80, 30, 70)), IsEmpty());
}

TEST(Advice, IsSilentAboutUnstableRows) {
  BenchRow row = Figures(1'000'000, 80'000'000, 2'000'000, 9'000'000);
  row.measured.unstable = "noise";
  EXPECT_THAT(AdviseFromRow(row), IsEmpty());
}

TEST(Environment, KnowsTheMachine) {
  const Environment environment = ReadEnvironment();
  EXPECT_GT(environment.logical_cores, 0);
  EXPECT_GT(environment.memory_bytes, 0);
  EXPECT_THAT(environment.kernel, HasSubstr("Linux "));
  EXPECT_THAT(environment.command_line, HasSubstr("bench_test"));
  EXPECT_EQ(environment.date.size(), std::string("2026-11-24T15:20:03Z").size());
  EXPECT_THAT(environment.smt, AnyOf("on", "off", "unknown"));
  EXPECT_THAT(environment.processor, Ne(""));
}

double ThreadCpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

TEST(ForeignTime, DoesNotCountOurOwnWork) {
  ForeignTime foreign({});
  EXPECT_EQ(foreign.share(), 0);
  const TimeNs start = Clock::Real().NowNs();
  foreign.Begin();
  for (const double end = ThreadCpuSeconds() + 0.3; ThreadCpuSeconds() < end;) continue;
  foreign.End();
  const double all_s = CoreSet::Available().size() * static_cast<double>(Clock::Real().NowNs() - start) / 1e9;
  // Of 0.3 s of our own at least 0.2 s are seen, whatever others did meanwhile: ticks are coarse.
  EXPECT_GE(foreign.share(), 0);
  EXPECT_LE(foreign.share(), 1 - 0.2 / all_s);
}

TEST(PeakMemory, SeesWhatIsAllocated) {
  PeakMemoryWatch watch;
  {
    std::vector<char> block(64 << 20);
    for (size_t i = 0; i < block.size(); i += 4096) block[i] = 1;
    EXPECT_EQ(block[4096], 1);
  }
  watch.Update();
  EXPECT_GE(watch.peak().peak_bytes, watch.peak().before_bytes + (60 << 20));
}

}  // namespace
}  // namespace consort
