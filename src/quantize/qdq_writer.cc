#include "quantize/qdq_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include "model/model_rep.h"
#include "quantize/graph_edit.h"
#include "quantize/group_scales.h"
#include "quantize/qdq_tensors.h"
#include "quantize/stored_values.h"
#include "quantize/weights.h"

namespace consort {
namespace {

// Read by a body of another op: the body's text names it.
bool IsCaptured(const Graph& graph, TensorId id) {
  for (const OpId reader : graph.tensor(id).consumers) {
    const auto& captures = graph.op(reader).captures;
    if (std::find(captures.begin(), captures.end(), id) != captures.end()) return true;
  }
  return false;
}

bool KeepsName(const Graph& graph, TensorId id) { return graph.tensor(id).is_output || IsCaptured(graph, id); }

// Where quantized copies stand: in the place of the float ops, or beside them.
enum class Place : uint8_t { kInstead, kBeside };

class Writing {
 public:
  Writing(const Model& model, const QuantizationPlan& plan, const Ranges& ranges, const QdqOptions& options,
          Place place)
      : model_(model),
        graph_(model.graph()),
        plan_(plan),
        options_(options),
        place_(place),
        groups_(GroupParameters(model, plan, ranges, options.format)),
        target_(model.rep().proto),
        tensors_(*target_.mutable_graph(), model.rep().proto.graph(), options.format.type) {}

  onnx::ModelProto Run() {
    Begin();
    for (const TensorId id : graph_.inputs()) AddPair(id, graph_.tensor(id).name);
    for (const auto& [id, group] : plan_.group_of) {
      if (graph_.tensor(id).kind != TensorKind::kInitializer) continue;
      read_[id] = tensors_.Constant(StoredTensor(id), groups_[size_t(group)], options_.format);
    }
    for (OpId id = 0; id < static_cast<OpId>(graph_.ops().size()); ++id) WriteOp(id);
    DropUnreadInitializers(*target_.mutable_graph());
    return std::move(target_);
  }

 private:
  void Begin() {
    target_.mutable_graph()->clear_node();
    for (const auto& tensor : model_.rep().proto.graph().initializer()) stored_[tensor.name()] = &tensor;
    for (const Unit& unit : plan_.units) {
      units_[unit.last()] = &unit;
      if (unit.activation != kNone) fused_.insert(unit.op);
    }
  }

  const std::string& NameOf(TensorId id) const { return graph_.tensor(id).name; }
  const onnx::TensorProto& StoredTensor(TensorId id) const { return *stored_.at(NameOf(id)); }

  // Of a tensor that the float part makes, where an integer op reads it.
  void AddPair(TensorId id, const std::string& source) {
    const auto group = plan_.group_of.find(id);
    if (group != plan_.group_of.end()) read_[id] = tensors_.Pair(source, NameOf(id), groups_[size_t(group->second)]);
  }

  void WriteOp(OpId id) {
    const auto unit = units_.find(id);
    const bool in_integers = unit != units_.end() || fused_.contains(id);
    if (!in_integers || place_ == Place::kBeside) WriteFloat(id);
    if (unit != units_.end()) WriteUnit(*unit->second);
  }

  void WriteFloat(OpId id) {
    onnx::NodeProto node = model_.rep().proto.graph().node(id);
    const Op& op = graph_.op(id);
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      const auto renamed = op.inputs[i] == kNone ? float_name_.end() : float_name_.find(op.inputs[i]);
      if (renamed != float_name_.end()) node.set_input(static_cast<int>(i), renamed->second);
    }
    QuantizeAddedBias(op, node);
    *target_.mutable_graph()->add_node() = std::move(node);
    for (const TensorId output : op.outputs) {
      if (output != kNone) AddPair(output, NameOf(output));
    }
  }

  struct FloatProduct {
    QuantizedWeights weights;
    float input_scale = 1;
  };

  // A value per column, none of which 32 bits would cut off.
  static bool FitsAsBias(const onnx::TensorProto& stored, const FloatProduct& product) {
    const std::vector<float>& scales = product.weights.scales;
    if (stored.dims_size() != 1 || scales.size() != static_cast<size_t>(stored.dims(0))) return false;
    const std::vector<float> values = FloatsOf(stored);
    for (size_t c = 0; c < values.size(); ++c) {
      if (!(std::abs(values[c]) < static_cast<double>(1 << 30) * product.input_scale * scales[c])) return false;
    }
    return true;
  }

  // A constant per column that is added to a product's floats becomes a bias of 32 bits: ONNX Runtime makes one Gemm of
  // both, which it computes in integers only where all three are.
  void QuantizeAddedBias(const Op& op, onnx::NodeProto& node) {
    if (op.type != "Add" || !op.domain.empty()) return;
    for (const int constant : {0, 1}) {
      const auto product = float_products_.find(op.inputs[size_t(1 - constant)]);
      const auto stored = stored_.find(NameOf(op.inputs[size_t(constant)]));
      if (product == float_products_.end() || stored == stored_.end() || !HoldsFloats(*stored->second)) continue;
      const FloatProduct& made = product->second;
      if (FitsAsBias(*stored->second, made)) node.set_input(constant, tensors_.Bias(*stored->second, made.weights, made.input_scale));
      return;
    }
  }

  // In the place of the float ops the float result is called after the pair's, for whoever reads it.
  void WriteUnit(const Unit& unit) {
    const std::map<int, std::string> inputs = UnitInputs(unit);
    onnx::NodeProto node = CopyOf(unit.op);
    for (const auto& [index, name] : inputs) node.set_input(index, name);
    std::map<std::string, std::string> made;  // output → its name before the pair
    for (const TensorId id : unit.outputs) made[NameOf(id)] = unit.float_output ? DirectName(id) : RawName(id);
    if (unit.activation != kNone) {
      const bool beside = place_ == Place::kBeside;
      const std::string between = beside ? tensors_.FreshTensor(node.output(0) + "_local") : node.output(0);
      node.set_output(0, between);
      *target_.mutable_graph()->add_node() = node;
      node = CopyOf(unit.activation);
      node.set_input(0, between);
    }
    for (auto& output : *node.mutable_output()) {
      if (!output.empty()) output = made.at(output);
    }
    *target_.mutable_graph()->add_node() = std::move(node);
    if (unit.float_output) return;
    for (const TensorId id : unit.outputs) WriteOutputPair(id, made.at(NameOf(id)));
  }

  onnx::NodeProto CopyOf(OpId id) {
    onnx::NodeProto node = model_.rep().proto.graph().node(id);
    if (place_ == Place::kBeside) node.set_name(tensors_.FreshNode(node.name() + "_local"));
    return node;
  }

  std::string RawName(TensorId id) {
    if (place_ == Place::kBeside) return tensors_.FreshTensor(NameOf(id) + "_local");
    return KeepsName(graph_, id) ? tensors_.FreshTensor(NameOf(id) + "_float") : NameOf(id);
  }

  // Of a result that no pair follows.
  std::string DirectName(TensorId id) const { return place_ == Place::kBeside ? LocalName(graph_, id) : NameOf(id); }

  void WriteOutputPair(TensorId id, const std::string& raw) {
    const QuantizationParameters& parameters = groups_[size_t(plan_.group_of.at(id))];
    if (place_ == Place::kBeside) {
      tensors_.Pair(raw, NameOf(id) + "_local", parameters);
    } else if (KeepsName(graph_, id)) {
      read_[id] = tensors_.Pair(raw, NameOf(id), parameters, NameOf(id));
    } else {
      read_[id] = float_name_[id] = tensors_.Pair(raw, NameOf(id), parameters);
    }
  }

  // What the op reads instead, by the index of the input.
  std::map<int, std::string> UnitInputs(const Unit& unit) {
    std::map<int, std::string> inputs;
    for (const UnitInput& input : unit.inputs) {
      std::string name = read_.at(input.tensor);
      if (input.group != plan_.group_of.at(input.tensor)) name = Rescaled(unit, input, name);
      inputs[input.index] = name;
    }
    const Op& op = graph_.op(unit.op);
    if (RuleFor(op)->weighted || (op.type == "MatMul" && unit.inputs.size() == 1)) AddWeights(unit, inputs);
    return inputs;
  }

  // The same values with another scale.
  std::string Rescaled(const Unit& unit, const UnitInput& input, const std::string& name) {
    const std::string base = fmt::format("{}_for_{}", NameOf(input.tensor), graph_.op(unit.op).name);
    return tensors_.Pair(name, base, groups_[size_t(input.group)]);
  }

  void AddWeights(const Unit& unit, std::map<int, std::string>& inputs) {
    const onnx::NodeProto& node = model_.rep().proto.graph().node(unit.op);
    const Op& op = graph_.op(unit.op);
    const onnx::TensorProto& stored = StoredTensor(op.inputs[1]);
    const int axis =
        options_.weights == WeightScales::kPerChannel ? ChannelAxis(node, stored.dims_size()) : -1;
    const bool has_bias = op.inputs.size() > 2 && op.inputs[2] != kNone;
    const std::vector<float> bias = has_bias ? FloatsOf(StoredTensor(op.inputs[2])) : std::vector<float>();
    const float input_scale = groups_[size_t(unit.inputs.front().group)].scale;
    const QuantizedWeights weights = QuantizeWeights(stored, axis, input_scale, bias);
    inputs[1] = tensors_.Weights(stored, weights);
    if (has_bias) inputs[2] = tensors_.Bias(StoredTensor(op.inputs[2]), weights, input_scale);
    if (unit.float_output && unit.activation == kNone) float_products_[unit.outputs.front()] = {weights, input_scale};
  }

  const Model& model_;
  const Graph& graph_;
  const QuantizationPlan& plan_;
  const QdqOptions& options_;
  const Place place_;
  const std::vector<QuantizationParameters> groups_;
  onnx::ModelProto target_;
  QdqTensors tensors_;  // writes into target_
  std::unordered_map<std::string, const onnx::TensorProto*> stored_;
  std::map<OpId, const Unit*> units_;  // by the last op
  std::set<OpId> fused_;               // first ops of units that end in an activation
  std::map<TensorId, FloatProduct> float_products_;  // that no pair follows, by their results
  std::map<TensorId, std::string> read_;        // what integer ops read
  std::map<TensorId, std::string> float_name_;  // what float ops read, where it is not the tensor itself
};

}  // namespace

onnx::ModelProto WriteQdq(const Model& model, const QuantizationPlan& plan, const Ranges& ranges,
                          const QdqOptions& options) {
  return Writing(model, plan, ranges, options, Place::kInstead).Run();
}

onnx::ModelProto WriteQdqBeside(const Model& model, const QuantizationPlan& plan, const Ranges& ranges,
                                const QdqOptions& options) {
  return Writing(model, plan, ranges, options, Place::kBeside).Run();
}

std::string DequantizedName(const Graph& graph, TensorId tensor) {
  return graph.tensor(tensor).name + (KeepsName(graph, tensor) ? "" : "_dequantized");
}

std::string LocalName(const Graph& graph, TensorId tensor) {
  return graph.tensor(tensor).name + "_local_dequantized";
}

}  // namespace consort
