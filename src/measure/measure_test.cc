#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/thread.h"
#include "consort/error.h"
#include "measure/distribution.h"
#include "measure/meter.h"
#include "measure/noise_gate.h"
#include "measure/probe.h"
#include "measure/scheduler_records.h"
#include "measure/statistics.h"

namespace consort {
namespace {

using ::testing::DoubleNear;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr TimeNs kMillisecond = 1'000'000;

CoreSet FirstCore() { return CoreSet({CoreSet::Available().cores().front()}); }

void BurnUntil(TimeNs deadline_ns) {
  while (Clock::Real().NowNs() < deadline_ns) {
  }
}

// A process that holds one core until it is destroyed.
class Competitor {
 public:
  explicit Competitor(const CoreSet& cores) : process_(fork()) {
    if (process_ != 0) return;
    const ThreadScope scope(cores, false);
    BurnUntil(Clock::Real().NowNs() + 60'000 * kMillisecond);
    _exit(0);
  }
  ~Competitor() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }

 private:
  pid_t process_;
};

TEST(DistributionTest, PercentilesAreWithinTheResolutionOfSortedValues) {
  std::mt19937_64 random(7);
  std::vector<TimeNs> values;
  Distribution distribution;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<TimeNs>(std::exp(std::uniform_real_distribution<double>(3, 25)(random))));
    distribution.Add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {0.01, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    const auto rank = static_cast<size_t>(std::ceil(percent / 100 * 20'000));
    const auto exact = static_cast<double>(values[rank - 1]);
    EXPECT_THAT(distribution.PercentileNs(percent), DoubleNear(exact, exact / 2048 + 0.5)) << percent;
  }
  EXPECT_EQ(distribution.min_ns(), values.front());
  EXPECT_EQ(distribution.max_ns(), values.back());
}

TEST(DistributionTest, SmallDurationsAndMomentsAreExact) {
  Distribution distribution;
  for (const TimeNs value : {10, 20, 30, 4095}) distribution.Add(value);
  distribution.Add(10, 2);
  EXPECT_EQ(distribution.count(), 6);
  EXPECT_DOUBLE_EQ(distribution.mean_ns(), (30 + 20 + 30 + 4095) / 6.0);
  EXPECT_EQ(distribution.PercentileNs(50), 10);
  EXPECT_EQ(distribution.PercentileNs(51), 20);
  EXPECT_EQ(distribution.PercentileNs(100), 4095);
  EXPECT_NEAR(distribution.deviation_ns(), 1665.264, 0.001);  // sample deviation of 10, 10, 10, 20, 30, 4095
}

TEST(DistributionTest, AddingAnotherIsAddingItsValues) {
  Distribution both, one, two;
  for (const TimeNs value : {5, 1'000'000, 77'777}) one.Add(value), both.Add(value);
  for (const TimeNs value : {3, 2'000'000'000}) two.Add(value), both.Add(value);
  one.Add(two);
  one.Add(Distribution());
  EXPECT_EQ(one.count(), both.count());
  EXPECT_EQ(one.min_ns(), 3);
  EXPECT_EQ(one.max_ns(), 2'000'000'000);
  EXPECT_DOUBLE_EQ(one.mean_ns(), both.mean_ns());
  for (const double percent : {20.0, 40.0, 60.0, 80.0, 100.0})
    EXPECT_EQ(one.PercentileNs(percent), both.PercentileNs(percent));
}

TEST(DistributionTest, AnEmptyOneIsZero) {
  EXPECT_EQ(Distribution().PercentileNs(50), 0);
  EXPECT_EQ(Distribution().mean_ns(), 0);
}

TEST(StatisticsTest, MedianOfEvenAndOddCounts) {
  EXPECT_EQ(Median({3, 1, 2}), 2);
  EXPECT_EQ(Median({4, 1, 2, 3}), 2.5);
  EXPECT_THROW(Median({}), Error);
}

TEST(StatisticsTest, StudentAgreesWithTables) {
  EXPECT_NEAR(StudentT975(1), 12.706, 1e-3);
  EXPECT_NEAR(StudentT975(30), 2.042, 1e-3);
  EXPECT_NEAR(StudentT975(40), 2.021, 2e-3);
  EXPECT_NEAR(StudentT975(120), 1.980, 2e-3);
  EXPECT_THROW(StudentT975(0), Error);
}

// Of many samples of known median, about 95 % of the intervals hold it.
TEST(StatisticsTest, IntervalsHoldTheTruthAsOftenAsTheySay) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal(100, 5);
  int bootstrap = 0, student = 0;
  constexpr int kTrials = 300;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> values(60);
    for (double& value : values) value = normal(random);
    const Interval median = BootstrapMedian(values);
    bootstrap += median.low <= 100 && 100 <= median.high;
    const Interval mean = MeanOfIndependent({values.begin(), values.begin() + 5});
    student += mean.low <= 100 && 100 <= mean.high;
  }
  EXPECT_GT(bootstrap, kTrials * 88 / 100);
  EXPECT_GT(student, kTrials * 91 / 100);
  EXPECT_LT(student, kTrials);
}

TEST(StatisticsTest, NeighboursThatResembleEachOtherWidenTheInterval) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal(0, 1);
  std::vector<double> drifting(512), independent(512);
  double walk = 0;
  for (size_t i = 0; i < drifting.size(); ++i) {
    walk = 0.95 * walk + normal(random);
    drifting[i] = 100 + walk;
    independent[i] = 100 + normal(random) * 3.2;  // the same deviation: 1 / sqrt(1 - 0.95²)
  }
  EXPECT_GT(BootstrapMedian(drifting).relative_half_width(), 1.3 * BootstrapMedian(independent).relative_half_width());
}

TEST(StatisticsTest, PairedRatiosCancelWhatBothSidesShare) {
  std::vector<double> measured, reference;
  std::mt19937_64 random(5);
  for (int round = 0; round < 40; ++round) {
    const double speed = std::uniform_real_distribution<double>(1, 3)(random);
    measured.push_back(speed * 1.2);
    reference.push_back(speed);
  }
  const Interval ratio = PairedRatio(measured, reference);
  EXPECT_NEAR(ratio.estimate, 1.2, 1e-12);
  EXPECT_NEAR(ratio.high - ratio.low, 0, 1e-12);
  EXPECT_THROW(PairedRatio({1}, {1, 2}), Error);
}

TEST(StatisticsTest, AMeanStepDoesNotDependOnWhereALumpIsCut) {
  EXPECT_DOUBLE_EQ(MeanStep({10, 12, 14, 16}), 2);
  // Two at once every ten: five each, whether the window begins with one of them or with both.
  std::vector<double> lumps;
  for (int i = 0; i < 200; ++i) lumps.push_back(10.0 * (i / 2));
  EXPECT_NEAR(MeanStep(lumps), 5, 0.01);
  EXPECT_NEAR(MeanStep({lumps.begin() + 1, lumps.end()}), 5, 0.01);
  EXPECT_THROW(MeanStep({1}), Error);
}

TEST(StatisticsTest, WhatRunsDifferByAddsInSquares) {
  const Interval wider = WithBetweenRuns({100, 97, 104}, 0.04);
  EXPECT_DOUBLE_EQ(wider.estimate, 100);
  EXPECT_DOUBLE_EQ(wider.low, 95);
  EXPECT_DOUBLE_EQ(wider.high, 100 + std::sqrt(32));
  EXPECT_DOUBLE_EQ(WithBetweenRuns({100, 97, 104}, 0).low, 97);
}

TEST(StatisticsTest, SmallOrUncertainDifferencesAreTies) {
  EXPECT_EQ(Judge({1.04, 1.03, 1.05}), Verdict95::kTie);
  EXPECT_EQ(Judge({0.96, 0.955, 0.965}), Verdict95::kTie);
  EXPECT_EQ(Judge({1.30, 0.98, 1.70}), Verdict95::kTie);
  EXPECT_EQ(Judge({1.30, 1.20, 1.40}), Verdict95::kSlower);
  EXPECT_EQ(Judge({0.70, 0.65, 0.75}), Verdict95::kFaster);
}

TEST(NoiseGateTest, WorkOnACoreThatAnotherProcessHoldsIsNotClean) {
  const ThreadScope scope(FirstCore(), false);
  NoiseGate gate(FirstCore());
  ASSERT_EQ(gate.blind_spot(), "");
  const Competitor competitor(FirstCore());
  int dirty = 0;
  for (int block = 0; block < 5; ++block) {
    gate.Begin();
    BurnUntil(Clock::Real().NowNs() + 60 * kMillisecond);
    dirty += !gate.End().clean;
  }
  EXPECT_GE(dirty, 3);
}

TEST(NoiseGateTest, LimitsDecideWhatIsClean) {
  NoiseGate gate(FirstCore(), {.probe_excess = 1e9, .delay_share = 1e9});
  gate.Begin();
  EXPECT_TRUE(gate.End().clean);
  EXPECT_GT(gate.probe_ns(), 0);
  NoiseGate never(FirstCore(), {.probe_excess = -1, .delay_share = 1e9});
  never.Begin();
  EXPECT_FALSE(never.End().clean);
}

TEST(ProbeTeamTest, MoreArithmeticThanNothingOnEveryCore) {
  ProbeTeam team(CoreSet::Available());
  const std::vector<TimeNs> times = team.Run();
  ASSERT_EQ(times.size(), CoreSet::Available().cores().size());
  for (const TimeNs time : times) EXPECT_GT(time, 10'000);
}

TEST(SchedulerRecordsTest, ChildrenCount) {
  SchedulerRecords records;
  if (!records.available()) GTEST_SKIP() << "this kernel keeps no scheduler records";
  const Competitor one(FirstCore()), two(FirstCore());
  const ThreadScope elsewhere(CoreSet({CoreSet::Available().cores().back()}), false);
  records.FindChildren();
  const std::vector<ThreadRecord> before = records.Read();
  Clock::Real().SleepUntil(Clock::Real().NowNs() + 300 * kMillisecond);
  TimeNs waited_ns = 0;
  for (const ThreadActivity& thread : records.Since(before)) {
    if (thread.did.process == getpid()) continue;
    waited_ns += thread.did.waited_ns;
    // A sanitizer's own thread in the child runs hardly at all, and anywhere.
    if (thread.did.ran_ns > 20 * kMillisecond) {
      EXPECT_EQ(thread.core, FirstCore().cores().front());
    }
  }
  EXPECT_GT(waited_ns, 20 * kMillisecond);  // each of the two waits for the other
}

// Blocks of given latencies, so that what a meter makes of them is known.
BlockRunner Replay(std::vector<TimeNs> latencies) {
  return [latencies](TimeNs, int64_t max_queries, BlockSamples& samples) {
    const auto count = std::min<size_t>(latencies.size(), static_cast<size_t>(max_queries));
    samples.latencies_ns.assign(latencies.begin(), latencies.begin() + static_cast<std::ptrdiff_t>(count));
    samples.inferences = static_cast<int64_t>(count);
    samples.wall_ns = 0;
    for (size_t i = 0; i < count; ++i) samples.wall_ns += latencies[i];
  };
}

constexpr NoiseLimits kAnything{.probe_excess = 1e9, .delay_share = 1e9};
constexpr NoiseLimits kNothing{.probe_excess = -1, .delay_share = -1};

TEST(MeterTest, SumsUpCleanBlocks) {
  NoiseGate gate(FirstCore(), kAnything);
  Meter meter(gate, {.time_ns = 100 * kMillisecond});
  for (int load = 0; load < 2; ++load) meter.RunSegment(Replay({kMillisecond, 2 * kMillisecond, 3 * kMillisecond}), 2);
  const MeterSummary summary = meter.Summarise();
  EXPECT_THAT(summary.unstable, IsEmpty());
  EXPECT_EQ(summary.clean_ns, 108 * kMillisecond);  // two loads of nine blocks of 6 ms
  EXPECT_EQ(summary.queries, 54);
  EXPECT_NEAR(summary.median_ns.estimate, 2e6, 2e6 / 2048);
  EXPECT_DOUBLE_EQ(summary.throughput.estimate, 500);
  EXPECT_EQ(summary.discarded_blocks, 0);
}

TEST(MeterTest, StopsAtTheNumberOfQueries) {
  NoiseGate gate(FirstCore(), kAnything);
  Meter meter(gate, {.queries = 10});
  for (int load = 0; load < 3; ++load) meter.RunSegment(Replay({100, 100, 100, 100}), 3);
  EXPECT_EQ(meter.Summarise().queries, 10);
}

TEST(MeterTest, NoCleanBlockIsUnstableAndEnds) {
  NoiseGate gate(FirstCore(), kNothing);
  Meter meter(gate, {.time_ns = 100 * kMillisecond});
  meter.RunSegment(Replay({10 * kMillisecond}));
  const MeterSummary summary = meter.Summarise();
  EXPECT_THAT(summary.unstable, Not(IsEmpty()));
  EXPECT_GT(summary.discarded_blocks, 0);
  EXPECT_EQ(summary.queries, 0);
  EXPECT_EQ(summary.discarded_share(), 1);
}

TEST(MeterTest, LoadsThatDifferWidenTheInterval) {
  NoiseGate gate(FirstCore(), kAnything);
  const MeterOptions options = {.time_ns = 100 * kMillisecond, .between_runs = 0};
  Meter same(gate, options), different(gate, options);
  for (int load = 0; load < 4; ++load) {
    same.RunSegment(Replay({kMillisecond}), 4);
    different.RunSegment(Replay({kMillisecond + load * kMillisecond / 50}), 4);
  }
  EXPECT_LT(same.Summarise().median_ns.relative_half_width(), 0.001);
  EXPECT_GT(different.Summarise().median_ns.relative_half_width(), 0.03);
}

TEST(MeterTest, IntervalsHoldWhatRunsDifferBy) {
  NoiseGate gate(FirstCore(), kAnything);
  Meter meter(gate, {.time_ns = 100 * kMillisecond, .between_runs = 0.05});
  for (int load = 0; load < 3; ++load) meter.RunSegment(Replay({kMillisecond}), 3);
  EXPECT_NEAR(meter.Summarise().median_ns.relative_half_width(), 0.05, 1e-3);
  EXPECT_NEAR(meter.Summarise().throughput.relative_half_width(), 0.05, 1e-3);
}

TEST(MeterTest, FewBlocksAreUnstableHoweverEqualTheyAre) {
  NoiseGate gate(FirstCore(), kAnything);
  Meter meter(gate);
  for (int block = 0; block < 4; ++block) meter.RunBlock(Replay({kMillisecond}));
  EXPECT_THAT(meter.Summarise().unstable, ::testing::HasSubstr("4 clean blocks"));
  meter.RunBlock(Replay({kMillisecond}));
  EXPECT_THAT(meter.Summarise().unstable, IsEmpty());
}

TEST(MeterTest, DiscardedBlocksCountInEverythingOnly) {
  NoiseGate gate(FirstCore(), kNothing);
  Meter meter(gate);
  meter.RunBlock(Replay({kMillisecond, 3 * kMillisecond}));
  EXPECT_EQ(meter.Summarise().everything.count(), 2);
  EXPECT_EQ(meter.Summarise().latencies.count(), 0);
}

TEST(MeterTest, ManyBlocksAreMergedWithoutMovingTheFigures) {
  NoiseGate gate(FirstCore(), kAnything);
  Meter meter(gate, {.between_runs = 0});
  meter.BeginSegment();
  for (int block = 0; block < 5000; ++block) meter.RunBlock(Replay({1000 + block % 7, 1000}));
  const MeterSummary summary = meter.Summarise();
  EXPECT_EQ(summary.clean_blocks, 5000);
  EXPECT_EQ(summary.queries, 10'000);
  EXPECT_NEAR(summary.median_ns.estimate, 1000, 1);
  EXPECT_LT(summary.median_ns.relative_half_width(), 0.01);
  EXPECT_EQ(summary.load_medians_ns.size(), 1U);
}

TEST(MeterTest, AMedianThatIsHardlyKnownIsUnstable) {
  NoiseGate gate(FirstCore(), kAnything);
  Meter meter(gate, {.time_ns = 100 * kMillisecond});
  for (int load = 0; load < 2; ++load) meter.RunSegment(Replay({kMillisecond * (1 + load)}), 2);
  EXPECT_THAT(meter.Summarise().unstable, ::testing::HasSubstr("%"));
}

TEST(WarmTest, CountsQueriesAndEnds) {
  int64_t queries = 0;
  const WarmUp warm_up = Warm([&] { ++queries; }, kMillisecond, 5'000 * kMillisecond);
  EXPECT_EQ(warm_up.queries, queries);
  EXPECT_GT(queries, 3);
  EXPECT_GE(warm_up.took_ns, kMillisecond);
}

TEST(OneAtATimeTest, TimesEveryQueryAndStopsWhereItIsTold) {
  BlockSamples samples;
  int queries = 0;
  OneAtATime([&] { ++queries; }, 4)(kNever, 25, samples);
  EXPECT_EQ(queries, 25);
  EXPECT_EQ(samples.latencies_ns.size(), 25U);
  EXPECT_EQ(samples.inferences, 100);
  OneAtATime([&] { BurnUntil(Clock::Real().NowNs() + kMillisecond); })(kMillisecond, 1000, samples);
  EXPECT_EQ(samples.latencies_ns.size(), 1U);  // a query that takes the whole budget is a block by itself
  TimeNs sum = 0;
  for (const TimeNs latency : samples.latencies_ns) sum += latency;
  EXPECT_EQ(sum, samples.wall_ns);
}

TEST(OverheadTest, IsAboutOneReadingOfTheClock) { EXPECT_GT(OverheadPerQueryNs(), 1); }

}  // namespace
}  // namespace consort
