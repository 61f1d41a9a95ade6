#include "profile/measured_costs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/test_models.h"
#include "plan/planner.h"

namespace consort {
namespace {

using ::testing::HasSubstr;

constexpr char kEngine[] = "engine 1";

// Four units of one op, on two targets of one core each and on the first with two threads.
class MeasuredCostsTest : public ::testing::Test {
 protected:
  MeasuredCostsTest() : model_(Model::Parse(test::AsBytes(test::ChainModel(4)), "chain.onnx")) {
    devices_.resources = {"core 0", "core 1"};
    Add("cpu@a", 0, {0, 1});
    Add("cpu@b", 0, {1});
  }

  void Add(const std::string& target, int threads, std::vector<int> resources) {
    devices_.devices.push_back(
        {.name = target, .target = Target::Parse(target), .threads = threads, .resources = std::move(resources)});
    devices_.infos.push_back({.engine = kEngine});
  }

  void Put(const std::string& target, OpId begin, OpId end, double seconds, int64_t batch = 1,
           const std::string& refused = "") {
    profile_.entries[KeyOf(model_.graph(), begin, end, target, 0, batch)] = {
        .engine = kEngine, .call_s = {seconds, seconds, seconds}, .calls = 10, .refused = refused};
  }

  void PutUnits(const std::string& target, const std::vector<double>& seconds, double whole_s, int64_t batch = 1) {
    for (OpId unit = 0; unit < 4; ++unit) Put(target, unit, unit + 1, seconds[unit], batch);
    Put(target, 0, 4, whole_s, batch);
  }

  MeasuredCosts Costs() {
    return {profile_, devices_, {0, 1, 2, 3, 4}, [this](int64_t) -> const Graph& { return model_.graph(); }};
  }

  Model model_;
  LocalDevices devices_;
  Profile profile_;
};

TEST_F(MeasuredCostsTest, WhatWasMeasuredCostsThat) {
  PutUnits("cpu@a", {1, 2, 3, 4}, 7);
  MeasuredCosts costs = Costs();
  const RangeCost unit = costs.Cost(0, 1, 2, 1);
  EXPECT_DOUBLE_EQ(unit.call_s, 2);
  EXPECT_EQ(unit.provenance, Provenance::kMeasured);
  ASSERT_EQ(unit.busy.size(), 2);  // both cores
  EXPECT_DOUBLE_EQ(unit.busy[1].seconds, 2);
  EXPECT_DOUBLE_EQ(costs.Cost(0, 0, 4, 1).call_s, 7);
}

TEST_F(MeasuredCostsTest, SeveralUnitsGiveBackWhatTheirBordersCost) {
  PutUnits("cpu@a", {1, 2, 3, 4}, 7);  // 10 by themselves: each of three borders costs 1
  const RangeCost range = Costs().Cost(0, 1, 4, 1);
  EXPECT_DOUBLE_EQ(range.call_s, 9 - 2);
  EXPECT_EQ(range.provenance, Provenance::kModelled);
}

// Into a range goes what goes into its first unit, out of it what comes out of its last.
TEST_F(MeasuredCostsTest, ARangeConvertsAtItsEnds) {
  PutUnits("cpu@a", {1, 2, 3, 4}, 10);
  for (OpId unit = 0; unit < 4; ++unit) {
    ProfileEntry& entry = profile_.entries.at(KeyOf(model_.graph(), unit, unit + 1, "cpu@a", 0, 1));
    entry.convert_in_s = 0.1 * (unit + 1);
    entry.convert_out_s = 0.01 * (unit + 1);
  }
  const RangeCost one = Costs().Cost(0, 1, 2, 1), three = Costs().Cost(0, 1, 4, 1);
  EXPECT_DOUBLE_EQ(one.convert_in_s, 0.2);
  EXPECT_DOUBLE_EQ(one.convert_out_s, 0.02);
  EXPECT_DOUBLE_EQ(three.convert_in_s, 0.2);
  EXPECT_DOUBLE_EQ(three.convert_out_s, 0.04);
  EXPECT_DOUBLE_EQ(Costs().Cost(0, 0, 4, 1).convert_in_s, 0);
}

TEST_F(MeasuredCostsTest, ARangeThatRanInAPlanIsKnownExactly) {
  PutUnits("cpu@a", {1, 2, 3, 4}, 7);
  Put("cpu@a", 1, 4, 12);
  EXPECT_DOUBLE_EQ(Costs().Cost(0, 1, 4, 1).call_s, 12);
}

TEST_F(MeasuredCostsTest, AnotherVersionOfTheEngineDoesNotCount) {
  PutUnits("cpu@a", {1, 2, 3, 4}, 7);
  devices_.infos[0].engine = "engine 2";
  EXPECT_THAT(Costs().Cost(0, 0, 4, 1).refused, HasSubstr("not measured"));
}

TEST_F(MeasuredCostsTest, OtherBatchesLieOnALineBetweenThoseMeasured) {
  PutUnits("cpu@a", {1, 1, 1, 1}, 4, 1);
  PutUnits("cpu@a", {2, 2, 2, 2}, 8, 5);
  MeasuredCosts costs = Costs();
  EXPECT_TRUE(costs.HasBatch(3));
  EXPECT_DOUBLE_EQ(costs.Cost(0, 0, 4, 3).call_s, 6);
  EXPECT_DOUBLE_EQ(costs.Cost(0, 0, 4, 9).call_s, 12);  // beyond
  EXPECT_EQ(costs.Cost(0, 0, 4, 3).provenance, Provenance::kModelled);
}

TEST_F(MeasuredCostsTest, OneBatchSaysNothingOfOthers) {
  PutUnits("cpu@a", {1, 1, 1, 1}, 4, 2);
  MeasuredCosts costs = Costs();
  EXPECT_TRUE(costs.HasBatch(2));
  EXPECT_FALSE(costs.HasBatch(1));
  EXPECT_FALSE(costs.Cost(0, 0, 4, 1).refused.empty());
}

TEST_F(MeasuredCostsTest, ARefusedUnitRefusesTheRangesThatHoldIt) {
  PutUnits("cpu@b", {1, 2, 3, 4}, 7);
  Put("cpu@b", 2, 3, 0, 1, "no such operator");
  profile_.entries.erase(KeyOf(model_.graph(), 0, 4, "cpu@b", 0, 1));
  MeasuredCosts costs = Costs();
  EXPECT_EQ(costs.Cost(1, 0, 4, 1).refused, "no such operator");
  EXPECT_TRUE(costs.Cost(1, 0, 2, 1).refused.empty());
}

TEST_F(MeasuredCostsTest, AHandOverIsPaidByWhatIsNotTheWholeModel) {
  PutUnits("cpu@a", {1, 2, 3, 4}, 7);
  profile_.links = {{.from = "cpu@b", .to = "cpu@a", .latency_s = 0.5, .bytes_per_s = 64}};
  MeasuredCosts costs = Costs();
  EXPECT_DOUBLE_EQ(costs.Cost(0, 1, 2, 1).call_s, 2 + 0.5 + 1);  // 16 floats cross
  EXPECT_DOUBLE_EQ(costs.Cost(0, 1, 2, 1).busy[0].seconds, 2);   // the cores are free meanwhile
  EXPECT_DOUBLE_EQ(costs.Cost(0, 0, 4, 1).call_s, 7);
}

// The front is fast on one target, the back on the other: each gets its part.
TEST_F(MeasuredCostsTest, PlansAreMadeFromIt) {
  PutUnits("cpu@a", {1, 1, 9, 9}, 20);
  PutUnits("cpu@b", {9, 9, 1, 1}, 20);
  devices_.devices[0].resources = {0};
  MeasuredCosts costs = Costs();
  PlanQuery query{.objective = Objective::kLatency};
  query.units.divides_a_fusion = costs.NoBorders();
  const PlanList list = MakePlans(model_.graph(), costs, query);
  ASSERT_EQ(list.best().plan.stages.size(), 2);
  EXPECT_EQ(list.best().plan.stages[1].begin, 2);
  EXPECT_DOUBLE_EQ(list.best().plan.predicted.latency_s, 4);
}

}  // namespace
}  // namespace consort
