// BatchNormalization of inference, an affine map per channel, as weights and biases of convolutions.
// Ioffe, Szegedy, "Batch Normalization", 2015; the operator's formula: onnx.ai/onnx/operators, BatchNormalization.
#include <cmath>
#include <optional>

#include "model/node_queries.h"
#include "quantize/graph_edit.h"
#include "quantize/prepare.h"
#include "quantize/stored_values.h"

namespace consort {
namespace {

// y = factor[c] · x + offset[c].
struct Affine {
  std::vector<double> factor;
  std::vector<double> offset;
};

int64_t IntOf(const onnx::NodeProto& node, const char* name, int64_t otherwise) {
  const auto* attribute = FindAttribute(node, name);
  return attribute == nullptr ? otherwise : attribute->i();
}

std::optional<Affine> AffineOf(const onnx::NodeProto& norm, const GraphEdit& edit) {
  if (!IsOp(norm, "BatchNormalization") || norm.input_size() != 5 || IntOf(norm, "training_mode", 0) != 0)
    return std::nullopt;
  for (int output = 1; output < norm.output_size(); ++output) {
    if (!norm.output(output).empty()) return std::nullopt;
  }
  std::vector<std::vector<float>> values;  // scale, offset, mean, variance
  for (int input = 1; input < 5; ++input) {
    const onnx::TensorProto* stored = edit.StoredFloats(norm.input(input));
    if (stored == nullptr) return std::nullopt;
    values.push_back(FloatsOf(*stored));
    if (values.back().size() != values.front().size()) return std::nullopt;
  }
  const auto* epsilon = FindAttribute(norm, "epsilon");
  const double added = epsilon == nullptr ? 1e-5F : epsilon->f();
  Affine affine;
  for (size_t c = 0; c < values.front().size(); ++c) {
    affine.factor.push_back(values[0][c] / std::sqrt(values[3][c] + added));
    affine.offset.push_back(values[1][c] - values[2][c] * affine.factor.back());
  }
  return affine;
}

std::vector<float> ToFloats(const std::vector<double>& values) { return {values.begin(), values.end()}; }

// Which output channel each weight belongs to.
class WeightChannels {
 public:
  WeightChannels(const onnx::NodeProto& layer, const std::vector<int64_t>& dims) {
    for (size_t axis = 2; axis < dims.size(); ++axis) taps_ *= dims[axis];
    inner_ = dims[1];
    if (IsOp(layer, "ConvTranspose")) {
      groups_ = IntOf(layer, "group", 1);
      per_group_ = dims[0] / groups_;
      channels_ = dims[1] * groups_;
      by_row_ = false;
    } else {
      by_row_ = IsOp(layer, "Conv") || IntOf(layer, "transB", 0) != 0;
      channels_ = by_row_ ? dims[0] : dims[1];
      per_group_ = dims[0];
    }
  }

  int64_t channels() const { return channels_; }
  size_t Of(size_t weight) const {
    const auto place = static_cast<int64_t>(weight) / taps_;
    const int64_t row = place / inner_, column = place % inner_;
    return static_cast<size_t>(by_row_ ? row : row / per_group_ * inner_ + column);
  }

 private:
  int64_t taps_ = 1;
  int64_t inner_ = 1;
  int64_t groups_ = 1;
  int64_t per_group_ = 1;
  int64_t channels_ = 0;
  bool by_row_ = true;
};

class NormFolding {
 public:
  explicit NormFolding(onnx::GraphProto& graph) : graph_(graph), edit_(graph) {}

  int Run() {
    int folded = 0;
    for (auto& node : *graph_.mutable_node()) {
      const auto affine = AffineOf(node, edit_);
      if (affine && FoldInto(edit_.Maker(node.input(0)), *affine)) {
        edit_.Maker(node.input(0))->set_output(0, node.output(0));
        edit_.Remove(node);
        ++folded;
      }
    }
    edit_.Finish();
    return folded;
  }

 private:
  // A layer with constant weights and bias whose only reader is the normalisation.
  bool FoldInto(onnx::NodeProto* layer, const Affine& affine) {
    if (layer == nullptr) return false;
    if (!IsOp(*layer, "Conv") && !IsOp(*layer, "ConvTranspose") && !IsOp(*layer, "Gemm")) return false;
    if (!edit_.IsReadOnce(layer->output(0))) return false;
    if (FindAttribute(*layer, "alpha") != nullptr || FindAttribute(*layer, "beta") != nullptr) return false;
    const onnx::TensorProto* weights = edit_.StoredFloats(layer->input(1));
    const bool has_bias = layer->input_size() > 2 && !layer->input(2).empty();
    const onnx::TensorProto* bias = has_bias ? edit_.StoredFloats(layer->input(2)) : nullptr;
    if (weights == nullptr || weights->dims_size() < 2 || (has_bias && bias == nullptr)) return false;
    const WeightChannels channels(*layer, DimsOf(*weights));
    if (channels.channels() != static_cast<int64_t>(affine.factor.size())) return false;
    if (has_bias && FloatsOf(*bias).size() != affine.factor.size()) return false;
    ScaleWeights(*layer, channels, affine);
    WriteBias(*layer, bias, affine);
    return true;
  }

  void ScaleWeights(onnx::NodeProto& layer, const WeightChannels& channels, const Affine& affine) {
    const onnx::TensorProto& stored = *edit_.Stored(layer.input(1));
    std::vector<float> values = FloatsOf(stored);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(values[i] * affine.factor[channels.Of(i)]);
    edit_.Replace(layer, 1, FloatTensor("", DimsOf(stored), values));
  }

  void WriteBias(onnx::NodeProto& layer, const onnx::TensorProto* bias, const Affine& affine) {
    std::vector<double> values = affine.offset;
    if (bias != nullptr) {
      const std::vector<float> before = FloatsOf(*bias);
      for (size_t c = 0; c < values.size(); ++c) values[c] += before[c] * affine.factor[c];
    }
    onnx::TensorProto folded = FloatTensor("", {static_cast<int64_t>(values.size())}, ToFloats(values));
    if (bias != nullptr) return edit_.Replace(layer, 2, std::move(folded));
    folded.set_name(edit_.Fresh(layer.input(1) + "_bias"));
    while (layer.input_size() < 3) layer.add_input("");
    layer.set_input(2, folded.name());
    *graph_.add_initializer() = std::move(folded);
  }

  onnx::GraphProto& graph_;
  GraphEdit edit_;
};

// Weights [channels, 1, 1 …], one group per channel.
void BecomeConvolution(onnx::NodeProto& norm, const Affine& affine, int spatial, onnx::GraphProto& graph,
                       GraphEdit& edit) {
  const auto channels = static_cast<int64_t>(affine.factor.size());
  std::vector<int64_t> dims(static_cast<size_t>(spatial) + 2, 1);
  dims[0] = channels;
  const std::string weights = edit.Fresh(norm.name() + "_weight"), bias = edit.Fresh(norm.name() + "_bias");
  *graph.add_initializer() = FloatTensor(weights, dims, ToFloats(affine.factor));
  *graph.add_initializer() = FloatTensor(bias, {channels}, ToFloats(affine.offset));
  const std::string input = norm.input(0);
  norm.clear_input();
  for (const std::string& name : {input, weights, bias}) norm.add_input(name);
  norm.set_op_type("Conv");
  norm.clear_attribute();
  auto& group = *norm.add_attribute();
  group.set_name("group");
  group.set_type(onnx::AttributeProto::INT);
  group.set_i(channels);
  auto& kernel = *norm.add_attribute();
  kernel.set_name("kernel_shape");
  kernel.set_type(onnx::AttributeProto::INTS);
  for (int axis = 0; axis < spatial; ++axis) kernel.add_ints(1);
}

}  // namespace

int FoldBatchNorms(onnx::GraphProto& graph) { return NormFolding(graph).Run(); }

int ConvolveBatchNorms(onnx::GraphProto& graph, const std::function<int(const std::string&)>& rank_of) {
  GraphEdit edit(graph);
  int made = 0;
  for (auto& node : *graph.mutable_node()) {
    const auto affine = AffineOf(node, edit);
    const int rank = affine ? rank_of(node.output(0)) : -1;
    if (rank < 3 || rank > 5) continue;
    BecomeConvolution(node, *affine, rank - 2, graph, edit);
    ++made;
  }
  edit.Finish();
  return made;
}

}  // namespace consort
