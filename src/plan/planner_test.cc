#include "plan/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "consort/model.h"
#include "model/test_models.h"
#include "plan/fingerprint.h"
#include "plan/modelled_costs.h"
#include "plan/random_costs.h"
#include "zoo/zoo.h"

namespace consort {
namespace {

using test::RandomCosts;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Model Chain(int ops) { return Model::Parse(test::AsBytes(test::ChainModel(ops)), "chain.onnx"); }

// The best value that any plan of any strategy has, each tried.
double BestOfEverything(CostSource& costs, int units, Objective objective) {
  double best = test::BestOfAll(costs, units, objective, {.replicas = objective == Objective::kThroughput});
  std::vector<double> paces;
  Draft split{.stages = {{0, units, {}}}};
  for (int device = 0; device < static_cast<int>(costs.devices().size()); ++device) {
    best = std::min(best, Evaluate(costs, {.stages = {{0, units, {{.device = device}}}}}).Value(objective));
  }
  for (int devices = 1; devices < 1 << costs.devices().size(); ++devices) {
    DraftStage stage{0, units, {}};
    paces.clear();
    for (int device = 0; device < static_cast<int>(costs.devices().size()); ++device) {
      if ((devices >> device & 1) == 0) continue;
      stage.replicas.push_back({.device = device});
      paces.push_back(PaceOf(costs.Cost(device, 0, units, 1)));
    }
    for (size_t i = 0; i < paces.size(); ++i) stage.replicas[i].share = SharesByPace(paces)[i];
    if (objective == Objective::kThroughput)
      best = std::min(best, Evaluate(costs, {.stages = {stage}}).Value(objective));
  }
  return best;
}

TEST(PlannerTest, TheFirstOfTheListIsTheBestOfEverything) {
  for (const Objective objective : {Objective::kLatency, Objective::kThroughput, Objective::kEnergy}) {
    for (int seed = 0; seed < 200; ++seed) {
      int units = 0;
      const auto costs = RandomCosts(seed, units);
      const Model model = Chain(units);
      const PlanList list = MakePlans(model.graph(), *costs, {.objective = objective});
      const double best = BestOfEverything(*costs, units, objective);
      ASSERT_NEAR(list.plans.front().evaluation.Value(objective), best, 1e-9 * best)
          << ToString(objective) << ", graph " << seed;
      ASSERT_GE(list.best_single, 0);
      EXPECT_EQ(list.plans[list.best_single].plan.strategy, Strategy::kSingle);
    }
  }
}

// Device 0 takes a second per op, device 1 `slower` times that; nothing is shared.
std::unique_ptr<WrittenCosts> Unlike(double slower) {
  return std::make_unique<WrittenCosts>(
      std::vector<PlanDevice>{
          {.name = "a", .target = {.device = "null", .unit = "a"}, .resources = {0}, .active_watts = 10},
          {.name = "b", .target = {.device = "null", .unit = "b"}, .resources = {1}, .active_watts = 2}},
      std::vector<std::string>{"a", "b"}, [slower](int device, OpId begin, OpId end, int64_t batch) {
        const double seconds = (device == 0 ? 1 : slower) * (end - begin) * static_cast<double>(batch);
        return RangeCost{.call_s = seconds, .busy = {{device, seconds}}, .joules = seconds * (device == 0 ? 10 : 2)};
      });
}

TEST(PlannerTest, ASplitIsChosenOnlyWhereItGainsEnough) {
  const Model model = Chain(4);
  const PlanList gains = MakePlans(model.graph(), *Unlike(4), {});
  EXPECT_NE(gains.best().plan.strategy, Strategy::kSingle);
  EXPECT_NEAR(gains.best().plan.predicted.gain_over_best_single, 1 + 1 / 4.0, 1e-9);
  const PlanList little = MakePlans(model.graph(), *Unlike(100), {});
  EXPECT_EQ(little.best().plan.strategy, Strategy::kSingle);
  EXPECT_GT(little.plans.front().plan.predicted.gain_over_best_single, 1);
  EXPECT_THAT(little.plans.front().plan.reason, HasSubstr("no more than 1.01x null:a alone"));
}

TEST(PlannerTest, AStrategyThatIsAskedForIsTaken) {
  const Model model = Chain(4);
  const PlanList list = MakePlans(model.graph(), *Unlike(100), {.strategy = Strategy::kPipeline});
  EXPECT_EQ(list.best().plan.strategy, Strategy::kPipeline);
  EXPECT_LT(list.best().plan.predicted.gain_over_best_single, 1);
  EXPECT_GE(list.best_single, 0);
}

TEST(PlannerTest, ABatchIsDividedByTheCurvesOfTheDevices) {
  const Model model = Chain(1);
  // Device "a" takes 3 s for up to 8 samples and 10 s beyond, "b" a second for each.
  WrittenCosts costs({{.name = "a", .resources = {0}}, {.name = "b", .resources = {1}}}, {"a", "b"},
                     [](int device, OpId, OpId, int64_t batch) {
                       const double seconds = device == 1 ? static_cast<double>(batch) : batch <= 8 ? 3 : 10;
                       return RangeCost{.call_s = seconds, .busy = {{device, seconds}}};
                     });
  const PlanList list = MakePlans(model.graph(), costs, {.objective = Objective::kLatency, .batch = 12});
  const Plan& plan = list.best().plan;
  ASSERT_EQ(plan.strategy, Strategy::kSplit);
  ASSERT_EQ(plan.stages.front().replicas.size(), 2);
  EXPECT_EQ(plan.stages.front().replicas[0].samples, 8);
  EXPECT_EQ(plan.stages.front().replicas[1].samples, 4);
  EXPECT_DOUBLE_EQ(plan.predicted.latency_s, 4);
}

TEST(PlannerTest, DivisionsOfABatchAreOptimal) {
  const Model model = Chain(1);
  for (int seed = 0; seed < 50; ++seed) {
    test::Random random(seed);
    constexpr int kBatch = 9;
    double curve[3][kBatch + 1] = {};
    for (auto& device : curve) {
      for (double& seconds : device) seconds = random.Between(0.2, 3);  // not even monotone
    }
    const bool shared = random.Below(2) == 0;
    std::vector<PlanDevice> devices(3);
    for (int i = 0; i < 3; ++i)
      devices[i] = {.name = "d" + std::to_string(i), .resources = {shared ? std::min(i, 1) : i}};
    WrittenCosts costs(devices, {"r0", "r1", "r2"}, [&](int device, OpId, OpId, int64_t batch) {
      return RangeCost{.call_s = curve[device][batch], .busy = {{devices[device].resources[0], curve[device][batch]}}};
    });
    double best = kInfinite;
    for (int a = 0; a <= kBatch; ++a) {
      for (int b = 0; a + b <= kBatch; ++b) {
        const int c = kBatch - a - b;
        const double ta = a > 0 ? curve[0][a] : 0;
        const double tb = b > 0 ? curve[1][b] : 0;
        const double tc = c > 0 ? curve[2][c] : 0;
        best = std::min(best, shared ? std::max(ta, tb + tc) : std::max({ta, tb, tc}));
      }
    }
    const PlanList list = MakePlans(model.graph(), costs, {.objective = Objective::kLatency, .batch = kBatch});
    EXPECT_DOUBLE_EQ(list.plans.front().plan.predicted.latency_s, best) << "curves " << seed;
  }
}

TEST(PlannerTest, PlacedOpsRunWhereTheyArePlaced) {
  const Model model = Chain(6);
  const PlanList list = MakePlans(model.graph(), *Unlike(4), {.placings = {{"^op[45]$", "b"}, {"^op0$", "a"}}});
  for (const RankedPlan& ranked : list.plans) {
    const Stage& last = ranked.plan.stages.back();
    ASSERT_EQ(ranked.plan.stages.size(), 2);
    EXPECT_LE(last.begin, 4);
    EXPECT_EQ(last.replicas.front().target.unit, "b");
  }
  EXPECT_EQ(list.best_single, -1);
  EXPECT_THAT(list.best().plan.reason, HasSubstr("no single target can do it"));
}

TEST(PlannerTest, PlacingsThatCannotBeMetAreExplained) {
  const Model model = Chain(6);
  const auto costs = Unlike(2);
  const auto plan = [&](std::vector<Placing> placings) {
    return [&, placings] { MakePlans(model.graph(), *costs, {.placings = placings}); };
  };
  EXPECT_THAT(plan({{"nothing", "a"}}), ThrowsMessage<Error>(HasSubstr("'nothing' matches no op of the model")));
  EXPECT_THAT(plan({{"op9", "a"}}), ThrowsMessage<Error>(HasSubstr("did you mean 'op")));
  EXPECT_THAT(plan({{"op1", "c"}}),
              ThrowsMessage<Error>(HasSubstr("there is no device 'c' to plan for; there are a, b")));
  EXPECT_THAT(plan({{"op(", "a"}}), ThrowsMessage<Error>(HasSubstr("no regular expression")));
  EXPECT_THAT(plan({{"op1", "a"}, {"op", "b"}}), ThrowsMessage<Error>(HasSubstr("'op1' is placed both on a and on b")));
  EXPECT_THAT(plan({{"op0", "a"}, {"op2", "b"}, {"op4", "a"}}),
              ThrowsMessage<Error>(HasSubstr("each device runs at most one stage")));
}

TEST(PlannerTest, BoundsThatNothingKeepsAreExplained) {
  const Model model = Chain(4);
  EXPECT_THAT([&] { MakePlans(model.graph(), *Unlike(2), {.max_latency_s = 1}); },
              ThrowsMessage<Error>(HasSubstr("a alone: a sample takes 4 s, more than the 1 s that are allowed")));
  EXPECT_THAT([&] { MakePlans(model.graph(), *Unlike(2), {.max_watts = 1}); },
              ThrowsMessage<Error>(HasSubstr("b alone: its devices draw 2 W, more than the 1 W that are allowed")));
}

TEST(PlannerTest, AnOpThatNoDeviceRunsIsNamed) {
  const Model model = Chain(4);
  WrittenCosts costs({{.name = "a", .resources = {0}}}, {"a"}, [](int, OpId begin, OpId end, int64_t) {
    return RangeCost{.call_s = 1, .busy = {{0, 1}}, .refused = begin <= 2 && end > 2 ? "no such kernel" : ""};
  });
  EXPECT_THAT([&] { MakePlans(model.graph(), costs, {}); },
              ThrowsMessage<Error>(HasSubstr("no device runs 'op2': a: no such kernel")));
}

// --- Modelled costs
// -----------------------------------------------------------------------------------------------------

struct Network {
  explicit Network(const std::string& name) : model(zoo::Structure(name, {})) {}
  Model model;
  const Graph& graph() const { return model.graph(); }
  GraphAtBatch at_batch() const {
    return [this](int64_t) -> const Graph& { return model.graph(); };
  }
};

TEST(ModelledCostsTest, ARangeCostsWhatItsCostModelSays) {
  const Platform platform = LoadPlatform("seed", BuiltinCostSchemas());
  const Network network("resnet-50");
  ModelledCosts costs(platform, {}, network.at_batch());
  ASSERT_EQ(costs.devices().size(), 3);
  const auto ops = static_cast<OpId>(network.graph().ops().size());
  for (int device = 0; device < 3; ++device) {
    const PlatformDevice& platform_device = platform.devices[device];
    const Estimate estimate = MakeCostModel(platform, platform_device)->Cost(WorkOf(network.graph(), ops / 2, ops), {});
    const RangeCost cost = costs.Cost(device, ops / 2, ops, 1);
    EXPECT_DOUBLE_EQ(cost.call_s, estimate.latency_s) << platform_device.name;
    EXPECT_DOUBLE_EQ(cost.joules, estimate.joules) << platform_device.name;
    EXPECT_EQ(cost.provenance, Provenance::kModelled);
    EXPECT_DOUBLE_EQ(PaceOf(cost), estimate.latency_s);
  }
}

TEST(ModelledCostsTest, DevicesAtOneHubShareIt) {
  const Platform platform = LoadPlatform("coral-x4-hub", BuiltinCostSchemas());
  const Network network("mobilenet-v1");
  ModelledCosts costs(platform, {}, network.at_batch());
  const RangeCost cost = costs.Cost(2, 0, static_cast<OpId>(network.graph().ops().size()), 1);
  ASSERT_EQ(cost.busy.size(), 3);
  EXPECT_EQ(costs.resources()[cost.busy[0].resource], "coral-2");
  EXPECT_EQ(costs.resources()[cost.busy[1].resource], "link hub");
  EXPECT_EQ(costs.resources()[cost.busy[2].resource], "link port-2");
  EXPECT_EQ(costs.devices()[2].alike, 0);
  EXPECT_LT(cost.busy[1].seconds, cost.call_s);
}

TEST(ModelledCostsTest, WhatAnEdgeTpuLeavesToTheCpuTakesTheCpusTime) {
  const Platform platform = LoadPlatform("seed", BuiltinCostSchemas());
  const Network network("bert-tiny");
  ModelledCosts costs(platform, {{"coral-usb3", std::nullopt}}, network.at_batch());
  const auto model = MakeCostModel(platform, platform.device("coral-usb3"));
  const auto ops = static_cast<OpId>(network.graph().ops().size());
  int partly = 0;
  for (const OpId begin : CutPositions(network.graph(), {})) {
    const RangeCost cost = begin < ops ? costs.Cost(0, begin, ops, 1) : RangeCost{.refused = "empty"};
    if (!cost.refused.empty() || cost.busy.size() < 3) continue;
    const Estimate estimate = model->Cost(WorkOf(network.graph(), begin, ops), {});
    const auto host = std::find_if(cost.busy.begin(), cost.busy.end(), [&](const Busy& busy) {
      return costs.resources()[busy.resource] == "xeon-2.2ghz";
    });
    ASSERT_NE(host, cost.busy.end());
    EXPECT_DOUBLE_EQ(host->seconds, estimate.host_s);
    EXPECT_DOUBLE_EQ(cost.joules, estimate.joules);
    ++partly;
  }
  EXPECT_GT(partly, 0);
}

TEST(ModelledCostsTest, AnEdgeTpuTakesABatchOneByOne) {
  const Platform platform = LoadPlatform("seed", BuiltinCostSchemas());
  const Network network("lenet");
  ModelledCosts costs(platform, {{"coral-usb3", std::nullopt}}, network.at_batch());
  const auto ops = static_cast<OpId>(network.graph().ops().size());
  EXPECT_DOUBLE_EQ(costs.Cost(0, 0, ops, 5).call_s, 5 * costs.Cost(0, 0, ops, 1).call_s);
}

TEST(ModelledCostsTest, UnknownAndRepeatedDevicesAreRefused) {
  const Platform platform = LoadPlatform("seed", BuiltinCostSchemas());
  const Network network("lenet");
  EXPECT_THROW(ModelledCosts(platform, {{"gpu", std::nullopt}}, network.at_batch()), Error);
  EXPECT_THROW(ModelledCosts(platform, {{"gtx1650", std::nullopt}, {"gtx1650", std::nullopt}}, network.at_batch()),
               Error);
}

PlanQuery QueryFor(ModelledCosts& costs) {
  PlanQuery query;
  query.units.op_weights = costs.OpWeights(1);
  query.units.divides_a_fusion = costs.Fusions(1);
  return query;
}

TEST(ModelledPlansTest, FourSticksHoldWhatOneMustStream) {
  const Platform platform = LoadPlatform("coral-x4", BuiltinCostSchemas());
  const Network network("resnet-50");
  ModelledCosts costs(platform, {}, network.at_batch());
  const PlanList list = MakePlans(network.graph(), costs, QueryFor(costs));
  EXPECT_GT(list.best().plan.predicted.gain_over_best_single, 4);
  EXPECT_FALSE(list.best().plan.stages.front().divides_a_fusion);
}

TEST(ModelledPlansTest, MemoryKeepsAModelOffADevice) {
  Platform platform = LoadPlatform("seed", BuiltinCostSchemas());
  platform.Set("gtx1650.memory=10MB");
  const Network network("resnet-50");
  ModelledCosts costs(platform, {{"gtx1650", std::nullopt}}, network.at_batch());
  EXPECT_THAT([&] { MakePlans(network.graph(), costs, QueryFor(costs)); },
              ThrowsMessage<Error>(HasSubstr("of memory")));
}

// --- Fingerprints
// -------------------------------------------------------------------------------------------------------

TEST(FingerprintTest, HoldsForEveryBatchAndForTheSeededNetwork) {
  const std::string one = FingerprintOf(zoo::Structure("lenet", {}).graph());
  EXPECT_EQ(one, FingerprintOf(zoo::Structure("lenet", {.batch = 4}).graph()));
  EXPECT_EQ(one, FingerprintOf(Model::Parse(test::AsBytes(test::Bytes(zoo::Make("lenet", {}))), "lenet").graph()));
  EXPECT_NE(one, FingerprintOf(zoo::Structure("squeezenet-1.0", {}).graph()));
  EXPECT_NE(FingerprintOf(zoo::Structure("squeezenet-1.0", {}).graph()),
            FingerprintOf(zoo::Structure("squeezenet-1.0", {.size = 128}).graph()));
}

TEST(FingerprintTest, APlatformThatWasChangedIsAnother) {
  Platform platform = LoadPlatform("seed", BuiltinCostSchemas());
  const std::string before = FingerprintOf(platform);
  platform.Set("gtx1650.link.bandwidth=24GB/s");
  EXPECT_NE(FingerprintOf(platform), before);
}

}  // namespace
}  // namespace consort
