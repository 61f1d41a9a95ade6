#include "plan/chain_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "plan/random_costs.h"

namespace consort {
namespace {

using test::BestOfAll;
using test::Bounds;
using test::RandomCosts;

constexpr int kGraphs = 200;

std::vector<OpId> EveryPosition(int units) {
  std::vector<OpId> positions(units + 1);
  std::iota(positions.begin(), positions.end(), 0);
  return positions;
}

double Found(CostSource& costs, int units, Objective objective, const Bounds& bounds) {
  const CostTable table(costs, EveryPosition(units), 1);
  const ChainResult result = SearchChain(table, {.objective = objective,
                                                 .replicas = bounds.replicas,
                                                 .divided = true,
                                                 .max_stages = bounds.max_stages,
                                                 .max_latency_s = bounds.max_latency_s,
                                                 .max_watts = bounds.max_watts});
  EXPECT_TRUE(result.exact) << result.note;
  return result.draft ? Evaluate(costs, *result.draft).Value(objective) : kInfinite;
}

void ExpectOptimal(Objective objective, const Bounds& bounds) {
  int possible = 0;
  for (int seed = 0; seed < kGraphs; ++seed) {
    int units = 0;
    const auto costs = RandomCosts(seed, units);
    const double best = BestOfAll(*costs, units, objective, bounds);
    const double found = Found(*costs, units, objective, bounds);
    if (best == kInfinite) {
      EXPECT_EQ(found, kInfinite) << "graph " << seed;
      continue;
    }
    ++possible;
    EXPECT_NEAR(found, best, 1e-9 * best) << "graph " << seed << ", " << units << " units";
  }
  EXPECT_GT(possible, kGraphs / 3);
}

TEST(ChainSearchTest, PipelinesForTheThroughputAreOptimal) { ExpectOptimal(Objective::kThroughput, {}); }
TEST(ChainSearchTest, PipelinesForTheLatencyAreOptimal) { ExpectOptimal(Objective::kLatency, {}); }
TEST(ChainSearchTest, PipelinesForTheEnergyAreOptimal) { ExpectOptimal(Objective::kEnergy, {}); }
TEST(ChainSearchTest, HybridsForTheThroughputAreOptimal) { ExpectOptimal(Objective::kThroughput, {.replicas = true}); }

TEST(ChainSearchTest, ABoundOnTheLatencyIsKeptAndTheRestOptimal) {
  ExpectOptimal(Objective::kThroughput, {.max_latency_s = 1.2});
  ExpectOptimal(Objective::kThroughput, {.replicas = true, .max_latency_s = 1.2});
  ExpectOptimal(Objective::kEnergy, {.max_latency_s = 1.2});
}

TEST(ChainSearchTest, BoundsOnWattsAndStagesAreKeptAndTheRestOptimal) {
  ExpectOptimal(Objective::kThroughput, {.max_watts = 6});
  ExpectOptimal(Objective::kThroughput, {.max_stages = 2});
  ExpectOptimal(Objective::kThroughput, {.replicas = true, .max_stages = 2});
}

// Devices 0 and 1 are alike and each run 2 units in 2 s.
std::unique_ptr<WrittenCosts> TwoAlike(bool one_link) {
  std::vector<PlanDevice> devices(2);
  for (int i = 0; i < 2; ++i) {
    devices[i].name = "d" + std::to_string(i);
    devices[i].resources = {i, one_link ? 2 : 2 + i};
  }
  devices[1].alike = 0;
  std::vector<std::string> resources = {"d0", "d1", "link0", "link1"};
  return std::make_unique<WrittenCosts>(devices, resources, [devices](int device, OpId begin, OpId end, int64_t) {
    const double seconds = end - begin;
    return RangeCost{.call_s = seconds,
                     .busy = {{devices[device].resources[0], seconds}, {devices[device].resources[1], 0.8}}};
  });
}

TEST(ChainSearchTest, ASharedLinkSetsThePace) {
  EXPECT_DOUBLE_EQ(Found(*TwoAlike(false), 2, Objective::kThroughput, {}), 1);
  EXPECT_DOUBLE_EQ(Found(*TwoAlike(true), 2, Objective::kThroughput, {}), 1.6);
}

TEST(ChainSearchTest, OfEquallyFastChainsTheOneWithTheLeastLatency) {
  // The first unit takes 3 s on either device; where the other two are cut makes no difference to the pace, but to the
  // latency.
  std::vector<PlanDevice> devices(3);
  for (int i = 0; i < 3; ++i) devices[i] = {.name = "d", .resources = {i}};
  WrittenCosts costs(devices, {"a", "b", "c"}, [](int device, OpId begin, OpId end, int64_t) {
    double seconds = 0.5 * device;
    for (OpId unit = begin; unit < end; ++unit) seconds += unit == 0 ? 3 : 1;
    return RangeCost{.call_s = seconds, .busy = {{device, seconds}}};
  });
  const CostTable table(costs, EveryPosition(3), 1);
  const ChainResult result = SearchChain(table, {.objective = Objective::kThroughput, .divided = true});
  ASSERT_TRUE(result.draft);
  EXPECT_EQ(result.draft->stages.size(), 2);
  EXPECT_DOUBLE_EQ(Evaluate(costs, *result.draft).prediction.latency_s, 5.5);
}

TEST(ChainSearchTest, ManyUnlikeDevicesAreCutDownAndThatIsSaid) {
  std::vector<PlanDevice> devices(18);
  std::vector<std::string> resources;
  for (int i = 0; i < 18; ++i) {
    devices[i] = {.name = "d" + std::to_string(i), .resources = {i}};
    resources.push_back(devices[i].name);
  }
  WrittenCosts costs(devices, resources, [](int device, OpId begin, OpId end, int64_t) {
    const double seconds = (1 + device) * static_cast<double>(end - begin);
    return RangeCost{.call_s = seconds, .busy = {{device, seconds}}};
  });
  const CostTable table(costs, EveryPosition(12), 1);
  const ChainResult result =
      SearchChain(table, {.objective = Objective::kThroughput, .replicas = true, .divided = true});
  ASSERT_TRUE(result.draft);
  EXPECT_FALSE(result.exact);
  EXPECT_THAT(result.note, testing::HasSubstr("d17"));
}

}  // namespace
}  // namespace consort
