#include "experiment/crossing.h"

#include <gtest/gtest.h>

#include <limits>

namespace consort::experiment {
namespace {

// a(x) = 1, b(x) = x / 3 cross at 3: straight lines in log-log.
TEST(CrossingTest, IsFoundByStraightLinesInLogLog) {
  const Curve a{"a", {1, 2, 4, 8}, {1, 1, 1, 1}};
  const Curve b{"b", {1, 2, 4, 8}, {1.0 / 3, 2.0 / 3, 4.0 / 3, 8.0 / 3}};
  const std::vector<Crossing> found = FindCrossings(a, b);
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].faster_below, "b");
  EXPECT_EQ(found[0].faster_above, "a");
  EXPECT_EQ(found[0].below, 2);
  EXPECT_EQ(found[0].above, 4);
  EXPECT_NEAR(found[0].at, 3, 1e-12);
}

TEST(CrossingTest, SeveralAreToldInOrder) {
  const Curve a{"a", {1, 2, 3}, {1, 4, 1}};
  const Curve b{"b", {1, 2, 3}, {2, 2, 2}};
  const std::vector<Crossing> found = FindCrossings(a, b);
  ASSERT_EQ(found.size(), 2);
  EXPECT_EQ(found[0].faster_below, "a");
  EXPECT_EQ(found[1].faster_below, "b");
}

TEST(CrossingTest, EqualTimesAreTheCrossingItself) {
  const Curve a{"a", {1, 2, 3}, {1, 2, 3}};
  const Curve b{"b", {1, 2, 3}, {2, 2, 2}};
  const std::vector<Crossing> found = FindCrossings(a, b);
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].below, 2);
  EXPECT_EQ(found[0].above, 2);
  EXPECT_EQ(found[0].at, 2);
}

TEST(CrossingTest, TouchingIsNoCrossing) {
  EXPECT_TRUE(FindCrossings({"a", {1, 2, 3}, {1, 2, 1}}, {"b", {1, 2, 3}, {2, 2, 2}}).empty());
}

TEST(CrossingTest, SizesThatOneLacksDoNotCount) {
  const double nothing = std::numeric_limits<double>::quiet_NaN();
  const Curve a{"a", {1, 2, 4, 8}, {1, nothing, 1, 1}};
  const Curve b{"b", {1, 4, 8}, {0.5, nothing, 4}};
  const std::vector<Crossing> found = FindCrossings(a, b);
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].below, 1);
  EXPECT_EQ(found[0].above, 8);
}

TEST(CrossingTest, AllPairsAreCompared) {
  const std::vector<Curve> curves = {{"a", {1, 2}, {1, 4}}, {"b", {1, 2}, {2, 2}}, {"c", {1, 2}, {3, 1}}};
  EXPECT_EQ(FindCrossings(curves).size(), 3);
}

}  // namespace
}  // namespace consort::experiment
