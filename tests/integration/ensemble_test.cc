// What a plan says and what a session on emulated devices does are the same, by the virtual clock: throughput and
// latency within 0.1 %.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/clock_thread.h"
#include "emulate/virtual_clock.h"
#include "run/session.h"
#include "support/ensemble.h"
#include "support/full_session.h"

namespace consort {
namespace {

using test::Ensemble;
using test::EnsembleOptions;

constexpr double kAllowed = 1e-3;

struct Given {
  double samples_per_s = 0;
  double latency_s = 0;
};

Given RunPlan(Ensemble& ensemble, const Plan& plan, int calls) {
  VirtualClock clock;
  const ClockMember member(clock, "test");
  Session session(ensemble.Compiled(plan, clock), {.clock = &clock});
  const double latency_s = test::SecondsAlone(session, clock);
  return {static_cast<double>(plan.batch) * test::CallsPerSecond(session, clock, calls), latency_s};
}

void ExpectThroughput(const Plan& plan, const Given& given) {
  EXPECT_NEAR(given.samples_per_s / plan.predicted.samples_per_s, 1, kAllowed)
      << plan.predicted.samples_per_s << " per s were planned, " << given.samples_per_s << " came";
}

void ExpectSame(const Plan& plan, const Given& given) {
  ExpectThroughput(plan, given);
  EXPECT_NEAR(given.latency_s / plan.predicted.latency_s, 1, kAllowed)
      << plan.predicted.latency_s << " s were planned, it took " << given.latency_s;
}

Plan BestOf(Ensemble& ensemble, Strategy strategy) { return ensemble.Plans(strategy).best().plan; }

TEST(PlannedAgainstRun, EachDeviceAlone) {
  Ensemble ensemble({.network = "resnet-50", .platform = "seed"});
  int singles = 0;
  for (const RankedPlan& ranked : ensemble.Plans(Strategy::kSingle).plans) {
    const testing::ScopedTrace trace(__FILE__, __LINE__, ranked.plan.stages[0].replicas[0].target.unit);
    ExpectSame(ranked.plan, RunPlan(ensemble, ranked.plan, 100));
    ++singles;
  }
  EXPECT_EQ(singles, 3);
}

TEST(PlannedAgainstRun, APipelineOfUnlikeDevices) {
  Ensemble ensemble({.network = "resnet-50", .platform = "seed"});
  const Plan plan = BestOf(ensemble, Strategy::kPipeline);
  EXPECT_GT(plan.stages.size(), 1u);
  ExpectSame(plan, RunPlan(ensemble, plan, 400));
}

TEST(PlannedAgainstRun, APipelineOfFourEdgeTpus) {
  for (const char* platform : {"coral-x4", "coral-x4-hub"}) {
    const testing::ScopedTrace trace(__FILE__, __LINE__, platform);
    Ensemble ensemble({.network = "resnet-50", .platform = platform});
    const Plan plan = BestOf(ensemble, Strategy::kPipeline);
    EXPECT_EQ(plan.stages.size(), 4u);
    ExpectSame(plan, RunPlan(ensemble, plan, 400));
  }
}

// Of replicas any may be met by one sample alone: the latency is that of the slowest, and no sample has to see it.
TEST(PlannedAgainstRun, WholeCallsByShare) {
  Ensemble ensemble({.network = "resnet-50", .platform = "seed"});
  const Plan plan = BestOf(ensemble, Strategy::kSplit);
  EXPECT_EQ(plan.stages.at(0).replicas.size(), 3u);
  ExpectThroughput(plan, RunPlan(ensemble, plan, 6000));
}

TEST(PlannedAgainstRun, AHybrid) {
  Ensemble ensemble({.network = "resnet-50", .platform = "seed"});
  const Plan plan = BestOf(ensemble, Strategy::kHybrid);
  EXPECT_GT(plan.stages.size(), 1u);
  ExpectThroughput(plan, RunPlan(ensemble, plan, 4000));
}

// An Edge TPU takes its part of each batch one sample after the other.
TEST(PlannedAgainstRun, ABatchThatIsDivided) {
  Ensemble ensemble({.network = "resnet-50", .platform = "seed", .make = {.batch = 20}});
  const OpId ops = static_cast<OpId>(ensemble.graph().ops().size());
  const auto plan = ensemble.PlanOf({.batch = 20,
                                     .stages = {{0, ops,
                                                 {{.device = 0, .share = 0.1, .samples = 2},
                                                  {.device = 1, .share = 0.75, .samples = 15},
                                                  {.device = 2, .share = 0.15, .samples = 3}}}}});
  ASSERT_TRUE(plan.has_value());
  ExpectSame(*plan, RunPlan(ensemble, *plan, 60));
}

// Behind a hub the parts take turns on its link.
TEST(PlannedAgainstRun, ABatchThatIsDividedBehindAHub) {
  Ensemble ensemble({.network = "mobilenet-v1", .platform = "coral-x4-hub", .make = {.batch = 6}});
  const OpId ops = static_cast<OpId>(ensemble.graph().ops().size());
  const auto plan = ensemble.PlanOf(
      {.batch = 6,
       .stages = {{0, ops, {{.device = 0, .samples = 1}, {.device = 1, .samples = 3}, {.device = 3, .samples = 2}}}}});
  ASSERT_TRUE(plan.has_value());
  ExpectSame(*plan, RunPlan(ensemble, *plan, 200));
}

// CPU, then Edge TPU: the first cut at which the CPU sets the pace by its own stage and by what the Edge TPU leaves to
// it.
std::optional<Plan> TogetherOnTheCpu(Ensemble& ensemble) {
  const std::vector<OpId> places = ensemble.CutPlaces();
  for (size_t i = 1; i + 1 < places.size(); ++i) {
    const std::optional<Plan> plan = ensemble.PlanOf({.stages = {{0, places[i], {{.device = 0}}},
                                                                 {places[i], places.back(), {{.device = 1}}}}});
    if (!plan) continue;
    const double slowest_s = std::max(plan->stages[0].replicas[0].call_s, plan->stages[1].replicas[0].call_s);
    if (1.05 * slowest_s < 1 / plan->predicted.samples_per_s) return plan;
  }
  return std::nullopt;
}

TEST(PlannedAgainstRun, WhatRunsOnTheCpuBesideAnEdgeTpu) {
  Ensemble ensemble({.network = "bert-tiny", .platform = "pi-coral"});
  const std::optional<Plan> plan = TogetherOnTheCpu(ensemble);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->predicted.bottleneck, "raspberry-pi-4");
  ExpectSame(*plan, RunPlan(ensemble, *plan, 400));
}

// The tests above can fail: a session on a slower device is not what was planned.
TEST(PlannedAgainstRun, ASlowerDeviceIsSeen) {
  Ensemble planned({.network = "resnet-50", .platform = "seed"});
  const Plan plan = BestOf(planned, Strategy::kPipeline);
  Ensemble slower({.network = "resnet-50", .platform = "seed", .settings = {"coral-usb3.link.bandwidth=430MB/s"}});
  const Given given = RunPlan(slower, plan, 400);
  EXPECT_LT(given.samples_per_s / plan.predicted.samples_per_s, 1 - kAllowed);
  EXPECT_GT(given.latency_s / plan.predicted.latency_s, 1 + kAllowed);
}

}  // namespace
}  // namespace consort
