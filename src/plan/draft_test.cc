#include "plan/draft.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/written_costs.h"

namespace consort {
namespace {

using ::testing::HasSubstr;

// "fast" takes 1 s per op and sample, "slow" 3 s; both hang on one link that a call takes for 0.5 s.
std::unique_ptr<WrittenCosts> TwoDevices() {
  std::vector<PlanDevice> devices(2);
  devices[0] = {.name = "fast", .resources = {0, 2}, .memory_bytes = 100, .idle_watts = 1, .active_watts = 10};
  devices[1] = {.name = "slow", .resources = {1, 2}, .idle_watts = 0.5, .active_watts = 2};
  return std::make_unique<WrittenCosts>(devices, std::vector<std::string>{"fast", "slow", "link usb"},
                                        [devices](int device, OpId begin, OpId end, int64_t batch) {
                                          const double seconds =
                                              (device == 0 ? 1.0 : 3.0) * (end - begin) * static_cast<double>(batch);
                                          return RangeCost{.call_s = seconds,
                                                           .busy = {{device, seconds}, {2, 0.5}},
                                                           .joules = seconds * devices[device].active_watts,
                                                           .memory_bytes = 40 * (end - begin)};
                                        });
}

TEST(DraftTest, ASingleTargetTakesItsCall) {
  const auto costs = TwoDevices();
  const Evaluation evaluation = Evaluate(*costs, {.stages = {{0, 2, {{.device = 0}}}}});
  EXPECT_DOUBLE_EQ(evaluation.prediction.latency_s, 2);
  EXPECT_DOUBLE_EQ(evaluation.prediction.samples_per_s, 0.5);
  EXPECT_DOUBLE_EQ(evaluation.prediction.joules_per_sample, 20);
  EXPECT_EQ(evaluation.prediction.bottleneck, "fast");
  EXPECT_DOUBLE_EQ(evaluation.watts, 10);
  EXPECT_DOUBLE_EQ(evaluation.idle_joules_per_sample, 0);
}

TEST(DraftTest, StagesAddUpInLatencyAndOverlapInThroughput) {
  const auto costs = TwoDevices();
  const Evaluation evaluation = Evaluate(*costs, {.stages = {{0, 2, {{.device = 0}}}, {2, 3, {{.device = 1}}}}});
  EXPECT_DOUBLE_EQ(evaluation.prediction.latency_s, 2 + 3);
  EXPECT_DOUBLE_EQ(evaluation.prediction.samples_per_s, 1.0 / 3);
  EXPECT_EQ(evaluation.prediction.bottleneck, "slow");
  EXPECT_DOUBLE_EQ(evaluation.idle_joules_per_sample, 1 * (3 - 2));
  ASSERT_EQ(evaluation.uses.size(), 3);
  EXPECT_EQ(evaluation.uses[2].name, "link usb");
  EXPECT_DOUBLE_EQ(evaluation.uses[2].busy_s, 1);  // both stages' calls
}

TEST(DraftTest, SharesDivideTheSamples) {
  const auto costs = TwoDevices();
  const Evaluation evaluation =
      Evaluate(*costs, {.stages = {{0, 2, {{.device = 0, .share = 0.75}, {.device = 1, .share = 0.25}}}}});
  EXPECT_DOUBLE_EQ(evaluation.prediction.samples_per_s, 1 / 1.5);
  EXPECT_DOUBLE_EQ(evaluation.prediction.latency_s, 6);  // of the slower replica
  EXPECT_DOUBLE_EQ(evaluation.prediction.joules_per_sample, 0.75 * 20 + 0.25 * 12);
}

// The slow device waits until the fast one's part has passed the link.
TEST(DraftTest, ADividedBatchEndsWithItsLastPart) {
  const auto costs = TwoDevices();
  Draft draft{
      .batch = 4,
      .stages = {{0, 1, {{.device = 0, .share = 0.75, .samples = 3}, {.device = 1, .share = 0.25, .samples = 1}}}}};
  const Evaluation evaluation = Evaluate(*costs, draft);
  EXPECT_DOUBLE_EQ(evaluation.prediction.latency_s, 0.5 + 3);
  EXPECT_DOUBLE_EQ(evaluation.prediction.samples_per_s, 4 / 3.0);
  EXPECT_DOUBLE_EQ(evaluation.prediction.joules_per_sample, (30 + 6) / 4.0);
}

// Of each call's two seconds per sample the first half is the bus's: the second device waits for the first one's.
TEST(DraftTest, PartsOfACallTakeTurnsOnWhatTheyShare) {
  WrittenCosts costs({{.name = "a", .resources = {0, 2}}, {.name = "b", .resources = {1, 2}}}, {"a", "b", "bus"},
                     [](int device, OpId, OpId, int64_t batch) {
                       const auto samples = static_cast<double>(batch);
                       return RangeCost{.call_s = 2 * samples, .busy = {{device, 2 * samples}, {2, samples}}};
                     });
  const Evaluation evaluation = Evaluate(
      costs, {.batch = 4, .stages = {{0, 1, {{.device = 0, .samples = 1}, {.device = 1, .samples = 3}}}}});
  EXPECT_DOUBLE_EQ(evaluation.prediction.latency_s, 1 + 6);
  EXPECT_DOUBLE_EQ(evaluation.prediction.samples_per_s, 4 / 6.0);
}

TEST(DraftTest, TheBatchSharesTheCall) {
  const auto costs = TwoDevices();
  const Evaluation evaluation = Evaluate(*costs, {.batch = 8, .stages = {{0, 1, {{.device = 0}}}}});
  EXPECT_DOUBLE_EQ(evaluation.prediction.latency_s, 8);
  EXPECT_DOUBLE_EQ(evaluation.prediction.samples_per_s, 1);
}

TEST(DraftTest, MemoryOfADeviceIsABound) {
  const auto costs = TwoDevices();
  const Evaluation evaluation = Evaluate(*costs, {.stages = {{0, 3, {{.device = 0}}}}});
  EXPECT_THAT(evaluation.refused, HasSubstr("'fast' has 100 B of memory and would need 120 B"));
  EXPECT_EQ(evaluation.Value(Objective::kLatency), kInfinite);
  EXPECT_EQ(Evaluate(*costs, {.stages = {{0, 3, {{.device = 1}}}}}).refused, "");
}

TEST(DraftTest, EnergyIsUnknownWhereAPowerIs) {
  WrittenCosts costs({{.name = "d", .resources = {0}}}, {"d"}, [](int, OpId, OpId, int64_t) {
    return RangeCost{.call_s = 1, .busy = {{0, 1}}};
  });
  EXPECT_EQ(Evaluate(costs, {.stages = {{0, 1, {{.device = 0}}}}}).Value(Objective::kEnergy), kInfinite);
}

TEST(DraftTest, SharesByPaceMakeAllEquallyBusy) {
  const std::vector<double> shares = SharesByPace({1, 2, 4});
  EXPECT_DOUBLE_EQ(shares[0] * 1, shares[1] * 2);
  EXPECT_DOUBLE_EQ(shares[1] * 2, shares[2] * 4);
  EXPECT_DOUBLE_EQ(shares[0] + shares[1] + shares[2], 1);
}

}  // namespace
}  // namespace consort
