#include "cli/run_plan_flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "run/test_programs.h"

namespace consort {
namespace {

using test::ArithmeticProgram;
using test::ChainStage;
using test::ChainValue;
using test::Filled;
using test::MakeReplica;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;

ArithmeticProgram::Options Slow(ArithmeticProgram::Options program, TimeNs time_ns) {
  program.before = [time_ns] { Clock::Real().SleepUntil(Clock::Real().NowNs() + time_ns); };
  return program;
}

// Lost at its nth call.
ArithmeticProgram::Options LostAt(ArithmeticProgram::Options program, int call) {
  program.before = [call, calls = std::make_shared<std::atomic<int>>(0)] {
    if (++*calls >= call) throw Error(ErrorCode::kDeviceLost, "unplugged");
  };
  return program;
}

std::vector<PortInput> Inputs(Buffer tensor, bool sequence = false) {
  std::vector<PortInput> inputs;
  inputs.push_back({std::move(tensor), "test", sequence});
  return inputs;
}

TEST(SendThrough, StepsComeOutInTheOrderInWhichTheyWentIn) {
  PreparedPlan plan;
  plan.stages.push_back({.replicas = {MakeReplica(Slow(ChainStage(0), 300'000)), MakeReplica(ChainStage(0))}});
  plan.stages.push_back({.replicas = {MakeReplica(ChainStage(1)), MakeReplica(Slow(ChainStage(1), 200'000))}});
  Session session(plan);
  constexpr int kSteps = 60;
  Buffer sequence = Buffer::Allocate({DataType::kFloat32, {kSteps, 4}});
  for (int i = 0; i < kSteps * 4; ++i) sequence.as<float>()[static_cast<size_t>(i)] = static_cast<float>(i / 4);
  const FlowResult result = SendThrough(session, Inputs(sequence.Share(), true), {});
  EXPECT_EQ(result.delivered, kSteps);
  ASSERT_THAT(result.last, SizeIs(1));
  const Buffer& stacked = result.last[0];
  EXPECT_EQ(stacked.spec().shape, (Shape{kSteps, 4}));
  for (int i = 0; i < kSteps; ++i)
    EXPECT_EQ(stacked.as<float>()[static_cast<size_t>(4 * i)], ChainValue(static_cast<float>(i), 2)) << i;
}

TEST(SendThrough, ResultsThatDifferAreKept) {
  ArithmeticProgram::Options other = ChainStage(0);
  other.offset = 1e-3f;
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(ChainStage(0)), MakeReplica(other)}}}};
  Session session(plan);
  const FlowResult result = SendThrough(session, Inputs(Filled(1)), {.calls = 50});
  EXPECT_EQ(result.delivered, 50);
  EXPECT_THAT(result.results, SizeIs(2));
  EXPECT_EQ(result.more_results, 0);
  EXPECT_THAT(result.last, SizeIs(1));
}

TEST(SendThrough, OfManyResultsTheFirstAndTheNewestAreKept) {
  constexpr int kNoisy = 40;
  ArithmeticProgram::Options noisy = ChainStage(0);
  noisy.after = [calls = std::make_shared<std::atomic<int>>(0)](Binding& binding) {
    if (const int call = (*calls)++; call < kNoisy) binding.output(0).as<float>()[0] = static_cast<float>(100 + call);
  };
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(noisy)}}}};
  Session session(plan);
  const FlowResult result = SendThrough(session, Inputs(Filled(1)), {.calls = 100});
  EXPECT_THAT(result.results, SizeIs(kMostResults));
  EXPECT_EQ(result.more_results, kNoisy + 1 - static_cast<int64_t>(kMostResults));
  EXPECT_EQ(result.results.front()[0].as<float>()[0], 100);
  EXPECT_THAT(result.results.back()[0].as<float>(), Each(ChainValue(1, 1)));
}

TEST(SendThrough, ALostReplicaCostsNoCall) {
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(LostAt(ChainStage(0), 5)), MakeReplica(ChainStage(0))}}}};
  Session session(plan);
  const FlowResult result = SendThrough(session, Inputs(Filled(3)), {.calls = 100});
  EXPECT_EQ(result.delivered, 100);
  EXPECT_FALSE(result.lost);
  ASSERT_THAT(result.results, SizeIs(1));
  EXPECT_THAT(result.results[0][0].as<float>(), Each(ChainValue(3, 1)));
}

TEST(SendThrough, EndsWhereNobodyIsLeft) {
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(ChainStage(0))}},
                               {.replicas = {MakeReplica(LostAt(ChainStage(1), 11))}}}};
  Session session(plan);
  const FlowResult result = SendThrough(session, Inputs(Filled(3)), {.calls = 100'000});
  EXPECT_EQ(result.delivered, 10);
  EXPECT_TRUE(result.lost);
  EXPECT_GT(result.failed, 0);
  EXPECT_EQ(result.started, result.delivered + result.failed);
  EXPECT_EQ(result.given_up, 100'000 - result.started);
  EXPECT_THAT(result.last.at(0).as<float>(), Each(ChainValue(3, 2))) << "of the last that was delivered";
  EXPECT_EQ(result.failures.front().call, 10);
  EXPECT_THAT(result.failures.front().message, HasSubstr("unplugged"));
}

TEST(SendThrough, AnErrorOfACallIsItsOwn) {
  ArithmeticProgram::Options program = ChainStage(0);
  program.before = [calls = std::make_shared<std::atomic<int>>(0)] {
    if (++*calls == 3) throw Error(ErrorCode::kUnsupported, "not this one");
  };
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(program)}}}};
  Session session(plan);
  const FlowResult result = SendThrough(session, Inputs(Filled(3)), {.calls = 10});
  EXPECT_EQ(result.delivered, 9);
  EXPECT_EQ(result.failed, 1);
  EXPECT_FALSE(result.lost);
  EXPECT_EQ(result.failures.front().call, 2);
}

TEST(SendThrough, StatesOfASequenceAreWhatTheLastStepLeft) {
  ArithmeticProgram::Options sum{.inputs = {test::FloatPort("x"), test::FloatPort("state")},
                                 .outputs = {test::FloatPort("next"), test::FloatPort("y")}};
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(sum)}}}, .inputs = {"x", "state"}, .outputs = {"y", "next"}};
  Session session(plan, {.states = {{"state", "next"}}});
  std::vector<PortInput> inputs = Inputs(Buffer::Allocate({DataType::kFloat32, {3, 4}}), true);
  for (float& value : inputs[0].tensor.as<float>()) value = 2;
  inputs.push_back({Filled(0), "zeros"});
  const FlowResult result = SendThrough(session, inputs, {.states = {"next"}});
  const std::vector<Buffer>& outputs = result.last;
  ASSERT_THAT(outputs, SizeIs(2));
  EXPECT_THAT(outputs[0].as<float>(), testing::ElementsAre(2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6));
  EXPECT_THAT(outputs[1].as<float>(), Each(6.0f));
}

TEST(SendThrough, InputsThatDoNotFitAreTheCallers) {
  PreparedPlan plan{.stages = {{.replicas = {MakeReplica(ChainStage(0))}}}};
  Session session(plan);
  EXPECT_THAT([&] { SendThrough(session, Inputs(Filled(1, {5})), {}); }, ThrowsMessage<Error>(HasSubstr("input 't0'")));
}

}  // namespace
}  // namespace consort
