#include "run/prepare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/null/null_backend.h"
#include "consort/error.h"
#include "model/test_models.h"
#include "run/session.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class PrepareTest : public testing::Test {
 protected:
  PrepareTest() { registry_.Add(MakeNullBackend()); }

  static Stage OfOps(int begin, int end, int replicas = 1) {
    Stage stage{.begin = begin, .end = end};
    for (int i = 0; i < replicas; ++i)
      stage.replicas.push_back({.target = Target::Parse("null"), .share = 1.0 / replicas});
    return stage;
  }
  static Model Load(const std::string& bytes) { return Model::Parse(test::AsBytes(bytes), "test.onnx"); }

  Registry registry_;
};

TEST_F(PrepareTest, StagesOfAPlanBecomeASession) {
  const Model model = Load(test::SkipModel());  // x → a → b → c → y, `a` skips over two ops
  const Plan plan{.stages = {OfOps(0, 1), OfOps(1, 3, 2), OfOps(3, 4)}};
  Session session(Prepare(plan, model.graph(), ShardsOf([&](int64_t) { return model; }, plan), registry_,
                          {.spares = {{}, {Target::Parse("null")}}}));
  ASSERT_EQ(session.inputs().size(), 1u);
  EXPECT_EQ(session.inputs()[0].name, "x");
  EXPECT_EQ(session.outputs()[0].name, "y");
  Buffer input = Buffer::Allocate(session.inputs()[0].spec);
  Buffer output = Buffer::Allocate(session.outputs()[0].spec);
  output.as<float>()[0] = 1;
  session.Run({&input, 1}, {&output, 1});
  EXPECT_THAT(output.as<float>(), testing::Each(0.0f)) << "the null device's zeros";
  const SessionReport report = session.report();
  ASSERT_EQ(report.stages.size(), 3u);
  ASSERT_EQ(report.stages[1].size(), 3u);
  EXPECT_EQ(report.stages[1][2].state, ReplicaState::kSpare);
  EXPECT_EQ(report.stages[1][0].name, "null");
}

TEST_F(PrepareTest, SparesCanBeCompiledLater) {
  const Model model = Load(test::SkipModel());
  const Plan plan{.stages = {OfOps(0, 4)}};
  const PreparedPlan prepared = Prepare(plan, model.graph(), ShardsOf([&](int64_t) { return model; }, plan), registry_,
                                        {.spares = {{Target::Parse("null")}}, .compile_spares_later = true});
  const PreparedReplica& spare = prepared.stages[0].spares.at(0);
  EXPECT_EQ(spare.executable, nullptr);
  EXPECT_EQ(spare.compile()->signature().inputs[0].name, "x");
}

TEST_F(PrepareTest, ReplicasThatDivideTheBatchAreCompiledForTheirRows) {
  const auto model_at = [](int64_t batch) {
    return Model::Parse(test::AsBytes(test::DynamicBatchModel()), "test.onnx", {.dims = {{"batch", batch}}});
  };
  Plan plan{.batch = 5, .stages = {OfOps(0, static_cast<int>(model_at(5).graph().ops().size()), 2)}};
  plan.stages[0].replicas[0].samples = 2;
  plan.stages[0].replicas[1].samples = 3;
  const PreparedPlan prepared = Prepare(plan, model_at(5).graph(), ShardsOf(model_at, plan), registry_);
  EXPECT_EQ(prepared.stages[0].replicas[1].executable->signature().inputs[0].spec.shape[0], 3);
  Session session(prepared);
  EXPECT_EQ(session.inputs()[0].spec.shape[0], 5);
  const Buffer input = Buffer::Allocate(session.inputs()[0].spec);
  Buffer output;
  session.Run({&input, 1}, {&output, 1});
  EXPECT_EQ(output.spec().shape, (Shape{5, 4}));
}

TEST_F(PrepareTest, ProblemsNameTheStage) {
  const Model model = Load(test::SkipModel());
  Plan plan{.stages = {OfOps(0, 1), OfOps(1, 4)}};
  plan.stages[1].replicas[0].target = Target::Parse("nul");
  EXPECT_THAT([&] { Prepare(plan, model.graph(), ShardsOf([&](int64_t) { return model; }, plan), registry_); },
              ThrowsMessage<Error>(HasSubstr("stage 1: ")));
  plan = {.stages = {OfOps(0, 1), OfOps(1, 1), OfOps(1, 4)}};
  EXPECT_THAT([&] { Prepare(plan, model.graph(), ShardsOf([&](int64_t) { return model; }, plan), registry_); },
              ThrowsMessage<Error>(HasSubstr("3 stages cut the model into 2 shards")));
}

}  // namespace
}  // namespace consort
