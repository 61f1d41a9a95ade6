#include "cost/stages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>

#include "consort/error.h"
#include "consort/model.h"
#include "model/test_models.h"

namespace consort {
namespace {

using test::AsBytes;
using test::GraphWriter;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// x[1, sizes[0]] → a matrix product to each further size: every position between two is a cut.
Model Chain(const std::vector<int64_t>& sizes) {
  onnx::ModelProto proto = test::EmptyModel("chain");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("t0", {"1", std::to_string(sizes[0])});
  for (size_t i = 1; i < sizes.size(); ++i) {
    graph.Weight("w" + std::to_string(i), {sizes[i - 1], sizes[i]});
    graph.Node("MatMul", {"t" + std::to_string(i - 1), "w" + std::to_string(i)}, {"t" + std::to_string(i)},
               "m" + std::to_string(i));
  }
  graph.Output("t" + std::to_string(sizes.size() - 1), {"1", std::to_string(sizes.back())});
  return Model::Parse(AsBytes(test::Bytes(proto)), "chain.onnx");
}

// A microsecond per multiply-accumulate, `per_element` for what crosses, and as much again for every parameter beyond a
// cache.
class HandMade : public CostModel {
 public:
  explicit HandMade(double per_element, int64_t cache = 1 << 30) : per_element_(per_element), cache_(cache) {}

  Estimate Cost(const WorkList& works, const CostQuery&) const override {
    if (works.macs < smallest_macs) throw Error(ErrorCode::kUnsupported, "too small");
    Estimate estimate;
    estimate.input_s = per_element_ * static_cast<double>(works.inputs);
    estimate.output_s = per_element_ * static_cast<double>(works.outputs);
    WorkCost& cost = estimate.works.emplace_back();
    cost.link_seconds = 1e-6 * static_cast<double>(std::max<int64_t>(0, works.parameters - cache_));
    cost.seconds = std::max(1e-6 * static_cast<double>(works.macs), cost.link_seconds);
    estimate.latency_s = estimate.input_s + cost.seconds + estimate.output_s;
    return estimate;
  }

  int64_t smallest_macs = 0;

 private:
  double per_element_;
  int64_t cache_;
};

StagesOptions Options(int stages, bool shared) {
  StagesOptions options{.stages = stages};
  std::vector<int> all(stages);
  std::iota(all.begin(), all.end(), 0);
  if (shared) options.sharing_a_link = {all};
  return options;
}

// The shortest period of all divisions, tried one by one.
double BruteForce(const Graph& graph, const CostModel& model, int stages, bool shared) {
  const auto ops = static_cast<OpId>(graph.ops().size());
  double best = 1e9;
  std::function<void(OpId, int, double, double)> place = [&](OpId begin, int left, double slowest, double link) {
    for (OpId end = begin + 1; end <= ops; ++end) {
      if (left == 1 && end != ops) continue;
      const Segment stage{begin, end, model.Cost(WorkOf(graph, begin, end), {})};
      const double slower = std::max(slowest, stage.estimate.latency_s);
      const double more = link + stage.link_s();
      if (left > 1) place(end, left - 1, slower, more);
      if (left == 1) best = std::min(best, shared ? std::max(slower, more) : slower);
    }
  };
  place(0, stages, 0, 0);
  return best;
}

TEST(Stages, MatchBruteForce) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    std::vector<int64_t> sizes(4 + random() % 6);
    for (int64_t& size : sizes) size = 1 + static_cast<int64_t>(random() % 60);
    const Model model = Chain(sizes);
    const HandMade cost(round % 2 == 0 ? 2e-6 : 5e-5, round % 3 == 0 ? 500 : 1 << 30);
    for (const bool shared : {false, true}) {
      for (int stages = 1; stages <= 4 && stages < static_cast<int>(sizes.size()); ++stages) {
        const Division division = DivideIntoStages(model.graph(), cost, Options(stages, shared));
        ASSERT_EQ(division.stages.size(), static_cast<size_t>(stages));
        EXPECT_NEAR(division.period_s(), BruteForce(model.graph(), cost, stages, shared), 1e-12)
            << "round " << round << ", " << stages << " stages, shared " << shared;
      }
    }
  }
}

TEST(Stages, CoverTheGraphInOrder) {
  const Model model = Chain({8, 16, 16, 16, 8});
  const Division division = DivideIntoStages(model.graph(), HandMade(1e-6), {.stages = 3});
  OpId at = 0;
  for (const Segment& stage : division.stages) {
    EXPECT_EQ(stage.begin, at);
    EXPECT_LT(stage.begin, stage.end);
    at = stage.end;
  }
  EXPECT_EQ(at, 4);
  EXPECT_DOUBLE_EQ(division.latency_s(), division.stages[0].estimate.latency_s + division.stages[1].estimate.latency_s +
                                             division.stages[2].estimate.latency_s);
}

// 32 × 32 four times: one device streams 3 of 4 matrices, four devices none.
TEST(Stages, FourDevicesWithOneMatrixInEachCacheGainMoreThanFour) {
  const Model model = Chain({32, 32, 32, 32, 32});
  class Streaming : public HandMade {
   public:
    Streaming() : HandMade(1e-9, 1024) {}
    Estimate Cost(const WorkList& works, const CostQuery& query) const override {
      Estimate estimate = HandMade::Cost(works, query);
      const double streamed = 10 * estimate.works[0].link_seconds;  // a slow link
      estimate.works[0].link_seconds = streamed;
      estimate.latency_s += streamed;
      return estimate;
    }
  };
  const Streaming cost;
  const Division division = DivideIntoStages(model.graph(), cost, {.stages = 4});
  EXPECT_GT(division.speedup(), 8);
  EXPECT_NEAR(division.slowest_s, 1024e-6 + 64e-9, 1e-12);
}

TEST(Stages, ASharedLinkSetsThePaceWhenItIsSlow) {
  const Model model = Chain({100, 2, 100, 2, 100});
  const HandMade cost(1e-4);
  const Division own = DivideIntoStages(model.graph(), cost, {.stages = 2});
  const Division shared = DivideIntoStages(model.graph(), cost, Options(2, true));
  EXPECT_EQ(own.shared_link_s, 0);
  EXPECT_GT(shared.shared_link_s, shared.slowest_s);
  EXPECT_DOUBLE_EQ(shared.period_s(), shared.shared_link_s);
  EXPECT_LT(shared.speedup(), own.speedup());
}

TEST(Stages, TwoOfThreeMayShareALink) {
  const Model model = Chain({100, 2, 100, 2});
  const HandMade cost(1e-4);
  StagesOptions options{.stages = 3, .sharing_a_link = {{0, 2}}};
  const Division division = DivideIntoStages(model.graph(), cost, options);
  EXPECT_DOUBLE_EQ(division.shared_link_s, division.stages[0].link_s() + division.stages[2].link_s());
}

TEST(Stages, DivideNoFusion) {
  onnx::ModelProto proto = test::EmptyModel("fused");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3", "8", "8"})
      .Output("y", {"1", "4", "8", "8"})
      .Weight("w", {3, 3, 1, 1})
      .Weight("v", {4, 3, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"a"}, "first");
  graph.Node("Relu", {"a"}, {"b"}, "relu");
  graph.Node("Conv", {"b", "v"}, {"y"}, "second");
  const Model model = Model::Parse(AsBytes(test::Bytes(proto)), "fused.onnx");
  const Division division = DivideIntoStages(model.graph(), HandMade(1e-6), {.stages = 2});
  EXPECT_EQ(division.stages[1].begin, 2);
  EXPECT_THAT([&] { DivideIntoStages(model.graph(), HandMade(1e-6), {.stages = 3}); },
              ThrowsMessage<Error>(HasSubstr("ask for 1 to 2")));
}

TEST(Stages, ASegmentThatCannotRunIsNoStage) {
  const Model model = Chain({10, 10, 10, 10});
  HandMade cost(1e-6);
  cost.smallest_macs = 100;
  EXPECT_EQ(DivideIntoStages(model.graph(), cost, {.stages = 3}).stages.size(), 3u);
  cost.smallest_macs = 101;
  EXPECT_THAT([&] { DivideIntoStages(model.graph(), cost, {.stages = 3}); },
              ThrowsMessage<Error>(HasSubstr("cannot be divided into 3 stages that all run on the device")));
  cost.smallest_macs = 301;
  EXPECT_THAT([&] { DivideIntoStages(model.graph(), cost, {.stages = 1}); },
              ThrowsMessage<Error>(HasSubstr("too small")));
}

// 800 B a matrix in fp32, so that 2 of 4 fit.
TEST(Stages, SegmentsFitTheMemory) {
  const Model model = Chain({10, 20, 10, 20, 10});
  PlatformDevice device{.name = "chip"};
  device.memory.value = 1600;
  StagesOptions options = Options(2, false);
  options.device = &device;
  const Division two = DivideIntoStages(model.graph(), HandMade(1e-6), options);
  EXPECT_EQ(two.stages[1].begin, 2);
  EXPECT_FALSE(two.single) << "3200 B do not fit";
  EXPECT_EQ(two.speedup(), 0);
  device.memory.value = 3200;
  EXPECT_TRUE(DivideIntoStages(model.graph(), HandMade(1e-6), options).single);
  device.memory.value = 1599;
  EXPECT_THAT([&] { DivideIntoStages(model.graph(), HandMade(1e-6), options); },
              ThrowsMessage<Error>(HasSubstr("fit its memory")));
}

TEST(Stages, AnOpThatTheDeviceLacksIsNamed) {
  const Model model = Chain({10, 10, 10});
  PlatformDevice device{.name = "chip"};
  device.missing_ops = {"MatMul"};
  StagesOptions options = Options(2, false);
  options.device = &device;
  EXPECT_THAT([&] { DivideIntoStages(model.graph(), HandMade(1e-6), options); },
              ThrowsMessage<Error>(HasSubstr("'chip' has no MatMul ('m1')")));
}

TEST(Stages, TheBandIsTheWidestOfTheStages) {
  Division division;
  division.stages.resize(2);
  division.stages[0].estimate.low = 0.9, division.stages[0].estimate.high = 1.5;
  division.stages[1].estimate.low = 0.7, division.stages[1].estimate.high = 1.2;
  EXPECT_EQ(division.low(), 0.7);
  EXPECT_EQ(division.high(), 1.5);
}

TEST(Stages, ManyPlacesAreThinned) {
  const Model model = Chain(std::vector<int64_t>(400, 2));
  const Division division = DivideIntoStages(model.graph(), HandMade(1e-9), {.stages = 4});
  ASSERT_EQ(division.stages.size(), 4u);
  EXPECT_LE(division.stages[0].end, 110);
  EXPECT_GE(division.stages[0].end, 90);
}

}  // namespace
}  // namespace consort
