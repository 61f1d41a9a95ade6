#include "shard/extract.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "consort/error.h"
#include "model/model_rep.h"
#include "model/node_queries.h"

namespace consort {
namespace {

// Writes one shard of a model.
class Extractor {
 public:
  Extractor(const Model& model, const Shard& shard)
      : source_(model.rep().proto), graph_(model.graph()), model_(model), shard_(shard) {
    const onnx::GraphProto& graph = source_.graph();
    for (const auto* values : {&graph.value_info(), &graph.output(), &graph.input()}) {
      for (const auto& value : *values) infos_[value.name()] = &value;
    }
  }

  onnx::ModelProto Extract() {
    CopyHeader();
    CopyNodes();
    CopyAnnotations();
    CopyInitializers();
    for (const TensorId id : shard_.inputs) AddPort(*target_.mutable_graph()->add_input(), id);
    CopyInitializerInputs();
    WriteShapes();
    for (const TensorId id : shard_.outputs) AddPort(*target_.mutable_graph()->add_output(), id);
    CopyValueInfos();
    return std::move(target_);
  }

 private:
  void CopyHeader() {
    target_.set_ir_version(source_.ir_version());
    *target_.mutable_opset_import() = source_.opset_import();
    target_.set_producer_name(source_.producer_name());
    target_.set_producer_version(source_.producer_version());
    target_.set_domain(source_.domain());
    target_.set_model_version(source_.model_version());
    target_.set_doc_string(source_.doc_string());
    *target_.mutable_metadata_props() = source_.metadata_props();
    *target_.mutable_configuration() = source_.configuration();
    onnx::GraphProto& graph = *target_.mutable_graph();
    graph.set_name(source_.graph().name());
    graph.set_doc_string(source_.graph().doc_string());
    *graph.mutable_metadata_props() = source_.graph().metadata_props();
  }

  // In the model's order, which is topological.
  void CopyNodes() {
    auto constant = shard_.constants.begin();
    for (const OpId id : shard_.ops) {
      for (; constant != shard_.constants.end() && *constant < id; ++constant) CopyNode(*constant);
      CopyNode(id);
    }
    for (; constant != shard_.constants.end(); ++constant) CopyNode(*constant);
  }

  void CopyNode(OpId id) {
    *target_.mutable_graph()->add_node() = source_.graph().node(id);
    for (const TensorId output : graph_.op(id).outputs) {
      if (output != kNone) inside_.insert(graph_.tensor(output).name);
    }
  }

  // The results of Shape and Size ops, in their place.
  void WriteShapes() {
    for (const OpId id : shard_.shapes) {
      onnx::TensorProto& value = *target_.mutable_graph()->add_initializer();
      value.set_name(source_.graph().node(id).output(0));
      value.set_data_type(onnx::TensorProto::INT64);
      std::vector<int64_t> sizes =
          KnownShape(source_.graph().node(id), graph_.tensor(graph_.op(id).inputs.front()).spec.shape);
      if (IsOp(source_.graph().node(id), "Shape")) value.add_dims(static_cast<int64_t>(sizes.size()));
      *value.mutable_int64_data() = {sizes.begin(), sizes.end()};
      if (target_.ir_version() < 4) AddAsInput(value);
    }
  }

  // Of the op's input: all axes, or those from `start` up to `end`; of Size their product.
  static std::vector<int64_t> KnownShape(const onnx::NodeProto& node, const Shape& shape) {
    if (!IsOp(node, "Shape")) return {ElementCount(shape)};
    const auto rank = static_cast<int64_t>(shape.size());
    const auto axis = [&](const char* name, int64_t otherwise) {
      const auto* attribute = FindAttribute(node, name);
      const int64_t given = attribute == nullptr ? otherwise : attribute->i();
      return std::clamp<int64_t>(given < 0 ? given + rank : given, 0, rank);
    };
    const int64_t begin = axis("start", 0);
    const int64_t end = std::max(begin, axis("end", rank));
    return {shape.begin() + begin, shape.begin() + end};
  }

  void AddAsInput(const onnx::TensorProto& value) {
    auto* input = target_.mutable_graph()->add_input();
    input->set_name(value.name());
    auto& type = *input->mutable_type()->mutable_tensor_type();
    type.set_elem_type(value.data_type());
    type.mutable_shape();
    for (const int64_t size : value.dims()) type.mutable_shape()->add_dim()->set_dim_value(size);
  }

  void CopyInitializers() {
    for (const auto& tensor : source_.graph().initializer()) {
      if (wanted_.contains(tensor.name())) *target_.mutable_graph()->add_initializer() = tensor;
    }
    for (const auto& sparse : source_.graph().sparse_initializer()) {
      if (wanted_.contains(sparse.values().name())) *target_.mutable_graph()->add_sparse_initializer() = sparse;
    }
  }

  // Before IR 4 every initializer is an input, too.
  void CopyInitializerInputs() {
    for (const auto& input : source_.graph().input()) {
      if (wanted_.contains(input.name())) *target_.mutable_graph()->add_input() = input;
    }
  }

  void AddPort(onnx::ValueInfoProto& port, TensorId id) const {
    const Tensor& tensor = graph_.tensor(id);
    const auto info = infos_.find(tensor.name);
    const bool of_model = tensor.producer == kNone || tensor.is_output;
    if (!of_model && (info == infos_.end() || !IsComplete(info->second->type()))) Refuse(tensor);
    if (info != infos_.end()) port = *info->second;
    port.set_name(tensor.name);
  }

  // What onnx.checker asks of a model's inputs and outputs.
  static bool IsComplete(const onnx::TypeProto& type) {
    if (type.has_sparse_tensor_type()) return type.sparse_tensor_type().has_shape();
    if (!type.has_tensor_type()) return type.value_case() != onnx::TypeProto::VALUE_NOT_SET;
    return type.tensor_type().elem_type() != onnx::TensorProto::UNDEFINED && type.tensor_type().has_shape();
  }

  [[noreturn]] void Refuse(const Tensor& tensor) const {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{}: tensor '{}' (made by '{}') would cross a cut, but the model does not tell its {}; give input "
                    "shapes (--shape, --dim), add it to the model's value_info, or cut elsewhere",
                    model_.name(), tensor.name, graph_.op(tensor.producer).name,
                    tensor.spec.dtype == DataType::kUndefined ? "type" : "number of axes"));
  }

  // Of tensors that are neither input nor output: they keep what inference in the shard alone cannot find out.
  void CopyValueInfos() {
    for (const TensorId id : shard_.outputs) inside_.erase(graph_.tensor(id).name);
    for (const auto& value : source_.graph().value_info()) {
      if (inside_.contains(value.name())) *target_.mutable_graph()->add_value_info() = value;
    }
  }

  // Quantization parameters of tensors by name; initializers hold them.
  void CopyAnnotations() {
    std::unordered_set<std::string> present = inside_;
    for (const auto* ids : {&shard_.inputs, &shard_.outputs, &shard_.initializers}) {
      for (const TensorId id : *ids) present.insert(graph_.tensor(id).name);
    }
    for (const TensorId id : shard_.initializers) wanted_.insert(graph_.tensor(id).name);
    for (const auto& annotation : source_.graph().quantization_annotation()) {
      if (!present.contains(annotation.tensor_name())) continue;
      *target_.mutable_graph()->add_quantization_annotation() = annotation;
      for (const auto& parameter : annotation.quant_parameter_tensor_names()) wanted_.insert(parameter.value());
    }
  }

  const onnx::ModelProto& source_;
  const Graph& graph_;
  const Model& model_;
  const Shard& shard_;
  onnx::ModelProto target_;
  std::unordered_map<std::string, const onnx::ValueInfoProto*> infos_;
  std::unordered_set<std::string> inside_;  // made in the shard
  std::unordered_set<std::string> wanted_;  // names of initializers
};

}  // namespace

onnx::ModelProto ExtractShard(const Model& model, const Shard& shard) { return Extractor(model, shard).Extract(); }

Model ShardModel(const Model& model, const Shard& shard, const std::string& name) {
  return ModelOf(ExtractShard(model, shard), name, model.data_folder());
}

}  // namespace consort
