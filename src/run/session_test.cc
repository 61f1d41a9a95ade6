#include "run/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "base/clock_thread.h"
#include "consort/error.h"
#include "emulate/virtual_clock.h"
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
using test::RunOne;
using test::SubmitOne;
using test::WaitFor;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

PreparedPlan Chain(int stages, int replicas = 1) {
  PreparedPlan plan;
  for (int stage = 0; stage < stages; ++stage) {
    PreparedStage prepared;
    for (int i = 0; i < replicas; ++i) prepared.replicas.push_back(MakeReplica(ChainStage(stage)));
    plan.stages.push_back(std::move(prepared));
  }
  return plan;
}

TEST(Session, AChainOfStagesComputesAndTicketsAreDeliveredInAnyOrder) {
  Session session(Chain(4, 2), {.max_in_flight = 8});
  ASSERT_FALSE(session.runs_inline());
  std::vector<Ticket> tickets;
  for (int i = 0; i < 8; ++i) tickets.push_back(SubmitOne(session, static_cast<float>(i)));
  for (int i = 7; i >= 0; --i) EXPECT_EQ(WaitFor(session, tickets[i]), ChainValue(static_cast<float>(i), 4));
  for (int i = 0; i < 500; ++i) EXPECT_EQ(RunOne(session, static_cast<float>(i)), ChainValue(static_cast<float>(i), 4));
  EXPECT_EQ(session.report().delivered, 508);
  EXPECT_EQ(session.report().failed, 0);
}

TEST(Session, OneStageRunsInTheCaller) {
  std::thread::id ran;
  ArithmeticProgram::Options program = ChainStage(0);
  program.before = [&] { ran = std::this_thread::get_id(); };
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(program)}}}};
  Session session(plan);
  EXPECT_TRUE(session.runs_inline());
  EXPECT_EQ(RunOne(session, 3), 6);
  EXPECT_EQ(ran, std::this_thread::get_id());
  Session threaded(plan, {.inline_single = false});
  EXPECT_FALSE(threaded.runs_inline());
  EXPECT_EQ(RunOne(threaded, 3), 6);
  EXPECT_NE(ran, std::this_thread::get_id());
}

TEST(Session, TensorsThatSkipStagesAreCarriedAlong) {
  // a → b → c; c' = (a + c) * 1 + 0.5 and the input x is read again at the end.
  PreparedPlan plan;
  plan.stages.push_back({.replicas = {MakeReplica({{FloatPort("x")}, {FloatPort("a")}, 2})}});
  plan.stages.push_back({.replicas = {MakeReplica({{FloatPort("a")}, {FloatPort("b")}, 3})}});
  plan.stages.push_back(
      {.replicas = {MakeReplica({{FloatPort("b"), FloatPort("a"), FloatPort("x")}, {FloatPort("y")}, 1, 0.5f})}});
  plan.outputs = {"y", "a"};
  Session session(plan, {.max_in_flight = 3});
  ASSERT_EQ(session.inputs().size(), 1u);
  for (int i = 1; i < 50; ++i) {
    const auto x = static_cast<float>(i);
    const Buffer input = Filled(x);
    Buffer outputs[2];
    session.Run({&input, 1}, outputs);
    EXPECT_EQ(outputs[0].as<float>()[3], 6 * x + 2 * x + x + 0.5f);
    EXPECT_EQ(outputs[1].as<float>()[0], 2 * x);
  }
}

TEST(Session, WithoutCopiesTheCallerUsesTheSessionsMemory) {
  Session session(Chain(2));
  const Ticket ticket = session.Reserve();
  for (float& value : session.input(ticket, 0).as<float>()) value = 5;
  session.Start(ticket);
  session.Await(ticket);
  EXPECT_EQ(session.output(ticket, 0).as<float>()[0], ChainValue(5, 2));
  session.Release(ticket);
  EXPECT_THAT([&] { session.Release(ticket); }, ThrowsMessage<Error>(HasSubstr("released already")));
}

TEST(Session, BackPressureRefusesAndBlocks) {
  Session session(Chain(2), {.max_in_flight = 2});
  const Buffer input = Filled(1);
  const Ticket first = SubmitOne(session, 1);
  const Ticket second = SubmitOne(session, 2);
  EXPECT_FALSE(session.TrySubmit({&input, 1}).has_value());
  std::future<float> third = std::async(std::launch::async, [&] { return RunOne(session, 3); });
  EXPECT_EQ(WaitFor(session, first), ChainValue(1, 2));
  EXPECT_EQ(third.get(), ChainValue(3, 2));
  EXPECT_EQ(WaitFor(session, second), ChainValue(2, 2));
}

TEST(Session, AStagesErrorReachesWhoeverWaitsForTheSample) {
  std::atomic<int> calls = 0;
  ArithmeticProgram::Options bad = ChainStage(1);
  bad.before = [&] {
    if (++calls == 2) throw Error(ErrorCode::kOutOfMemory, "no room for the scratch buffer");
  };
  PreparedPlan plan = Chain(3);
  plan.stages[1].replicas = {MakeReplica(bad, {.name = "small"})};
  Session session(plan, {.max_in_flight = 4});
  const Ticket good = SubmitOne(session, 1);
  const Ticket failing = SubmitOne(session, 2);
  const Ticket better = SubmitOne(session, 3);
  EXPECT_EQ(WaitFor(session, better), ChainValue(3, 3));
  EXPECT_THAT([&] { WaitFor(session, failing); },
              ThrowsMessage<Error>(HasSubstr("stage 1 on small: no room for the scratch buffer")));
  EXPECT_EQ(WaitFor(session, good), ChainValue(1, 3));
  EXPECT_EQ(session.report().failed, 1);
  EXPECT_EQ(session.report().delivered, 2);
}

TEST(Session, WrongInputsNameThePort) {
  Session session(Chain(1));
  const Buffer wrong = Filled(1, {5});
  EXPECT_THAT(
      [&] {
        session.Submit({&wrong, 1});
      },
      ThrowsMessage<Error>(HasSubstr("input 't0' takes float32 4, not float32 5")));
  EXPECT_THAT([&] { session.Submit({}); }, ThrowsMessage<Error>(HasSubstr("0 inputs were given for 1 ports")));
  EXPECT_EQ(RunOne(session, 1), ChainValue(1, 1)) << "the slots are free again";
}

TEST(Session, PlansThatDoNotFitTogetherAreRefused) {
  PreparedPlan plan = Chain(2);
  plan.stages[1].replicas = {MakeReplica(ChainStage(1)), MakeReplica(ChainStage(5))};
  EXPECT_THAT([&] { Session session(plan); },
              ThrowsMessage<Error>(HasSubstr("stage 1: 'device' and 'device' have ports of different")));
  plan = Chain(1);
  plan.inputs = {"other"};
  EXPECT_THAT([&] { Session session(plan); },
              ThrowsMessage<Error>(HasSubstr("no stage of the plan has a port 'other'")));
  plan.inputs = {"t1"};
  EXPECT_THAT([&] { Session session(plan); }, ThrowsMessage<Error>(HasSubstr("'t0' is read but neither made")));
}

TEST(Session, CloseFinishesWhatIsUnderWay) {
  Session session(Chain(3), {.max_in_flight = 4});
  std::vector<Ticket> tickets;
  for (int i = 0; i < 4; ++i) tickets.push_back(SubmitOne(session, static_cast<float>(i)));
  session.Close();
  EXPECT_EQ(session.report().delivered, 4);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(WaitFor(session, tickets[i]), ChainValue(static_cast<float>(i), 3));
  EXPECT_THAT([&] { SubmitOne(session, 1); }, ThrowsMessage<Error>(HasSubstr("closed")));
}

TEST(Session, CancelEndsEverySample) {
  std::promise<void> gate;
  ArithmeticProgram::Options slow = ChainStage(0);
  slow.before = [opened = gate.get_future().share()] { opened.wait(); };
  PreparedPlan plan = Chain(2);
  plan.stages[0].replicas = {MakeReplica(slow)};
  Session session(plan, {.max_in_flight = 3});
  std::vector<Ticket> tickets;
  for (int i = 0; i < 3; ++i) tickets.push_back(SubmitOne(session, 1));
  session.Cancel();
  for (const Ticket ticket : tickets) {
    EXPECT_THAT([&] { WaitFor(session, ticket); }, ThrowsMessage<Error>(HasSubstr("cancelled")));
  }
  EXPECT_EQ(session.report().failed, 3);
  gate.set_value();
}

TEST(Session, OpenSizesFollowTheInput) {
  PreparedPlan plan;
  for (int stage = 0; stage < 3; ++stage)
    plan.stages.push_back({.replicas = {MakeReplica(ChainStage(stage, {kDynamic}))}});
  Session session(plan, {.max_in_flight = 2});
  for (const int64_t size : {3, 7, 0, 3, 5}) {
    const Buffer input = Filled(2, {size});
    Buffer output;
    session.Run({&input, 1}, {&output, 1});
    ASSERT_EQ(output.spec().shape, Shape{size});
    EXPECT_THAT(output.as<float>(), Each(ChainValue(2, 3)));
  }
}

TEST(Session, PortsOfOtherFormsAreConverted) {
  // NCHW float → a stage that takes and gives NHWC half precision → NCHW float.
  const TensorSpec nchw{DataType::kFloat32, {1, 2, 1, 3}, Layout::kNchw};
  const TensorSpec nhwc{DataType::kFloat32, {1, 1, 3, 2}, Layout::kNhwc};
  const auto port = [](const std::string& name, const TensorSpec& spec) { return Port{name, spec, {"", "", "", ""}}; };
  PreparedPlan plan;
  plan.stages.push_back({.replicas = {MakeReplica({{port("x", nchw)}, {port("a", nchw)}})}});
  std::vector<float> seen;
  ArithmeticProgram::Options middle{{port("a", nhwc)}, {port("b", nhwc)}};
  middle.after = [&](Binding& binding) {
    const auto values = binding.input(0).as<float>();
    seen.assign(values.begin(), values.end());
  };
  plan.stages.push_back({.replicas = {MakeReplica(middle)}});
  plan.stages.push_back({.replicas = {MakeReplica({{port("b", nchw)}, {port("y", nchw)}})}});
  Session session(plan);
  Buffer input = Buffer::Allocate(nchw);
  for (int i = 0; i < 6; ++i) input.as<float>()[i] = static_cast<float>(i);
  Buffer output;
  session.Run({&input, 1}, {&output, 1});
  EXPECT_THAT(seen, testing::ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(output.as<float>(), testing::ElementsAre(0, 1, 2, 3, 4, 5));
  std::set<TraceKind> kinds;
  for (const TraceEvent& event : session.trace().Read()) kinds.insert(event.kind);
  EXPECT_TRUE(kinds.contains(TraceKind::kConversion));
}

TEST(Session, ReplicasDivideEachCallByTheirSamples) {
  PreparedStage stage;
  for (const int64_t samples : {2, 1, 3}) stage.replicas.push_back(MakePart(ChainStage(0, {samples, 2}), samples));
  PreparedPlan plan{.stages = {stage, {.replicas = {MakeReplica(ChainStage(1, {6, 2}))}}}};
  Session session(plan, {.max_in_flight = 2});
  ASSERT_EQ(session.inputs()[0].spec.shape, (Shape{6, 2}));
  for (int run = 0; run < 50; ++run) {
    Buffer input = Buffer::Allocate({DataType::kFloat32, {6, 2}});
    for (int i = 0; i < 12; ++i) input.as<float>()[i] = static_cast<float>(i + run);
    Buffer output;
    session.Run({&input, 1}, {&output, 1});
    for (int i = 0; i < 12; ++i) EXPECT_EQ(output.as<float>()[i], ChainValue(static_cast<float>(i + run), 2));
  }
  const SessionReport report = session.report();
  for (const ReplicaReport& replica : report.stages[0]) EXPECT_EQ(replica.calls, 50);
}

TEST(Session, ADividedStageReadsTensorsOfAllSamples) {
  PreparedPlan plan;
  plan.stages.push_back({.replicas = {MakeReplica(ChainStage(0, {1, 2}))}});
  PreparedStage divided;
  for (int i = 0; i < 3; ++i) divided.replicas.push_back(MakePart(ChainStage(1, {1, 2}), 1));
  plan.stages.push_back(divided);
  EXPECT_THAT([&] { Session session(plan); },
              ThrowsMessage<Error>(HasSubstr("stage 1 is divided among its replicas, but 't1' of float32 1x2")));
}

// next = state + x; y = next. Streams are kept apart and in order, also with several replicas and other stages around.
TEST(Session, StreamsKeepTheirState) {
  ArithmeticProgram::Options adder{{FloatPort("t1"), FloatPort("state")}, {FloatPort("t2"), FloatPort("next")}};
  PreparedPlan plan = Chain(1, 2);
  plan.stages.push_back({.replicas = {MakeReplica(adder), MakeReplica(adder), MakeReplica(adder)}});
  plan.stages.push_back({.replicas = {MakeReplica(ChainStage(2)), MakeReplica(ChainStage(2))}});
  Session session(plan, {.max_in_flight = 12, .states = {{"state", "next"}}, .streams = 4});
  ASSERT_EQ(session.inputs().size(), 1u);
  ASSERT_EQ(session.outputs().size(), 1u);
  std::vector<float> sums(4, 0);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::pair<Ticket, float>> expected;
    for (int i = 0; i < 12; ++i) {
      const int stream = i % 4;
      const auto value = static_cast<float>(round + i);
      sums[stream] += value * 2;
      expected.emplace_back(SubmitOne(session, value, {.stream = stream}), sums[stream] * 2 + 2);
    }
    for (const auto& [ticket, value] : expected) EXPECT_EQ(WaitFor(session, ticket), value);
    if (round != 30) continue;
    session.ResetStream(2);
    sums[2] = 0;
  }
  EXPECT_THAT([&] { SubmitOne(session, 1, {.stream = 4}); }, ThrowsMessage<Error>(HasSubstr("stream 4")));
}

// The slow replica gets what the fast ones leave: shares follow the speeds, not the plan.
TEST(SessionInVirtualTime, IdleReplicasTakeTheNextSamples) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  PreparedStage stage;
  for (const TimeNs time_ns : {1'000'000, 4'000'000}) {
    ArithmeticProgram::Options program = ChainStage(0);
    program.before = [&clock, time_ns] { clock.SleepUntil(clock.NowNs() + time_ns); };
    stage.replicas.push_back(MakeReplica(program, {.clock = &clock}));
  }
  Session session({.stages = {stage}}, {.max_in_flight = 16, .clock = &clock});
  std::vector<Ticket> tickets;
  for (int i = 0; i < 100; ++i) {
    if (tickets.size() == 16) {
      WaitFor(session, tickets.front());
      tickets.erase(tickets.begin());
    }
    tickets.push_back(SubmitOne(session, 1));
  }
  for (const Ticket ticket : tickets) WaitFor(session, ticket);
  const SessionReport report = session.report();
  EXPECT_NEAR(static_cast<double>(report.stages[0][0].calls), 80, 2);
  EXPECT_NEAR(static_cast<double>(clock.NowNs()), 80e6, 5e6);
}

TEST(SessionInVirtualTime, IsMadeByAThreadThatTakesPart) {
  VirtualClock clock;
  EXPECT_THAT([&] { Session session(Chain(2), {.clock = &clock}); }, ThrowsMessage<Error>(HasSubstr("not registered")));
}

TEST(SessionInVirtualTime, StagesOverlap) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  PreparedPlan plan;
  for (int i = 0; i < 3; ++i) {
    ArithmeticProgram::Options program = ChainStage(i);
    program.before = [&clock, time_ns = i == 1 ? 5'000'000 : 2'000'000] { clock.SleepUntil(clock.NowNs() + time_ns); };
    plan.stages.push_back({.replicas = {MakeReplica(program, {.clock = &clock})}});
  }
  Session session(plan, {.max_in_flight = 50, .clock = &clock});
  std::vector<Ticket> tickets;
  for (int i = 0; i < 50; ++i) tickets.push_back(SubmitOne(session, static_cast<float>(i)));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(WaitFor(session, tickets[i]), ChainValue(static_cast<float>(i), 3));
  EXPECT_EQ(clock.NowNs(), (2 + 50 * 5 + 2) * 1'000'000) << "the slowest stage sets the pace";
}

TEST(SessionInVirtualTime, ASampleEndsAtItsDeadline) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  PreparedPlan plan;
  for (int i = 0; i < 2; ++i) {
    ArithmeticProgram::Options program = ChainStage(i);
    program.before = [&clock] { clock.SleepUntil(clock.NowNs() + 10'000'000); };
    plan.stages.push_back({.replicas = {MakeReplica(program, {.clock = &clock})}});
  }
  Session session(plan, {.max_in_flight = 4, .clock = &clock});
  const Ticket late = SubmitOne(session, 1, {.deadline_ns = 15'000'000});
  const Ticket good = SubmitOne(session, 2, {.deadline_ns = 35'000'000});
  const Ticket never_begun = SubmitOne(session, 3, {.deadline_ns = 5'000'000});
  EXPECT_THAT([&] { WaitFor(session, never_begun); }, ThrowsMessage<Error>(HasSubstr("deadline")));
  EXPECT_EQ(clock.NowNs(), 5'000'000);
  EXPECT_THAT([&] { WaitFor(session, late); },
              ThrowsMessage<Error>(HasSubstr("sample 0: its deadline passed at stage 1")));
  EXPECT_EQ(clock.NowNs(), 15'000'000);
  EXPECT_EQ(WaitFor(session, good), ChainValue(2, 2));
  EXPECT_EQ(session.report().failed, 2);
}

}  // namespace
}  // namespace consort
