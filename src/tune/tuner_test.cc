#include "tune/tuner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "consort/error.h"
#include "model/test_models.h"
#include "plan/written_costs.h"

namespace consort {
namespace {

using ::testing::HasSubstr;

constexpr double kNsPerS = 1e9;

// What plans truly take, told by a function of the plan; intervals of a relative half-width.
class TrueTimes {
 public:
  using Seconds = std::function<double(const Plan&)>;
  explicit TrueTimes(Seconds seconds, double half_width = 0.001)
      : seconds_(std::move(seconds)), half_width_(half_width) {}

  PlanTimes operator()(const std::vector<Plan>& plans, const PairedOptions&) {
    PlanTimes times;
    times.paired.rounds = 10;
    times.paired.unstable = unstable;
    const double reference = seconds_(plans.front());
    for (const Plan& plan : plans) {
      const double seconds = seconds_(plan);
      SideResult& side = times.paired.sides.emplace_back();
      side.median_ns = {seconds * kNsPerS, seconds * kNsPerS, seconds * kNsPerS};
      const double ratio = seconds / reference;
      side.ratio = {ratio, ratio * (1 - half_width_), ratio * (1 + half_width_)};
      times.overruns.push_back(plan.strategy == Strategy::kSingle ? "" : overrun);
      SessionReport& session = times.sessions.emplace_back();
      for (const Stage& stage : plan.stages)
        session.stages.emplace_back(stage.replicas.size(), ReplicaReport{.calls = 10, .busy_ns = 10'000'000});
    }
    ran += static_cast<int>(plans.size());
    return times;
  }

  int ran = 0;
  std::string unstable;
  std::string overrun;  // of plans of several devices

 private:
  Seconds seconds_;
  double half_width_;
};

bool IsOn(const Plan& plan, const std::string& device) {
  return plan.strategy == Strategy::kSingle && plan.stages[0].replicas[0].target.ToString() == device;
}

// Two targets that run a chain of four ops; predictions say that a takes 4 s, b 5 s, and both in a split 2.2 s.
class TunerTest : public ::testing::Test {
 protected:
  TunerTest()
      : model_(Model::Parse(test::AsBytes(test::ChainModel(4)), "chain.onnx")),
        costs_({Device("cpu@a", 0), Device("cpu@b", 1)}, {"a", "b"},
               [](int device, OpId begin, OpId end, int64_t) {
                 const double seconds = (end - begin) * (device == 0 ? 1.0 : 1.25);
                 return RangeCost{.call_s = seconds, .busy = {{device, seconds}}, .memory_bytes = 1};
               }) {
    devices_.devices = costs_.devices();
    devices_.infos.resize(2);
    devices_.resources = costs_.resources();
  }

  static PlanDevice Device(const std::string& name, int resource) {
    return {.name = name, .target = Target::Parse(name), .resources = {resource}};
  }

  TuneResult Run(TrueTimes& times, const PlanQuery& query = {}) {
    const PlanTimer timer = [&times](const std::vector<Plan>& plans, const PairedOptions& options) {
      return times(plans, options);
    };
    return Tune(model_.graph(), costs_, query, devices_, profile_, timer);
  }

  Model model_;
  WrittenCosts costs_;
  LocalDevices devices_;
  Profile profile_;
};

TEST_F(TunerTest, WhatIsPredictedAndMeasuredToWinIsChosen) {
  TrueTimes times([](const Plan& plan) { return plan.strategy == Strategy::kSingle ? 4.0 : 2.5; });
  const TuneResult result = Run(times);
  EXPECT_NE(result.plan.strategy, Strategy::kSingle);
  ASSERT_TRUE(result.plan.measured);
  EXPECT_NEAR(result.plan.measured->gain, 1.6, 1e-9);
  EXPECT_GT(result.plan.measured->gain_low, kLeastGain);
  EXPECT_EQ(result.list.best().plan.strategy, result.plan.strategy);
}

TEST_F(TunerTest, APlanThatLosesAsRunIsNotChosenWhateverWasPredicted) {
  TrueTimes times([](const Plan& plan) { return plan.strategy == Strategy::kSingle ? 4.0 : 4.5; });
  const TuneResult result = Run(times);
  EXPECT_TRUE(IsOn(result.plan, "cpu@a")) << result.plan.reason;
  EXPECT_THAT(result.plan.reason, HasSubstr("must gain more than 1.02x"));
}

TEST_F(TunerTest, AGainThatIsNotSureIsNotChosen) {
  TrueTimes times([](const Plan& plan) { return plan.strategy == Strategy::kSingle ? 4.0 : 3.8; }, 0.05);
  EXPECT_EQ(Run(times).plan.strategy, Strategy::kSingle);
}

TEST_F(TunerTest, OfSingleTargetsTheFastestAsRun) {
  TrueTimes times([](const Plan& plan) {
    if (IsOn(plan, "cpu@b")) return 3.0;
    return plan.strategy == Strategy::kSingle ? 4.0 : 5.0;
  });
  EXPECT_TRUE(IsOn(Run(times).plan, "cpu@b"));
}

TEST_F(TunerTest, AGainIsOverTheBestSingleTargetAsRun) {
  // Twice as fast as what was predicted to be the best single target, but slower than the other.
  TrueTimes times([](const Plan& plan) {
    if (IsOn(plan, "cpu@b")) return 1.0;
    return plan.strategy == Strategy::kSingle ? 4.0 : 2.0;
  });
  EXPECT_TRUE(IsOn(Run(times).plan, "cpu@b"));
}

TEST_F(TunerTest, WhatStagesTookIsPlannedWithMeanwhileAndForgottenAtTheEnd) {
  bool any_in_plan = false;
  TrueTimes times([this, &any_in_plan](const Plan& plan) {
    for (const auto& [key, entry] : profile_.entries) any_in_plan = any_in_plan || entry.in_plan;
    return plan.strategy == Strategy::kSingle ? 4.0 : 3.0;
  });
  Run(times, {.strategy = Strategy::kPipeline});
  EXPECT_TRUE(any_in_plan);
  EXPECT_TRUE(profile_.entries.empty());
}

TEST_F(TunerTest, AComparisonThatIsUnstableChoosesNoSeveral) {
  TrueTimes times([](const Plan& plan) { return plan.strategy == Strategy::kSingle ? 4.0 : 1.0; });
  times.unstable = "the cores were not free";
  const TuneResult result = Run(times);
  EXPECT_EQ(result.plan.strategy, Strategy::kSingle);
  EXPECT_EQ(result.unstable, "the cores were not free");
}

TEST_F(TunerTest, APlanWhoseEmulatedDevicesFallBehindIsRefused) {
  TrueTimes times([](const Plan& plan) { return plan.strategy == Strategy::kSingle ? 4.0 : 1.0; });
  times.overrun = "5 calls took the host longer";
  const TuneResult result = Run(times);
  EXPECT_EQ(result.plan.strategy, Strategy::kSingle);
  EXPECT_TRUE(std::any_of(result.list.refused.begin(), result.list.refused.end(),
                          [&times](const RefusedPlan& refused) { return refused.reason == times.overrun; }));
}

TEST_F(TunerTest, TheChosenPlanStandsInTheList) {
  TrueTimes times([](const Plan& plan) { return plan.strategy == Strategy::kSingle ? 4.0 : 2.5; });
  const TuneResult result = Run(times);
  EXPECT_EQ(result.list.best().plan.stages.size(), result.plan.stages.size());
  EXPECT_EQ(result.list.best().plan.strategy, result.plan.strategy);
}

TEST_F(TunerTest, AStrategyThatCannotRunIsAnError) {
  TrueTimes times([](const Plan& plan) {
    if (plan.strategy != Strategy::kSingle) throw Error(ErrorCode::kUnsupported, "no such operator");
    return 4.0;
  });
  EXPECT_THROW(Run(times, {.strategy = Strategy::kPipeline}), Error);
}

TEST_F(TunerTest, TheFastestSingleTargetGainsNothingOverItself) {
  TrueTimes times([](const Plan& plan) {
    if (IsOn(plan, "cpu@b")) return 3.9;
    return plan.strategy == Strategy::kSingle ? 4.0 : 5.0;
  });
  const TuneResult result = Run(times);
  ASSERT_TRUE(IsOn(result.plan, "cpu@b"));
  ASSERT_TRUE(result.plan.measured);
  EXPECT_DOUBLE_EQ(result.plan.measured->gain, 1);
}

TEST_F(TunerTest, APlanThatCannotRunIsRefusedAndTheOthersRun) {
  TrueTimes times([](const Plan& plan) {
    if (plan.strategy != Strategy::kSingle) throw Error(ErrorCode::kUnsupported, "no such operator");
    return 4.0;
  });
  const TuneResult result = Run(times);
  EXPECT_EQ(result.plan.strategy, Strategy::kSingle);
  EXPECT_TRUE(std::any_of(result.list.refused.begin(), result.list.refused.end(), [](const RefusedPlan& refused) {
    return refused.reason.find("no such operator") != std::string::npos;
  }));
}

TEST_F(TunerTest, NothingRunsWhereNothingCan) {
  TrueTimes times([](const Plan&) -> double { throw Error(ErrorCode::kDeviceLost, "gone"); });
  EXPECT_THROW(Run(times), Error);
}

TEST_F(TunerTest, AStrategyThatIsAskedForIsKeptThoughItLoses) {
  TrueTimes times([](const Plan& plan) { return plan.strategy == Strategy::kSingle ? 4.0 : 4.5; });
  EXPECT_EQ(Run(times, {.strategy = Strategy::kPipeline}).plan.strategy, Strategy::kPipeline);
}

TEST_F(TunerTest, NoPlanRunsTwiceButTheReferences) {
  TrueTimes times([](const Plan& plan) { return plan.strategy == Strategy::kSingle ? 4.0 : 2.5; });
  const TuneResult result = Run(times);
  EXPECT_LE(result.runs.size(), 8);
  EXPECT_EQ(times.ran, static_cast<int>(result.runs.size()));
}

}  // namespace
}  // namespace consort
