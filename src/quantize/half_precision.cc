#include "quantize/half_precision.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "io/element.h"
#include "model/proto_walk.h"
#include "onnx/defs/schema.h"
#include "quantize/graph_edit.h"
#include "quantize/prepare.h"
#include "quantize/stored_values.h"

namespace consort {
namespace {

constexpr float kLargestHalf = 65504;

// What ONNX's definition of an op says about types.
class Definition {
 public:
  Definition(const Op& op, int64_t opset)
      : schema_(op.domain.empty() ? onnx::OpSchemaRegistry::Schema(op.type, static_cast<int>(opset), "") : nullptr) {}

  bool known() const { return schema_ != nullptr; }
  bool InputTakesHalf(size_t index) const { return TakesHalf(schema_->inputs(), index); }
  bool OutputTakesHalf(size_t index) const { return TakesHalf(schema_->outputs(), index); }

 private:
  // The last parameter may stand for any number.
  static bool TakesHalf(const std::vector<onnx::OpSchema::FormalParameter>& parameters, size_t index) {
    if (parameters.empty()) return false;
    const auto& types = parameters[std::min(index, parameters.size() - 1)].GetTypes();
    return std::any_of(types.begin(), types.end(), [](const std::string* type) { return *type == "tensor(float16)"; });
  }

  const onnx::OpSchema* schema_;
};

// Ops whose attributes name a type, and those about integers.
bool NamesTypes(const std::string& type) {
  static const std::set<std::string> types = {
      "Cast",       "CastLike",         "ConstantOfShape", "Constant",          "EyeLike",
      "Bernoulli",  "Multinomial",      "RandomNormal",    "RandomNormalLike",  "RandomUniform",
      "RandomUniformLike", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"};
  return types.contains(type);
}

onnx::TensorProto ToHalf(const onnx::TensorProto& tensor, HalfModel& result) {
  onnx::TensorProto half;
  half.set_name(tensor.name());
  half.set_data_type(onnx::TensorProto::FLOAT16);
  *half.mutable_dims() = tensor.dims();
  std::string bytes;
  int64_t clamped = 0;
  for (const float value : FloatsOf(tensor)) {
    const bool beyond = std::isfinite(value) && std::abs(value) > kLargestHalf;
    clamped += beyond;
    const uint16_t bits = FloatToHalf(beyond ? std::copysign(kLargestHalf, value) : value);
    bytes.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
  }
  half.set_raw_data(std::move(bytes));
  result.clamped += clamped;
  if (clamped > 0) result.clamped_in.push_back(tensor.name());
  return half;
}

class HalfWriting {
 public:
  HalfWriting(const Model& model, const std::set<OpId>& keep_float)
      : source_(ProtoWithData(model)), graph_(model.graph()), keep_float_(keep_float) {
    result_.proto = source_;
    result_.proto.mutable_graph()->clear_node();
    result_.proto.mutable_graph()->clear_initializer();
    for (const Tensor& tensor : graph_.tensors()) names_.insert(tensor.name);
    for (const auto& node : source_.graph().node()) nodes_.insert(node.name());
    for (const auto& tensor : source_.graph().initializer()) stored_[graph_.FindTensor(tensor.name())] = &tensor;
  }

  HalfModel Run() {
    for (OpId id = 0; id < static_cast<OpId>(graph_.ops().size()); ++id) half_ops_.push_back(Decide(id));
    for (OpId id = 0; id < static_cast<OpId>(graph_.ops().size()); ++id) WriteOp(id);
    KeepStored();
    WriteTypes();
    return std::move(result_);
  }

 private:
  bool IsFloat(TensorId id) const { return id != kNone && graph_.tensor(id).spec.dtype == DataType::kFloat32; }
  Definition DefinitionOf(const Op& op) const { return {op, graph_.opsets().at("")}; }

  bool Decide(OpId id) {
    const Op& op = graph_.op(id);
    const auto is_float = [this](TensorId tensor) { return IsFloat(tensor); };
    const bool touches = std::any_of(op.inputs.begin(), op.inputs.end(), is_float) ||
                         std::any_of(op.outputs.begin(), op.outputs.end(), is_float) || op.body_ops > 0;
    if (!touches) return false;
    const std::string why = keep_float_.contains(id) ? "kept in float" : WhyFloat(op);
    if (!why.empty()) result_.why_float[id] = why;
    result_.half_ops += why.empty();
    return why.empty();
  }

  std::string WhyFloat(const Op& op) const {
    if (op.body_ops > 0) return "holds bodies";
    const Definition definition = DefinitionOf(op);
    if (!definition.known()) return "of another domain";
    if (NamesTypes(op.type)) return "names a type";
    for (size_t i = 0; i < op.outputs.size(); ++i) {
      if (IsFloat(op.outputs[i]) && !definition.OutputTakesHalf(i)) return "no fp16 form";
    }
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      if (IsFloat(op.inputs[i]) && definition.InputTakesHalf(i)) return "";
    }
    return op.inputs.empty() ? "" : "no fp16 form";
  }

  // Read by a body, whose text names it, or by the caller.
  bool KeepsFloatName(TensorId id) const {
    const Tensor& tensor = graph_.tensor(id);
    return tensor.is_output || std::any_of(tensor.consumers.begin(), tensor.consumers.end(), [&](OpId reader) {
             const auto& captures = graph_.op(reader).captures;
             return std::find(captures.begin(), captures.end(), id) != captures.end();
           });
  }

  std::string Fresh(const std::string& base, std::unordered_set<std::string>& taken) {
    std::string name = base;
    for (int number = 2; !taken.insert(name).second; ++number) name = base + "_" + std::to_string(number);
    return name;
  }

  void AddCast(const std::string& from, const std::string& to, onnx::TensorProto::DataType type) {
    onnx::NodeProto& node = *result_.proto.mutable_graph()->add_node();
    node.set_op_type("Cast");
    node.set_name(Fresh(to + "_Cast", nodes_));
    node.add_input(from);
    node.add_output(to);
    auto& attribute = *node.add_attribute();
    attribute.set_name("to");
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(type);
  }

  void WriteOp(OpId id) {
    const Op& op = graph_.op(id);
    onnx::NodeProto node = source_.graph().node(id);
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      if (!IsFloat(op.inputs[i])) continue;
      const bool half = half_ops_[static_cast<size_t>(id)] && DefinitionOf(op).InputTakesHalf(i);
      node.set_input(static_cast<int>(i), half ? HalfName(op.inputs[i]) : FloatName(op.inputs[i]));
    }
    std::vector<TensorId> to_float;
    for (size_t i = 0; half_ops_[static_cast<size_t>(id)] && i < op.outputs.size(); ++i) {
      const TensorId output = op.outputs[i];
      if (!IsFloat(output)) continue;
      half_[output] = graph_.tensor(output).name;
      if (!KeepsFloatName(output)) continue;
      half_[output] = Fresh(graph_.tensor(output).name + "_fp16", names_);
      node.set_output(static_cast<int>(i), half_[output]);
      to_float.push_back(output);
    }
    *result_.proto.mutable_graph()->add_node() = std::move(node);
    for (const TensorId output : to_float) {
      float_[output] = graph_.tensor(output).name;
      AddCast(half_[output], float_[output], onnx::TensorProto::FLOAT);
    }
  }

  std::string HalfName(TensorId id) {
    std::string& name = half_[id];
    if (!name.empty()) return name;
    if (const auto stored = stored_.find(id); stored != stored_.end()) {
      onnx::TensorProto half = ToHalf(*stored->second, result_);
      if (ReadInFloat(id)) half.set_name(Fresh(half.name() + "_fp16", names_));
      name = half.name();
      *result_.proto.mutable_graph()->add_initializer() = std::move(half);
      return name;
    }
    name = Fresh(graph_.tensor(id).name + "_fp16", names_);
    AddCast(graph_.tensor(id).name, name, onnx::TensorProto::FLOAT16);
    return name;
  }

  std::string FloatName(TensorId id) {
    if (const auto known = float_.find(id); known != float_.end()) return known->second;
    const auto half = half_.find(id);
    if (half == half_.end() || half->second != graph_.tensor(id).name || stored_.contains(id))
      return graph_.tensor(id).name;
    std::string& name = float_[id] = Fresh(half->second + "_fp32", names_);
    AddCast(half->second, name, onnx::TensorProto::FLOAT);
    return name;
  }

  // Whether a stored tensor is needed in float32, too.
  bool ReadInFloat(TensorId id) const {
    if (KeepsFloatName(id)) return true;
    for (const OpId reader : graph_.tensor(id).consumers) {
      const Op& op = graph_.op(reader);
      for (size_t i = 0; i < op.inputs.size(); ++i) {
        const bool half = half_ops_[static_cast<size_t>(reader)] && DefinitionOf(op).InputTakesHalf(i);
        if (op.inputs[i] == id && !half) return true;
      }
    }
    return false;
  }

  // Constants that some op reads as they were.
  void KeepStored() {
    onnx::GraphProto& graph = *result_.proto.mutable_graph();
    for (const auto& tensor : source_.graph().initializer()) {
      const TensorId id = graph_.FindTensor(tensor.name());
      const auto half = half_.find(id);
      if (half == half_.end() || half->second != tensor.name()) *graph.add_initializer() = tensor;
    }
    DropUnreadInitializers(graph);
  }

  void WriteTypes() {
    for (auto& value : *result_.proto.mutable_graph()->mutable_value_info()) {
      const TensorId id = graph_.FindTensor(value.name());
      const auto half = half_.find(id);
      if (half != half_.end() && half->second == value.name())
        value.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT16);
    }
  }

  const onnx::ModelProto source_;
  const Graph& graph_;
  const std::set<OpId>& keep_float_;
  HalfModel result_;
  std::vector<bool> half_ops_;
  std::unordered_set<std::string> names_;  // of tensors
  std::unordered_set<std::string> nodes_;
  std::map<TensorId, const onnx::TensorProto*> stored_;
  std::map<TensorId, std::string> half_;   // fp16 forms
  std::map<TensorId, std::string> float_;  // float32 forms, where they are made by Cast
};

}  // namespace

HalfModel ConvertToFp16(const Model& model, const std::set<OpId>& keep_float) {
  return HalfWriting(model, keep_float).Run();
}

HalfModel RoundWeightsToBf16(const Model& model, const std::set<OpId>& keep_float) {
  HalfModel result{.proto = ProtoWithData(model)};
  const Graph& graph = model.graph();
  // Resize's scales and their like are float32 by definition.
  const auto computes = [&](OpId reader) {
    return graph.op(reader).type != "Resize" && graph.op(reader).type != "Upsample";
  };
  std::set<OpId> readers;
  for (auto& tensor : *result.proto.mutable_graph()->mutable_initializer()) {
    const TensorId id = graph.FindTensor(tensor.name());
    if (id == kNone || !HoldsFloats(tensor)) continue;
    const auto& consumers = graph.tensor(id).consumers;
    const auto kept = [&](OpId reader) { return keep_float.contains(reader); };
    if (std::none_of(consumers.begin(), consumers.end(), computes) ||
        std::any_of(consumers.begin(), consumers.end(), kept))
      continue;
    readers.insert(consumers.begin(), consumers.end());
    std::vector<float> values = FloatsOf(tensor);
    for (float& value : values) value = BFloat16ToFloat(FloatToBFloat16(value));
    tensor = FloatTensor(tensor.name(), DimsOf(tensor), values);
  }
  result.half_ops = static_cast<int>(readers.size());
  return result;
}

}  // namespace consort
