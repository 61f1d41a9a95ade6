#include "plan/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "consort/model.h"
#include "model/test_models.h"

namespace consort {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

Model Chain(int ops) { return Model::Parse(test::AsBytes(test::ChainModel(ops)), "chain.onnx"); }

TEST(UnitsTest, EveryPositionOfAChainIsACut) {
  const Model model = Chain(5);
  EXPECT_THAT(CutPositions(model.graph(), {}), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(UnitsTest, PositionsInsideFusionsAreLeftOut) {
  const Model model = Chain(5);
  EXPECT_THAT(CutPositions(model.graph(), {.divides_a_fusion = [](int position) { return position == 2; }}),
              ElementsAre(0, 1, 3, 4, 5));
}

TEST(UnitsTest, SkippedTensorsCrossTogether) {
  const Model model = Model::Parse(test::AsBytes(test::SkipModel()), "skip.onnx");
  EXPECT_THAT(CutPositions(model.graph(), {.most_crossing = 1}), ElementsAre(0, 1, 4));
  EXPECT_THAT(CutPositions(model.graph(), {.most_crossing = 2}), ElementsAre(0, 1, 2, 3, 4));
}

TEST(UnitsTest, MergedUnitsAreNoMoreThanAskedForAndKeepWhatMustStay) {
  const Model model = Chain(200);
  const std::vector<OpId> all = CutPositions(model.graph(), {});
  const std::vector<OpId> merged = MergeUnits(model.graph(), all, {.most_units = 16}, {77, 78});
  EXPECT_EQ(merged.size(), 17);
  EXPECT_TRUE(std::is_sorted(merged.begin(), merged.end()));
  EXPECT_EQ(merged.front(), 0);
  EXPECT_EQ(merged.back(), 200);
  EXPECT_THAT(merged, Contains(77));
  EXPECT_THAT(merged, Contains(78));
}

TEST(UnitsTest, MergedUnitsAreFinerWhereTheTimeIs) {
  const Model model = Chain(100);
  std::vector<double> weights(100, 0.01);
  std::fill(weights.begin(), weights.begin() + 20, 1.0);
  const std::vector<OpId> merged =
      MergeUnits(model.graph(), CutPositions(model.graph(), {}), {.most_units = 20, .op_weights = weights});
  EXPECT_GT(std::count_if(merged.begin(), merged.end(), [](OpId position) { return position <= 20; }), 15);
}

TEST(UnitsTest, UnitsAroundBoundariesHoldWhatLiesNearThem) {
  const Model model = Chain(100);
  const std::vector<OpId> around = UnitsAround(CutPositions(model.graph(), {}), {50}, 10);
  EXPECT_THAT(around, ElementsAre(0, 46, 47, 48, 49, 50, 51, 52, 53, 54, 100));
}

}  // namespace
}  // namespace consort
