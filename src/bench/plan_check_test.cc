// Wrong on purpose: the plan check names the stage.
#include "bench/plan_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <utility>

#include "consort/backend.h"
#include "consort/error.h"
#include "model/test_models.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;

using Spoil = std::function<void(std::span<float>)>;

// Runs another executable and spoils what it gives.
class SpoiltProgram : public Program {
 public:
  SpoiltProgram(std::shared_ptr<Executable> host, Spoil spoil) : host_(std::move(host)), spoil_(std::move(spoil)) {}
  const Signature& signature() const override { return host_->signature(); }
  const Placement& placement() const override { return host_->placement(); }
  void Invoke(Binding& binding) override {
    const auto inner = std::make_shared<Binding>(host_->signature());
    for (int port = 0; port < binding.input_count(); ++port) inner->SetInput(port, binding.input(port).Share());
    Run(*host_, inner);
    for (int port = 0; port < binding.output_count(); ++port) {
      binding.ProvideOutput(port, inner->output(port).Clone());
      spoil_(binding.output(port).as<float>());
    }
  }

 private:
  std::shared_ptr<Executable> host_;
  Spoil spoil_;
};

void FlipEverySecond(std::span<float> values) {
  for (size_t i = 0; i < values.size(); i += 2) values[i] = -values[i] - 0.1f;
}

Spoil Scale(float factor) {
  return [factor](std::span<float> values) {
    for (float& value : values) value *= factor;
  };
}

void MakeWrong(PreparedReplica& replica, const Spoil& spoil) {
  replica.name = "wrong";
  replica.executable = MakeExecutable(std::make_shared<SpoiltProgram>(replica.executable, spoil), {});
}

constexpr int kStages = 4;

class PlanCheckTest : public testing::Test {
 protected:
  // x → Relu, Add, … → y in four stages of two ops, each on so many replicas.
  static Plan ChainPlan(int replicas = 1, const std::string& target = "cpu@onnxruntime") {
    Plan plan;
    for (int stage = 0; stage < kStages; ++stage) {
      Stage& added = plan.stages.emplace_back(Stage{.begin = 2 * stage, .end = 2 * stage + 2});
      for (int i = 0; i < replicas; ++i)
        added.replicas.push_back({.target = Target::Parse(target), .threads = 1, .share = 1.0 / replicas});
    }
    return plan;
  }
  static Model ChainModel(int64_t /*batch*/) {
    return Model::Parse(test::AsBytes(test::ChainModel(2 * kStages)), "chain.onnx");
  }
  static Model BatchModel(int64_t batch) {
    return Model::Parse(test::AsBytes(test::DynamicBatchModel()), "batch.onnx", {.dims = {{"batch", batch}}});
  }
  PreparedPlan PrepareChain(const Plan& plan) const {
    return Prepare(plan, ChainModel(1).graph(), ShardsOf(ChainModel, plan), registry_);
  }
  PlanAccuracy Check(const PreparedPlan& prepared, const Plan& plan, const AccuracyBounds& bounds) const {
    return CheckPrepared(prepared, registry_, plan, ChainModel, {.bounds = bounds});
  }

  const Registry registry_ = MakeBuiltinRegistry();
  const AccuracyBounds bounds_{.min_cosine = 0.999, .max_error = 1e-4};
};

TEST_F(PlanCheckTest, ARightPlanHasNoMisses) {
  const PlanAccuracy accuracy = CheckPlan(registry_, ChainPlan(), ChainModel, {.bounds = bounds_, .input_sets = 3});
  EXPECT_THAT(accuracy.misses, IsEmpty());
  EXPECT_EQ(accuracy.first_bad_stage, -1);
  EXPECT_EQ(accuracy.blame, "");
  EXPECT_EQ(accuracy.reference, "cpu@onnxruntime");
  ASSERT_TRUE(accuracy.whole.has_value());
  EXPECT_EQ(accuracy.whole->inputs, 3);
  EXPECT_LE(accuracy.whole->error, 1e-6);
  ASSERT_THAT(accuracy.stages, SizeIs(kStages));
  for (const StageAccuracy& stage : accuracy.stages) {
    EXPECT_LE(stage.alone->error, 1e-6);
    EXPECT_LE(stage.chained->error, 1e-6);
    EXPECT_EQ(stage.alone->inputs, 3);
  }
}

class WrongStage : public PlanCheckTest, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Everywhere, WrongStage, testing::Range(0, kStages));

TEST_P(WrongStage, IsNamed) {
  const Plan plan = ChainPlan();
  PreparedPlan prepared = PrepareChain(plan);
  MakeWrong(prepared.stages[static_cast<size_t>(GetParam())].replicas[0], FlipEverySecond);
  const PlanAccuracy accuracy = Check(prepared, plan, bounds_);
  EXPECT_THAT(accuracy.misses, Not(IsEmpty()));
  EXPECT_EQ(accuracy.first_bad_stage, GetParam());
  EXPECT_THAT(accuracy.blame, HasSubstr("stage " + std::to_string(GetParam()) + " on wrong is the first"));
  for (const StageAccuracy& stage : accuracy.stages) {
    EXPECT_EQ(Misses(*stage.alone, bounds_).empty(), stage.stage != GetParam());
    EXPECT_EQ(Misses(*stage.chained, bounds_).empty(), stage.stage < GetParam()) << "what comes behind is wrong, too";
  }
}

TEST_P(WrongStage, IsNamedWhereOneOfItsReplicasIsRight) {
  const Plan plan = ChainPlan(2);
  PreparedPlan prepared = PrepareChain(plan);
  MakeWrong(prepared.stages[static_cast<size_t>(GetParam())].replicas[1], FlipEverySecond);
  const PlanAccuracy accuracy = Check(prepared, plan, bounds_);
  EXPECT_EQ(accuracy.first_bad_stage, GetParam());
  EXPECT_THAT(accuracy.blame, HasSubstr("on wrong is the first"));
  ASSERT_THAT(accuracy.stages, SizeIs(2 * kStages));
  EXPECT_TRUE(Misses(*accuracy.stages[2 * static_cast<size_t>(GetParam())].alone, bounds_).empty());
}

TEST_F(PlanCheckTest, TheFirstOfSeveralWrongStagesIsNamed) {
  const Plan plan = ChainPlan();
  PreparedPlan prepared = PrepareChain(plan);
  MakeWrong(prepared.stages[3].replicas[0], FlipEverySecond);
  MakeWrong(prepared.stages[1].replicas[0], FlipEverySecond);
  EXPECT_EQ(Check(prepared, plan, bounds_).first_bad_stage, 1);
}

TEST_F(PlanCheckTest, ErrorsThatAddUpAreNoSingleStages) {
  const Plan plan = ChainPlan();
  PreparedPlan prepared = PrepareChain(plan);
  for (PreparedStage& stage : prepared.stages) MakeWrong(stage.replicas[0], Scale(1.006f));
  const AccuracyBounds bounds{.max_error = 0.01};
  const PlanAccuracy accuracy = Check(prepared, plan, bounds);
  EXPECT_THAT(accuracy.misses, SizeIs(1));
  for (const StageAccuracy& stage : accuracy.stages) EXPECT_TRUE(Misses(*stage.alone, bounds).empty());
  EXPECT_GT(accuracy.first_bad_stage, 0);
  EXPECT_THAT(accuracy.blame, HasSubstr("what adds up leaves them behind stage"));
}

TEST_F(PlanCheckTest, WithoutBoundsNothingIsMissed) {
  const Plan plan = ChainPlan();
  PreparedPlan prepared = PrepareChain(plan);
  MakeWrong(prepared.stages[2].replicas[0], FlipEverySecond);
  const PlanAccuracy accuracy = Check(prepared, plan, {});
  EXPECT_THAT(accuracy.misses, IsEmpty());
  EXPECT_EQ(accuracy.first_bad_stage, -1);
  EXPECT_GT(accuracy.whole->error, 0.01) << "but it is said";
}

TEST_F(PlanCheckTest, AStageThatIsWrongButWithinBoundsInTheEndIsNoMiss) {
  const Plan plan = ChainPlan();
  PreparedPlan prepared = PrepareChain(plan);
  // The Relu of the next stage takes what is below zero away.
  MakeWrong(prepared.stages[1].replicas[0], [](std::span<float> values) {
    for (float& value : values) value = value < 0 ? value - 1 : value;
  });
  const PlanAccuracy accuracy = Check(prepared, plan, {.max_error = 1e-4});
  EXPECT_FALSE(Misses(*accuracy.stages[1].alone, {.max_error = 1e-4}).empty());
  EXPECT_THAT(accuracy.misses, IsEmpty());
  EXPECT_EQ(accuracy.first_bad_stage, -1);
}

TEST_F(PlanCheckTest, TargetsWithoutNumbersAreSaidAndNotCompared) {
  Plan plan = ChainPlan();
  plan.stages[2].replicas[0].target = Target::Parse("emulated:seed.gtx1650@null");
  PlanAccuracy accuracy = CheckPlan(registry_, plan, ChainModel, {.bounds = bounds_});
  EXPECT_FALSE(accuracy.whole.has_value());
  EXPECT_EQ(accuracy.problem, "stage 2 on emulated:seed.gtx1650@null has no numbers");
  EXPECT_THAT(accuracy.misses, IsEmpty());
  EXPECT_FALSE(accuracy.stages[2].alone.has_value());
  EXPECT_TRUE(accuracy.stages[3].alone.has_value()) << "it has the reference's tensors";
  EXPECT_FALSE(accuracy.stages[1].chained.has_value());

  accuracy = CheckPlan(registry_, ChainPlan(1, "emulated:seed.gtx1650@null"), ChainModel, {.bounds = bounds_});
  EXPECT_EQ(accuracy.inputs, 0) << "nothing is run";
  EXPECT_EQ(accuracy.problem, "stage 0 on emulated:seed.gtx1650@null has no numbers");
}

TEST_F(PlanCheckTest, AWrongStageIsFoundBesideOneWithoutNumbers) {
  Plan plan = ChainPlan();
  plan.stages[0].replicas[0].target = Target::Parse("emulated:seed.gtx1650@null");
  PreparedPlan prepared = PrepareChain(plan);
  MakeWrong(prepared.stages[3].replicas[0], FlipEverySecond);
  const PlanAccuracy accuracy = Check(prepared, plan, bounds_);
  EXPECT_EQ(accuracy.first_bad_stage, 3);
  EXPECT_THAT(accuracy.misses, SizeIs(1));
}

TEST_F(PlanCheckTest, PartsOfADividedCallAreCheckedByTheirRows) {
  Plan plan{.batch = 5, .stages = {{.begin = 0, .end = 2}}};
  for (const int64_t samples : {2, 3})
    plan.stages[0].replicas.push_back({.target = Target::Parse("cpu@onnxruntime"), .samples = samples});
  PreparedPlan prepared = Prepare(plan, BatchModel(5).graph(), ShardsOf(BatchModel, plan), registry_);
  const PlanCheckOptions options{.bounds = bounds_};
  EXPECT_THAT(CheckPrepared(prepared, registry_, plan, BatchModel, options).misses, IsEmpty());
  MakeWrong(prepared.stages[0].replicas[1], FlipEverySecond);
  const PlanAccuracy accuracy = CheckPrepared(prepared, registry_, plan, BatchModel, options);
  EXPECT_EQ(accuracy.first_bad_stage, 0);
  EXPECT_TRUE(Misses(*accuracy.stages[0].alone, bounds_).empty());
  EXPECT_FALSE(Misses(*accuracy.stages[1].alone, bounds_).empty());
}

TEST_F(PlanCheckTest, GivenInputsAreUsed) {
  const Plan plan = ChainPlan();
  PreparedPlan prepared = PrepareChain(plan);
  // Wrong for large values only, which seeded inputs do not have.
  MakeWrong(prepared.stages[0].replicas[0], [](std::span<float> values) {
    for (float& value : values) value = value > 100 ? 0 : value;
  });
  EXPECT_THAT(Check(prepared, plan, bounds_).misses, IsEmpty());
  PlanCheckOptions options{.bounds = bounds_, .input_sets = 1};
  options.inputs = [](int) {
    Tensors inputs;
    Buffer x = Buffer::Allocate({DataType::kFloat32, {1, 16}});
    for (float& value : x.as<float>()) value = 1000;
    inputs.emplace("x", std::move(x));
    return inputs;
  };
  EXPECT_EQ(CheckPrepared(prepared, registry_, plan, ChainModel, options).first_bad_stage, 0);
}

TEST_F(PlanCheckTest, ProblemsSayWhere) {
  const auto open = [](int64_t) { return Model::Parse(test::AsBytes(test::DynamicBatchModel()), "open.onnx"); };
  const Plan plan{.stages = {{.begin = 0, .end = 2, .replicas = {{.target = Target::Parse("cpu@onnxruntime")}}}}};
  EXPECT_THAT([&] { CheckPlan(registry_, plan, open); }, ThrowsMessage<Error>(HasSubstr("its shape must be fixed")));
  PlanCheckOptions options{.reference = Target::Parse("emulated:seed.gtx1650@null")};
  EXPECT_THAT([&] { CheckPlan(registry_, ChainPlan(), ChainModel, options); },
              ThrowsMessage<Error>(HasSubstr("no numbers")));
}

}  // namespace
}  // namespace consort
