// Which operators are quantized, and how the scales of their tensors hang together.
#ifndef CONSORT_QUANTIZE_OP_RULES_H_
#define CONSORT_QUANTIZE_OP_RULES_H_

#include <cstdint>
#include <functional>
#include <string>

#include "consort/graph.h"
#include "onnx/onnx_pb.h"

namespace consort {

// How an op's output gets its scale. "Shared" and "fixed" are TensorFlow Lite's 8-bit quantization specification
// (tensorflow.org/lite/performance/quantization_spec), so that a model runs on its integer kernels, too.
enum class OutputScale : uint8_t {
  kOwn,        // from the range of its values
  kShared,     // that of its only activation: the op moves or selects values
  kJoined,     // one scale for all inputs and the output: Concat
  kUnit,       // values in [0, 1]: scale 1/256, zero point at the least integer. Sigmoid, Softmax
  kSymmetric,  // values in [-1, 1]: scale 1/128, zero point in the middle. Tanh
};

struct OpRule {
  OutputScale output = OutputScale::kOwn;
  int activations = 1;    // inputs from the first on that are quantized; -1: all
  bool weighted = false;  // input 1 is weights, 8 bits symmetric, and input 2 a bias of 32 bits
};

// nullptr for an operator that stays float.
const OpRule* RuleFor(const Op& op);

// A reason why this op stays float though its operator has a rule; empty when there is none. `node` is its message,
// and `stored(name)` gives an initializer with float32 values, or nullptr.
std::string WhyFloat(const Graph& graph, const Op& op, const onnx::NodeProto& node,
                     const std::function<const onnx::TensorProto*(const std::string&)>& stored);

// Convolutions, products and sums, whose following Relu or Relu6 is the clamp of the 8-bit range.
bool TakesActivation(const Op& op);
// Relu, or Clip with the constant bounds 0 and 6 (or 0 alone).
bool IsRectifier(const Op& op, const onnx::NodeProto& node,
                 const std::function<const onnx::TensorProto*(const std::string&)>& stored);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_OP_RULES_H_
