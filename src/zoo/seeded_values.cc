#include "zoo/seeded_values.h"

#include <cmath>
#include <cstring>
#include <string_view>
#include <vector>

namespace consort::zoo {
namespace {

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
constexpr int64_t kHalfWord = 32768;
// Deviation of the sum of four integers uniform in [0, 65535]: sqrt(4 · (65536² - 1) / 12).
constexpr double kSumDeviation = 37837.226;
constexpr int64_t kSumMean = 131070;
// [0.8, 1.2) is [2, 3) · 0.4.
constexpr int64_t kNearOffset = 131072;
constexpr double kNearScale = 0.4 / 65536;

// SplitMix64's output function (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

// FNV-1a, then mixed with the seed.
uint64_t KeyOf(std::string_view name, uint64_t seed) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return Mix(hash ^ Mix(seed + kGolden));
}

int32_t Integer(Draw::Kind kind, uint64_t bits) {
  if (kind == Draw::Kind::kUniform) return static_cast<int32_t>(bits & 0xFFFF);
  const uint64_t sum = (bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48);
  return static_cast<int32_t>(sum) - static_cast<int32_t>(kSumMean);
}

// A tensor as [outer, filters, inner].
struct Layout {
  int64_t outer = 1;
  int64_t filters = 1;
  int64_t inner = 1;
};

Layout LayoutOf(const onnx::TensorProto& tensor, int axis) {
  Layout layout;
  for (int i = 0; i < tensor.dims_size(); ++i) {
    if (axis < 0 || i > axis)
      layout.inner *= tensor.dims(i);
    else
      (i == axis ? layout.filters : layout.outer) *= tensor.dims(i);
  }
  return layout;
}

// What every integer of a filter is raised by: the draw's offset less a part of the filter's mean.
std::vector<int64_t> Offsets(const Draw& draw, const Layout& layout, uint64_t key) {
  std::vector<int64_t> offsets(static_cast<size_t>(layout.filters), draw.offset);
  if (draw.output_axis < 0) return offsets;
  std::vector<int64_t> sums(offsets.size(), 0);
  uint64_t counter = key;
  for (int64_t outer = 0; outer < layout.outer; ++outer) {
    for (int64_t& sum : sums) {
      for (int64_t i = 0; i < layout.inner; ++i) sum += Integer(draw.kind, Mix(counter += kGolden));
    }
  }
  const int64_t divisor = draw.mean_parts * layout.outer * layout.inner;
  for (size_t i = 0; i < sums.size(); ++i) offsets[i] -= sums[i] / divisor;
  return offsets;
}

template <typename T>
void Write(onnx::TensorProto& tensor, const Draw& draw, uint64_t key) {
  const Layout layout = LayoutOf(tensor, draw.output_axis);
  const std::vector<int64_t> offsets = Offsets(draw, layout, key);
  std::string& bytes = *tensor.mutable_raw_data();
  bytes.resize(static_cast<size_t>(layout.outer * layout.filters * layout.inner) * sizeof(T));
  char* at = bytes.data();
  uint64_t counter = key;
  for (int64_t outer = 0; outer < layout.outer; ++outer) {
    for (const int64_t offset : offsets) {
      for (int64_t i = 0; i < layout.inner; ++i, at += sizeof(T)) {
        const int64_t integer = Integer(draw.kind, Mix(counter += kGolden)) + offset;
        const T value = static_cast<float>(integer) * draw.scale;
        std::memcpy(at, &value, sizeof(T));
      }
    }
  }
}

}  // namespace

float CoarseFloat(double value) {
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);
  return static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(mantissa, 12)), exponent - 12));
}

Draw Draw::Normal(double deviation, double mean) {
  Draw draw;
  draw.scale = CoarseFloat(deviation / kSumDeviation);
  draw.offset = draw.scale == 0 ? 0 : std::llround(mean / draw.scale);
  return draw;
}

Draw Draw::Near(double centre) {
  return {.kind = Kind::kUniform, .scale = CoarseFloat(centre * kNearScale), .offset = kNearOffset};
}

Draw Draw::Within(double bound) {
  return {.kind = Kind::kUniform, .scale = CoarseFloat(bound / kHalfWord), .offset = -kHalfWord};
}

double Draw::mean() const {
  const double middle = kind == Kind::kUniform ? kHalfWord : 0;
  return scale * (static_cast<double>(offset) + middle);
}

double Draw::deviation() const { return scale * (kind == Kind::kUniform ? 65536 / std::sqrt(12.0) : kSumDeviation); }

void Fill(onnx::TensorProto& tensor, const std::string& name, const Draw& draw, uint64_t seed) {
  const uint64_t key = KeyOf(name, seed);
  if (tensor.data_type() == onnx::TensorProto::DOUBLE)
    Write<double>(tensor, draw, key);
  else
    Write<float>(tensor, draw, key);
}

}  // namespace consort::zoo
