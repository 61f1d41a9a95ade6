#include "zoo/seeded_values.h"

#include <cmath>
#include <cstring>
#include <string_view>
#include <vector>

#include "io/element.h"

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

// What happens to the integers that are drawn.
struct Shaping {
  std::vector<int64_t> offsets;  // of each filter, added to every integer
  std::vector<int64_t> signs;    // of each filter, multiplied with it then
  float scale = 1;
};

struct Sums {
  std::vector<int64_t> filters;
  int64_t squares = 0;
};

Sums SumUp(const Draw& draw, const Layout& layout, uint64_t key) {
  Sums sums = {.filters = std::vector<int64_t>(static_cast<size_t>(layout.filters), 0)};
  uint64_t counter = key;
  for (int64_t outer = 0; outer < layout.outer; ++outer) {
    for (int64_t& sum : sums.filters) {
      for (int64_t i = 0; i < layout.inner; ++i) {
        const int64_t integer = Integer(draw.kind, Mix(counter += kGolden));
        sum += integer;
        if (draw.own_square) sums.squares += integer * integer;
      }
    }
  }
  return sums;
}

Shaping ShapingOf(const Draw& draw, const Layout& layout, uint64_t key) {
  const auto filters = static_cast<size_t>(layout.filters);
  Shaping shaping = {std::vector<int64_t>(filters, draw.offset), std::vector<int64_t>(filters, 1), draw.scale};
  if (draw.mean_parts == 0 && !draw.upright && !draw.own_square) return shaping;
  const Sums sums = SumUp(draw, layout, key);
  const int64_t taps = layout.outer * layout.inner;
  for (size_t i = 0; i < filters; ++i) {
    if (draw.mean_parts > 0) shaping.offsets[i] -= sums.filters[i] / (draw.mean_parts * taps);
    if (draw.upright && sums.filters[i] < 0) shaping.signs[i] = -1;
  }
  if (draw.own_square && sums.squares > 0) {
    const double mean_square = static_cast<double>(sums.squares) / static_cast<double>(taps * layout.filters);
    shaping.scale = CoarseFloat(draw.scale * kSumDeviation / std::sqrt(mean_square));
  }
  return shaping;
}

// `round` makes a stored number of a float.
template <typename T, typename Round>
void Write(onnx::TensorProto& tensor, const Draw& draw, uint64_t key, Round round) {
  const Layout layout = LayoutOf(tensor, draw.output_axis);
  const Shaping shaping = ShapingOf(draw, layout, key);
  std::string& bytes = *tensor.mutable_raw_data();
  bytes.resize(static_cast<size_t>(layout.outer * layout.filters * layout.inner) * sizeof(T));
  char* at = bytes.data();
  uint64_t counter = key;
  for (int64_t outer = 0; outer < layout.outer; ++outer) {
    for (size_t filter = 0; filter < shaping.offsets.size(); ++filter) {
      for (int64_t i = 0; i < layout.inner; ++i, at += sizeof(T)) {
        const int64_t drawn = Integer(draw.kind, Mix(counter += kGolden)) + shaping.offsets[filter];
        const T value = round(static_cast<float>(drawn * shaping.signs[filter]) * shaping.scale);
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
  draw.offset = draw.scale == 0 ? 0 : std::llround(CoarseFloat(mean / draw.scale));
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
  switch (tensor.data_type()) {
    case onnx::TensorProto::DOUBLE:
      return Write<double>(tensor, draw, key, [](float value) { return static_cast<double>(value); });
    case onnx::TensorProto::FLOAT16:
      return Write<uint16_t>(tensor, draw, key, FloatToHalf);
    case onnx::TensorProto::BFLOAT16:
      return Write<uint16_t>(tensor, draw, key, FloatToBFloat16);
    default:
      return Write<float>(tensor, draw, key, [](float value) { return value; });
  }
}

}  // namespace consort::zoo
