#include "io/element.h"

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "consort/error.h"

namespace consort {
namespace {

struct Half {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};
struct Bool {
  uint8_t byte;
};

// Calls `function` with a value of the C++ type that holds one element.
template <typename Function>
void WithElement(DataType dtype, Function function) {
  switch (dtype) {
    case DataType::kFloat32:
      return function(float{});
    case DataType::kFloat16:
      return function(Half{});
    case DataType::kBFloat16:
      return function(BFloat16{});
    case DataType::kFloat64:
      return function(double{});
    case DataType::kInt8:
      return function(int8_t{});
    case DataType::kUInt8:
      return function(uint8_t{});
    case DataType::kInt16:
      return function(int16_t{});
    case DataType::kUInt16:
      return function(uint16_t{});
    case DataType::kInt32:
      return function(int32_t{});
    case DataType::kUInt32:
      return function(uint32_t{});
    case DataType::kInt64:
      return function(int64_t{});
    case DataType::kUInt64:
      return function(uint64_t{});
    case DataType::kBool:
      return function(Bool{});
    default:
      break;
  }
  throw Error(ErrorCode::kUnsupported, "values of type " + std::string(ToString(dtype)) + " cannot be converted");
}

template <typename Element>
double ToDouble(Element element) {
  if constexpr (std::is_same_v<Element, Half>)
    return HalfToFloat(element.bits);
  else if constexpr (std::is_same_v<Element, BFloat16>)
    return BFloat16ToFloat(element.bits);
  else if constexpr (std::is_same_v<Element, Bool>)
    return element.byte != 0;
  else
    return static_cast<double>(element);
}

template <typename Integer>
Integer Saturate(double value) {
  using Limits = std::numeric_limits<Integer>;
  const double rounded = std::nearbyint(value);
  if (std::isnan(rounded)) return 0;
  if (rounded <= static_cast<double>(Limits::min())) return Limits::min();
  if (rounded >= static_cast<double>(Limits::max())) return Limits::max();
  return static_cast<Integer>(rounded);
}

template <typename Element>
Element FromDouble(double value) {
  if constexpr (std::is_same_v<Element, Half>)
    return {FloatToHalf(static_cast<float>(value))};
  else if constexpr (std::is_same_v<Element, BFloat16>)
    return {FloatToBFloat16(static_cast<float>(value))};
  else if constexpr (std::is_same_v<Element, Bool>)
    return {static_cast<uint8_t>(value != 0)};
  else if constexpr (std::is_floating_point_v<Element>)
    return static_cast<Element>(value);
  else
    return Saturate<Element>(value);
}

// `bits` without its lowest `count` bits, rounded to nearest even.
uint32_t ShiftRightRounded(uint32_t bits, int count) {
  const uint32_t odd = (bits >> count) & 1;
  return (bits + ((1u << (count - 1)) - 1) + odd) >> count;
}

}  // namespace

float HalfToFloat(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1F;
  const uint32_t fraction = bits & 0x3FF;
  if (exponent == 0) {  // zero or subnormal
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  const uint32_t biased = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | biased << 23 | fraction << 13);
}

uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return sign | 0x7E00;   // NaN
  if (magnitude >= 0x477FF000) return sign | 0x7C00;  // rounds beyond 65504: infinity
  if (magnitude < 0x33000000) return sign;            // below half of the smallest subnormal
  if (magnitude >= 0x38800000) return sign | static_cast<uint16_t>(ShiftRightRounded(magnitude - 0x38000000, 13));
  const int exponent = static_cast<int>(magnitude >> 23);
  const uint32_t fraction = (magnitude & 0x7FFFFF) | 0x800000;
  return sign | static_cast<uint16_t>(ShiftRightRounded(fraction, 126 - exponent));
}

float BFloat16ToFloat(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t FloatToBFloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((uint64_t{bits} + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

bool IsFloat(DataType dtype) {
  return dtype == DataType::kFloat32 || dtype == DataType::kFloat16 || dtype == DataType::kBFloat16 ||
         dtype == DataType::kFloat64;
}

std::vector<double> ToDoubles(const Buffer& tensor) {
  std::vector<double> values;
  WithElement(tensor.spec().dtype, [&](auto element) {
    const auto elements = tensor.as<decltype(element)>();
    values.reserve(elements.size());
    for (const auto& one : elements) values.push_back(ToDouble(one));
  });
  return values;
}

void SetFromDoubles(std::span<const double> values, Buffer& tensor) {
  WithElement(tensor.spec().dtype, [&](auto element) {
    using Element = decltype(element);
    const auto elements = tensor.as<Element>();
    if (elements.size() != values.size())
      throw Error(ErrorCode::kInvalidArgument, "as many values as elements are needed");
    for (size_t i = 0; i < values.size(); ++i) elements[i] = FromDouble<Element>(values[i]);
  });
}

bool IsReal(const TensorSpec& spec) { return IsFloat(spec.dtype) || !spec.quantization.empty(); }

std::vector<double> ToRealValues(const Buffer& tensor) {
  std::vector<double> values = ToDoubles(tensor);
  const Quantization& quantization = tensor.spec().quantization;
  if (quantization.empty()) return values;
  const Shape& shape = tensor.spec().shape;
  const size_t channels = quantization.scale.size();
  size_t inner = 1;  // neighbours of one channel
  for (size_t axis = shape.size(); channels > 1 && axis-- > static_cast<size_t>(quantization.axis) + 1;) {
    inner *= static_cast<size_t>(shape[axis]);
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t channel = i / inner % channels;
    const auto zero = quantization.zero_point.empty() ? 0 : static_cast<double>(quantization.zero_point[channel]);
    values[i] = quantization.scale[channel] * (values[i] - zero);
  }
  return values;
}

void SetFromRealValues(std::vector<double> values, Buffer& tensor) {
  const Quantization& quantization = tensor.spec().quantization;
  if (quantization.scale.size() > 1)
    throw Error(ErrorCode::kUnsupported, "a tensor with a scale per channel cannot be filled");
  if (!quantization.empty()) {
    const auto zero = quantization.zero_point.empty() ? 0 : static_cast<double>(quantization.zero_point[0]);
    for (double& value : values) value = std::nearbyint(value / quantization.scale[0]) + zero;
  }
  SetFromDoubles(values, tensor);
}

}  // namespace consort
