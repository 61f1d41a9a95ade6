#include "tflite/qdq_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include "consort/error.h"
#include "model/model_rep.h"
#include "model/node_queries.h"
#include "tflite/quantizers.h"

namespace consort::tflite {
namespace {

using Names = std::unordered_set<std::string>;

// Values leave as they come in, so that a missing quantization behind them is that before them.
const Names& Movers() {
  static const Names types = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "MaxPool",
                              "Slice",   "Split",   "Pad",     "Relu",      "Clip"};
  return types;
}

std::optional<Affine> FixedOutput(const onnx::NodeProto& node) {
  if (IsOp(node, "Softmax") || IsOp(node, "Sigmoid")) return kUnitRange;
  if (IsOp(node, "Tanh")) return kSignedUnitRange;
  return std::nullopt;
}

// What TensorFlow Lite's operators of the kind can do besides: keep their output within bounds.
bool TakesActivation(const onnx::NodeProto& node) {
  static const Names types = {"Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Sub", "Mul"};
  return types.contains(node.op_type());
}

bool IsAlias(const onnx::NodeProto& node) { return IsOp(node, "Identity") || IsOp(node, "Dropout"); }

class Recogniser {
 public:
  Recogniser(const Model& model, const Constants& constants)
      : graph_(model.graph()),
        nodes_(model.rep().proto.graph()),
        quantizers_(model, constants),
        constants_(constants),
        value_of_(graph_.tensors().size(), kNone),
        waiting_(graph_.tensors().size(), kNone),
        constant_of_(graph_.tensors().size(), kNone) {}

  QdqGraph Run() {
    const auto opset = graph_.opsets().find("");
    result_.opset = opset == graph_.opsets().end() ? 0 : opset->second;
    for (const TensorId id : graph_.inputs()) AddInput(id);
    for (OpId op = 0; op < static_cast<OpId>(graph_.ops().size()); ++op) {
      if (!graph_.op(op).constant) Visit(op);
    }
    for (const TensorId id : graph_.outputs()) AddOutput(id);
    return std::move(result_);
  }

 private:
  const onnx::NodeProto& node(OpId op) const { return nodes_.node(op); }
  const std::string& name(TensorId id) const { return graph_.tensor(id).name; }

  void Refuse(OpId op, const std::string& why) {
    result_.refusals.push_back({graph_.op(op).name, node(op).op_type(), why});
  }

  ValueId AddValue(TensorId id, const Affine& affine) {
    const Tensor& tensor = graph_.tensor(id);
    if (!tensor.has_rank || !IsStatic(tensor.spec.shape)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' is {}: a full-integer .tflite model has fixed shapes; give them (--shape, --dim)",
                              tensor.name, tensor.has_rank ? FormatShape(tensor.spec.shape) : "of unknown rank"));
    }
    result_.values.push_back({.name = tensor.name, .shape = tensor.spec.shape, .affine = affine});
    return static_cast<ValueId>(result_.values.size()) - 1;
  }

  void AddInput(TensorId id) {
    const std::optional<Affine> affine = quantizers_.Around(id);
    if (!affine) {
      result_.refusals.push_back({.why = fmt::format("input '{}' is {}", name(id), quantizers_.WhyNone(id))});
      return;
    }
    value_of_[id] = AddValue(id, *affine);
    result_.inputs.push_back({.name = name(id), .value = value_of_[id]});
  }

  void AddOutput(TensorId id) {
    if (value_of_[id] == kNone) {
      result_.refusals.push_back({.why = fmt::format("output '{}' is not quantized", name(id))});
    } else {
      result_.outputs.push_back({.name = name(id), .value = value_of_[id]});
    }
  }

  void Visit(OpId id) {
    const Op& op = graph_.op(id);
    const TensorId first = op.inputs.empty() ? kNone : op.inputs.front();
    if (IsOp(node(id), "QuantizeLinear")) {
      VisitQuantize(id, first, op.outputs.front());
    } else if (IsOp(node(id), "DequantizeLinear")) {
      VisitDequantize(id, first, op.outputs.front());
    } else if (IsAlias(node(id)) && first != kNone) {
      value_of_[op.outputs.front()] = value_of_[first];
    } else if (graph_.tensor(op.outputs.front()).spec.dtype == DataType::kFloat32) {
      VisitOp(id);
    }  // else arithmetic on shapes, which are known
  }

  // The first quantization of a tensor gives it its value; another one, or one of a value that is there already, is an
  // operator.
  void VisitQuantize(OpId id, TensorId in, TensorId out) {
    if (value_of_[in] == kNone) return;  // its maker was refused
    const std::optional<Affine> affine = quantizers_.Of(id);
    if (!affine) return Refuse(id, quantizers_.WhyNone(out));
    if (result_.values[static_cast<size_t>(value_of_[in])].affine == *affine) {
      value_of_[out] = value_of_[in];
      return;
    }
    value_of_[out] = AddValue(out, *affine);
    result_.ops.push_back({.node = &node(id), .inputs = {{value_of_[in]}}, .outputs = {value_of_[out]}});
  }

  void VisitDequantize(OpId id, TensorId in, TensorId out) {
    if (value_of_[in] == kNone) return;
    const std::optional<Affine> affine = quantizers_.Of(id);
    if (!affine || result_.values[static_cast<size_t>(value_of_[in])].affine != *affine) {
      return Refuse(id, "its scale or zero point is not that of the QuantizeLinear before it");
    }
    value_of_[out] = value_of_[in];
  }

  void VisitOp(OpId id) {
    const Op& op = graph_.op(id);
    if (FoldActivation(id)) return;
    QdqOp result = {.node = &node(id)};
    for (const TensorId input : op.inputs) result.inputs.push_back(OperandOf(id, input));
    if (refused_) {
      refused_ = false;
      return;
    }
    for (const TensorId output : op.outputs) {
      result.outputs.push_back(output == kNone ? kNone : AddResult(id, output, result));
    }
    const auto is_used = [&](TensorId out) {
      return out != kNone && (value_of_[out] != kNone || waiting_[out] != kNone);
    };
    if (std::any_of(op.outputs.begin(), op.outputs.end(), is_used)) result_.ops.push_back(std::move(result));
  }

  // Relu or Clip behind an operator whose output nothing quantizes becomes part of that operator.
  bool FoldActivation(OpId id) {
    const Op& op = graph_.op(id);
    if (op.inputs.empty() || op.inputs.front() == kNone || waiting_[op.inputs.front()] == kNone) return false;
    const std::optional<Clamp> clamp = ClampOf(node(id), constants_);
    const std::optional<Affine> affine = quantizers_.Around(op.outputs.front());
    if (!clamp || !affine) return false;
    QdqOp& maker = result_.ops[static_cast<size_t>(waiting_[op.inputs.front()])];
    maker.clamp = clamp;
    maker.outputs.front() = value_of_[op.outputs.front()] = AddValue(op.outputs.front(), *affine);
    return true;
  }

  Operand OperandOf(OpId id, TensorId input) {
    if (input == kNone) return {};
    if (value_of_[input] != kNone) return {.value = value_of_[input]};
    const Tensor& tensor = graph_.tensor(input);
    const bool constant = tensor.kind == TensorKind::kInitializer ||
                          (tensor.producer != kNone && graph_.op(tensor.producer).constant);
    if (constant && tensor.spec.dtype == DataType::kFloat32) return {.constant = ConstantOf(id, input)};
    if (tensor.spec.dtype == DataType::kFloat32) {
      const bool made = tensor.producer != kNone && waiting_[input] != kNone;
      if (made) Refuse(id, fmt::format("its input '{}' is not quantized", tensor.name));
      refused_ = true;
    }
    return {};
  }

  int ConstantOf(OpId id, TensorId input) {
    if (constant_of_[input] != kNone) return constant_of_[input];
    std::optional<QdqConstant> constant = quantizers_.Constant(input);
    if (!constant) {
      Refuse(id, fmt::format("its operand '{}' is computed from constants: fold them first", name(input)));
      refused_ = true;
      return kNone;
    }
    result_.constants.push_back(std::move(*constant));
    return constant_of_[input] = static_cast<int>(result_.constants.size()) - 1;
  }

  // The value of an output; kNone where the only reader is an activation that may become part of the operator.
  ValueId AddResult(OpId id, TensorId output, const QdqOp& op) {
    std::optional<Affine> affine = quantizers_.Around(output);
    if (!affine) affine = FixedOutput(node(id));
    if (!affine && Movers().contains(node(id).op_type()) && !op.inputs.empty() && op.inputs.front().value != kNone) {
      affine = result_.values[static_cast<size_t>(op.inputs.front().value)].affine;
    }
    if (affine) return value_of_[output] = AddValue(output, *affine);
    const Tensor& tensor = graph_.tensor(output);
    const bool before_activation = TakesActivation(node(id)) && tensor.consumers.size() == 1 && !tensor.is_output &&
                                   ClampOf(node(tensor.consumers.front()), constants_).has_value();
    if (before_activation) {
      waiting_[output] = static_cast<int>(result_.ops.size());
    } else if (!tensor.consumers.empty() || tensor.is_output) {
      Refuse(id, fmt::format("its output '{}' is {}", tensor.name, quantizers_.WhyNone(output)));
    }
    return kNone;
  }

  const Graph& graph_;
  const onnx::GraphProto& nodes_;
  const Quantizers quantizers_;
  const Constants& constants_;
  std::vector<ValueId> value_of_;   // of a tensor, be it the float or the quantized one
  std::vector<int> waiting_;        // op in result_ whose output this is, without a value yet
  std::vector<int> constant_of_;
  bool refused_ = false;           // the op that is being visited has an operand that it cannot have
  QdqGraph result_;
};

}  // namespace

std::optional<Clamp> ClampOf(const onnx::NodeProto& node, const Constants& constants) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (IsOp(node, "Relu")) return Clamp{0, kInfinity};
  if (!IsOp(node, "Clip")) return std::nullopt;
  Clamp clamp = {-kInfinity, kInfinity};
  const std::pair<float*, int> bounds[] = {{&clamp.low, 1}, {&clamp.high, 2}};
  for (const auto& [bound, input] : bounds) {
    const auto* attribute = FindAttribute(node, input == 1 ? "min" : "max");  // before opset 11
    if (attribute != nullptr) *bound = attribute->f();
    if (node.input_size() <= input || node.input(input).empty()) continue;
    const auto values = constants.Floats(node, input);
    if (!values || values->size() != 1) return std::nullopt;
    *bound = values->front();
  }
  return clamp;
}

QdqGraph RecogniseQdq(const Model& model, const Constants& constants) { return Recogniser(model, constants).Run(); }

}  // namespace consort::tflite
