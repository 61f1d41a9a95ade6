// Scale and zero point: real = scale · (integer - zero point).
#ifndef CONSORT_QUANTIZE_PARAMETERS_H_
#define CONSORT_QUANTIZE_PARAMETERS_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "quantize/op_rules.h"

namespace consort {

// Values that a tensor takes. Always widened to hold 0 before it is used, so that 0 is exact.
struct Range {
  float low = 0;
  float high = 0;

  void Include(const Range& other) { low = std::min(low, other.low), high = std::max(high, other.high); }
  bool operator==(const Range&) const = default;
};

// By the tensor's name.
using Ranges = std::map<std::string, Range>;

enum class ByteType : uint8_t { kInt8, kUInt8 };
enum class Symmetry : uint8_t { kAsymmetric, kSymmetric };

// How activations become integers.
struct ActivationFormat {
  ByteType type = ByteType::kInt8;
  Symmetry symmetry = Symmetry::kAsymmetric;

  int least() const { return type == ByteType::kInt8 ? -128 : 0; }
  int greatest() const { return type == ByteType::kInt8 ? 127 : 255; }
};

struct QuantizationParameters {
  float scale = 1;
  int zero_point = 0;
  bool operator==(const QuantizationParameters&) const = default;
};

// Asymmetric: the range fills all 256 integers, the zero point rounded to one of them. Symmetric: ±the larger end fill
// 255 integers around the middle. A range of nothing but 0 gives scale 1. No value that the integers stand for lies
// above a range that begins at 0 (or below one that ends there): an engine may then leave out the clamp to the range.
QuantizationParameters ParametersFor(Range range, const ActivationFormat& format);

// Those of kUnit and kSymmetric outputs.
QuantizationParameters FixedParameters(OutputScale scale, const ActivationFormat& format);

// Rounded to nearest, ties to even (as QuantizeLinear does), and saturated.
int QuantizeValue(float value, const QuantizationParameters& parameters, const ActivationFormat& format);

// No scale is smaller, so that the product of two is a normal number.
inline constexpr float kLeastScale = 1e-15F;

}  // namespace consort

#endif  // CONSORT_QUANTIZE_PARAMETERS_H_
