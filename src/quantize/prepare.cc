#include "quantize/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "consort/error.h"
#include "model/model_rep.h"
#include "model/node_queries.h"
#include "onnx/version_converter/convert.h"
#include "quantize/graph_edit.h"
#include "quantize/stored_values.h"

namespace consort {
namespace {

constexpr int kLeastIrVersion = 8;  // initializers need not be inputs, and opset 13 needs 7

int64_t OpsetOf(const onnx::ModelProto& model) {
  for (const auto& opset : model.opset_import()) {
    if (opset.domain().empty() || opset.domain() == "ai.onnx") return opset.version();
  }
  return 0;
}

// By ONNX's own converter.
void RaiseOpset(onnx::ModelProto& proto, const std::string& name) {
  if (OpsetOf(proto) >= kLeastOpset) return;
  try {
    proto = onnx::version_conversion::ConvertVersion(proto, kLeastOpset);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: quantized models need opset {}, and ONNX's converter cannot raise it from {}: {}",
                            name, kLeastOpset, OpsetOf(proto), error.what()));
  }
}

// From IR 4 on an initializer need not be an input; one that is taken out must not be left as an input.
void DropInitializerInputs(onnx::GraphProto& graph) {
  std::unordered_set<std::string> stored;
  for (const auto& tensor : graph.initializer()) stored.insert(tensor.name());
  google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> kept;
  for (auto& input : *graph.mutable_input()) {
    if (!stored.contains(input.name())) kept.Add(std::move(input));
  }
  graph.mutable_input()->Swap(&kept);
}

// The tensor of a Constant node; nothing for strings and sparse ones.
bool ConstantValue(const onnx::NodeProto& node, onnx::TensorProto& value) {
  if (const auto* tensor = FindAttribute(node, "value")) {
    value = tensor->t();
  } else if (const auto* number = FindAttribute(node, "value_float")) {
    value = FloatTensor("", {}, std::vector<float>{number->f()});
  } else if (const auto* numbers = FindAttribute(node, "value_floats")) {
    value = FloatTensor("", {numbers->floats_size()}, {numbers->floats().data(), size_t(numbers->floats_size())});
  } else {
    return false;
  }
  value.set_name(node.output(0));
  return true;
}

void StoreConstants(onnx::GraphProto& graph) {
  GraphEdit edit(graph);
  for (const auto& node : graph.node()) {
    onnx::TensorProto value;
    if (!IsOp(node, "Constant") || edit.IsOutput(node.output(0)) || !ConstantValue(node, value)) continue;
    *graph.add_initializer() = std::move(value);
    edit.Remove(node);
  }
  edit.Finish();
}

// Hints about tensors that a rewriting took away.
void DropStaleTypes(onnx::GraphProto& graph) {
  std::unordered_set<std::string> made;
  for (const auto& node : graph.node()) made.insert(node.output().begin(), node.output().end());
  google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> kept;
  for (auto& value : *graph.mutable_value_info()) {
    if (made.contains(value.name())) kept.Add(std::move(value));
  }
  graph.mutable_value_info()->Swap(&kept);
}

bool HandsOn(const onnx::NodeProto& node, const GraphEdit& edit) {
  if (IsOp(node, "Identity")) return true;
  if (!IsOp(node, "Dropout") || (node.output_size() > 1 && !node.output(1).empty() &&
                                 (!edit.Readers(node.output(1)).empty() || edit.IsOutput(node.output(1)))))
    return false;
  if (node.input_size() < 3 || node.input(2).empty()) return true;
  const onnx::TensorProto* training = edit.Stored(node.input(2));  // bool scalar
  return training != nullptr && training->raw_data() == std::string(1, '\0');
}

}  // namespace

int DropIdentities(onnx::GraphProto& graph) {
  GraphEdit edit(graph);
  int dropped = 0;
  for (auto& node : *graph.mutable_node()) {
    if (!HandsOn(node, edit)) continue;
    // By value: a pass before may have renamed them.
    const std::string from = node.input(0), to = node.output(0);
    if (!edit.IsOutput(to)) {
      RedirectReaders(graph, to, from);
    } else {
      onnx::NodeProto* maker = edit.Maker(from);
      if (maker == nullptr || edit.IsOutput(from) || HandsOn(*maker, edit)) continue;
      std::replace(maker->mutable_output()->begin(), maker->mutable_output()->end(), from, to);
      RedirectReaders(graph, from, to);
    }
    edit.Remove(node);
    ++dropped;
  }
  edit.Finish();
  return dropped;
}

PreparedModel PrepareForQuantization(const Model& model) {
  const Graph& shapes = model.graph();
  const auto rank_of = [&shapes](const std::string& name) {
    const TensorId id = shapes.FindTensor(name);
    return id == kNone || !shapes.tensor(id).has_rank ? -1 : static_cast<int>(shapes.tensor(id).spec.shape.size());
  };
  onnx::ModelProto proto = ProtoWithData(model);
  Preparation made{.opset_before = OpsetOf(proto)};
  RaiseOpset(proto, model.name());
  proto.set_ir_version(std::max<int64_t>(proto.ir_version(), kLeastIrVersion));
  onnx::GraphProto& graph = *proto.mutable_graph();
  DropInitializerInputs(graph);
  StoreConstants(graph);
  made.dropped = DropIdentities(graph);
  made.folded_transposes = FoldTransposes(graph);
  NormalizeGemms(graph);
  made.folded_biases = FoldBiases(graph, rank_of);
  made.folded_norms = FoldBatchNorms(graph);
  made.norms_as_convolution = ConvolveBatchNorms(graph, rank_of);
  DropStaleTypes(graph);
  return {ModelOf(proto, model.name()), made};
}

}  // namespace consort
