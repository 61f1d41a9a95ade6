#include "io/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "consort/error.h"
#include "io/element.h"

namespace consort {
namespace {

constexpr int64_t kChunk = 256;

template <typename T>
double Load(const void* data, int64_t index) {
  return static_cast<double>(static_cast<const T*>(data)[index]);
}

template <typename T>
void Store(void* data, int64_t index, double value) {
  if constexpr (std::is_floating_point_v<T>) {
    static_cast<T*>(data)[index] = static_cast<T>(value);
  } else {
    constexpr double kLow = static_cast<double>(std::numeric_limits<T>::lowest());
    constexpr double kHigh = static_cast<double>(std::numeric_limits<T>::max());
    T stored = 0;
    if (value <= kLow) {
      stored = std::numeric_limits<T>::lowest();
    } else if (value >= kHigh) {
      stored = std::numeric_limits<T>::max();
    } else if (!std::isnan(value)) {
      stored = static_cast<T>(std::nearbyint(value));
    }
    static_cast<T*>(data)[index] = stored;
  }
}

double LoadHalf(const void* data, int64_t index) { return HalfToFloat(static_cast<const uint16_t*>(data)[index]); }
double LoadBFloat(const void* data, int64_t index) {
  return BFloat16ToFloat(static_cast<const uint16_t*>(data)[index]);
}
void StoreHalf(void* data, int64_t index, double value) {
  static_cast<uint16_t*>(data)[index] = FloatToHalf(static_cast<float>(value));
}
void StoreBFloat(void* data, int64_t index, double value) {
  static_cast<uint16_t*>(data)[index] = FloatToBFloat16(static_cast<float>(value));
}
void StoreBool(void* data, int64_t index, double value) { static_cast<uint8_t*>(data)[index] = value != 0 ? 1 : 0; }

struct Access {
  double (*load)(const void*, int64_t);
  void (*store)(void*, int64_t, double);
};

// Nothing (null pointers) for types without a byte-wise element.
Access AccessOf(DataType dtype) {
  switch (dtype) {
    case DataType::kFloat32:
      return {Load<float>, Store<float>};
    case DataType::kFloat64:
      return {Load<double>, Store<double>};
    case DataType::kFloat16:
      return {LoadHalf, StoreHalf};
    case DataType::kBFloat16:
      return {LoadBFloat, StoreBFloat};
    case DataType::kInt8:
      return {Load<int8_t>, Store<int8_t>};
    case DataType::kUInt8:
      return {Load<uint8_t>, Store<uint8_t>};
    case DataType::kInt16:
      return {Load<int16_t>, Store<int16_t>};
    case DataType::kUInt16:
      return {Load<uint16_t>, Store<uint16_t>};
    case DataType::kInt32:
      return {Load<int32_t>, Store<int32_t>};
    case DataType::kUInt32:
      return {Load<uint32_t>, Store<uint32_t>};
    case DataType::kInt64:
      return {Load<int64_t>, Store<int64_t>};
    case DataType::kUInt64:
      return {Load<uint64_t>, Store<uint64_t>};
    case DataType::kBool:
      return {Load<uint8_t>, StoreBool};
    default:
      return {nullptr, nullptr};
  }
}

bool IsTransposition(const TensorSpec& from, const TensorSpec& to) {
  return (from.layout == Layout::kNhwc) != (to.layout == Layout::kNhwc) && from.shape.size() >= 3;
}

// To nearest, ties to even, within ±2^20, where adding and taking away 1.5 · 2^23 leaves no fraction: a loop of it is
// vectorised, one of std::nearbyint is not. NaN becomes 0.
float RoundWithin(float value) {
  constexpr float kMost = 1048576.0F;
  constexpr float kShift = 12582912.0F;
  value = value < -kMost ? -kMost : value;
  value = value > kMost ? kMost : value;
  value = value == value ? value : 0.0F;  // NOLINT: NaN differs from itself
  return (value + kShift) - kShift;
}

// At most kChunk neighbours; in float, as ONNX's QuantizeLinear computes.
template <typename T>
void QuantizeChunk(const float* from, int64_t count, float scale, float zero_point, T* to) {
  constexpr auto kLow = static_cast<float>(std::numeric_limits<T>::lowest());
  constexpr auto kHigh = static_cast<float>(std::numeric_limits<T>::max());
  for (int64_t i = 0; i < count; ++i) {
    float value = RoundWithin(from[i] / scale) + zero_point;
    value = value < kLow ? kLow : value;
    value = value > kHigh ? kHigh : value;
    to[i] = static_cast<T>(static_cast<int>(value));
  }
}

// Neighbours become elements that lie `stride` apart.
template <typename T>
void QuantizeRow(const float* from, int64_t count, float scale, float zero_point, T* to, int64_t stride) {
  std::array<T, kChunk> bytes;
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t size = std::min(count - begin, kChunk);
    if (stride == 1) {
      QuantizeChunk(from + begin, size, scale, zero_point, to + begin);
      continue;
    }
    QuantizeChunk(from + begin, size, scale, zero_point, bytes.data());
    for (int64_t i = 0; i < size; ++i) to[(begin + i) * stride] = bytes[static_cast<size_t>(i)];
  }
}

// Elements that lie `stride` apart become neighbours.
template <typename T>
void DequantizeRow(const T* from, int64_t stride, int64_t count, double scale, double zero_point, float* to) {
  std::array<T, kChunk> bytes;
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t size = std::min(count - begin, kChunk);
    for (int64_t i = 0; i < size; ++i) bytes[static_cast<size_t>(i)] = from[(begin + i) * stride];
    for (int64_t i = 0; i < size; ++i)
      to[begin + i] = static_cast<float>((static_cast<double>(bytes[static_cast<size_t>(i)]) - zero_point) * scale);
  }
}

// The shape as the other layout has it.
Shape Transposed(const TensorSpec& from) {
  Shape shape = from.shape;
  const auto channels = from.layout == Layout::kNhwc ? shape.end() - 1 : shape.begin() + 2;
  std::rotate(shape.begin() + 1, channels, shape.end());
  return shape;
}

}  // namespace

bool Conversion::Needed(const TensorSpec& from, const TensorSpec& to) {
  return from.dtype != to.dtype || from.quantization != to.quantization || IsTransposition(from, to);
}

Conversion::Conversion(const TensorSpec& from, const TensorSpec& to, const std::string& name)
    : from_(SideOf(from, name)),
      to_(SideOf(to, name)),
      count_(ElementCount(from.shape)),
      transposed_(IsTransposition(from, to)) {
  if ((transposed_ ? Transposed(from) : from.shape) != to.shape) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("tensor '{}' is {} where it is made and {} where it is read; no conversion "
                            "changes the shape",
                            name, FormatSpec(from), FormatSpec(to)));
  }
  if (!transposed_) return;
  const int64_t channels = from.layout == Layout::kNhwc ? from.shape.back() : from.shape[1];
  const int64_t places = from.shape[0] * channels == 0 ? 0 : count_ / (from.shape[0] * channels);
  rows_ = from.layout == Layout::kNhwc ? places : channels;
  columns_ = from.layout == Layout::kNhwc ? channels : places;
}

Conversion::Side Conversion::SideOf(const TensorSpec& spec, const std::string& name) {
  Side side{.dtype = spec.dtype, .quantized = !spec.quantization.empty()};
  if (AccessOf(spec.dtype).load == nullptr || spec.quantization.scale.size() > 1) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("tensor '{}': {} cannot be converted; let both stages take the same form", name, FormatSpec(spec)));
  }
  if (side.quantized) {
    side.scale = spec.quantization.scale[0];
    side.zero_point = static_cast<double>(spec.quantization.zero_point.empty() ? 0 : spec.quantization.zero_point[0]);
  }
  return side;
}

// Index in the source of the target's element.
int64_t Conversion::SourceOf(int64_t target) const {
  if (!transposed_) return target;
  const int64_t image = target / (rows_ * columns_);
  const int64_t rest = target % (rows_ * columns_);
  return image * rows_ * columns_ + (rest % rows_) * columns_ + rest / rows_;
}

template <typename Row>
void Conversion::ForEachRow(const Row& row) const {
  if (!transposed_) return row(int64_t{0}, int64_t{0}, int64_t{1}, count_);
  const int64_t size = rows_ * columns_;
  for (int64_t image = 0; image < count_; image += size) {
    for (int64_t i = 0; i < rows_; ++i) row(image + i * columns_, image + i, rows_, columns_);
  }
}

template <typename Column>
void Conversion::ForEachColumn(const Column& column) const {
  if (!transposed_) return column(int64_t{0}, int64_t{0}, int64_t{1}, count_);
  const int64_t size = rows_ * columns_;
  for (int64_t image = 0; image < count_; image += size) {
    for (int64_t i = 0; i < columns_; ++i) column(image + i, image + i * rows_, columns_, rows_);
  }
}

// Between float32 and 8 bits, what stands at the edges of integer stages.
bool Conversion::ApplyBytes(const void* from, void* to) const {
  const auto quantize = [&](auto* bytes) {
    ForEachRow([&](int64_t source, int64_t target, int64_t stride, int64_t count) {
      QuantizeRow(static_cast<const float*>(from) + source, count, static_cast<float>(to_.scale),
                  static_cast<float>(to_.zero_point), bytes + target, stride);
    });
    return true;
  };
  const auto dequantize = [&](const auto* bytes) {
    ForEachColumn([&](int64_t source, int64_t target, int64_t stride, int64_t count) {
      DequantizeRow(bytes + source, stride, count, from_.scale, from_.zero_point, static_cast<float*>(to) + target);
    });
    return true;
  };
  if (from_.dtype == DataType::kFloat32 && !from_.quantized && to_.quantized) {
    if (to_.dtype == DataType::kInt8) return quantize(static_cast<int8_t*>(to));
    if (to_.dtype == DataType::kUInt8) return quantize(static_cast<uint8_t*>(to));
  }
  if (to_.dtype == DataType::kFloat32 && !to_.quantized && from_.quantized) {
    if (from_.dtype == DataType::kInt8) return dequantize(static_cast<const int8_t*>(from));
    if (from_.dtype == DataType::kUInt8) return dequantize(static_cast<const uint8_t*>(from));
  }
  return false;
}

void Conversion::Apply(const void* from, void* to) const {
  const Access source = AccessOf(from_.dtype);
  const Access target = AccessOf(to_.dtype);
  // 64-bit integers do not go through double when only their place changes.
  const bool same = from_.dtype == to_.dtype && from_.scale == to_.scale && from_.zero_point == to_.zero_point;
  if (same && BitWidth(from_.dtype) == 64 && from_.dtype != DataType::kFloat64) {
    for (int64_t i = 0; i < count_; ++i) {
      std::memcpy(static_cast<char*>(to) + i * 8, static_cast<const char*>(from) + SourceOf(i) * 8, 8);
    }
    return;
  }
  if (ApplyBytes(from, to)) return;
  std::array<double, kChunk> values{};
  for (int64_t begin = 0; begin < count_; begin += kChunk) {
    const int64_t end = std::min(count_, begin + kChunk);
    for (int64_t i = begin; i < end; ++i) values[i - begin] = source.load(from, SourceOf(i));
    if (from_.quantized) {
      for (double& value : values) value = (value - from_.zero_point) * from_.scale;
    }
    if (to_.quantized) {
      for (double& value : values) value = std::nearbyint(value / to_.scale) + to_.zero_point;
    }
    for (int64_t i = begin; i < end; ++i) target.store(to, i, values[i - begin]);
  }
}

}  // namespace consort
