// Repeated calls: devices that give wrong numbers are found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>

#include "consort/error.h"
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
using test::Outcome;
using test::RunMany;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// Wrong by `error` from its nth call on.
ArithmeticProgram::Options WrongFrom(int stage, int call, float error = 1) {
  ArithmeticProgram::Options program = ChainStage(stage);
  program.after = [call, error, calls = std::make_shared<std::atomic<int>>(0)](Binding& binding) {
    if (++*calls >= call) binding.output(0).as<float>()[1] += error;
  };
  return program;
}

TEST(Verify, EveryCallCheckedMeansNoWrongResult) {
  PreparedPlan plan;
  plan.stages.push_back({.replicas = {MakeReplica(ChainStage(0)), MakeReplica(ChainStage(0))}});
  plan.stages.push_back({.replicas = {MakeReplica(ChainStage(1)), MakeReplica(WrongFrom(1, 20), {.name = "bad"}),
                                      MakeReplica(ChainStage(1))}});
  Session session(plan, {.verify = {.every = 1}});
  const Outcome outcome = RunMany(session, 300, 2);
  EXPECT_EQ(outcome.right, 300);
  const SessionReport report = session.report();
  EXPECT_EQ(report.stages[1][1].state, ReplicaState::kDistrusted);
  EXPECT_THAT(report.stages[1][1].why, HasSubstr("wrong result"));
  EXPECT_GE(report.verified, 590);
}

TEST(Verify, OfTwoThatDifferTheSpareIsBelieved) {
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(WrongFrom(0, 10))}, .spares = {MakeReplica(ChainStage(0))}}}};
  Session session(plan, {.max_in_flight = 1, .verify = {.every = 1}});
  const Outcome outcome = RunMany(session, 10, 1);
  EXPECT_EQ(outcome.right, 10);
  const Outcome later = RunMany(session, 5, 1);
  EXPECT_EQ(later.failed, 5) << "nobody is left to verify the spare";
  EXPECT_TRUE(later.wrong.empty());
}

TEST(Verify, OfTwoEqualsThatDifferNoneIsDelivered) {
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(WrongFrom(0, 1), {.name = "a"}),
                                             MakeReplica(ChainStage(0), {.name = "b"})}}}};
  Session session(plan, {.verify = {.every = 1}});
  const Buffer input = Filled(1);
  Buffer output;
  EXPECT_THAT(
      [&] {
        session.Run({&input, 1}, {&output, 1});
      },
      ThrowsMessage<Error>(HasSubstr("give different results for sample 0")));
}

TEST(Verify, APersistentFaultIsFoundWithinNAndTheSuspectsAreListed) {
  constexpr int kEvery = 100;
  constexpr int kFirstWrong = 150;  // call 150 of 400: the check of call 200 finds it, that of call 100 was good
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(WrongFrom(0, kFirstWrong))},
                                .spares = {MakeReplica(ChainStage(0)), MakeReplica(ChainStage(0))}}}};
  Session session(plan, {.max_in_flight = 1, .verify = {.every = kEvery}});
  const Outcome outcome = RunMany(session, 400, 1);
  EXPECT_EQ(outcome.wrong.size(), 50u) << "calls 150 to 199; the 200th was put right";
  EXPECT_EQ(outcome.right, 350);
  const SessionReport report = session.report();
  EXPECT_EQ(report.suspects.size(), 99u) << "since the good check of call 100";
  for (const int wrong : outcome.wrong) {
    EXPECT_THAT(report.suspects, testing::Contains(static_cast<uint64_t>(wrong)));
  }
}

TEST(Verify, ToleranceDecidesWhatIsEqual) {
  const auto plan = [] {
    return PreparedPlan{.stages = {{.replicas = {MakeReplica(WrongFrom(0, 1, 1e-3f)), MakeReplica(ChainStage(0))}}}};
  };
  Session strict(plan(), {.verify = {.every = 1}});
  EXPECT_EQ(RunMany(strict, 1, 1).failed, 1);
  Session lenient(plan(), {.verify = {.every = 1, .tolerance = 1e-2}});
  const Buffer input = Filled(10);
  Buffer output;
  lenient.Run({&input, 1}, {&output, 1});
  EXPECT_NEAR(output.as<float>()[1], 20, 1e-2);
  EXPECT_EQ(lenient.report().verified, 1);
}

TEST(Verify, PartsOfADividedStageAreChecked) {
  PreparedStage stage;
  for (const int64_t samples : {2, 3}) {
    ArithmeticProgram::Options program = samples == 3 ? WrongFrom(0, 5) : ChainStage(0);
    program.inputs = {FloatPort("t0", {samples})};
    program.outputs = {FloatPort("t1", {samples})};
    stage.replicas.push_back(MakePart(program, samples));
    stage.spares.push_back(MakeReplica(ChainStage(0, {samples})));
  }
  Session session({.stages = {stage}}, {.max_in_flight = 1, .verify = {.every = 1}});
  for (int i = 0; i < 5; ++i) {
    const Buffer input = Filled(static_cast<float>(i), {5});
    Buffer output;
    session.Run({&input, 1}, {&output, 1});
    EXPECT_THAT(output.as<float>(), testing::Each(2.0f * static_cast<float>(i)));
  }
  EXPECT_EQ(session.report().stages[0][1].state, ReplicaState::kDistrusted);
}

TEST(Verify, NeedsASecondTarget) {
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(ChainStage(0))}}}};
  EXPECT_THAT([&] { Session session(plan, {.verify = {.every = 10}}); },
              ThrowsMessage<Error>(HasSubstr("stage 0 has one target only")));
}

}  // namespace
}  // namespace consort
