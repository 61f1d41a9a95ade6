#include "quantize/parameters.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantize/weights.h"
#include "quantize/stored_values.h"

namespace consort {
namespace {

constexpr ActivationFormat kInt8;
constexpr ActivationFormat kUInt8 = {.type = ByteType::kUInt8};
constexpr ActivationFormat kSymmetricInt8 = {.symmetry = Symmetry::kSymmetric};

TEST(Parameters, ARangeFillsAllIntegers) {
  // (3 - -1) / 255; -1 is 63.75 steps below 0.
  const QuantizationParameters parameters = ParametersFor({-1, 3}, kInt8);
  EXPECT_FLOAT_EQ(parameters.scale, 4.0F / 255);
  EXPECT_EQ(parameters.zero_point, -128 + 64);
  EXPECT_EQ(ParametersFor({-1, 3}, kUInt8), (QuantizationParameters{parameters.scale, 64}));
}

TEST(Parameters, ZeroIsAlwaysWithin) {
  EXPECT_EQ(ParametersFor({2, 6}, kInt8), ParametersFor({0, 6}, kInt8));
  EXPECT_EQ(ParametersFor({-5, -1}, kInt8), ParametersFor({-5, 0}, kInt8));
  EXPECT_EQ(ParametersFor({2, 6}, kInt8).zero_point, -128);
  EXPECT_EQ(ParametersFor({-5, -1}, kUInt8).zero_point, 255);
  EXPECT_EQ(ParametersFor({0, 0}, kUInt8), (QuantizationParameters{1, 0}));
}

TEST(Parameters, NothingLiesAboveARectifiedRange) {
  for (float high = 0.37F; high < 60; high *= 1.0137F) {
    const QuantizationParameters parameters = ParametersFor({0, high}, kInt8);
    EXPECT_LE(parameters.scale * 255.0F, high);
    EXPECT_NEAR(parameters.scale * 255.0F, high, high * 1e-6F);
  }
}

TEST(Parameters, SymmetricRangesHaveTheMiddleAsZero) {
  EXPECT_FLOAT_EQ(ParametersFor({-1, 3}, kSymmetricInt8).scale, 3.0F / 127);
  EXPECT_EQ(ParametersFor({-1, 3}, kSymmetricInt8).zero_point, 0);
  EXPECT_EQ(ParametersFor({-1, 3}, {ByteType::kUInt8, Symmetry::kSymmetric}).zero_point, 128);
}

TEST(Parameters, FixedOnesAreTensorFlowLites) {
  EXPECT_EQ(FixedParameters(OutputScale::kUnit, kInt8), (QuantizationParameters{1.0F / 256, -128}));
  EXPECT_EQ(FixedParameters(OutputScale::kUnit, kUInt8), (QuantizationParameters{1.0F / 256, 0}));
  EXPECT_EQ(FixedParameters(OutputScale::kSymmetric, kInt8), (QuantizationParameters{1.0F / 128, 0}));
  EXPECT_EQ(FixedParameters(OutputScale::kSymmetric, kUInt8), (QuantizationParameters{1.0F / 128, 128}));
}

TEST(Parameters, ValuesAreRoundedToEvenAndSaturate) {
  const QuantizationParameters half{0.5F, 10};
  EXPECT_EQ(QuantizeValue(1.25F, half, kInt8), 12);
  EXPECT_EQ(QuantizeValue(1.75F, half, kInt8), 14);
  EXPECT_EQ(QuantizeValue(1000, half, kInt8), 127);
  EXPECT_EQ(QuantizeValue(-1000, half, kUInt8), 0);
}

// Two rows of three on axis 0, or three columns on axis 1.
onnx::TensorProto Weights() {
  return FloatTensor("w", {2, 3}, std::vector<float>{1, -2, 0.5, 0.254F, 0.127F, -0.0635F});
}

TEST(Weights, EachChannelFillsItsIntegers) {
  const QuantizedWeights weights = QuantizeWeights(Weights(), 0, 1, {});
  ASSERT_EQ(weights.scales.size(), 2U);
  EXPECT_FLOAT_EQ(weights.scales[0], 2.0F / 127);
  EXPECT_FLOAT_EQ(weights.scales[1], 0.254F / 127);
  EXPECT_EQ(weights.values, (std::vector<int>{64, -127, 32, 127, 64, -32}));
  EXPECT_EQ(QuantizeWeights(Weights(), 1, 1, {}).values, (std::vector<int>{127, -127, 127, 32, 8, -16}));
  EXPECT_EQ(QuantizeWeights(Weights(), -1, 1, {}).values, (std::vector<int>{64, -127, 32, 16, 8, -4}));
}

TEST(Weights, ABiasThatWouldNotFitRaisesItsChannelsScale) {
  const std::vector<float> biases = {3, 3e9F};
  const QuantizedWeights weights = QuantizeWeights(Weights(), 0, 0.01F, biases);
  EXPECT_FLOAT_EQ(weights.scales[0], 2.0F / 127);
  EXPECT_GT(weights.scales[1], 0.254F / 127);
  const std::vector<float> scales = {weights.scales[0] * 0.01F, weights.scales[1] * 0.01F};
  const std::vector<int32_t> integers = QuantizeBias(biases, scales);
  EXPECT_EQ(integers[0], std::lround(3 / (2.0 / 127 * 0.01)));
  EXPECT_NEAR(integers[1] * static_cast<double>(scales[1]), 3e9, 3e9 * 1e-6);
}

TEST(Weights, AChannelOfZerosKeepsItsBiasExact) {
  const onnx::TensorProto zeros = FloatTensor("w", {1, 2}, std::vector<float>{0, 0});
  const std::vector<float> bias = {0.3F};
  const QuantizedWeights weights = QuantizeWeights(zeros, 0, 0.02F, bias);
  const float scale = weights.scales[0] * 0.02F;
  EXPECT_NEAR(QuantizeBias(bias, std::vector<float>{scale})[0] * static_cast<double>(scale), 0.3, 1e-6);
  EXPECT_EQ(weights.values, (std::vector<int>{0, 0}));
}

}  // namespace
}  // namespace consort
