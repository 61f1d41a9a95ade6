// Plans that take over when a device is lost.
#include "run/ensemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock_thread.h"
#include "consort/error.h"
#include "emulate/virtual_clock.h"
#include "run/test_devices.h"
#include "run/test_programs.h"
#include "run/test_samples.h"

namespace consort {
namespace {

using test::ArithmeticProgram;
using test::ChainValue;
using test::Devices;
using test::FloatPort;
using test::PlanOn;
using test::RunMany;
using test::RunOne;
using test::SubmitOne;
using test::TargetsOf;
using test::WaitFor;
using test::Without;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

constexpr TimeNs kMs = 1'000'000;

// Everything in virtual time: a call takes 2 ms.
class EnsembleTest : public testing::Test {
 protected:
  EnsembleTest() { devices_.call_ns = 2 * kMs; }

  EnsembleOptions Options(EnsembleOptions options = {}) {
    options.session.clock = &clock_;
    if (options.replan == nullptr) {
      options.replan = [](const Plan& running, const std::vector<std::string>& lost) { return Without(running, lost); };
    }
    return options;
  }
  Ensemble::Preparing Preparing() {
    return [this](const Plan& plan) { return devices_.Prepare(plan); };
  }

  VirtualClock clock_;
  ClockMember member_{clock_, "main"};
  Devices devices_{clock_};
};

TEST_F(EnsembleTest, AnotherPlanTakesOverAndEverySampleEnds) {
  for (const Replanning replanning : {Replanning::kAtTheLoss, Replanning::kBeforehand}) {
    const std::string usb = replanning == Replanning::kAtTheLoss ? "usb" : "usb2";
    devices_.LoseAt(usb, 30);
    Ensemble ensemble(PlanOn({{"cpu"}, {usb}, {"gpu", "npu"}}), Preparing(), Options({.replanning = replanning}));
    const int prepared = devices_.prepared();
    EXPECT_EQ(RunMany(ensemble, 200, 3).right, 200);
    const EnsembleReport report = ensemble.report();
    EXPECT_EQ(report.started, 200);
    EXPECT_EQ(report.delivered, 200);
    EXPECT_EQ(report.failed, 0);
    EXPECT_GE(report.moved, 1);
    ASSERT_EQ(report.takeovers.size(), 1u);
    EXPECT_EQ(report.takeovers[0].why, usb + " was lost");
    EXPECT_EQ(report.takeovers[0].prepared, replanning == Replanning::kBeforehand);
    // Two stages are before it.
    EXPECT_EQ(report.takeovers[0].taken_over_ns, 0);
    EXPECT_EQ(report.takeovers[0].first_result_ns, 3 * devices_.call_ns);
    EXPECT_THAT(TargetsOf(report.plan)[1], ElementsAre("reserve"));
    EXPECT_EQ(report.problem, "");
    if (replanning == Replanning::kAtTheLoss) {
      EXPECT_EQ(devices_.prepared(), prepared + 1);
    } else {
      EXPECT_EQ(prepared, 1 + 1 + 1 + 4);  // of the first round, and the plan and one for each target
    }
  }
}

TEST_F(EnsembleTest, OneLossAfterTheOther) {
  devices_.LoseAt("usb", 10);
  devices_.LoseAt("reserve", 20);
  std::vector<std::string> last_lost;
  Ensemble ensemble(PlanOn({{"cpu"}, {"usb"}}), Preparing(),
                    Options({.replan = [&](const Plan& running, const std::vector<std::string>& lost) {
                      last_lost = lost;
                      const bool is_reserve_lost = std::count(lost.begin(), lost.end(), "reserve") > 0;
                      return is_reserve_lost ? PlanOn({{"cpu"}, {"cpu"}}) : Without(running, lost);
                    }}));
  EXPECT_EQ(RunMany(ensemble, 100, 2).right, 100);
  EXPECT_EQ(ensemble.report().takeovers.size(), 2u);
  EXPECT_THAT(last_lost, ElementsAre("usb", "reserve"));
  EXPECT_THAT(TargetsOf(ensemble.report().plan)[1], ElementsAre("cpu"));
}

TEST_F(EnsembleTest, WithoutAnotherPlanItGoesOnWithWhatIsLeft) {
  devices_.LoseAt("usb", 10);
  const auto none = [](const Plan&, const std::vector<std::string>&) { return std::optional<Plan>(); };
  {
    Ensemble ensemble(PlanOn({{"cpu"}, {"usb", "npu"}}), Preparing(), Options({.replan = none}));
    EXPECT_EQ(RunMany(ensemble, 100, 2).right, 100);
    EXPECT_THAT(ensemble.report().takeovers, IsEmpty());
    EXPECT_THAT(ensemble.report().problem, HasSubstr("no plan without usb"));
  }
  Ensemble ensemble(PlanOn({{"cpu"}, {"usb"}}), Preparing(), Options({.replan = none}));
  EXPECT_THAT([&] { RunOne(ensemble, 1); },
              ThrowsMessage<Error>(AllOf(HasSubstr("stage 1: no device is left"), HasSubstr("unplugged"))));
  EXPECT_EQ(ensemble.report().failed, 1);
}

TEST_F(EnsembleTest, APlanThatCannotRunIsNotTaken) {
  devices_.LoseAt("usb", 3);
  Ensemble longer(PlanOn({{"cpu"}, {"usb"}}), Preparing(),
                  Options({.replan = [](const Plan&, const std::vector<std::string>&) {
                    return PlanOn({{"cpu"}, {"cpu"}, {"cpu"}});
                  }}));
  EXPECT_EQ(RunMany(longer, 10, 2).failed, 8);
  EXPECT_THAT(longer.report().problem, HasSubstr("other inputs or outputs"));
  Ensemble failing(PlanOn({{"cpu"}, {"usb"}}), Preparing(),
                   Options({.replan = [](const Plan&, const std::vector<std::string>&) -> std::optional<Plan> {
                     throw Error(ErrorCode::kInfeasible, "too little memory");
                   }}));
  EXPECT_EQ(RunMany(failing, 10, 2).failed, 10);
  EXPECT_EQ(failing.report().problem, "too little memory");
}

// A sample that takes devices with it is not carried on for ever.
TEST_F(EnsembleTest, ASampleThatTakesDevicesWithItIsStopped) {
  devices_.program = [](int stage) {
    ArithmeticProgram::Options program = test::ChainStage(stage);
    program.after = [](Binding& binding) {
      if (binding.input(0).as<float>()[0] == 13) throw Error(ErrorCode::kDeviceLost, "crashed");
    };
    return program;
  };
  int plans = 0;
  Ensemble ensemble(PlanOn({{"first"}}), Preparing(),
                    Options({.session = {.max_attempts = 3},
                             .replan = [&](const Plan&, const std::vector<std::string>& lost) {
                               ++plans;
                               return PlanOn({{"device" + std::to_string(lost.size())}});
                             }}));
  EXPECT_EQ(RunOne(ensemble, 1), 2);
  EXPECT_THAT([&] { RunOne(ensemble, 13); }, ThrowsMessage<Error>(HasSubstr("3 devices were lost with it")));
  EXPECT_EQ(RunOne(ensemble, 2), 4);
  EXPECT_EQ(plans, 3);
}

// y = state + t; the state grows by every sample. Two stateful stages with another between them, so that one may have
// gone on while the other had not.
ArithmeticProgram::Options Adder(int stage) {
  const std::string k = std::to_string(stage);
  return {{FloatPort("t" + k), FloatPort("state" + k)},
          {FloatPort("t" + std::to_string(stage + 1)), FloatPort("next" + k)}};
}

TEST_F(EnsembleTest, StreamsGoOnBehindTheirLastDeliveredSamples) {
  devices_.program = [](int stage) { return stage % 2 == 0 ? Adder(stage) : test::ChainStage(stage); };
  for (const std::string lost : {"a", "b", "c"}) {
    for (const int at : {1, 7, 20}) {
      const std::string usb = "usb" + lost + std::to_string(at);
      devices_.LoseAt(usb, at);
      Ensemble ensemble(PlanOn({{lost == "a" ? usb : "a"}, {lost == "b" ? usb : "b"}, {lost == "c" ? usb : "c"}}),
                        Preparing(),
                        Options({.session = {.states = {{"state0", "next0"}, {"state2", "next2"}}, .streams = 3}}));
      std::vector<float> first(3, 0), second(3, 0);
      std::vector<std::pair<Ticket, float>> expected;
      const auto finish = [&] {
        EXPECT_EQ(WaitFor(ensemble, expected.front().first), expected.front().second) << usb;
        expected.erase(expected.begin());
      };
      for (int i = 0; i < 60; ++i) {
        if (static_cast<int>(expected.size()) == ensemble.max_in_flight()) finish();
        const int stream = i % 3;
        first[stream] += static_cast<float>(i);
        second[stream] += first[stream] * 2 + 1;
        expected.emplace_back(SubmitOne(ensemble, static_cast<float>(i), {.stream = stream}), second[stream]);
      }
      while (!expected.empty()) finish();
      EXPECT_EQ(ensemble.report().takeovers.size(), 1u) << usb;
      EXPECT_EQ(ensemble.report().failed, 0);
      ensemble.ResetStream(1);
      EXPECT_EQ(RunOne(ensemble, 1, {.stream = 1}), 3) << "1, and 1 * 2 + 1";
    }
  }
}

TEST_F(EnsembleTest, ThePlanOfADeviceThatIsBackTakesOverAgain) {
  devices_.fault("usb") = [](int call) {
    if (call == 30) throw Error(ErrorCode::kDeviceLost, "unplugged");
  };
  devices_.reopen("usb") = [](std::shared_ptr<Executable> again) { return again; };
  Ensemble ensemble(PlanOn({{"cpu"}, {"usb"}}), Preparing(), Options());
  EXPECT_EQ(RunMany(ensemble, 300, 2).right, 300);
  const EnsembleReport report = ensemble.report();
  ASSERT_EQ(report.takeovers.size(), 2u);
  EXPECT_EQ(report.takeovers[0].why, "usb was lost");
  EXPECT_EQ(report.takeovers[0].first_result_ns, 2 * devices_.call_ns) << "nobody waits for the device";
  EXPECT_EQ(report.takeovers[1].why, "usb is back");
  EXPECT_EQ(report.takeovers[1].at_ns - report.takeovers[0].at_ns, 100 * kMs);
  EXPECT_THAT(TargetsOf(report.plan)[1], ElementsAre("usb"));
}

TEST_F(EnsembleTest, ADeviceThatDoesNotComeBackIsForgotten) {
  devices_.LoseAt("usb", 5);
  devices_.reopen("usb") = [](std::shared_ptr<Executable>) -> std::shared_ptr<Executable> {
    throw Error(ErrorCode::kUnsupported, "no such device");
  };
  Ensemble ensemble(PlanOn({{"cpu"}, {"usb"}}), Preparing(), Options());
  EXPECT_EQ(RunMany(ensemble, 300, 2).right, 300);
  EXPECT_EQ(ensemble.report().takeovers.size(), 1u);
  EXPECT_THAT(TargetsOf(ensemble.report().plan)[1], ElementsAre("reserve"));
}

TEST_F(EnsembleTest, ADeviceThatGivesWrongNumbersIsReplacedToo) {
  devices_.program = [](int stage) { return test::ChainStage(stage); };
  Ensemble ensemble(
      PlanOn({{"bad", "one", "two"}}),
      [&](const Plan& plan) {
        PreparedPlan prepared = devices_.Prepare(plan);
        for (PreparedReplica& replica : prepared.stages[0].replicas) {
          if (replica.name != "bad") continue;
          ArithmeticProgram::Options wrong = test::ChainStage(0);
          wrong.after = [calls = std::make_shared<std::atomic<int>>(0)](Binding& binding) {
            if (++*calls > 4) binding.output(0).as<float>()[2] += 1;
          };
          replica = test::MakeReplica(wrong, {.name = "bad", .clock = &clock_});
        }
        return prepared;
      },
      Options({.session = {.verify = {.every = 1}}}));
  EXPECT_EQ(RunMany(ensemble, 100, 1).right, 100);
  EXPECT_THAT(TargetsOf(ensemble.report().plan)[0], ElementsAre("one", "two"));
}

TEST_F(EnsembleTest, CancelEndsEverySample) {
  Ensemble ensemble(PlanOn({{"cpu"}, {"usb"}}), Preparing(), Options());
  std::vector<Ticket> tickets;
  for (int i = 0; i < ensemble.max_in_flight(); ++i) tickets.push_back(SubmitOne(ensemble, 1));
  const Buffer input = test::Filled(1);
  EXPECT_FALSE(ensemble.TrySubmit({&input, 1}).has_value());
  Buffer output;
  EXPECT_FALSE(ensemble.TryWait(tickets[0], {&output, 1}));
  ensemble.Cancel();
  for (const Ticket ticket : tickets) {
    EXPECT_THAT([&] { WaitFor(ensemble, ticket); }, ThrowsMessage<Error>(HasSubstr("cancelled")));
    EXPECT_THAT([&] { WaitFor(ensemble, ticket); }, ThrowsMessage<Error>(HasSubstr("released already")));
  }
  EXPECT_THAT([&] { SubmitOne(ensemble, 1); }, ThrowsMessage<Error>(HasSubstr("cancelled")));
}

TEST_F(EnsembleTest, WrongInputsAndDeadlinesAreErrorsOfTheSample) {
  Ensemble ensemble(PlanOn({{"cpu"}}), Preparing(), Options());
  const Buffer wrong = test::Filled(1, {5});
  for (int i = 0; i < 2 * ensemble.max_in_flight(); ++i) {
    EXPECT_THAT([&] { ensemble.Submit({&wrong, 1}); }, ThrowsMessage<Error>(HasSubstr("input 't0' takes")));
    EXPECT_THAT([&] { RunOne(ensemble, 1, {.deadline_ns = clock_.NowNs() + kMs}); },
                ThrowsMessage<Error>(HasSubstr("deadline")));
    clock_.SleepUntil(clock_.NowNs() + 2 * kMs);
  }
  EXPECT_EQ(RunOne(ensemble, 3), 6);
}

// A sample may be given up while it waits for the plan.
TEST_F(EnsembleTest, ADeadlineHoldsWhileAPlanIsMade) {
  devices_.LoseAt("usb", 1);
  Ensemble ensemble(PlanOn({{"usb"}}), Preparing(),
                    Options({.replan = [&](const Plan& running, const std::vector<std::string>& lost) {
                      clock_.SleepUntil(clock_.NowNs() + 500 * kMs);
                      return Without(running, lost);
                    }}));
  const Ticket late = SubmitOne(ensemble, 1, {.deadline_ns = 100 * kMs});
  const Ticket patient = SubmitOne(ensemble, 2);
  EXPECT_THAT([&] { WaitFor(ensemble, late); }, ThrowsMessage<Error>(HasSubstr("deadline")));
  EXPECT_EQ(clock_.NowNs(), 100 * kMs);
  EXPECT_EQ(WaitFor(ensemble, patient), 4);
  EXPECT_EQ(clock_.NowNs(), 504 * kMs);
}

}  // namespace
}  // namespace consort
