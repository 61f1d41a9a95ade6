#include "quantize/range_methods.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace consort {
namespace {

Histogram Of(const std::vector<float>& values) {
  Histogram histogram;
  histogram.Add(values);
  return histogram;
}

// Standard normal numbers, and so many outliers at ±`far`.
std::vector<float> Normal(int count, int outliers = 0, float far = 0) {
  std::mt19937 bits(5);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = normal(bits);
  for (int i = 0; i < outliers; ++i) values.push_back(i % 2 == 0 ? far : -far);
  return values;
}

TEST(Histogram, CountsStayExactWhileItWidens) {
  Histogram histogram;
  histogram.Add(std::vector<float>{0.5F, -0.25F, 0});
  histogram.Add(std::vector<float>{-300, 7});
  histogram.Add(std::vector<float>{1e6F});
  EXPECT_EQ(histogram.count(), 6);
  EXPECT_EQ(std::accumulate(histogram.bins().begin(), histogram.bins().end(), int64_t{0}), 6);
  EXPECT_EQ(histogram.range(), (Range{-300, 1e6F}));
  // 1e6 lies below 2^20, in bins of 128: -300 in the third below 0, the small negative one in the first.
  EXPECT_EQ(histogram.width(), 128);
  EXPECT_EQ(histogram.bins()[Histogram::kHalf - 3], 1);
  EXPECT_EQ(histogram.bins()[Histogram::kHalf - 1], 1);
  EXPECT_EQ(histogram.bins()[Histogram::kHalf], 3);
}

TEST(Histogram, OneAfterTheOtherIsAsAllAtOnce) {
  const std::vector<float> values = Normal(1000, 10, 77);
  Histogram stepwise;
  for (const float value : values) stepwise.Add(std::vector<float>{value});
  EXPECT_EQ(stepwise.bins(), Of(values).bins());
  EXPECT_EQ(stepwise.range(), Of(values).range());
}

TEST(Histogram, LeavesOutWhatIsNotFinite) {
  const Histogram histogram = Of({std::numeric_limits<float>::infinity(), std::nanf(""), 2});
  EXPECT_EQ(histogram.count(), 1);
  EXPECT_EQ(histogram.nonfinite(), 2);
  EXPECT_EQ(histogram.range(), (Range{2, 2}));
}

TEST(RangeMethods, MinMaxIsTheWholeRange) {
  const std::vector<float> values = Normal(1000, 2, 50);
  EXPECT_EQ(FindRange(Of(values), {}), (Range{-50, 50}));
  EXPECT_EQ(FindRange(Histogram(), {.method = RangeMethod::kEntropy}), Range());
}

TEST(RangeMethods, PercentileLeavesItsShareOut) {
  std::vector<float> values(10001);
  std::iota(values.begin(), values.end(), 0.0F);
  const Range range = PercentileRange(Of(values), 99);
  EXPECT_NEAR(range.low, 50, 3);
  EXPECT_NEAR(range.high, 9950, 3);
  EXPECT_EQ(PercentileRange(Of(values), 100), (Range{0, 10000}));
}

TEST(RangeMethods, PercentileOfANormalDistribution) {
  // 99 % of a standard normal distribution lie within ±2.5758.
  const Range range = PercentileRange(Of(Normal(400'000)), 99);
  EXPECT_NEAR(range.high, 2.5758, 0.03);
  EXPECT_NEAR(range.low, -2.5758, 0.03);
}

TEST(RangeMethods, MseOfANormalDistribution) {
  // Step of the uniform quantizer of 256 levels with least squared error of a normal distribution: 0.0308 standard
  // deviations (Jayant, Noll, "Digital Coding of Waveforms", 1984), so that 128 steps reach to 3.94.
  const std::vector<float> values = Normal(400'000);
  EXPECT_GT(Of(values).range().high, 4.4);
  const Range range = MseRange(Of(values), {});
  EXPECT_NEAR(range.high, 3.94, 0.25);
  EXPECT_NEAR(range.low, -3.94, 0.25);
}

// One value far out costs (90 - end)² when it saturates, and its range rounds all others more coarsely.
TEST(RangeMethods, MseMovesOneEndAlone) {
  std::vector<float> values = Normal(100'000);
  for (float& value : values) value = std::abs(value);
  values.push_back(90);
  const Histogram histogram = Of(values);
  const Range range = MseRange(histogram, {});
  EXPECT_GE(range.low, 0);
  EXPECT_LT(range.high, 86);
  for (const float high : {90.0F, 60.0F, 30.0F, 5.0F})
    EXPECT_LT(SquaredError(histogram, range, {}), SquaredError(histogram, {0, high}, {})) << high;
}

TEST(RangeMethods, MseOfAUniformDistributionIsTheWholeRange) {
  std::vector<float> values(100'000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 100'000 - 0.25F;
  const Range range = MseRange(Of(values), {});
  EXPECT_NEAR(range.low, -0.25, 0.01);
  EXPECT_NEAR(range.high, 0.75, 0.02);
}

TEST(RangeMethods, EntropyCutsRareOutliersAndKeepsAUniformDistribution) {
  const Range cut = EntropyRange(Of(Normal(400'000, 4, 40)));
  EXPECT_LT(cut.high, 12);
  EXPECT_GT(cut.high, 2);
  EXPECT_FLOAT_EQ(cut.low, -cut.high);
  std::vector<float> uniform(100'000);
  for (size_t i = 0; i < uniform.size(); ++i) uniform[i] = static_cast<float>(i) / 100'000;
  const Range whole = EntropyRange(Of(uniform));
  EXPECT_GE(whole.low, 0);
  EXPECT_GT(whole.high, 0.95);
}

}  // namespace
}  // namespace consort
