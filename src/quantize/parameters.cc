#include "quantize/parameters.h"

#include <cmath>

namespace consort {
namespace {

// The largest float whose product with `steps` is not above `width`: rounding may have made the quotient too large.
float ScaleWithin(float width, int steps) {
  float scale = static_cast<float>(static_cast<double>(width) / steps);
  while (scale * static_cast<float>(steps) > width) scale = std::nextafter(scale, 0.0F);
  return std::max(scale, kLeastScale);
}

}  // namespace

QuantizationParameters ParametersFor(Range range, const ActivationFormat& format) {
  range.Include({});
  const int middle = format.type == ByteType::kInt8 ? 0 : 128;
  if (format.symmetry == Symmetry::kSymmetric) {
    const float largest = std::max(-range.low, range.high);
    return {largest == 0 ? 1 : ScaleWithin(largest, 127), middle};
  }
  const double width = static_cast<double>(range.high) - range.low;
  if (width == 0) return {1, format.least()};
  const float scale = ScaleWithin(static_cast<float>(std::min<double>(width, 3e38)), 255);
  const double zero = format.least() - range.low / static_cast<double>(scale);
  return {scale, std::clamp(static_cast<int>(std::nearbyint(zero)), format.least(), format.greatest())};
}

QuantizationParameters FixedParameters(OutputScale scale, const ActivationFormat& format) {
  if (scale == OutputScale::kUnit) return {1.0F / 256, format.least()};
  return {1.0F / 128, format.type == ByteType::kInt8 ? 0 : 128};
}

int QuantizeValue(float value, const QuantizationParameters& parameters, const ActivationFormat& format) {
  const double integer = std::nearbyint(value / parameters.scale) + parameters.zero_point;
  return static_cast<int>(std::clamp<double>(integer, format.least(), format.greatest()));
}

}  // namespace consort
