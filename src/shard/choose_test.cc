#include "shard/choose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <random>

#include "consort/error.h"
#include "consort/model.h"
#include "model/test_models.h"
#include "shard/sharding.h"

namespace consort {
namespace {

using test::GraphWriter;
using test::Parse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;

TEST(PositionBehind, IsBehindTheMaker) {
  const Model model = Parse(test::SkipModel());
  EXPECT_EQ(PositionBehind(model.graph(), "a_out"), 1);
  EXPECT_EQ(PositionBehind(model.graph(), "c_out"), 3);
}

TEST(PositionBehind, SaysWhatIsWrongWithAName) {
  const Model model = Parse(test::SkipModel());
  const auto behind = [&](const std::string& name) { return [&model, name] { PositionBehind(model.graph(), name); }; };
  EXPECT_THAT(behind("a_oot"), ThrowsMessage<Error>(HasSubstr("no tensor 'a_oot'; near is 'a_out'")));
  EXPECT_THAT(behind("_out"), ThrowsMessage<Error>(HasSubstr("'a_out', 'b_out', 'c_out'")));
  EXPECT_THAT(behind("zzz"), ThrowsMessage<Error>(HasSubstr("consort inspect")));
  EXPECT_THAT(behind("sum"), ThrowsMessage<Error>(HasSubstr("is an op, not a tensor; it makes 'y'")));
  EXPECT_THAT(behind("x"), ThrowsMessage<Error>(HasSubstr("input of the model")));
  EXPECT_THAT(behind("w"), ThrowsMessage<Error>(HasSubstr("is a constant")));
  EXPECT_THAT(behind("y"), ThrowsMessage<Error>(HasSubstr("nothing is left behind")));
}

std::vector<NamedCut> NameCuts(const Graph& graph, const std::vector<int>& positions) {
  std::vector<NamedCut> cuts;
  for (const int position : positions) {
    NamedCut cut{.after = graph.tensor(graph.op(position - 1).outputs.front()).name};
    for (const TensorId id : graph.CutAt(position).crossing) cut.crossing.push_back(graph.tensor(id).name);
    cuts.push_back(cut);
  }
  return cuts;
}

TEST(PositionsLike, FindsTheSameTensorsInAnotherModel) {
  const Model model = Parse(test::SkipModel());
  const std::vector<NamedCut> cuts = NameCuts(model.graph(), {1, 3});
  onnx::ModelProto longer;
  longer.ParseFromString(test::SkipModel());
  GraphWriter graph(longer.mutable_graph());
  graph.Node("Neg", {"x"}, {"before"});  // in front, once ops are in order
  longer.mutable_graph()->mutable_node(0)->set_input(0, "before");
  const Model other = Parse(test::Bytes(longer));
  ASSERT_EQ(other.graph().ops().size(), 5u);
  EXPECT_THAT(PositionsLike(model.graph(), cuts), ElementsAre(1, 3));
  EXPECT_THAT(PositionsLike(other.graph(), cuts), ElementsAre(2, 4));
}

TEST(PositionsLike, NamesWhatDoesNotFit) {
  const Model skip = Parse(test::SkipModel());
  const Model chain = Parse(test::ChainModel(4));
  EXPECT_THAT(
      [&] {
        PositionsLike(chain.graph(), NameCuts(skip.graph(), {1, 2}));
      },
      ThrowsMessage<Error>(HasSubstr("cut 1: the model has no tensor 'a_out'")));
  EXPECT_THAT(
      [&] {
        PositionsLike(skip.graph(), {{"b_out", {"b_out"}}});
      },
      ThrowsMessage<Error>(HasSubstr("behind 'b', 'a_out' crosses as well")));
}

// The least maximum over all divisions, by trying each.
int64_t BruteForce(const std::vector<int>& places, int stages, const std::function<int64_t(int, int)>& weight) {
  const int last = static_cast<int>(places.size()) - 1;
  std::function<int64_t(int, int)> least = [&](int begin, int left) -> int64_t {
    if (left == 1) return weight(places[static_cast<size_t>(begin)], places.back());
    int64_t best = std::numeric_limits<int64_t>::max();
    for (int end = begin + 1; end <= last - (left - 1); ++end) {
      const int64_t here = weight(places[static_cast<size_t>(begin)], places[static_cast<size_t>(end)]);
      best = std::min(best, std::max(here, least(end, left - 1)));
    }
    return best;
  };
  return least(0, stages);
}

TEST(ChooseStages, EqualsBruteForceOnSums) {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    const int ops = 3 + static_cast<int>(random() % 9);
    const Model model = Parse(test::ChainModel(ops));
    StageOptions options{.stages = 1 + static_cast<int>(random() % static_cast<unsigned>(ops))};
    for (int i = 0; i < ops; ++i) options.weights.per_op.push_back(random() % 5 == 0 ? 0 : random() % 100);
    std::vector<int> places(static_cast<size_t>(ops) + 1);
    std::iota(places.begin(), places.end(), 0);
    const StageChoice choice = ChooseStages(model.graph(), options);
    ASSERT_THAT(choice.positions, SizeIs(options.stages - 1));
    const int64_t best = BruteForce(places, options.stages, [&](int begin, int end) {
      return std::accumulate(options.weights.per_op.begin() + begin, options.weights.per_op.begin() + end, int64_t{0});
    });
    EXPECT_EQ(*std::max_element(choice.weights.begin(), choice.weights.end()), best) << round;
  }
}

TEST(ChooseStages, CountsSharedParametersOncePerStage) {
  std::mt19937 random(2);
  for (int round = 0; round < 40; ++round) {
    const int ops = 3 + static_cast<int>(random() % 7);
    onnx::ModelProto proto = test::EmptyModel("adds");
    GraphWriter graph(proto.mutable_graph());
    graph.Input("t0", {"8", "16"}).Output("t" + std::to_string(ops), {"8", "16"});
    for (int w = 0; w < 3; ++w) graph.Weight("w" + std::to_string(w), {w == 0 ? 1 : 8, w == 2 ? 16 : 1});
    for (int i = 0; i < ops; ++i) {
      graph.Node("Add", {"t" + std::to_string(i), "w" + std::to_string(random() % 3)}, {"t" + std::to_string(i + 1)});
    }
    const Model model = Parse(test::Bytes(proto));
    StageOptions options{.stages = 1 + static_cast<int>(random() % static_cast<unsigned>(ops))};
    options.weights.count_parameters = true;
    std::vector<int> places(static_cast<size_t>(ops) + 1);
    std::iota(places.begin(), places.end(), 0);
    const auto weight = [&](int begin, int end) {
      std::vector<OpId> range(static_cast<size_t>(end - begin));
      std::iota(range.begin(), range.end(), begin);
      int64_t bytes = 0;
      for (const TensorId id : DescribeShard(model.graph(), range).initializers)
        bytes += model.graph().tensor(id).bytes();
      return bytes;
    };
    const StageChoice choice = ChooseStages(model.graph(), options);
    ASSERT_THAT(choice.positions, SizeIs(options.stages - 1));
    EXPECT_EQ(*std::max_element(choice.weights.begin(), choice.weights.end()),
              BruteForce(places, options.stages, weight));
  }
}

TEST(ChooseStages, OfEqualChoicesTheOneWithTheFewestBytesAcross) {
  onnx::ModelProto proto = test::EmptyModel("funnel");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "16"}).Output("y", {"1", "16"}).Weight("narrow", {16, 2}).Weight("wide", {2, 16});
  graph.Node("Relu", {"x"}, {"a"});
  graph.Node("MatMul", {"a", "narrow"}, {"b"});
  graph.Node("Relu", {"b"}, {"c"});
  graph.Node("MatMul", {"c", "wide"}, {"y"});
  const Model model = Parse(test::Bytes(proto));
  StageOptions options{.stages = 2, .weights = {.per_op = {1, 0, 0, 1}}};
  EXPECT_EQ(ChooseStages(model.graph(), options).positions, std::vector<int>{2});
}

TEST(ChooseStages, LeavesFusionsWhole) {
  const Model model = Parse(test::ConvReluModel());
  const FusionIndex fusions(model.graph());
  StageOptions options{.stages = 2, .weights = WeightsByMacs(model.graph())};
  EXPECT_THAT(ChooseStages(model.graph(), options).positions, ElementsAre(1));
  options.avoid = &fusions;
  EXPECT_THAT([&] { ChooseStages(model.graph(), options); },
              ThrowsMessage<Error>(HasSubstr("it has 0 cuts that divide no known fusion, so ask for 1 to 1")));
}

}  // namespace
}  // namespace consort
