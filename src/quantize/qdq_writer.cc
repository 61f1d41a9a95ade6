#include "quantize/qdq_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "consort/error.h"
#include "model/model_rep.h"
#include "model/proto_walk.h"
#include "quantize/graph_edit.h"
#include "quantize/group_scales.h"
#include "quantize/stored_values.h"
#include "quantize/weights.h"

namespace consort {
namespace {

onnx::TensorProto::DataType OnnxType(ByteType type) {
  return type == ByteType::kInt8 ? onnx::TensorProto::INT8 : onnx::TensorProto::UINT8;
}

// Read by a body of another op: the body's text names it.
bool IsCaptured(const Graph& graph, TensorId id) {
  for (const OpId reader : graph.tensor(id).consumers) {
    const auto& captures = graph.op(reader).captures;
    if (std::find(captures.begin(), captures.end(), id) != captures.end()) return true;
  }
  return false;
}

bool KeepsName(const Graph& graph, TensorId id) { return graph.tensor(id).is_output || IsCaptured(graph, id); }

void SetAxis(onnx::NodeProto& node, int axis) {
  auto& attribute = *node.add_attribute();
  attribute.set_name("axis");
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(axis);
}

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
        groups_(GroupParameters(model, plan, ranges, options.format)) {}

  onnx::ModelProto Run() {
    Begin();
    for (const TensorId id : graph_.inputs()) AddPair(id, graph_.tensor(id).name);
    for (const auto& [id, group] : plan_.group_of) {
      if (graph_.tensor(id).kind == TensorKind::kInitializer) StoreConstant(id, group);
    }
    for (OpId id = 0; id < static_cast<OpId>(graph_.ops().size()); ++id) WriteOp(id);
    DropUnreadInitializers(*target_.mutable_graph());
    return std::move(target_);
  }

 private:
  void Begin() {
    target_ = model_.rep().proto;
    onnx::GraphProto& graph = *target_.mutable_graph();
    graph.clear_node();
    for (const auto& tensor : model_.rep().proto.graph().initializer()) stored_[tensor.name()] = &tensor;
    for (const Tensor& tensor : graph_.tensors()) names_.insert(tensor.name);
    ForEachGraph(model_.rep().proto.graph(), [this](const onnx::GraphProto& body) {
      for (const auto& node : body.node()) {
        nodes_.insert(node.name());
        names_.insert(node.output().begin(), node.output().end());
      }
    });
    for (const Unit& unit : plan_.units) {
      units_[unit.last()] = &unit;
      if (unit.activation != kNone) fused_.insert(unit.op);
    }
  }

  // --- Names --------------------------------------------------------------------------------------------------------
  static std::string Fresh(const std::string& base, std::unordered_set<std::string>& taken) {
    std::string name = base;
    for (int number = 2; !taken.insert(name).second; ++number) name = fmt::format("{}_{}", base, number);
    return name;
  }
  std::string FreshTensor(const std::string& base) { return Fresh(base, names_); }
  std::string FreshNode(const std::string& base) { return Fresh(base, nodes_); }
  const std::string& NameOf(TensorId id) const { return graph_.tensor(id).name; }

  onnx::NodeProto& AddNode(const std::string& type, const std::string& name, const std::vector<std::string>& inputs,
                           const std::string& output) {
    onnx::NodeProto& node = *target_.mutable_graph()->add_node();
    node.set_op_type(type);
    node.set_name(FreshNode(name));
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(output);
    return node;
  }
  std::string AddInitializer(onnx::TensorProto tensor, const std::string& base) {
    tensor.set_name(FreshTensor(base));
    *target_.mutable_graph()->add_initializer() = std::move(tensor);
    return target_.graph().initializer(target_.graph().initializer_size() - 1).name();
  }
  const onnx::TensorProto& StoredTensor(TensorId id) const { return *stored_.at(NameOf(id)); }

  // --- Pairs --------------------------------------------------------------------------------------------------------
  struct ScaleNames {
    std::string scale;
    std::string zero_point;
  };
  ScaleNames AddScale(const std::string& base, const QuantizationParameters& parameters) {
    const std::vector<float> scale = {parameters.scale};
    const std::vector<int> zero = {parameters.zero_point};
    return {AddInitializer(FloatTensor("", {}, scale), base + "_scale"),
            AddInitializer(ByteTensor("", OnnxType(options_.format.type), {}, zero), base + "_zero_point")};
  }

  // QuantizeLinear and DequantizeLinear of `source`, called after `base`. Returns the float result, `result` where it
  // is given.
  std::string WritePair(const std::string& source, const std::string& base, const QuantizationParameters& parameters,
                        std::string result = "") {
    const ScaleNames scale = AddScale(base, parameters);
    const std::string quantized = FreshTensor(base + "_quantized");
    if (result.empty()) result = FreshTensor(base + "_dequantized");
    AddNode("QuantizeLinear", base + "_QuantizeLinear", {source, scale.scale, scale.zero_point}, quantized);
    AddNode("DequantizeLinear", base + "_DequantizeLinear", {quantized, scale.scale, scale.zero_point}, result);
    return result;
  }

  // Of a tensor that the float part makes, where an integer op reads it.
  void AddPair(TensorId id, const std::string& source) {
    const auto group = plan_.group_of.find(id);
    if (group != plan_.group_of.end()) read_[id] = WritePair(source, NameOf(id), groups_[size_t(group->second)]);
  }

  // A constant operand: integers from the start.
  void StoreConstant(TensorId id, int group) { read_[id] = WriteConstant(id, NameOf(id), groups_[size_t(group)]); }
  std::string WriteConstant(TensorId id, const std::string& base, const QuantizationParameters& parameters) {
    const onnx::TensorProto& stored = StoredTensor(id);
    std::vector<int> integers;
    for (const float value : FloatsOf(stored)) integers.push_back(QuantizeValue(value, parameters, options_.format));
    const ScaleNames scale = AddScale(base, parameters);
    const std::string quantized = AddInitializer(
        ByteTensor("", OnnxType(options_.format.type), DimsOf(stored), integers), base + "_quantized");
    const std::string result = FreshTensor(base + "_dequantized");
    AddNode("DequantizeLinear", base + "_DequantizeLinear", {quantized, scale.scale, scale.zero_point}, result);
    return result;
  }

  // --- Ops ----------------------------------------------------------------------------------------------------------
  void WriteOp(OpId id) {
    const auto unit = units_.find(id);
    const bool in_integers = unit != units_.end() || fused_.contains(id);
    if (!in_integers || place_ == Place::kBeside) WriteFloat(id);
    if (unit != units_.end()) WriteUnit(*unit->second);
  }

  void WriteFloat(OpId id) {
    onnx::NodeProto& node = *target_.mutable_graph()->add_node();
    node = model_.rep().proto.graph().node(id);
    const Op& op = graph_.op(id);
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      const auto renamed = op.inputs[i] == kNone ? float_name_.end() : float_name_.find(op.inputs[i]);
      if (renamed != float_name_.end()) node.set_input(static_cast<int>(i), renamed->second);
    }
    for (const TensorId output : op.outputs) {
      if (output != kNone) AddPair(output, NameOf(output));
    }
  }

  // In the place of the float ops the float result is called after the pair's, for whoever reads it.
  void WriteUnit(const Unit& unit) {
    const std::map<int, std::string> inputs = UnitInputs(unit);
    onnx::NodeProto node = CopyOf(unit.op);
    for (const auto& [index, name] : inputs) node.set_input(index, name);
    std::map<std::string, std::string> made;  // output → its name before the pair
    for (const TensorId id : unit.outputs) made[NameOf(id)] = RawName(id);
    if (unit.activation != kNone) {
      const std::string between = place_ == Place::kInstead ? node.output(0) : FreshTensor(node.output(0) + "_local");
      node.set_output(0, between);
      *target_.mutable_graph()->add_node() = node;
      node = CopyOf(unit.activation);
      node.set_input(0, between);
    }
    for (auto& output : *node.mutable_output()) {
      if (!output.empty()) output = made.at(output);
    }
    *target_.mutable_graph()->add_node() = std::move(node);
    for (const TensorId id : unit.outputs) WriteOutputPair(id, made.at(NameOf(id)));
  }

  onnx::NodeProto CopyOf(OpId id) {
    onnx::NodeProto node = model_.rep().proto.graph().node(id);
    if (place_ == Place::kBeside) node.set_name(FreshNode(node.name() + "_local"));
    return node;
  }

  std::string RawName(TensorId id) {
    if (place_ == Place::kBeside) return FreshTensor(NameOf(id) + "_local");
    return KeepsName(graph_, id) ? FreshTensor(NameOf(id) + "_float") : NameOf(id);
  }

  void WriteOutputPair(TensorId id, const std::string& raw) {
    const QuantizationParameters& parameters = groups_[size_t(plan_.group_of.at(id))];
    if (place_ == Place::kBeside) {
      WritePair(raw, NameOf(id) + "_local", parameters);
    } else if (KeepsName(graph_, id)) {
      read_[id] = WritePair(raw, NameOf(id), parameters, NameOf(id));
    } else {
      read_[id] = float_name_[id] = WritePair(raw, NameOf(id), parameters);
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
    return WritePair(name, base, groups_[size_t(input.group)]);
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
    inputs[1] = WriteWeights(weights, stored);
    if (has_bias) inputs[2] = WriteBias(op.inputs[2], bias, weights, input_scale);
  }

  // Layers that read the same weights in the same way read the same integers.
  std::string WriteWeights(const QuantizedWeights& weights, const onnx::TensorProto& stored) {
    std::string& written = weights_[{stored.name(), weights.axis, weights.scales}];
    if (!written.empty()) return written;
    const std::string& base = stored.name();
    const std::vector<int> zeros(weights.scales.size());
    std::vector<int64_t> dims;
    if (weights.axis >= 0) dims = {static_cast<int64_t>(weights.scales.size())};
    const std::string integers =
        AddInitializer(ByteTensor("", onnx::TensorProto::INT8, DimsOf(stored), weights.values), base + "_quantized");
    const std::string scale = AddInitializer(FloatTensor("", dims, weights.scales), base + "_scale");
    const std::string zero =
        AddInitializer(ByteTensor("", onnx::TensorProto::INT8, dims, zeros), base + "_zero_point");
    written = FreshTensor(base + "_dequantized");
    onnx::NodeProto& node = AddNode("DequantizeLinear", base + "_DequantizeLinear", {integers, scale, zero}, written);
    if (weights.axis >= 0) SetAxis(node, weights.axis);
    return written;
  }

  std::string WriteBias(TensorId id, const std::vector<float>& bias, const QuantizedWeights& weights,
                        float input_scale) {
    std::vector<float> scales;
    for (const float scale : weights.scales) scales.push_back(input_scale * scale);
    std::string& written = weights_[{NameOf(id), 0, scales}];
    if (!written.empty()) return written;
    const std::string& base = NameOf(id);
    const std::vector<int32_t> zeros(scales.size());
    std::vector<int64_t> dims;
    if (weights.axis >= 0) dims = {static_cast<int64_t>(scales.size())};
    const auto count = static_cast<int64_t>(bias.size());
    const std::string integers =
        AddInitializer(Int32Tensor("", {count}, QuantizeBias(bias, scales)), base + "_quantized");
    const std::string scale = AddInitializer(FloatTensor("", dims, scales), base + "_scale");
    const std::string zero = AddInitializer(Int32Tensor("", dims, zeros), base + "_zero_point");
    written = FreshTensor(base + "_dequantized");
    onnx::NodeProto& node = AddNode("DequantizeLinear", base + "_DequantizeLinear", {integers, scale, zero}, written);
    if (weights.axis >= 0) SetAxis(node, 0);
    return written;
  }

  const Model& model_;
  const Graph& graph_;
  const QuantizationPlan& plan_;
  const QdqOptions& options_;
  const Place place_;
  const std::vector<QuantizationParameters> groups_;
  onnx::ModelProto target_;
  std::unordered_map<std::string, const onnx::TensorProto*> stored_;
  std::unordered_set<std::string> names_;  // of tensors
  std::unordered_set<std::string> nodes_;
  std::map<OpId, const Unit*> units_;  // by the last op
  std::set<OpId> fused_;               // first ops of units that end in an activation
  std::map<TensorId, std::string> read_;        // what integer ops read
  std::map<TensorId, std::string> float_name_;  // what float ops read, where it is not the tensor itself
  std::map<std::tuple<std::string, int, std::vector<float>>, std::string> weights_;
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
