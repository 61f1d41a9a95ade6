#include "model/graph_builder.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "base/strings.h"
#include "model/bind_dims.h"
#include "model/invalid_model.h"
#include "model/node_queries.h"
#include "model/op_cost.h"
#include "model/proto_walk.h"
#include "model/scopes.h"
#include "model/value_types.h"
#include "onnx/defs/schema.h"

namespace consort {
namespace {

bool IsRandom(const onnx::NodeProto& node) {
  static const std::unordered_set<std::string_view> random = {"RandomNormal",      "RandomNormalLike", "RandomUniform",
                                                              "RandomUniformLike", "Multinomial",      "Bernoulli"};
  bool found = node.domain().empty() && random.contains(node.op_type());
  ForEachBody(node, [&](const onnx::GraphProto& body) {
    found = found || std::any_of(body.node().begin(), body.node().end(), IsRandom);
  });
  return found;
}

bool IsOfKnownDomain(const onnx::NodeProto& node) {
  const auto& known = onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
  return known.find(node.domain()) != known.end();
}

}  // namespace

Graph GraphBuilder::Build(const onnx::ModelProto& model) {
  Graph graph = GraphBuilder(model.graph()).Build();
  graph.ir_version_ = model.ir_version();
  for (const auto& opset : model.opset_import()) graph.opsets_[opset.domain()] = opset.version();
  return graph;
}

Graph GraphBuilder::Build() {
  graph_.name_ = proto_.name();
  CollectTypes();
  AddInputs();
  AddInitializers();
  graph_.ops_.reserve(proto_.node_size());
  for (const auto& node : proto_.node()) AddOp(node);
  MarkOutputs();
  for (Op& op : graph_.ops_) AddOperandBytes(op);
  CountTotals();
  return std::move(graph_);
}

void GraphBuilder::CollectTypes() {
  for (const auto* values : {&proto_.value_info(), &proto_.output(), &proto_.input()}) {
    for (const auto& value : *values) {
      if (value.has_type()) types_[value.name()] = &value.type();
    }
  }
}

TensorId GraphBuilder::AddTensor(Tensor tensor, Facts facts) {
  CheckSize(tensor);
  const auto id = static_cast<TensorId>(graph_.tensors_.size());
  graph_.tensor_index_[tensor.name] = id;
  graph_.tensors_.push_back(std::move(tensor));
  facts_.push_back(facts);
  return id;
}

void GraphBuilder::CheckSize(const Tensor& tensor) const {
  if (!tensor.has_rank || !IsStatic(tensor.spec.shape) || BitWidth(tensor.spec.dtype) == 0) return;
  const int64_t bytes = tensor.bytes();
  if (bytes < 0 || bytes > kMaxTensorBytes) {
    FailModel("tensor {} would have the shape {} and be larger than {}", Quote(tensor.name),
              FormatShape(tensor.spec.shape), FormatBytes(kMaxTensorBytes));
  }
}

void GraphBuilder::AddInputs() {
  for (const auto* input : TrueInputs(proto_)) {
    ValueType type = FromOnnxType(input->type());
    graph_.inputs_.push_back(AddTensor({.name = input->name(),
                                        .kind = TensorKind::kInput,
                                        .spec = std::move(type.spec),
                                        .dim_names = std::move(type.dim_names),
                                        .has_rank = type.has_rank},
                                       {}));
  }
}

void GraphBuilder::AddInitializer(const std::string& name, DataType dtype,
                                  const google::protobuf::RepeatedField<int64_t>& dims,
                                  const onnx::TensorProto* value) {
  Tensor tensor{.name = name, .kind = TensorKind::kInitializer};
  tensor.spec.dtype = dtype;
  tensor.spec.shape.assign(dims.begin(), dims.end());
  tensor.dim_names.resize(tensor.spec.shape.size());
  const int64_t bytes = KnownBytes(tensor);
  AddTensor(std::move(tensor), {.constant = true, .parameter_bytes = bytes, .value = value});
}

void GraphBuilder::AddInitializers() {
  for (const auto& tensor : proto_.initializer()) {
    AddInitializer(tensor.name(), FromOnnxType(tensor.data_type()), tensor.dims(), &tensor);
  }
  for (const auto& sparse : proto_.sparse_initializer()) {
    AddInitializer(sparse.values().name(), FromOnnxType(sparse.values().data_type()), sparse.dims(), nullptr);
  }
}

TensorId GraphBuilder::Resolve(const std::string& name) {
  const TensorId own = graph_.FindTensor(name);
  if (own != kNone || outer_ == nullptr) return own;
  const TensorId outer = outer_->Resolve(name);
  if (outer == kNone) return kNone;
  Tensor copy = outer_->graph_.tensors_[outer];
  Facts facts = outer_->facts_[outer];
  facts.captured = true;
  copy.kind = facts.constant ? TensorKind::kInitializer : TensorKind::kInput;
  copy.producer = kNone;
  copy.consumers.clear();
  return AddTensor(std::move(copy), facts);
}

void GraphBuilder::AddOp(const onnx::NodeProto& node) {
  const auto id = static_cast<OpId>(graph_.ops_.size());
  Op op{.name = node.name(), .type = node.op_type(), .domain = node.domain()};
  for (const auto& name : node.input()) op.inputs.push_back(name.empty() ? kNone : Resolve(name));
  for (const auto& name : Captures(node)) op.captures.push_back(Resolve(name));
  for (const auto* reads : {&op.inputs, &op.captures}) {
    for (const TensorId read : *reads) {
      if (read == kNone) continue;
      auto& consumers = graph_.tensors_[read].consumers;
      if (consumers.empty() || consumers.back() != id) consumers.push_back(id);
    }
  }
  op.constant = IsConstant(node, op);
  AddOutputs(node, op);
  op.cost = Cost(node, op);
  graph_.op_index_[op.name] = id;
  graph_.ops_.push_back(std::move(op));
}

void GraphBuilder::AddOutputs(const onnx::NodeProto& node, Op& op) {
  for (const auto& name : node.output()) {
    if (name.empty()) {
      op.outputs.push_back(kNone);
      continue;
    }
    Tensor tensor{.name = name, .has_rank = false, .producer = static_cast<OpId>(graph_.ops_.size())};
    const auto known = types_.find(name);
    if (known != types_.end()) {
      ValueType type = FromOnnxType(*known->second);
      tensor.spec = std::move(type.spec);
      tensor.dim_names = std::move(type.dim_names);
      tensor.has_rank = type.has_rank;
    }
    const Facts facts = OutputFacts(node, op, tensor);
    op.outputs.push_back(AddTensor(std::move(tensor), facts));
  }
}

bool GraphBuilder::IsConstant(const onnx::NodeProto& node, const Op& op) const {
  if (!IsOfKnownDomain(node) || IsRandom(node)) return false;
  for (const auto* reads : {&op.inputs, &op.captures}) {
    for (const TensorId read : *reads) {
      if (read != kNone && !facts_[read].constant) return false;
    }
  }
  return true;
}

// What is computed from constants costs a model file no more than its sources, and a runtime no more than the result.
// ConstantOfShape stands for weights that were left out of the file: it counts in full.
GraphBuilder::Facts GraphBuilder::OutputFacts(const onnx::NodeProto& node, const Op& op, const Tensor& output) const {
  if (!op.constant) return {};
  Facts facts{.constant = true, .parameter_bytes = KnownBytes(output)};
  if (IsOp(node, "Constant")) {
    const auto* value = FindAttribute(node, "value");
    if (value != nullptr && value->has_t()) facts.value = &value->t();
    return facts;
  }
  if (IsOp(node, "ConstantOfShape")) return facts;
  int64_t sources = 0;
  for (const TensorId input : op.inputs) {
    if (input != kNone) sources = SaturatingAdd(sources, facts_[input].parameter_bytes);
  }
  if (output.bytes() < 0 || sources < facts.parameter_bytes) facts.parameter_bytes = sources;
  return facts;
}

void GraphBuilder::MarkOutputs() {
  for (const auto& output : proto_.output()) {
    const TensorId id = Resolve(output.name());
    if (id == kNone) FailModel("output {} of graph {} is made by nothing", Quote(output.name()), Quote(proto_.name()));
    graph_.tensors_[id].is_output = true;
    graph_.outputs_.push_back(id);
  }
}

}  // namespace consort
