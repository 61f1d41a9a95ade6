// Constants behind products become biases.
#include <algorithm>
#include <optional>

#include "model/node_queries.h"
#include "quantize/graph_edit.h"
#include "quantize/prepare.h"
#include "quantize/stored_values.h"

namespace consort {
namespace {

float TakeFloat(onnx::NodeProto& node, const char* name, float otherwise) {
  auto& attributes = *node.mutable_attribute();
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const auto& attribute) { return attribute.name() == name; });
  if (found == attributes.end()) return otherwise;
  const float value = found->f();
  attributes.erase(found);
  return value;
}

bool IsSet(const onnx::NodeProto& node, const char* name) {
  const auto* attribute = FindAttribute(node, name);
  return attribute != nullptr && attribute->i() != 0;
}

void ScaleStored(GraphEdit& edit, onnx::NodeProto& node, int index, float factor) {
  if (factor == 1) return;
  const onnx::TensorProto& stored = *edit.Stored(node.input(index));
  std::vector<float> values = FloatsOf(stored);
  for (float& value : values) value *= factor;
  edit.Replace(node, index, FloatTensor("", DimsOf(stored), values));
}

// One value per index of the last axis, out of [n], [1, …, 1, n], [1] or a scalar; nothing for other shapes.
std::optional<std::vector<float>> PerColumn(const onnx::TensorProto& tensor, int64_t columns) {
  std::vector<float> values = FloatsOf(tensor);
  if (values.size() == 1) return std::vector<float>(static_cast<size_t>(columns), values.front());
  if (static_cast<int64_t>(values.size()) != columns || tensor.dims(tensor.dims_size() - 1) != columns)
    return std::nullopt;
  return values;
}

// One value per channel, out of [c, 1, …, 1] with `spatial` ones, with or without a 1 in front.
std::optional<std::vector<float>> PerChannel(const onnx::TensorProto& tensor, int64_t channels, int spatial) {
  std::vector<int64_t> dims = DimsOf(tensor);
  if (static_cast<int>(dims.size()) == spatial + 2 && dims.front() == 1) dims.erase(dims.begin());
  if (static_cast<int>(dims.size()) != spatial + 1 || dims.front() != channels) return std::nullopt;
  if (!std::all_of(dims.begin() + 1, dims.end(), [](int64_t size) { return size == 1; })) return std::nullopt;
  return FloatsOf(tensor);
}

int64_t ChannelsOf(const onnx::NodeProto& convolution, const onnx::TensorProto& weights) {
  if (IsOp(convolution, "Conv")) return weights.dims(0);
  const auto* group = FindAttribute(convolution, "group");
  return weights.dims(1) * (group == nullptr ? 1 : group->i());
}

class BiasFolding {
 public:
  BiasFolding(onnx::GraphProto& graph, const std::function<int(const std::string&)>& rank_of)
      : graph_(graph), edit_(graph), rank_of_(rank_of) {}

  int Run() {
    int folded = 0;
    for (auto& node : *graph_.mutable_node()) {
      if (IsOp(node, "Add") && Fold(node)) ++folded;
    }
    edit_.Finish();
    return folded;
  }

 private:
  bool Fold(const onnx::NodeProto& add) {
    for (const int constant : {1, 0}) {
      const onnx::TensorProto* offset = edit_.StoredFloats(add.input(constant));
      onnx::NodeProto* product = edit_.Maker(add.input(1 - constant));
      if (offset == nullptr || product == nullptr || !edit_.IsReadOnce(product->output(0))) continue;
      const auto bias = BiasOf(*product, *offset);
      if (!bias) continue;
      AddBias(*product, *bias, offset->name());
      product->set_output(0, add.output(0));
      edit_.Remove(add);
      return true;
    }
    return false;
  }

  std::optional<std::vector<float>> BiasOf(const onnx::NodeProto& product, const onnx::TensorProto& offset) const {
    if (product.input_size() != 2) return std::nullopt;
    const onnx::TensorProto* weights = edit_.StoredFloats(product.input(1));
    if (weights == nullptr) return std::nullopt;
    if (IsOp(product, "MatMul") && weights->dims_size() == 2 && rank_of_(product.input(0)) == 2 &&
        offset.dims_size() <= 2)
      return PerColumn(offset, weights->dims(1));
    if (weights->dims_size() >= 3 && (IsOp(product, "Conv") || IsOp(product, "ConvTranspose")))
      return PerChannel(offset, ChannelsOf(product, *weights), weights->dims_size() - 2);
    return std::nullopt;
  }

  void AddBias(onnx::NodeProto& product, const std::vector<float>& bias, const std::string& name) {
    if (IsOp(product, "MatMul")) product.set_op_type("Gemm");
    onnx::TensorProto& stored = *graph_.add_initializer();
    stored = FloatTensor(edit_.Fresh(name + "_bias"), {static_cast<int64_t>(bias.size())}, bias);
    product.add_input(stored.name());
  }

  onnx::GraphProto& graph_;
  GraphEdit edit_;
  const std::function<int(const std::string&)>& rank_of_;
};

}  // namespace

void NormalizeGemms(onnx::GraphProto& graph) {
  GraphEdit edit(graph);
  for (auto& node : *graph.mutable_node()) {
    if (!IsOp(node, "Gemm")) continue;
    const onnx::TensorProto* weights = edit.StoredFloats(node.input(1));
    const bool has_bias = node.input_size() > 2 && !node.input(2).empty();
    const onnx::TensorProto* bias = has_bias ? edit.StoredFloats(node.input(2)) : nullptr;
    if (weights == nullptr || (has_bias && bias == nullptr)) continue;
    const int64_t columns = weights->dims(IsSet(node, "transB") ? 0 : 1);
    const auto values = has_bias ? PerColumn(*bias, columns) : std::nullopt;
    if (has_bias && !values) continue;
    ScaleStored(edit, node, 1, TakeFloat(node, "alpha", 1));
    const float beta = TakeFloat(node, "beta", 1);
    if (!has_bias) continue;
    if (bias->dims_size() != 1 || bias->dims(0) != columns) edit.Replace(node, 2, FloatTensor("", {columns}, *values));
    ScaleStored(edit, node, 2, beta);
  }
  edit.Finish();
}

int FoldBiases(onnx::GraphProto& graph, const std::function<int(const std::string&)>& rank_of) {
  return BiasFolding(graph, rank_of).Run();
}

}  // namespace consort
