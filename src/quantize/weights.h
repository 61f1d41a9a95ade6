// Weights in 8 bits and biases in 32.
#ifndef CONSORT_QUANTIZE_WEIGHTS_H_
#define CONSORT_QUANTIZE_WEIGHTS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "onnx/onnx_pb.h"

namespace consort {

// Symmetric, in [-127, 127], zero point 0: real = scale[c] · integer, c the index on `axis`; one scale for all where
// axis is -1.
struct QuantizedWeights {
  std::vector<int> values;
  std::vector<float> scales;
  int axis = -1;
};

// The axis of output channels. `rank` is that of the weights; -1 where there is none with a channel per index:
// ConvTranspose with several groups, products whose right factor is no matrix.
int ChannelAxis(const onnx::NodeProto& node, int rank);

// `biases`, empty or one per channel, raise the scale of a channel until they fit: |bias| / (input scale · scale) stays
// below 2^30. With one scale for all, the largest counts. A channel of zeros gets the least scale that its bias allows.
// Source of the ranges: TensorFlow Lite's 8-bit quantization specification.
QuantizedWeights QuantizeWeights(const onnx::TensorProto& weights, int axis, float input_scale,
                                 std::span<const float> biases);

// Integers of scale input_scale · scales[c], zero point 0.
std::vector<int32_t> QuantizeBias(std::span<const float> biases, std::span<const float> bias_scales);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_WEIGHTS_H_
