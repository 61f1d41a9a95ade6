#include "bench/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cmath>
#include <numeric>
#include <thread>

#include "consort/error.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;

constexpr TimeNs kLongNs = 3'600'000'000'000;
constexpr TimeNs kMillisecond = 1'000'000;

// Replicas that count their queries.
struct Counters {
  explicit Counters(size_t replicas, std::chrono::milliseconds pause = {}) : queries(replicas) {
    for (std::atomic<int64_t>& count : queries) {
      setup.replicas.push_back({.query = [&count, pause] {
        ++count;
        if (pause.count() > 0) std::this_thread::sleep_for(pause);
      }});
    }
  }
  int64_t total() const { return std::accumulate(queries.begin(), queries.end(), int64_t{0}); }

  std::vector<std::atomic<int64_t>> queries;
  ScenarioSetup setup;
};

TEST(Poisson, HasTheMeanAndTheSpreadAskedFor) {
  std::mt19937_64 random(7);
  std::vector<TimeNs> arrivals;
  PoissonArrivals(1000, kLongNs, 100'000, random, arrivals);
  ASSERT_THAT(arrivals, SizeIs(100'000));
  EXPECT_TRUE(std::is_sorted(arrivals.begin(), arrivals.end()));
  double sum = 0, squares = 0;
  for (size_t i = 1; i < arrivals.size(); ++i) {
    const double gap_ms = static_cast<double>(arrivals[i] - arrivals[i - 1]) / 1e6;
    sum += gap_ms, squares += gap_ms * gap_ms;
  }
  const double count = static_cast<double>(arrivals.size()) - 1;
  const double mean = sum / count;
  // Five standard errors of the mean of 10^5 exponential gaps; mean and deviation of an exponential distribution are
  // equal.
  EXPECT_NEAR(mean, 1, 5 / std::sqrt(count));
  EXPECT_NEAR(std::sqrt(squares / count - mean * mean), 1, 0.03);
}

TEST(Poisson, DependsOnTheSeedAlone) {
  const auto draw = [](uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<TimeNs> arrivals;
    PoissonArrivals(500, 1'000'000'000, 10'000, random, arrivals);
    return arrivals;
  };
  EXPECT_EQ(draw(3), draw(3));
  EXPECT_NE(draw(3), draw(4));
}

TEST(Poisson, EndsWithTheDurationAndIsNeverEmpty) {
  std::mt19937_64 random(1);
  std::vector<TimeNs> arrivals;
  PoissonArrivals(1000, 100 * kMillisecond, 1'000'000, random, arrivals);
  EXPECT_THAT(arrivals.back(), Le(100 * kMillisecond));
  EXPECT_GT(arrivals.size(), 50U);
  PoissonArrivals(0.001, kMillisecond, 10, random, arrivals);
  EXPECT_THAT(arrivals, SizeIs(1));
}

class EveryScenario : public ::testing::TestWithParam<ScenarioInfo> {};

TEST_P(EveryScenario, DoesAsManyQueriesAsItSays) {
  const size_t replicas = GetParam().kind == ScenarioKind::kSingle ? 1 : 3;
  Counters counters(replicas);
  counters.setup.batch = 4;
  counters.setup.queries_per_s = 100'000;
  const auto scenario = MakeScenario(GetParam().kind, counters.setup);
  BlockSamples samples;
  int64_t queries = 0;
  for (int block = 0; block < 5; ++block) {
    scenario->RunBlock(kMillisecond, 100, samples);
    EXPECT_GE(samples.latencies_ns.size(), 1U);
    EXPECT_LE(samples.latencies_ns.size(), 100U);
    EXPECT_EQ(samples.inferences, 4 * static_cast<int64_t>(samples.latencies_ns.size()));
    EXPECT_GT(samples.wall_ns, 0);
    queries += static_cast<int64_t>(samples.latencies_ns.size());
  }
  EXPECT_EQ(counters.total(), queries);
}

TEST_P(EveryScenario, HoldsTheNumberOfQueriesWithinAnHour) {
  Counters counters(1);
  counters.setup.queries_per_s = 100'000;
  const auto scenario = MakeScenario(GetParam().kind, counters.setup);
  BlockSamples samples;
  for (const int64_t most : {1, 17}) {
    scenario->RunBlock(kMillisecond, most, samples);
    scenario->RunBlock(kLongNs, most, samples);
    EXPECT_THAT(samples.latencies_ns, SizeIs(most));
  }
}

TEST_P(EveryScenario, PassesErrorsOn) {
  ScenarioSetup setup{.queries_per_s = 1e5};
  setup.replicas.push_back({.query = [] { throw Error(ErrorCode::kDeviceLost, "gone"); }});
  const auto scenario = MakeScenario(GetParam().kind, setup);
  BlockSamples samples;
  EXPECT_THAT([&] { scenario->RunBlock(kMillisecond, 10, samples); }, ThrowsMessage<Error>(HasSubstr("gone")));
}

INSTANTIATE_TEST_SUITE_P(All, EveryScenario, ::testing::ValuesIn(Scenarios()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Concurrent, EveryReplicaRuns) {
  Counters counters(4);
  const auto scenario = MakeScenario(ScenarioKind::kConcurrent, counters.setup);
  BlockSamples samples;
  scenario->RunBlock(kLongNs, 41, samples);
  EXPECT_EQ(counters.queries[0], 11);
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(counters.queries[i], 10);
}

TEST(Offline, EveryReplicaTakesFromOneHeap) {
  // Each replica's query ends when the other one's runs, too.
  std::barrier both(2);
  ScenarioSetup setup;
  for (int i = 0; i < 2; ++i) setup.replicas.push_back({.query = [&both] { both.arrive_and_wait(); }});
  const auto scenario = MakeScenario(ScenarioKind::kOffline, setup);
  BlockSamples samples;
  scenario->RunBlock(kMillisecond, 2, samples);
  EXPECT_THAT(samples.latencies_ns, SizeIs(2));
}

TEST(Offline, TheFirstBlockFillsItsTime) {
  Counters counters(2);
  counters.setup.query_ns = kMillisecond;
  const auto scenario = MakeScenario(ScenarioKind::kOffline, counters.setup);
  BlockSamples samples;
  scenario->RunBlock(50 * kMillisecond, 1000, samples);
  EXPECT_THAT(samples.latencies_ns, SizeIs(100));
}

TEST(Server, UnderItsCapacityIsNotOverloaded) {
  Counters counters(1);
  counters.setup.queries_per_s = 5;
  const auto scenario = MakeScenario(ScenarioKind::kServer, counters.setup);
  BlockSamples samples;
  scenario->RunBlock(1000 * kMillisecond, 1000, samples);
  EXPECT_EQ(scenario->server().arrivals_per_s, 0);  // it does not count yet
  scenario->KeepBlock();
  EXPECT_GT(scenario->server().arrivals_per_s, 0);
  EXPECT_EQ(scenario->server().unserved, 0);
  EXPECT_FALSE(scenario->server().overloaded);
  EXPECT_LT(scenario->server().busy_share, 0.9);
}

TEST(Server, AboveItsCapacityIsOverloadedAndTheQueueCounts) {
  constexpr int kQueries = 40;
  Counters counters(2, std::chrono::milliseconds(2));  // at most 1000 queries per second
  counters.setup.queries_per_s = 20'000;
  const auto scenario = MakeScenario(ScenarioKind::kServer, counters.setup);
  BlockSamples samples;
  scenario->RunBlock(kLongNs, kQueries, samples);
  scenario->KeepBlock();
  EXPECT_TRUE(scenario->server().overloaded);
  EXPECT_GT(scenario->server().arrivals_per_s, 5'000);
  // The last answer comes after 20 queries of 2 ms on a replica, less the few milliseconds in which all arrived.
  EXPECT_GE(*std::max_element(samples.latencies_ns.begin(), samples.latencies_ns.end()), 30 * kMillisecond);
}

// Of about 10,000 queries in 10 ms that take 10 ms each, those are served that begin within 20 ms.
TEST(Server, ThatNeverDrainsGivesUp) {
  Counters counters(1, std::chrono::milliseconds(10));
  counters.setup.queries_per_s = 1'000'000;
  const auto scenario = MakeScenario(ScenarioKind::kServer, counters.setup);
  BlockSamples samples;
  scenario->RunBlock(10 * kMillisecond, kMaxQueriesPerBlock, samples);
  scenario->KeepBlock();
  EXPECT_GE(samples.latencies_ns.size(), 1U);
  EXPECT_LE(samples.latencies_ns.size(), 3U);
  EXPECT_GT(scenario->server().unserved, 5'000);
  EXPECT_TRUE(scenario->server().overloaded);
}

TEST(Server, NeedsArrivals) {
  const Counters counters(1);
  EXPECT_THROW(MakeScenario(ScenarioKind::kServer, counters.setup), Error);
}

TEST(DivideTarget, GivesEachReplicaItsCores) {
  const auto targets = [](const ReplicaPlans& plans) {
    std::vector<std::string> names;
    for (const ReplicaPlan& plan : plans.replicas) names.push_back(plan.target.ToString());
    return names;
  };
  const Target target = Target::Parse("cpu:0-4@x/bf16");
  EXPECT_THAT(targets(DivideTarget(target, 2, 0)), ::testing::ElementsAre("cpu:0-2@x/bf16", "cpu:3-4@x/bf16"));
  EXPECT_FALSE(DivideTarget(target, 2, 2).shared);
  EXPECT_EQ(DivideTarget(target, 2, 2).replicas.back().threads, 2);
  EXPECT_THAT(targets(DivideTarget(target, 1, 0)), ::testing::ElementsAre("cpu:0-4@x/bf16"));
  EXPECT_FALSE(DivideTarget(target, 1, 0).shared);
}

TEST(DivideTarget, SharesWhereThereIsTooLittle) {
  const Target target = Target::Parse("cpu:0-1");
  for (const auto& [count, threads] : {std::pair(3, 0), std::pair(2, 2)}) {
    const ReplicaPlans plans = DivideTarget(target, count, threads);
    EXPECT_TRUE(plans.shared);
    EXPECT_THAT(plans.replicas, SizeIs(count));
    EXPECT_EQ(plans.replicas.back().target, target);
  }
  EXPECT_FALSE(DivideTarget(Target::Parse("null"), 2, 0).shared);  // it has no cores
}

}  // namespace
}  // namespace consort
