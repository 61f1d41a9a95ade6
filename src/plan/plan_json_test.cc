#include "plan/plan_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "consort/error.h"
#include "consort/model.h"
#include "cost/cost_model.h"
#include "model/test_models.h"
#include "plan/describe_stage.h"
#include "plan/fingerprint.h"
#include "plan/modelled_costs.h"
#include "plan/planner.h"
#include "zoo/zoo.h"

namespace consort {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class PlanJsonTest : public testing::Test {
 protected:
  const Graph& graph() const { return model_.graph(); }
  Plan Parse(const std::string& text) const { return ParsePlan(text, "plan.json", graph()); }
  void ExpectRefused(const std::string& text, const std::string& why) const {
    EXPECT_THAT([&] { Parse(text); }, ThrowsMessage<Error>(HasSubstr(why))) << text;
  }
  // Ops op0 … op5 in two stages with these replicas and more keys.
  static std::string Two(const std::string& first, const std::string& second, const std::string& more = "") {
    return R"({"stages": [{"first_op": "op0", "last_op": "op2", "replicas": [)" + first +
           R"(]}, {"first_op": "op3", "last_op": "op5", "replicas": [)" + second + "]}]" + more + "}";
  }

  Model model_ = Model::Parse(test::AsBytes(test::ChainModel(6)), "chain.onnx");
};

constexpr char kA[] = R"({"target": "null:a"})";
constexpr char kB[] = R"({"target": "null:b"})";

TEST_F(PlanJsonTest, AFewLinesByHandAreAPlan) {
  const Plan plan = Parse(Two(kA, std::string(kB) + "," + kA));
  EXPECT_EQ(plan.strategy, Strategy::kHybrid);
  ASSERT_EQ(plan.stages.size(), 2);
  EXPECT_EQ(plan.stages[0].begin, 0);
  EXPECT_EQ(plan.stages[0].end, 3);
  EXPECT_EQ(plan.stages[1].end, 6);
  EXPECT_EQ(plan.stages[0].inputs, std::vector<std::string>{"x"});
  EXPECT_EQ(plan.stages[0].outputs, plan.stages[1].inputs);
  EXPECT_GT(plan.stages[0].output_bytes, 0);
  EXPECT_DOUBLE_EQ(plan.stages[1].replicas[0].share, 0.5);
  EXPECT_EQ(plan.stages[1].replicas[0].target.unit, "b");
}

TEST_F(PlanJsonTest, RangesAreOfTensorsAndReadBackExactly) {
  const std::string tensor = graph().tensor(graph().op(0).outputs[0]).name;
  const auto with = [&](const std::string& range) { return Two(kA, kB, R"(, "ranges": [)" + range + "]"); };
  const Plan plan = Parse(with("[\"" + tensor + "\", -0.333333343, 1e-7]"));
  ASSERT_EQ(plan.ranges.count(tensor), 1u);
  EXPECT_EQ(plan.ranges.at(tensor), std::pair(-1.0F / 3, 1e-7F));
  EXPECT_EQ(Parse(FormatPlan(plan, graph())).ranges, plan.ranges);
  ExpectRefused(with(R"(["nothing", 0, 1])"), "ranges[0][0]: the model has no tensor 'nothing'");
  ExpectRefused(with("[\"" + tensor + "\", 2, 1]"), "above the highest");
  ExpectRefused(with("[\"" + tensor + "\", 2]"), "its highest value");
}

TEST_F(PlanJsonTest, ConversionsAreAPartOfTheCall) {
  const auto with = [](const std::string& convert) {
    return Two(R"({"target": "null:a", "call_ms": 2, "convert": )" + convert + "}", kB);
  };
  const Plan plan = Parse(with(R"({"in_ms": 0.5, "out_ms": 0.25})"));
  const Replica& replica = plan.stages[0].replicas[0];
  EXPECT_DOUBLE_EQ(replica.convert_in_s, 0.5e-3);
  EXPECT_DOUBLE_EQ(replica.convert_s(), 0.75e-3);
  EXPECT_DOUBLE_EQ(replica.run_s(), 1.25e-3);
  EXPECT_DOUBLE_EQ(plan.stages[1].replicas[0].convert_s(), 0);
  const std::string text = FormatPlan(plan, graph());
  EXPECT_EQ(FormatPlan(Parse(text), graph()), text);
  EXPECT_THAT(text, HasSubstr("\"out_ms\": 0.25"));
  ExpectRefused(with(R"({"in_ms": 2, "out_ms": 0.25})"), "must not be more than call_ms");
  ExpectRefused(with(R"({"in_ms": 2})"), "out_ms");
}

TEST_F(PlanJsonTest, WhatIsWrittenIsReadBack) {
  const Platform platform = LoadPlatform("seed", BuiltinCostSchemas());
  const Model network = zoo::Structure("resnet-50", {});
  ModelledCosts costs(platform, {}, [&](int64_t) -> const Graph& { return network.graph(); });
  Plan plan = MakePlans(network.graph(), costs, {}).best().plan;
  plan.model = "resnet-50";
  plan.model_fingerprint = FingerprintOf(network.graph());
  plan.platform = "seed";
  plan.platform_fingerprint = FingerprintOf(platform);
  ASSERT_GT(plan.stages.size(), 1);
  const std::string text = FormatPlan(plan, network.graph());
  const Plan again = ParsePlan(text, "plan.json", network.graph());
  EXPECT_EQ(FormatPlan(again, network.graph()), text);
  EXPECT_EQ(again.stages.front().end, plan.stages.front().end);
  EXPECT_EQ(again.strategy, plan.strategy);
  EXPECT_NO_THROW(CheckPlatform(again, "plan.json", platform));
}

TEST_F(PlanJsonTest, ThePlanHoldsForTheSeededNetworkAtAnotherBatch) {
  const Model structure = zoo::Structure("lenet", {});
  const Model seeded = Model::Parse(test::AsBytes(test::Bytes(zoo::Make("lenet", {.batch = 2}))), "lenet.onnx");
  Plan plan{.model_fingerprint = FingerprintOf(structure.graph())};
  plan.stages = {{.begin = 0,
                  .end = static_cast<int>(structure.graph().ops().size()),
                  .replicas = {{.target = {.device = "cpu"}}}}};
  DescribeStage(structure.graph(), plan.stages.front());
  const Plan again = ParsePlan(FormatPlan(plan, structure.graph()), "plan.json", seeded.graph());
  EXPECT_EQ(again.stages.front().end, static_cast<int>(seeded.graph().ops().size()));
}

TEST_F(PlanJsonTest, KeysAreThoseThatAreDocumented) {
  Plan plan = Parse(Two(kA, kB));
  const auto json = PlanJson(plan, graph());
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_THAT(keys, ElementsAre("format", "version", "model", "model_fingerprint", "platform", "platform_fingerprint",
                                "objective", "strategy", "batch", "latency_ms", "throughput_per_s", "joules_per_sample",
                                "gain_over_best_single", "bottleneck", "measured", "reason", "stages"));
}

TEST_F(PlanJsonTest, UnknownKeysAndValuesAreNamed) {
  ExpectRefused("{", "plan.json: not JSON");
  ExpectRefused("[]", "must be an object");
  ExpectRefused("{}", "there is no \"stages\"");
  ExpectRefused(R"({"stagess": []})", "unknown key \"stagess\": did you mean \"stages\"?");
  ExpectRefused(R"({"stages": []})", "at least one stage");
  ExpectRefused(R"({"stages": [], "stages": []})", "\"stages\" stands twice");
  ExpectRefused(Two(R"({"target": "null:a", "shares": 1})", kB),
                "stages[0].replicas[0]: unknown key \"shares\": did you mean \"share\"?");
  ExpectRefused(Two(R"({"target": 3})", kB), "stages[0].replicas[0].target: must be a text");
  ExpectRefused(Two(R"({"target": "a b@"})", kB), "stages[0].replicas[0].target");
  ExpectRefused(Two("", kB), "at least one replica");
  ExpectRefused(Two(kA, kB, R"(, "batch": 0)"), "batch: must lie between 1 and");
  ExpectRefused(Two(kA, kB, R"(, "batch": 1.5)"), "batch: must be a whole number");
  ExpectRefused(Two(kA, kB, R"(, "objective": "speed")"),
                "'speed' is no objective; valid are latency, throughput, energy");
  ExpectRefused(Two(kA, kB, R"(, "strategy": "single")"), "these stages are a pipeline");
  ExpectRefused(Two(kA, kB, R"(, "version": 2)"), "version");
  ExpectRefused(Two(kA, kB, R"(, "latency_ms": "fast")"), "latency_ms: must be a number");
  std::string deep(64, '[');
  ExpectRefused(deep + std::string(64, ']'), "nested deeper");
}

std::string Stages(const std::string& a, const std::string& b, const std::string& c, const std::string& d) {
  return R"({"stages": [{"first_op": ")" + a + R"(", "last_op": ")" + b +
         R"(", "replicas": [{"target": "null:a"}]}, {"first_op": ")" + c + R"(", "last_op": ")" + d +
         R"(", "replicas": [{"target": "null:b"}]}]})";
}

TEST_F(PlanJsonTest, GapsAndOverlapsAreNamed) {
  ExpectRefused(Stages("op0", "op2", "op4", "op5"),
                "stages[1]: 'op3' belongs to no stage: there is a gap in front of 'op4'");
  ExpectRefused(Stages("op1", "op2", "op3", "op5"), "stages[0]: 'op0' belongs to no stage");
  ExpectRefused(Stages("op0", "op3", "op3", "op5"),
                "stages[1]: 'op3' belongs to the stage before as well: stages overlap");
  ExpectRefused(Stages("op0", "op2", "op3", "op4"), "'op5' belongs to no stage: the last one must end");
  ExpectRefused(Stages("op2", "op0", "op3", "op5"), "'op2' comes behind 'op0'");
  ExpectRefused(Stages("op0", "op2", "op33", "op5"),
                "stages[1].first_op: the model has no op 'op33' (did you mean 'op3'?)");
}

TEST_F(PlanJsonTest, SharesAndSamplesMustAddUp) {
  const auto share = [](const std::string& value) { return R"({"target": "null:a", "share": )" + value + "}"; };
  const auto samples = [](const std::string& value) { return R"({"target": "null:a", "samples": )" + value + "}"; };
  ExpectRefused(Two(share("0.5") + "," + share("0.4"), kB), "stages[0].replicas: the shares add up to 0.9, not to 1");
  ExpectRefused(Two(share("0.5") + "," + kB, kB), "either all replicas have a \"share\", or none");
  ExpectRefused(Two(share("-1"), kB), "is not between");
  ExpectRefused(Two(samples("3") + "," + samples("2"), kB, R"(, "batch": 4)"), "add up to 5, the batch is 4");
  ExpectRefused(Two(samples("4") + "," + kB, kB, R"(, "batch": 4)"), "either all replicas have \"samples\", or none");
  // The batch may stand behind the stages.
  const Plan plan = Parse(Two(samples("3") + "," + samples("1"), kB, R"(, "batch": 4)"));
  EXPECT_DOUBLE_EQ(plan.stages[0].replicas[0].share, 0.75);
}

TEST_F(PlanJsonTest, TensorsThatStandThereMustBeRight) {
  const std::string stage =
      R"({"stages": [{"first_op": "op0", "last_op": "op5", "replicas": [{"target": "cpu"}], "inputs": [)";
  EXPECT_NO_THROW(Parse(stage + R"("x"]}]})"));
  ExpectRefused(stage + R"("z"]}]})", "stages[0].inputs[0]: the model has no tensor 'z'");
  ExpectRefused(stage + "]}]}", "stages[0].inputs: for these ops they are x; correct or leave out the list");
}

TEST_F(PlanJsonTest, StalePlansAreRefusedWithTheWayOut) {
  ExpectRefused(Two(kA, kB, R"(, "model": "other", "model_fingerprint": "0123")"), "the plan is stale");
  ExpectRefused(Two(kA, kB, R"(, "model": "other", "model_fingerprint": "0123")"), "'consort plan'");
  Platform platform = LoadPlatform("seed", BuiltinCostSchemas());
  Plan plan = Parse(Two(R"({"target": "emulated:gtx1650"})", R"({"target": "emulated:coral-usb3"})"));
  plan.platform_fingerprint = FingerprintOf(platform);
  EXPECT_NO_THROW(CheckPlatform(plan, "plan.json", platform));
  platform.Set("gtx1650.link.bandwidth=24GB/s");
  EXPECT_THAT([&] { CheckPlatform(plan, "plan.json", platform); },
              ThrowsMessage<Error>(HasSubstr("other figures of the platform")));
  plan.stages[0].replicas[0].target.unit = "gtx1651";
  EXPECT_THAT([&] { CheckPlatform(plan, "plan.json", platform); }, ThrowsMessage<Error>(HasSubstr("gtx1651")));
}

}  // namespace
}  // namespace consort
