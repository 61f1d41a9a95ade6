#include "io/compare.h"

#include <cmath>
#include <limits>

#include "io/test_support.h"

namespace consort {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Buffer Floats(const std::vector<double>& values) {
  return MakeTensor(DataType::kFloat32, {static_cast<int64_t>(values.size())}, values);
}

TEST(Compare, EqualTensors) {
  const Comparison same = Compare(Floats({1, -2, kNan, kInf}), Floats({1, -2, kNan, kInf}));
  EXPECT_TRUE(same.bitwise_equal);
  EXPECT_EQ(same.max_difference, 0);
  EXPECT_EQ(same.first_worst, -1);
  EXPECT_NEAR(same.cosine, 1, 1e-12);
  EXPECT_TRUE(same.Within(0));
}

TEST(Compare, MeasuresAgainstTheReference) {
  const Comparison apart = Compare(Floats({1, 2, 3.5}), Floats({1, 2, 4}));
  EXPECT_FALSE(apart.bitwise_equal);
  EXPECT_DOUBLE_EQ(apart.max_difference, 0.5);
  EXPECT_DOUBLE_EQ(apart.relative(), 0.125);
  EXPECT_EQ(apart.first_worst, 2);
  EXPECT_TRUE(apart.Within(0.125));
  EXPECT_FALSE(apart.Within(0.1249));
  EXPECT_NEAR(apart.cosine, (1 + 4 + 14) / (std::sqrt(1 + 4 + 12.25) * std::sqrt(21.0)), 1e-12);
}

TEST(Compare, NonFiniteInOneOnlyIsNeverWithin) {
  const Comparison apart = Compare(Floats({1, kNan, -kInf}), Floats({1, 2, kInf}));
  EXPECT_EQ(apart.nonfinite_mismatches, 2);
  EXPECT_FALSE(apart.Within(1e9));
}

TEST(Compare, ZeroReference) {
  EXPECT_EQ(Compare(Floats({0.0}), Floats({0.0})).cosine, 1);
  const Comparison apart = Compare(Floats({1e-9}), Floats({0.0}));
  EXPECT_EQ(apart.cosine, 0);
  EXPECT_EQ(apart.relative(), kInf);
  EXPECT_FALSE(apart.Within(1));
}

TEST(Compare, RefusesWhatDoesNotCompare) {
  ExpectError(
      [] {
        Compare(Floats({1, 2}), Floats({1}));
      },
      ErrorCode::kInvalidArgument, "float32 2 cannot be compared");
  const Buffer integers = MakeTensor(DataType::kInt32, {1}, {1});
  ExpectError([&] { Compare(integers, Floats({1})); }, ErrorCode::kInvalidArgument, "int32");
}

TEST(Compare, QuantizedTensorsStandForRealNumbers) {
  Buffer value = Buffer::Allocate({DataType::kInt8, {2}, Layout::kPlain, {{0.5F}, {1}}});
  SetFromDoubles(std::vector<double>{3, 5}, value);  // 1 and 2
  Buffer reference = Buffer::Allocate({DataType::kFloat32, {2}});
  reference.as<float>()[0] = 1, reference.as<float>()[1] = 4;
  EXPECT_DOUBLE_EQ(Compare(value, reference).max_difference, 2);
  EXPECT_DOUBLE_EQ(Compare(reference, value).relative(), 1);
  const Buffer plain = Buffer::Allocate({DataType::kInt8, {2}});
  EXPECT_DOUBLE_EQ(Compare(value, plain).max_difference, 5);  // integers with integers, as they are
  EXPECT_THROW(Compare(plain, reference), Error);
}

TEST(Compare, SignalToNoise) {
  const Comparison apart = Compare(Floats({3, 4, kNan}), Floats({3, 5, kNan}));
  EXPECT_EQ(apart.elements, 2);
  EXPECT_DOUBLE_EQ(apart.square_difference, 1);
  EXPECT_DOUBLE_EQ(apart.square_reference, 34);
  EXPECT_DOUBLE_EQ(apart.mean_square_error(), 0.5);
  EXPECT_NEAR(apart.sqnr_db(), 15.314789170422551, 1e-12);               // 10·log10(34)
  EXPECT_NEAR(Compare(Floats({1.1}), Floats({1})).sqnr_db(), 20, 1e-5);  // a tenth of the amplitude: 20 dB
}

TEST(Compare, SignalToNoiseAtItsEnds) {
  EXPECT_EQ(Compare(Floats({1, 2}), Floats({1, 2})).sqnr_db(), kInf);
  EXPECT_EQ(Compare(Floats({0, 0}), Floats({0, 0})).sqnr_db(), kInf);
  EXPECT_EQ(Compare(Floats({1, 2}), Floats({0, 0})).sqnr_db(), -kInf);
  const Comparison nothing = Compare(Floats({}), Floats({}));
  EXPECT_EQ(nothing.mean_square_error(), 0);
  EXPECT_EQ(nothing.sqnr_db(), kInf);
}

TEST(Compare, AcrossFloatTypes) {
  const Comparison same = Compare(MakeTensor(DataType::kFloat16, {2}, {0.5, 2}), Floats({0.5, 2}));
  EXPECT_EQ(same.max_difference, 0);
  EXPECT_FALSE(same.bitwise_equal);
}

}  // namespace
}  // namespace consort
