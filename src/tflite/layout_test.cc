#include "tflite/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace consort::tflite {
namespace {

using ::testing::ElementsAre;

TEST(Layout, ChannelsMoveBehindAllOtherAxes) {
  EXPECT_THAT(ChannelsLast(4), ElementsAre(0, 2, 3, 1));
  EXPECT_THAT(ChannelsLast(3), ElementsAre(0, 2, 1));
  EXPECT_THAT(ChannelsLast(2), ElementsAre(0, 1));
  EXPECT_THAT(InOrder({1, 3, 4, 5}, ChannelsLast(4)), ElementsAre(1, 4, 5, 3));
  EXPECT_EQ(PlaceOf(ChannelsLast(4), 1), 3);
}

TEST(Layout, ValuesAreMovedWithTheirAxes) {
  std::vector<int> values(12);
  std::iota(values.begin(), values.end(), 0);
  EXPECT_THAT(MovedInto(values, {2, 3, 2}, {2, 0, 1}), ElementsAre(0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11));
  EXPECT_EQ(MovedInto(values, {2, 3, 2}, {0, 1, 2}), values);
}

TEST(Layout, AxesOfSizeOneDoNotCount) {
  EXPECT_TRUE(IsPlain({{1, 8, 1, 1}, ChannelsLast(4)}));
  EXPECT_FALSE(IsPlain({{1, 8, 2, 1}, ChannelsLast(4)}));
  EXPECT_TRUE(SameInMemory({1, 1, 4, 4}, ChannelsLast(4), PlainOrder(4)));
}

TEST(Layout, AnOrderIsFoundForOtherAxesOfSizeOne) {
  EXPECT_EQ(OrderFor({{1, 8, 1, 6}, ChannelsLast(4)}, {1, 8, 6}), ChannelsLast(3));
  EXPECT_EQ(OrderFor({{1, 8, 6}, ChannelsLast(3)}, {1, 8, 1, 6}), ChannelsLast(4));
  EXPECT_EQ(OrderFor({{1, 8, 6, 6}, ChannelsLast(4)}, {1, 288}), std::nullopt);
  EXPECT_EQ(OrderFor({{2, 3, 4}, {2, 1, 0}}, {2, 1, 3, 4}), (Order{1, 3, 2, 0}));
}

}  // namespace
}  // namespace consort::tflite
