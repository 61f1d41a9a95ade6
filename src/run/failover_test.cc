// Lost devices: every sample ends exactly once, with the right numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <future>

#include "base/clock_thread.h"
#include "consort/error.h"
#include "emulate/virtual_clock.h"
#include "run/session.h"
#include "run/test_programs.h"
#include "run/test_samples.h"

namespace consort {
namespace {

using test::ArithmeticProgram;
using test::ChainStage;
using test::ChainValue;
using test::Filled;
using test::FloatPort;
using test::MakePart;
using test::MakeReplica;
using test::RunMany;
using test::RunOne;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr TimeNs kMs = 1'000'000;

ArithmeticProgram::Options LostAtCall(int stage, int call) {
  ArithmeticProgram::Options program = ChainStage(stage);
  program.before = [call, calls = std::make_shared<std::atomic<int>>(0)] {
    if (++*calls >= call) throw Error(ErrorCode::kDeviceLost, "unplugged");
  };
  return program;
}

TEST(Failover, AnotherReplicaRunsTheSampleOfALostOne) {
  PreparedPlan plan;
  plan.stages.push_back({.replicas = {MakeReplica(LostAtCall(0, 5), {.name = "usb"}), MakeReplica(ChainStage(0))}});
  plan.stages.push_back({.replicas = {MakeReplica(ChainStage(1))}});
  Session session(plan);
  EXPECT_EQ(RunMany(session, 200, 2).right, 200);
  const SessionReport report = session.report();
  ASSERT_EQ(report.losses.size(), 1u);
  EXPECT_EQ(report.losses[0].replica, "usb");
  EXPECT_EQ(report.stages[0][0].state, ReplicaState::kLost);
  EXPECT_EQ(report.stages[0][0].calls, 4);
  EXPECT_EQ(report.retries, 1);
  EXPECT_EQ(report.delivered, 200);
  EXPECT_GT(report.longest_recovery_ns, 0);
}

TEST(Failover, ALostDeviceIsUsedNoMoreInTheCallersThreadEither) {
  auto calls = std::make_shared<std::atomic<int>>(0);
  ArithmeticProgram::Options program = ChainStage(0);
  program.before = [calls] {
    if (++*calls == 2) throw Error(ErrorCode::kDeviceLost, "unplugged");
  };
  Session session({.stages = {{.replicas = {MakeReplica(program, {.name = "usb"})}}}});
  ASSERT_TRUE(session.runs_inline());
  EXPECT_EQ(RunOne(session, 1), 2);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT([&] { RunOne(session, 1); }, ThrowsMessage<Error>(AllOf(HasSubstr("usb"), HasSubstr("unplugged"))));
  }
  EXPECT_EQ(*calls, 2);
  EXPECT_EQ(session.report().losses.size(), 1u);
}

TEST(Failover, ASpareTakesOver) {
  PreparedPlan plan;
  plan.stages.push_back(
      {.replicas = {MakeReplica(LostAtCall(0, 3))}, .spares = {MakeReplica(ChainStage(0), {.name = "spare"})}});
  Session session(plan);
  EXPECT_EQ(RunMany(session, 50, 1).right, 50);
  const SessionReport report = session.report();
  EXPECT_EQ(report.stages[0][1].state, ReplicaState::kActive);
  EXPECT_EQ(report.stages[0][1].calls, 48);
}

// A spare without an executable: samples wait while it is compiled, and the next one is tried when it cannot be.
TEST(Failover, ASpareIsCompiledWhenItIsNeeded) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  int compiled = 0;
  const auto spare = [&](const std::string& name, bool works) {
    return PreparedReplica{.name = name, .compile = [&compiled, &clock, works]() -> std::shared_ptr<Executable> {
                             ++compiled;
                             clock.SleepUntil(clock.NowNs() + 300 * kMs);
                             if (!works) throw Error(ErrorCode::kUnsupported, "no such op");
                             return MakeReplica(ChainStage(0), {.clock = &clock}).executable;
                           }};
  };
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(LostAtCall(0, 3), {.clock = &clock})},
                                .spares = {spare("first", false), spare("second", true), spare("third", true)}}}};
  Session session(plan, {.clock = &clock});
  EXPECT_EQ(RunOne(session, 1), 2);
  EXPECT_EQ(compiled, 0);
  EXPECT_EQ(RunMany(session, 50, 1).right, 50);
  EXPECT_EQ(compiled, 2);
  EXPECT_EQ(clock.NowNs(), 600 * kMs);
  const SessionReport report = session.report();
  EXPECT_EQ(report.losses.size(), 1u);
  EXPECT_EQ(report.stages[0][1].state, ReplicaState::kLost);
  EXPECT_THAT(report.stages[0][1].why, HasSubstr("could not be compiled: no such op"));
  EXPECT_EQ(report.stages[0][2].state, ReplicaState::kActive);
  EXPECT_EQ(report.stages[0][3].state, ReplicaState::kSpare);
}

TEST(Failover, WithoutASpareThatCanBeCompiledTheSamplesEnd) {
  PreparedReplica spare{.name = "spare", .compile = []() -> std::shared_ptr<Executable> {
                          return MakeReplica(ChainStage(7)).executable;
                        }};
  Session session({.stages = {{.replicas = {MakeReplica(LostAtCall(0, 2))}, .spares = {spare}}}});
  EXPECT_EQ(RunOne(session, 1), 2);
  EXPECT_THAT([&] { RunOne(session, 1); }, ThrowsMessage<Error>(AllOf(HasSubstr("no device is left"),
                                                                     HasSubstr("ports of other names"))));
}

TEST(Failover, WithoutAnyLeftTheSamplesEndWithDeviceLost) {
  PreparedPlan plan;
  plan.stages.push_back({.replicas = {MakeReplica(ChainStage(0))}});
  plan.stages.push_back(
      {.replicas = {MakeReplica(LostAtCall(1, 3), {.name = "usb"}), MakeReplica(LostAtCall(1, 3), {.name = "pcie"})}});
  Session session(plan, {.max_in_flight = 6});
  std::vector<Ticket> tickets;
  const Buffer input = Filled(1);
  int lost = 0;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 6; ++i) tickets.push_back(session.Submit({&input, 1}));
    for (const Ticket ticket : tickets) {
      Buffer output;
      try {
        session.Wait(ticket, {&output, 1});
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kDeviceLost);
        EXPECT_THAT(error.what(), HasSubstr("stage 1"));
        ++lost;
      }
    }
    tickets.clear();
  }
  EXPECT_EQ(lost, 26) << "each device did two calls well";
  EXPECT_THAT([&] { RunOne(session, 1); },
              ThrowsMessage<Error>(AllOf(HasSubstr("usb"), HasSubstr("pcie"), HasSubstr("unplugged"))));
}

TEST(Failover, ASampleThatTakesDevicesWithItIsStopped) {
  PreparedStage stage;
  for (int i = 0; i < 5; ++i) {
    ArithmeticProgram::Options program = ChainStage(0);
    program.after = [](Binding& binding) {
      if (binding.input(0).as<float>()[0] == 13) throw Error(ErrorCode::kDeviceLost, "crashed");
    };
    stage.replicas.push_back(MakeReplica(program));
  }
  Session session({.stages = {stage}}, {.max_attempts = 3});
  EXPECT_EQ(RunOne(session, 1), 2);
  EXPECT_THAT([&] { RunOne(session, 13); }, ThrowsMessage<Error>(HasSubstr("3 devices were lost with it at stage 0")));
  EXPECT_EQ(RunOne(session, 2), 4) << "two are left";
}

// A call that hangs in a real thread: the device is given up, the sample runs elsewhere, and what the hung call writes
// when it ends at last harms nobody.
TEST(Failover, AHungCallIsLeftToItself) {
  for (const Execution execution : {Execution::kCaller, Execution::kWorker}) {
    std::promise<void> gate;
    std::promise<void> ended;
    ArithmeticProgram::Options hung = ChainStage(1);
    hung.before = [calls = std::make_shared<std::atomic<int>>(0), opened = gate.get_future().share()] {
      if (++*calls == 4) opened.wait();
    };
    hung.after = [&ended, calls = std::make_shared<std::atomic<int>>(0)](Binding& binding) {
      if (++*calls != 4) return;
      for (float& value : binding.output(0).as<float>()) value = -1;
      ended.set_value();
    };
    PreparedPlan plan;
    plan.stages.push_back({.replicas = {MakeReplica(ChainStage(0))}});
    plan.stages.push_back(
        {.replicas = {MakeReplica(hung, {.name = "stuck", .execution = execution}), MakeReplica(ChainStage(1))},
         .deadline_ns = 30 * kMs});
    plan.stages.push_back({.replicas = {MakeReplica(ChainStage(2))}});
    Session session(plan, {.max_in_flight = 6});
    EXPECT_EQ(RunMany(session, 300, 3).right, 300);
    EXPECT_EQ(session.report().losses.size(), 1u);
    EXPECT_THAT(session.report().losses[0].why, HasSubstr("deadline of 30 ms"));
    gate.set_value();
    ended.get_future().wait();
    EXPECT_EQ(RunMany(session, 100, 3).right, 100);
    EXPECT_EQ(session.report().delivered, 400);
  }
}

TEST(Failover, ADividedStageGivesThePartToASpare) {
  PreparedStage stage;
  for (const int64_t samples : {2, 1}) {
    ArithmeticProgram::Options program = samples == 1 ? LostAtCall(0, 3) : ChainStage(0);
    program.inputs = {FloatPort("t0", {samples})};
    program.outputs = {FloatPort("t1", {samples})};
    stage.replicas.push_back(MakePart(program, samples));
  }
  stage.spares = {MakeReplica(ChainStage(0, {2}), {.name = "of no use"}),
                  MakeReplica(ChainStage(0, {1}), {.name = "fitting"})};
  Session session({.stages = {stage}});
  for (int i = 0; i < 20; ++i) {
    Buffer input = Filled(static_cast<float>(i), {3});
    Buffer output;
    session.Run({&input, 1}, {&output, 1});
    EXPECT_THAT(output.as<float>(), testing::Each(2.0f * static_cast<float>(i)));
  }
  EXPECT_EQ(session.report().stages[0][3].state, ReplicaState::kActive);
  EXPECT_EQ(session.report().stages[0][2].state, ReplicaState::kSpare);
}

// The state goes on where it was committed last, whichever device holds the stream.
TEST(Failover, AStreamKeepsItsStateWhenItsReplicaIsLost) {
  const auto adder = [](int lost_at) {
    ArithmeticProgram::Options program{{FloatPort("x"), FloatPort("state")}, {FloatPort("y"), FloatPort("next")}};
    program.after = [lost_at, calls = std::make_shared<std::atomic<int>>(0)](Binding& binding) {
      if (++*calls != lost_at) return;
      for (float& value : binding.output(1).as<float>()) value = 1e9f;  // written half, then lost
      throw Error(ErrorCode::kDeviceLost, "unplugged");
    };
    return program;
  };
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(adder(7)), MakeReplica(adder(7))},
                                .spares = {MakeReplica(adder(9)), MakeReplica(adder(-1))}}}};
  Session session(plan, {.max_in_flight = 8, .states = {{"state", "next"}}, .streams = 3});
  std::vector<float> sums(3, 0);
  std::deque<std::pair<Ticket, float>> under_way;
  for (int i = 0; i < 120; ++i) {
    const Buffer input = Filled(static_cast<float>(i));
    sums[i % 3] += static_cast<float>(i);
    under_way.emplace_back(session.Submit({&input, 1}, {.stream = i % 3}), sums[i % 3]);
    if (under_way.size() < 8) continue;
    Buffer output;
    session.Wait(under_way.front().first, {&output, 1});
    EXPECT_EQ(output.as<float>()[0], under_way.front().second);
    under_way.pop_front();
  }
  // Who holds a stream depends on who was idle; but nobody who makes more than eight calls stays, except the last.
  EXPECT_GE(session.report().losses.size(), 2u);
}

TEST(Failover, ADeviceThatCanBeOpenedAnewReturns) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  std::atomic<int> opened = 0;
  PreparedReplica replica = MakeReplica(LostAtCall(0, 3), {.name = "isolated", .clock = &clock});
  replica.reopen = [&]() -> std::shared_ptr<Executable> {
    if (++opened == 1) throw Error(ErrorCode::kDeviceLost, "still booting");
    return MakeReplica(ChainStage(0), {.clock = &clock}).executable;
  };
  Session session({.stages = {{.replicas = {replica}}}}, {.probe_interval_ns = 50 * kMs, .clock = &clock});
  EXPECT_EQ(RunMany(session, 20, 1).right, 20) << "the samples wait for it: nobody else is there";
  EXPECT_EQ(clock.NowNs(), 100 * kMs);
  EXPECT_EQ(opened, 2);
  EXPECT_EQ(session.report().stages[0][0].state, ReplicaState::kActive);
  bool returned = false;
  for (const TraceEvent& event : session.trace().Read()) returned = returned || event.kind == TraceKind::kReturn;
  EXPECT_TRUE(returned);
}

TEST(Failover, ADeviceThatDoesNotReturnIsGivenUp) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  PreparedReplica replica = MakeReplica(LostAtCall(0, 3), {.name = "isolated", .clock = &clock});
  replica.reopen = []() -> std::shared_ptr<Executable> { throw Error(ErrorCode::kUnsupported, "no such device"); };
  Session session({.stages = {{.replicas = {replica}}}},
                  {.probe_attempts = 2, .probe_interval_ns = 50 * kMs, .clock = &clock});
  EXPECT_EQ(RunOne(session, 1), 2);
  EXPECT_EQ(RunOne(session, 1), 2);
  EXPECT_THAT([&] { RunOne(session, 1); },
              ThrowsMessage<Error>(AllOf(HasSubstr("did not come back"), HasSubstr("no such device"))));
}

TEST(Failover, TheCallerIsAskedForAnotherPlan) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(LostAtCall(0, 2), {.name = "usb", .clock = &clock}),
                                             MakeReplica(ChainStage(0), {.clock = &clock})}}}};
  std::string asked;
  Session session(plan, {.on_loss =
                             [&](int stage, const std::string& device) {
                               asked = device + std::to_string(stage);
                               return std::optional<Plan>(Plan{.reason = "without " + device});
                             },
                         .clock = &clock});
  EXPECT_EQ(RunMany(session, 20, 1).right, 20);
  clock.SleepUntil(kMs);
  EXPECT_EQ(asked, "usb0");
  ASSERT_TRUE(session.replacement().has_value());
  EXPECT_EQ(session.replacement()->reason, "without usb");
}

// The deadline is met to the nanosecond, and the whole run is the same each time.
TEST(FailoverInVirtualTime, AHangIsSeenAtItsDeadline) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  {
    ArithmeticProgram::Options hung = ChainStage(0);
    hung.before = [&clock, calls = std::make_shared<std::atomic<int>>(0)] {
      clock.SleepUntil(clock.NowNs() + (++*calls == 3 ? 10'000 * kMs : 2 * kMs));
    };
    ArithmeticProgram::Options good = ChainStage(0);
    good.before = [&clock] { clock.SleepUntil(clock.NowNs() + 2 * kMs); };
    PreparedPlan plan{.stages = {{.replicas = {MakeReplica(hung, {.clock = &clock})},
                                  .spares = {MakeReplica(good, {.clock = &clock})},
                                  .deadline_ns = 5 * kMs}}};
    Session session(plan, {.max_in_flight = 1, .clock = &clock});
    EXPECT_EQ(RunMany(session, 10, 1).right, 10);
    EXPECT_EQ(clock.NowNs(), (10 * 2 + 5) * kMs);
    EXPECT_EQ(session.report().longest_recovery_ns, 2 * kMs);
  }
  clock.SleepUntil(20'000 * kMs);  // the hung call ends before its clock does
}

}  // namespace
}  // namespace consort
