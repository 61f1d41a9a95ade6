#include "cost/edgetpu_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "cost/work.h"

namespace consort {
namespace {

constexpr int64_t kLargestSoftmax = 16000;  // the page's row "Softmax"
constexpr int64_t kChannelMultiple = 4;     // the page's row "Mean", reduction over channels

bool IsGiven(const Op& op, size_t input) { return input < op.inputs.size() && op.inputs[input] != kNone; }

bool IsConstant(const Graph& graph, const Op& op, size_t input) {
  return IsGiven(op, input) && !IsActivation(graph, op.inputs[input]);
}

const Shape& InputShape(const Graph& graph, const Op& op, size_t input) {
  static const Shape none;
  return IsGiven(op, input) ? graph.tensor(op.inputs[input]).spec.shape : none;
}

const Shape& OutputShape(const Graph& graph, const Op& op) {
  static const Shape none;
  return op.outputs.empty() || op.outputs.front() == kNone ? none : graph.tensor(op.outputs.front()).spec.shape;
}

int64_t AxesAboveOne(const Shape& shape) {
  return std::count_if(shape.begin(), shape.end(), [](int64_t size) { return size > 1; });
}

int64_t Product(const Shape& shape) {
  int64_t product = 1;
  for (const int64_t size : shape) product *= std::max<int64_t>(1, size);
  return product;
}

// "16,001".
std::string Grouped(int64_t count) {
  std::string text = std::to_string(count);
  for (int at = static_cast<int>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<size_t>(at), 1, ',');
  return text;
}

std::string Taken(const Graph&, const Op&) { return ""; }

// Weights constant at compile time, a window over one or two axes. A grouped convolution becomes Split, Conv2d of each
// group and Concatenation, which are on the list.
template <size_t weights_input>
std::string Window(const Graph& graph, const Op& op) {
  if (!IsConstant(graph, op, weights_input)) return op.type + " with weights that are not constant";
  const size_t axes = InputShape(graph, op, weights_input).size();
  return axes > 4 ? fmt::format("{} over {} axes: at most 2", op.type, axes - 2) : "";
}

// FullyConnected: constant weights, a one-dimensional output.
template <size_t weights_input>
std::string Matrix(const Graph& graph, const Op& op) {
  if (!IsConstant(graph, op, weights_input) || InputShape(graph, op, weights_input).size() != 2) {
    return op.type + " without a constant matrix on its right becomes BatchMatMul, which is not on the list";
  }
  const Shape& output = OutputShape(graph, op);
  return AxesAboveOne(output) > 1
             ? fmt::format("{} with an output of {}: FullyConnected gives one-dimensional tensors only", op.type,
                           FormatShape(output))
             : "";
}

std::string Pool(const Graph& graph, const Op& op) {
  const size_t axes = InputShape(graph, op, 0).size();
  if (axes > 4) return fmt::format("{} over {} axes: at most 2", op.type, axes - 2);
  return op.outputs.size() > 1 && op.outputs[1] != kNone ? op.type + " that gives indices" : "";
}

std::string Softmax(const Graph& graph, const Op& op) {
  const Shape& shape = InputShape(graph, op, 0);
  if (AxesAboveOne(shape) > 1) return fmt::format("Softmax of {}: one-dimensional inputs only", FormatShape(shape));
  const int64_t elements = Product(shape);
  if (elements <= kLargestSoftmax) return "";
  return fmt::format("Softmax over {} elements: at most {}", Grouped(elements), Grouped(kLargestSoftmax));
}

// One slope per channel: [C, 1, 1], or a single one.
std::string PRelu(const Graph& graph, const Op& op) {
  if (!IsConstant(graph, op, 1)) return "PRelu with slopes that are not constant";
  const Shape& slopes = InputShape(graph, op, 1);
  return AxesAboveOne(slopes) > 1 ? fmt::format("PRelu with slopes of {}: one per channel only", FormatShape(slopes))
                                  : "";
}

std::string Concat(const Graph& graph, const Op& op) {
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    if (IsConstant(graph, op, i)) return "Concat with a constant input";
  }
  return "";
}

// Operators that may change any axis but the batch.
std::string KeepsBatch(const Graph& graph, const Op& op) {
  const Shape& input = InputShape(graph, op, 0);
  const Shape& output = OutputShape(graph, op);
  const bool changed = input.size() == output.size() && !input.empty() && input.front() != output.front();
  return changed ? op.type + " along the batch axis" : "";
}

// Without kept axes the batch must still stand first.
std::string Reduce(const Graph& graph, const Op& op) {
  const Shape& input = InputShape(graph, op, 0);
  const Shape& output = OutputShape(graph, op);
  if (input.empty() || input.front() == 1) return "";
  return output.empty() || output.front() != input.front() ? op.type + " over the batch axis" : "";
}

// Channels stand at axis 1 of images and last elsewhere.
bool KeepsChannels(const Shape& input, const Shape& output) {
  const int64_t channels = input.size() == 4 ? input[1] : input.back();
  if (channels == 1) return true;
  if (input.size() != 4) return !output.empty() && output.back() == channels;
  return output.size() > 1 && output[1] == channels;
}

std::string Mean(const Graph& graph, const Op& op) {
  const std::string why = Reduce(graph, op);
  const Shape& input = InputShape(graph, op, 0);
  if (!why.empty() || input.empty() || KeepsChannels(input, OutputShape(graph, op))) return why;
  const int64_t channels = input.size() == 4 ? input[1] : input.back();
  return channels % kChannelMultiple == 0
             ? ""
             : fmt::format("ReduceMean over {} channels: only over multiples of {}", channels, kChannelMultiple);
}

// A division by a constant is a multiplication.
std::string Div(const Graph& graph, const Op& op) {
  return IsConstant(graph, op, 1) ? "" : "Div by what is not constant is not on the list";
}

// Strides other than 1 are refused; a graph does not hold the values of steps.
std::string Slice(const Graph&, const Op& op) {
  return IsGiven(op, 4) ? "Slice with steps: a stride other than 1 cannot be excluded" : "";
}

std::string Resize(const Graph& graph, const Op& op) {
  const Shape& input = InputShape(graph, op, 0);
  const Shape& output = OutputShape(graph, op);
  if (input.size() != 4 || output.size() != 4) return fmt::format("{} of {}: images only", op.type, FormatShape(input));
  return input[0] != output[0] || input[1] != output[1] ? op.type + " of other axes than height and width" : "";
}

std::string Lstm(const Graph& graph, const Op& op) {
  const Shape& weights = InputShape(graph, op, 1);
  if (!IsConstant(graph, op, 1) || !IsConstant(graph, op, 2)) return "LSTM with weights that are not constant";
  return weights.empty() || weights.front() != 1 ? "LSTM in two directions" : "";
}

// ONNX operator → rule. Comments: the TensorFlow Lite operators that it becomes. An operator that is not listed is
// refused.
const std::unordered_map<std::string_view, EdgeTpuRule>& Rules() {
  static const std::unordered_map<std::string_view, EdgeTpuRule> rules = {
      {"Conv", Window<1>},            // Conv2d, DepthwiseConv2d
      {"QLinearConv", Window<3>},     // likewise
      {"ConvTranspose", Window<1>},   // TransposeConv
      {"Gemm", Matrix<1>},            // FullyConnected
      {"MatMul", Matrix<1>},          // FullyConnected
      {"QLinearMatMul", Matrix<3>},   // FullyConnected
      {"LSTM", Lstm},                 // UnidirectionalSequenceLSTM
      {"MaxPool", Pool},              // MaxPool2d
      {"AveragePool", Pool},          // AveragePool2d
      {"GlobalMaxPool", Pool},        // ReduceMax over x and y
      {"GlobalAveragePool", Pool},    // Mean over x and y
      {"ReduceMean", Mean},           // Mean
      {"ReduceSum", Reduce},          // Sum
      {"ReduceMax", Reduce},          // ReduceMax
      {"ReduceMin", Reduce},          // ReduceMin
      {"Add", Taken},                 // Add
      {"Sub", Taken},                 // Sub
      {"Mul", Taken},                 // Mul
      {"Div", Div},                   // Mul
      {"Max", Taken},                 // Maximum
      {"Min", Taken},                 // Minimum
      {"Sum", Taken},                 // Add of each operand
      {"Mean", Taken},                // Add of each operand, Mul
      {"BatchNormalization", Taken},  // Mul, Add
      {"Relu", Taken},                // Relu
      {"Clip", Taken},                // Relu6, ReluN1To1, or Minimum and Maximum
      {"PRelu", PRelu},               // PRelu
      {"Sigmoid", Taken},             // Logistic
      {"HardSigmoid", Taken},         // Mul, Add, Minimum, Maximum
      {"Tanh", Taken},                // Tanh
      {"Softmax", Softmax},           // Softmax
      {"LpNormalization", Taken},     // L2Normalization
      {"Concat", Concat},             // Concatenation
      {"Split", KeepsBatch},          // Split
      {"Pad", KeepsBatch},            // Pad
      {"Slice", Slice},               // Slice, StridedSlice
      {"Transpose", Taken},           // Transpose (compiler 16)
      {"SpaceToDepth", Taken},        // SpaceToDepth
      {"Resize", Resize},             // ResizeBilinear, ResizeNearestNeighbor
      {"Upsample", Resize},           // likewise
      {"Reshape", Taken},             // Reshape
      {"Flatten", Taken},             // Reshape
      {"Squeeze", Taken},             // Squeeze
      {"Unsqueeze", Taken},           // ExpandDims
      {"Identity", Taken},            // nothing
      {"Dropout", Taken},             // nothing
      {"Cast", Taken},                // Quantize between bytes and floats; other types are refused
      {"QuantizeLinear", Taken},      // Quantize, or the type of a kernel's result
      {"DequantizeLinear", Taken},    // the type of a kernel's operand; at the model's end the host does it
  };
  return rules;
}

}  // namespace

EdgeTpuRule FindEdgeTpuRule(std::string_view type) {
  const auto rule = Rules().find(type);
  return rule == Rules().end() ? nullptr : rule->second;
}

}  // namespace consort
