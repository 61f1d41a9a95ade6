// What a float model becomes before it is quantized: the same function with fewer ops between integers.
#ifndef CONSORT_QUANTIZE_PREPARE_H_
#define CONSORT_QUANTIZE_PREPARE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "consort/model.h"
#include "onnx/onnx_pb.h"

namespace consort {

// How often each rewriting was made.
struct Preparation {
  int64_t opset_before = 0;     // of ai.onnx; raised to kLeastOpset where it was lower
  int dropped = 0;              // Identity, Dropout
  int folded_norms = 0;         // BatchNormalization into the Conv, ConvTranspose or Gemm before it
  int norms_as_convolution = 0; // BatchNormalization behind anything else: a depthwise 1×1 Conv
  int folded_transposes = 0;    // Transpose of a constant
  int folded_biases = 0;        // Add of a constant behind MatMul or Conv: a bias
};

struct PreparedModel {
  Model model;
  Preparation made;
};

// DequantizeLinear has an axis from here on.
inline constexpr int kLeastOpset = 13;

// The model with its external data inside, its Constant nodes as initializers, at opset 13 or above, and every
// rewriting of Preparation made; names of the tensors that are left, of inputs and outputs are kept, a folded layer's
// output has the name of the last tensor folded into it. Computes what `model` computes up to rounding. Throws
// kUnsupported where the opset cannot be raised, or 2 GiB of weights do not fit one message.
PreparedModel PrepareForQuantization(const Model& model);

// --- The rewritings, each on one graph; they return how often they were made ----------------------------------------
// Identity, and Dropout whose mask nobody reads. One between an input (or a constant) and an output stays.
int DropIdentities(onnx::GraphProto& graph);
// Transpose of a stored float32 tensor becomes a stored tensor.
int FoldTransposes(onnx::GraphProto& graph);
// Gemm's alpha and beta become 1, and its bias one value per column, where weights and bias are constants.
void NormalizeGemms(onnx::GraphProto& graph);
// MatMul of rank 2 with constant weights and Add of a constant per column: Gemm. `rank_of` gives a tensor's rank, -1
// for unknown.
// Conv or ConvTranspose without a bias and Add of a constant per channel: a bias.
int FoldBiases(onnx::GraphProto& graph, const std::function<int(const std::string&)>& rank_of);
// BatchNormalization (inference) alone behind Conv, ConvTranspose or Gemm with constant weights: y = (x - mean) /
// √(variance + ε) · scale + offset goes into weights and bias.
int FoldBatchNorms(onnx::GraphProto& graph);
// Other BatchNormalizations of rank 3 to 5 become depthwise convolutions with one tap: per-channel weights keep all
// scales exact.
int ConvolveBatchNorms(onnx::GraphProto& graph, const std::function<int(const std::string&)>& rank_of);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_PREPARE_H_
