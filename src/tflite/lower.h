// From operators of ONNX to those of TensorFlow Lite. A new operator is one entry in one of the tables.
#ifndef CONSORT_TFLITE_LOWER_H_
#define CONSORT_TFLITE_LOWER_H_

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "tflite/draft.h"

namespace consort::tflite {

// What an operator wants of the images that it reads.
enum class Taste : uint8_t {
  kAny,           // works in any order of axes
  kChannelsLast,  // has a kernel for N, H, W, C only
  kPlain,         // reads elements in ONNX's own order
};

struct Lowering {
  // Adds operators and tensors to the draft, and gives every output that is read a form. Throws Refusal.
  void (*lower)(Draft& draft, const QdqOp& op) = nullptr;
  Taste taste = Taste::kAny;
};

using LoweringTable = std::unordered_map<std::string_view, Lowering>;  // by ONNX operator

// By family, one source file each.
LoweringTable ConvolutionLowerings();  // Conv, ConvTranspose
LoweringTable PoolingLowerings();      // MaxPool, AveragePool, GlobalAveragePool, ReduceMean
LoweringTable DenseLowerings();        // Gemm, MatMul
LoweringTable ElementwiseLowerings();  // Add, Sub, Mul, activations, Softmax, QuantizeLinear
LoweringTable ShapeLowerings();        // Reshape and its kin, Transpose, Concat
LoweringTable SliceLowerings();        // Pad, Slice, Split
LoweringTable ResizeLowerings();       // Resize

// nullptr for an operator that no table has.
const Lowering* FindLowering(const onnx::NodeProto& node);
// Why an operator is in no table, where there is more to say than that.
std::string_view WhyMissing(const onnx::NodeProto& node);

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_LOWER_H_
