#include "io/element.h"

#include <cmath>
#include <limits>

#include "io/test_support.h"

namespace consort {
namespace {

TEST(Half, EveryPatternSurvivesTheWayToFloatAndBack) {
  for (int bits = 0; bits < 0x10000; ++bits) {
    const float value = HalfToFloat(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(HalfToFloat(FloatToHalf(value))));
    } else {
      ASSERT_EQ(FloatToHalf(value), bits) << value;
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(FloatToHalf(1.0f), 0x3C00);
  EXPECT_EQ(FloatToHalf(1.0f + 0x1p-11f), 0x3C00);    // a tie goes to the even neighbour
  EXPECT_EQ(FloatToHalf(1.0f + 0x1.8p-10f), 0x3C02);  // and here upwards
  EXPECT_EQ(FloatToHalf(65519.996f), 0x7BFF);         // the largest half
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7C00);           // rounds to infinity
  EXPECT_EQ(FloatToHalf(0x1p-25f), 0x0000);           // half of the smallest subnormal: a tie, to zero
  EXPECT_EQ(FloatToHalf(0x1.8p-25f), 0x0001);
  EXPECT_EQ(FloatToHalf(-0.0f), 0x8000);
}

TEST(BFloat16, RoundsToNearestEven) {
  EXPECT_EQ(FloatToBFloat16(1.0f), 0x3F80);
  EXPECT_EQ(FloatToBFloat16(1.0f + 0x1p-8f), 0x3F80);
  EXPECT_EQ(FloatToBFloat16(1.0f + 0x1.8p-7f), 0x3F82);
  EXPECT_EQ(FloatToBFloat16(std::numeric_limits<float>::infinity()), 0x7F80);
  EXPECT_TRUE(std::isnan(BFloat16ToFloat(FloatToBFloat16(std::nanf("")))));
}

TEST(SetFromDoubles, RoundsAndSaturatesIntegers) {
  const std::vector<double> values = {-1e30, -0.5, 0.5, 1.5, 2.6, 1e30, std::nan("")};
  EXPECT_EQ(ToDoubles(MakeTensor(DataType::kInt8, {7}, values)), (std::vector<double>{-128, 0, 0, 2, 3, 127, 0}));
  EXPECT_EQ(ToDoubles(MakeTensor(DataType::kUInt8, {7}, values)), (std::vector<double>{0, 0, 0, 2, 3, 255, 0}));
  EXPECT_EQ(MakeTensor(DataType::kInt64, {1}, {1e30}).as<int64_t>()[0], std::numeric_limits<int64_t>::max());
  EXPECT_EQ(MakeTensor(DataType::kUInt64, {1}, {1e30}).as<uint64_t>()[0], std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(ToDoubles(MakeTensor(DataType::kBool, {3}, {0, 0.1, -2})), (std::vector<double>{0, 1, 1}));
}

TEST(RealValues, FollowTheScalesOfATensorAndOfItsChannels) {
  Buffer tensor = Buffer::Allocate({DataType::kInt8, {2, 3}, Layout::kPlain, {{0.5F}, {-1}}});
  SetFromRealValues({0, 0.5, -100, 1.3, 63.5, 99}, tensor);
  EXPECT_THAT(tensor.as<int8_t>(), ::testing::ElementsAre(-1, 0, -128, 2, 126, 127));
  EXPECT_THAT(ToRealValues(tensor), ::testing::ElementsAre(0, 0.5, -63.5, 1.5, 63.5, 64));
  EXPECT_TRUE(IsReal(tensor.spec()));
  Buffer channels = Buffer::Allocate({DataType::kInt8, {2, 3}, Layout::kPlain, {{1, 2, 4}, {0, 1, 0}, 1}});
  SetFromDoubles(std::vector<double>{1, 1, 1, 2, 2, 2}, channels);
  EXPECT_THAT(ToRealValues(channels), ::testing::ElementsAre(1, 0, 4, 2, 2, 8));
  channels.Respec({DataType::kInt8, {2, 3}, Layout::kPlain, {{1, 2}, {0, 0}, 0}});
  EXPECT_THAT(ToRealValues(channels), ::testing::ElementsAre(1, 1, 1, 4, 4, 4));
}

TEST(SetFromDoubles, RefusesOtherCountsAndInt4) {
  ExpectError([] { MakeTensor(DataType::kFloat32, {2}, {1}); }, ErrorCode::kInvalidArgument, "as many values");
  ExpectError([] { MakeTensor(DataType::kInt4, {2}, {1, 2}); }, ErrorCode::kUnsupported, "int4");
}

}  // namespace
}  // namespace consort
