#include "tflite/lower.h"

namespace consort::tflite {
namespace {

const LoweringTable& Lowerings() {
  static const LoweringTable lowerings = [] {
    LoweringTable all;
    for (const auto& family : {ConvolutionLowerings(), PoolingLowerings(), DenseLowerings(), ElementwiseLowerings(),
                               ShapeLowerings(), SliceLowerings(), ResizeLowerings()}) {
      all.insert(family.begin(), family.end());
    }
    return all;
  }();
  return lowerings;
}

const std::unordered_map<std::string_view, std::string_view>& Explanations() {
  static const std::unordered_map<std::string_view, std::string_view> explanations = {
      {"BatchNormalization", "fold it into the convolution before it: 'consort quantize' does"},
      {"LRN", "TensorFlow Lite has local response normalization in floating point only"},
      {"Div", "TensorFlow Lite has no division of 8-bit numbers; multiply by the reciprocal"},
      {"Exp", "TensorFlow Lite has no int8 kernel of it that keeps a scale of one's own"},
      {"Gelu", "write it with Tanh or Sigmoid, or leave it to another device"},
      {"LSTM", "its state would need 16 bits; leave it to another device"},
      {"GRU", "TensorFlow Lite has no such operator; leave it to another device"},
  };
  return explanations;
}

}  // namespace

const Lowering* FindLowering(const onnx::NodeProto& node) {
  if (!node.domain().empty()) return nullptr;
  const auto found = Lowerings().find(node.op_type());
  return found == Lowerings().end() ? nullptr : &found->second;
}

std::string_view WhyMissing(const onnx::NodeProto& node) {
  const auto found = Explanations().find(node.op_type());
  return node.domain().empty() && found != Explanations().end() ? found->second
                                                                : "no counterpart in TensorFlow Lite is known for it";
}

}  // namespace consort::tflite
