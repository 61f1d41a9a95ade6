#include "bench/plan_subject.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/null/null_backend.h"
#include "consort/backend.h"
#include "io/random_input.h"
#include "model/test_models.h"

namespace consort {
namespace {

InputSource Seeded() {
  return [](const Signature& signature) {
    std::vector<Buffer> inputs;
    for (const Port& port : signature.inputs) inputs.push_back(RandomInput(port.spec, 0, port.name));
    return inputs;
  };
}

class PlanSubjectTest : public ::testing::Test {
 protected:
  PlanSubjectTest() : model_(Model::Parse(test::AsBytes(test::ChainModel(4)), "chain.onnx")) {
    registry_.Add(MakeNullBackend());
  }

  static Replica On(const std::string& target, double share = 1) {
    return {.target = Target::Parse(target), .share = share};
  }

  // Stages of two ops each, with these replicas.
  Plan TwoStages(std::vector<Replica> first, std::vector<Replica> second) {
    Plan plan{.objective = Objective::kThroughput};
    plan.stages.push_back({.begin = 0, .end = 2, .replicas = std::move(first)});
    plan.stages.push_back({.begin = 2, .end = 4, .replicas = std::move(second)});
    return plan;
  }

  PlanSubject Make(const Plan& plan) {
    return PlanSubject(registry_, plan, model_.graph(), [this](int64_t) { return model_; }, {}, Seeded());
  }

  Registry registry_;
  Model model_;
};

TEST_F(PlanSubjectTest, ABlockOfThroughputCountsEveryCallAndTellsOneTime) {
  PlanSubject subject = Make(TwoStages({On("null", 0.9), On("null", 0.1)}, {On("null")}));
  BlockSamples samples;
  subject.Runner()(1'000'000, kMaxQueriesPerBlock, samples);
  ASSERT_EQ(samples.latencies_ns.size(), 1);
  EXPECT_GE(samples.latencies_ns.front(), 0);
  EXPECT_GE(samples.inferences, 30);  // three calls of the replica that makes one in ten
  EXPECT_EQ(subject.Counted().stages[1][0].calls, samples.inferences);
}

TEST_F(PlanSubjectTest, CallsBeforeBeginCountingDoNotCount) {
  PlanSubject subject = Make(TwoStages({On("null")}, {On("null")}));
  subject.Query();
  EXPECT_EQ(subject.Counted().stages[0][0].calls, 1);
  subject.BeginCounting();
  EXPECT_EQ(subject.Counted().stages[0][0].calls, 0);
}

TEST_F(PlanSubjectTest, ThePlacementHoldsTheOpsOfAllStages) {
  PlanSubject subject = Make(TwoStages({On("null")}, {On("null")}));
  EXPECT_EQ(subject.placement().ops.size(), 4);
  EXPECT_TRUE(subject.Emulation().empty());
  EXPECT_EQ(subject.Overrun(), "");
}

TEST_F(PlanSubjectTest, InLatencyEachQueryIsTimed) {
  Plan plan = TwoStages({On("null")}, {On("null")});
  plan.objective = Objective::kLatency;
  PlanSubject subject = Make(plan);
  BlockSamples samples;
  subject.Runner()(1'000'000, 5, samples);
  EXPECT_LE(samples.latencies_ns.size(), 5);
  EXPECT_GE(samples.latencies_ns.size(), 1);
}

TEST(InFlightOfTest, KeepsFastReplicasBusyWhileTheSlowestMakesOneCall) {
  Plan plan;
  plan.stages.push_back({.replicas = {{.share = 0.95}, {.share = 0.05}}});
  EXPECT_GE(InFlightOf(plan), 20);
  plan.stages[0].replicas = {{.share = 0.5}, {.share = 0.5}};
  EXPECT_EQ(InFlightOf(plan), 4);
}

}  // namespace
}  // namespace consort
