#include "quantize/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "consort/error.h"
#include "model/node_queries.h"
#include "quantize/parameters.h"
#include "quantize/stored_values.h"

namespace consort {
namespace {

constexpr double kLargestBias = 1 << 30;
constexpr int kLargestWeight = 127;

int64_t IntOf(const onnx::NodeProto& node, const char* name, int64_t otherwise) {
  const auto* attribute = FindAttribute(node, name);
  return attribute == nullptr ? otherwise : attribute->i();
}

// Elements before the next index of `axis`, and how many indices it has.
struct Stride {
  size_t inner = 1;
  size_t count = 1;

  size_t ChannelOf(size_t element) const { return element / inner % count; }
};

Stride StrideOf(const std::vector<int64_t>& dims, int axis) {
  if (axis < 0) return {.inner = SIZE_MAX};
  Stride stride{.count = static_cast<size_t>(dims[static_cast<size_t>(axis)])};
  for (size_t i = static_cast<size_t>(axis) + 1; i < dims.size(); ++i) stride.inner *= static_cast<size_t>(dims[i]);
  return stride;
}

std::vector<float> ScalesOf(const std::vector<float>& largest, float input_scale, std::span<const float> biases) {
  std::vector<float> scales(largest.size());
  for (size_t c = 0; c < scales.size(); ++c) scales[c] = std::max(largest[c] / kLargestWeight, kLeastScale);
  for (size_t c = 0; c < biases.size(); ++c) {
    const double least = std::abs(static_cast<double>(biases[c])) / kLargestBias / input_scale;
    float& scale = scales[scales.size() == 1 ? 0 : c];
    scale = std::max(scale, static_cast<float>(least));
  }
  return scales;
}

}  // namespace

int ChannelAxis(const onnx::NodeProto& node, int rank) {
  if (IsOp(node, "Conv")) return 0;
  if (IsOp(node, "ConvTranspose")) return IntOf(node, "group", 1) == 1 ? 1 : -1;
  if (IsOp(node, "Gemm")) return IntOf(node, "transB", 0) != 0 ? 0 : 1;
  return rank == 2 ? 1 : -1;
}

QuantizedWeights QuantizeWeights(const onnx::TensorProto& weights, int axis, float input_scale,
                                 std::span<const float> biases) {
  const std::vector<float> values = FloatsOf(weights);
  if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
    throw Error(ErrorCode::kInvalidModel,
                fmt::format("weights '{}' hold infinities or NaN, which no integer stands for: keep the op that reads "
                            "them in float",
                            weights.name()));
  }
  const Stride stride = StrideOf(DimsOf(weights), axis);
  std::vector<float> largest(stride.count);
  for (size_t i = 0; i < values.size(); ++i) {
    float& of_channel = largest[stride.ChannelOf(i)];
    of_channel = std::max(of_channel, std::abs(values[i]));
  }
  QuantizedWeights quantized{.scales = ScalesOf(largest, input_scale, biases), .axis = axis};
  quantized.values.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const float integer = std::nearbyint(values[i] / quantized.scales[stride.ChannelOf(i)]);
    quantized.values.push_back(static_cast<int>(std::clamp<float>(integer, -kLargestWeight, kLargestWeight)));
  }
  return quantized;
}

std::vector<int32_t> QuantizeBias(std::span<const float> biases, std::span<const float> bias_scales) {
  std::vector<int32_t> integers(biases.size());
  for (size_t c = 0; c < biases.size(); ++c) {
    const double scale = bias_scales[bias_scales.size() == 1 ? 0 : c];
    const double integer = std::nearbyint(biases[c] / scale);
    integers[c] = static_cast<int32_t>(std::clamp<double>(integer, INT32_MIN, INT32_MAX));
  }
  return integers;
}

}  // namespace consort
