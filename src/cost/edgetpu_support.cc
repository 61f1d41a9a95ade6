#include "cost/edgetpu_support.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

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

bool IsFloat(DataType dtype) {
  return dtype == DataType::kFloat32 || dtype == DataType::kFloat16 || dtype == DataType::kBFloat16;
}

bool IsByte(DataType dtype) { return dtype == DataType::kInt8 || dtype == DataType::kUInt8; }

// --- Requirements on every tensor -----------------------------------------------------------------------------------

// Sizes known at compile time, 8-bit types, and nothing larger than 1 but the three innermost axes.
std::string WhyNotTensor(const Tensor& tensor) {
  if (!tensor.has_rank || !IsStatic(tensor.spec.shape)) return fmt::format("dynamic shape of '{}'", tensor.name);
  if (!IsFloat(tensor.spec.dtype) && !IsByte(tensor.spec.dtype)) {
    return fmt::format("dtype {} of '{}'", ToString(tensor.spec.dtype), tensor.name);
  }
  const Shape& shape = tensor.spec.shape;
  for (size_t axis = 0; axis + 3 < shape.size(); ++axis) {
    if (shape[axis] <= 1) continue;
    return fmt::format("'{}' is {}: only the 3 innermost axes may be larger than 1", tensor.name, FormatShape(shape));
  }
  return "";
}

// --- Rules of operators ---------------------------------------------------------------------------------------------
using Rule = std::string (*)(const Graph&, const Op&);

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
const std::unordered_map<std::string_view, Rule>& Rules() {
  static const std::unordered_map<std::string_view, Rule> rules = {
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

// --- Ops that are gone before the compiler sees them ----------------------------------------------------------------

// Tensors whose values are known before run time: constants, and what is computed from shapes that are static.
class KnownValues {
 public:
  explicit KnownValues(const Graph& graph) : graph_(graph), known_(graph.tensors().size()) {
    for (const Op& op : graph.ops()) {
      if (!Folds(op)) continue;
      for (const TensorId id : op.outputs) {
        if (id != kNone) known_[id] = true;
      }
    }
  }

  bool Folds(const Op& op) const {
    if (op.constant) return true;
    if (op.type == "Shape" || op.type == "Size") {
      const Tensor& input = graph_.tensor(op.inputs.at(0));
      return input.has_rank && IsStatic(input.spec.shape);
    }
    if (op.inputs.empty() || op.body_ops > 0) return false;
    return std::all_of(op.inputs.begin(), op.inputs.end(),
                       [this](TensorId id) { return !IsActivation(graph_, id) || Holds(id); });
  }

  bool Holds(TensorId id) const { return id != kNone && known_[id]; }

 private:
  const Graph& graph_;
  std::vector<bool> known_;  // by tensor
};

std::string WhyNotTensors(const Graph& graph, const Op& op, const KnownValues& values) {
  for (const auto* ids : {&op.inputs, &op.outputs}) {
    for (const TensorId id : *ids) {
      if (!IsActivation(graph, id) || values.Holds(id)) continue;
      const std::string why = WhyNotTensor(graph.tensor(id));
      if (!why.empty()) return op.type + ": " + why;
    }
  }
  return "";
}

std::string WhyNot(const Graph& graph, const Op& op, const KnownValues& values) {
  if (values.Folds(op)) return "";
  if (!op.domain.empty()) return fmt::format("{}: an operator of the domain {}", op.type, op.domain);
  const auto rule = Rules().find(op.type);
  if (rule == Rules().end()) return op.type + " is not on the Edge TPU's list of operators";
  const std::string why = WhyNotTensors(graph, op, values);
  return why.empty() ? rule->second(graph, op) : why;
}

// --- One subgraph ---------------------------------------------------------------------------------------------------

class Partition {
 public:
  Partition(const Graph& graph, const WorkList& works)
      : graph_(graph), values_(graph), why_(works.works.size()), work_of_(graph.ops().size(), kNone) {
    for (size_t i = 0; i < works.works.size(); ++i) {
      for (const OpId op : works.works[i].ops) {
        work_of_[op] = static_cast<int>(i);
        last_ = std::max(last_, op);
      }
    }
    // From the first on: a work list leaves out ops that only reshape, which may be refused all the same.
    for (OpId op = works.begin; op <= last_; ++op) Place(op);
  }

  std::vector<std::string> Take() { return std::move(why_); }

 private:
  void Place(OpId id) {
    const Op& op = graph_.op(id);
    std::string why = WhyNot(graph_, op, values_);
    const OpId refused = why.empty() ? RefusedBefore(op) : id;
    if (refused == kNone) return;
    if (why.empty()) {
      const Op& first = graph_.op(refused);
      why = fmt::format("behind {} '{}': the compiler makes one subgraph", first.type, first.name);
    }
    for (const TensorId output : op.outputs) {
      if (output != kNone) refused_by_[output] = refused;
    }
    const int work = work_of_[id];
    if (work != kNone && why_[work].empty()) why_[work] = std::move(why);
  }

  // The op that ended the subgraph on the way to this one, or kNone.
  OpId RefusedBefore(const Op& op) const {
    for (const auto* ids : {&op.inputs, &op.captures}) {
      for (const TensorId id : *ids) {
        const auto refused = refused_by_.find(id);
        if (refused != refused_by_.end()) return refused->second;
      }
    }
    return kNone;
  }

  const Graph& graph_;
  KnownValues values_;
  std::vector<std::string> why_;
  std::vector<int> work_of_;                       // by op; kNone: of no work
  std::unordered_map<TensorId, OpId> refused_by_;  // tensors made on the CPU → the op that was refused
  OpId last_ = kNone;
};

}  // namespace

std::string WhyNotOnEdgeTpu(const Graph& graph, const Op& op) { return WhyNot(graph, op, KnownValues(graph)); }

std::vector<std::string> EdgeTpuMapping(const Graph& graph, const WorkList& works) {
  return Partition(graph, works).Take();
}

}  // namespace consort
