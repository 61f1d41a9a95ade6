// Sessions on devices in processes of their own: a process is killed, or stops, while samples are under way. Every
// sample ends right, and the device comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <deque>

#include "consort/consort.h"
#include "io/compare.h"
#include "io/random_input.h"
#include "model/test_models.h"
#include "processes.h"
#include "run/ensemble.h"
#include "run/prepare.h"
#include "run/session.h"

namespace consort {
namespace {

using test::Children;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr TimeNs kMs = 1'000'000;
constexpr int kInputs = 7;  // different ones
constexpr int kOps = 12;
constexpr char kTarget[] = "cpu@onnxruntime";

// Stages of four ops.
Plan Stages(const std::vector<int>& replicas) {
  Plan plan;
  for (size_t i = 0; i < replicas.size(); ++i) {
    Stage stage{.begin = static_cast<int>(i) * 4, .end = static_cast<int>(i) * 4 + 4};
    for (int replica = 0; replica < replicas[i]; ++replica) {
      stage.replicas.push_back({.target = Target::Parse(kTarget), .threads = 1, .share = 1.0 / replicas[i]});
    }
    plan.stages.push_back(std::move(stage));
  }
  return plan;
}

class IsolatedSession : public testing::Test {
 protected:
  IsolatedSession() {
    for (int i = 0; i < kInputs; ++i) {
      inputs_.push_back(RandomInput(model_.graph().tensor(model_.graph().inputs()[0]).spec, i, "x"));
    }
    const auto whole = registry_.Open(Target::Parse(kTarget))->Compile(Artifact(model_), Options());
    for (const Buffer& input : inputs_) {
      const auto binding = std::make_shared<Binding>(whole->signature());
      binding->SetInput(0, input.Share());
      consort::Run(*whole, binding);
      wanted_.push_back(binding->output(0).Clone());
    }
  }
  void TearDown() override { EXPECT_THAT(Children(), IsEmpty()); }

  static CompileOptions Options() { return {.optimization = Optimization::kBasic, .threads = 1}; }
  PreparedPlan PrepareOn(const Plan& plan, bool isolated) {
    const ShardSource shards = ShardsOf([this](int64_t) { return model_; }, plan);
    return Prepare(plan, model_.graph(), shards, registry_, {.open = {.isolated = isolated}, .compile = Options()});
  }

  // Sends samples from `first` on, with as many under way as can be; `disturb` is called before each. Those that are
  // right, bit by bit.
  template <typename Runner, typename Disturb>
  int RunSamples(Runner& runner, int samples, Disturb&& disturb) {
    std::deque<std::pair<Ticket, int>> under_way;
    int right = 0;
    const auto finish = [&] {
      Buffer output;
      runner.Wait(under_way.front().first, {&output, 1});
      right += Compare(output, wanted_[under_way.front().second]).bitwise_equal ? 1 : 0;
      under_way.pop_front();
    };
    for (int i = 0; i < samples; ++i) {
      if (static_cast<int>(under_way.size()) == runner.max_in_flight()) finish();
      disturb(i);
      under_way.emplace_back(runner.Submit({&inputs_[i % kInputs], 1}), i % kInputs);
    }
    while (!under_way.empty()) finish();
    return right;
  }

  // Until all replicas are active; they come back by themselves.
  static void AwaitReturn(const Session& session) {
    const TimeNs deadline_ns = Clock::Real().NowNs() + 60'000 * kMs;
    const auto is_whole = [&] {
      for (const auto& stage : session.report().stages) {
        for (const ReplicaReport& replica : stage) {
          if (replica.state != ReplicaState::kActive) return false;
        }
      }
      return true;
    };
    while (!is_whole() && Clock::Real().NowNs() < deadline_ns) Clock::Real().SleepUntil(Clock::Real().NowNs() + kMs);
    EXPECT_TRUE(is_whole());
  }

  Model model_ = test::Parse(test::ChainModel(kOps));
  Registry registry_ = MakeBuiltinRegistry();
  std::vector<Buffer> inputs_;
  std::vector<Buffer> wanted_;
};

TEST_F(IsolatedSession, AKilledProcessLosesNoSampleAndIsStartedAgain) {
  for (const std::vector<int>& replicas : {std::vector<int>{1, 1, 1}, std::vector<int>{1, 2, 1}}) {
    Session session(PrepareOn(Stages(replicas), /*isolated=*/true), {.probe_interval_ns = 10 * kMs});
    const std::vector<pid_t> children = Children();
    ASSERT_EQ(children.size(), static_cast<size_t>(replicas[0] + replicas[1] + replicas[2]));
    int killed = 0;
    const int right = RunSamples(session, 3000, [&](int i) {
      // One after the other, also those that were started for another.
      if (i % 700 != 400) return;
      const std::vector<pid_t> now = Children();
      if (!now.empty()) killed += kill(now[static_cast<size_t>(killed) % now.size()], SIGKILL) == 0 ? 1 : 0;
    });
    EXPECT_EQ(right, 3000);
    AwaitReturn(session);
    const SessionReport report = session.report();
    EXPECT_EQ(report.delivered, 3000);
    EXPECT_GE(killed, 3);
    EXPECT_GE(report.losses.size(), 1u);
    for (const LossReport& loss : report.losses) EXPECT_THAT(loss.why, HasSubstr("SIGKILL"));
    EXPECT_EQ(RunSamples(session, 100, [](int) {}), 100) << "with all that came back";
    std::printf("%d processes killed, %zu losses, longest recovery %.1f ms\n", killed, report.losses.size(),
                static_cast<double>(report.longest_recovery_ns) / 1e6);
  }
}

TEST_F(IsolatedSession, AProcessThatStandsStillIsKilledAndStartedAgain) {
  Session session(PrepareOn(Stages({1, 1, 1}), /*isolated=*/true),
                  {.stage_deadline_ns = 1000 * kMs, .probe_interval_ns = 10 * kMs});
  std::vector<pid_t> children = Children();
  const int right = RunSamples(session, 1000, [&](int i) {
    if (i == 300) kill(children.at(1), SIGSTOP);
  });
  EXPECT_EQ(right, 1000);
  AwaitReturn(session);
  ASSERT_EQ(session.report().losses.size(), 1u);
  EXPECT_THAT(session.report().losses[0].why, HasSubstr("deadline of 1e+03 ms"));
  const std::vector<pid_t> now = Children();
  EXPECT_EQ(now.size(), 3u);
  EXPECT_EQ(std::count(now.begin(), now.end(), children[1]), 0);
}

// Another plan runs until the device is back.
TEST_F(IsolatedSession, AnotherPlanRunsMeanwhile) {
  const Plan isolated = Stages({1, 1, 1});
  Ensemble ensemble(
      isolated, [&](const Plan& plan) { return PrepareOn(plan, /*isolated=*/plan.stages.size() == 3); },
      {.session = {.probe_interval_ns = 10 * kMs},
       .replan =
           [](const Plan&, const std::vector<std::string>&) {
             Plan plan = Stages({1});
             plan.stages[0].end = kOps;
             return plan;
           },
       .replanning = Replanning::kBeforehand});
  const std::vector<pid_t> children = Children();
  ASSERT_EQ(children.size(), 3u);
  const int right = RunSamples(ensemble, 2000, [&](int i) {
    if (i == 300) kill(children[1], SIGKILL);
  });
  EXPECT_EQ(right, 2000);
  const TimeNs deadline_ns = Clock::Real().NowNs() + 60'000 * kMs;
  while (ensemble.report().takeovers.size() < 2 && Clock::Real().NowNs() < deadline_ns) {
    EXPECT_EQ(RunSamples(ensemble, 100, [](int) {}), 100);
  }
  EXPECT_EQ(RunSamples(ensemble, 300, [](int) {}), 300);
  const EnsembleReport report = ensemble.report();
  EXPECT_EQ(report.failed, 0);
  ASSERT_EQ(report.takeovers.size(), 2u);
  EXPECT_THAT(report.takeovers[1].why, HasSubstr("is back"));
  EXPECT_EQ(report.plan.stages.size(), 3u);
  std::printf("taken over in %.3f ms, first result after %.3f ms, back after %.1f ms\n",
              static_cast<double>(report.takeovers[0].taken_over_ns) / 1e6,
              static_cast<double>(report.takeovers[0].first_result_ns) / 1e6,
              static_cast<double>(report.takeovers[1].at_ns - report.takeovers[0].at_ns) / 1e6);
}

}  // namespace
}  // namespace consort
