#include "quantize/smooth.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "model/model_rep.h"
#include "model/node_queries.h"
#include "quantize/graph_edit.h"
#include "quantize/stored_values.h"

namespace consort {
namespace {

constexpr double kLeastMaximum = 1e-5;  // channels that are always 0 keep finite factors

bool IsSet(const onnx::NodeProto& node, const char* name) {
  const auto* attribute = FindAttribute(node, name);
  return attribute != nullptr && attribute->i() != 0;
}

// Weights of a product: [channels, columns], or [columns, channels].
struct Rows {
  int64_t channels = 0;
  bool transposed = false;

  size_t ChannelOf(size_t element, size_t columns) const {
    return transposed ? element % static_cast<size_t>(channels) : element / columns;
  }
};

using Maxima = std::vector<float>;
void Raise(Maxima& maxima, size_t channel, float value) {
  if (std::isfinite(value)) maxima[channel] = std::max(maxima[channel], std::abs(value));
}

class Smoothing {
 public:
  explicit Smoothing(const Model& model) : model_(model), proto_(model.rep().proto), edit_(*proto_.mutable_graph()) {
    for (auto& node : *proto_.mutable_graph()->mutable_node()) {
      if (TakesFactors(node)) readers_[node.input(0)].push_back(&node);
    }
  }

  SmoothedModel Run(const Samples& samples, const CompileModel& compile, double strength) {
    const std::map<std::string, Maxima> maxima = Measure(samples, compile);
    std::map<const onnx::NodeProto*, onnx::NodeProto> divisions;  // before the product that is their first reader
    for (auto& [tensor, products] : readers_) {
      const auto found = maxima.find(tensor);
      if (found == maxima.end()) continue;
      divisions[products.front()] = Divide(tensor, products, FactorsOf(found->second, products, strength));
    }
    Insert(divisions);
    edit_.Finish();
    return {ModelOf(proto_, model_.name(), model_.data_folder()), static_cast<int>(divisions.size())};
  }

 private:
  bool TakesFactors(const onnx::NodeProto& node) const {
    if (!IsOp(node, "MatMul") && !IsOp(node, "Gemm")) return false;
    const onnx::TensorProto* weights = edit_.StoredFloats(node.input(1));
    if (weights == nullptr || weights->dims_size() != 2 || IsSet(node, "transA")) return false;
    const TensorId id = model_.graph().FindTensor(node.input(0));
    if (id == kNone || edit_.Stored(node.input(0)) != nullptr) return false;
    const TensorSpec& spec = model_.graph().tensor(id).spec;
    return spec.dtype == DataType::kFloat32 && !spec.shape.empty() && spec.shape.back() == RowsOf(node).channels;
  }

  Rows RowsOf(const onnx::NodeProto& node) const {
    const bool transposed = IsOp(node, "Gemm") && IsSet(node, "transB");
    return {edit_.StoredFloats(node.input(1))->dims(transposed ? 1 : 0), transposed};
  }

  // Of each channel of each activation.
  std::map<std::string, Maxima> Measure(const Samples& samples, const CompileModel& compile) const {
    std::vector<std::string> tensors;
    for (const auto& [tensor, products] : readers_) tensors.push_back(tensor);
    std::map<std::string, Maxima> maxima;
    Observe(model_, tensors, samples, compile, [&](const NamedTensor& tensor) {
      Maxima& of_tensor = maxima[tensor.name];
      const auto channels = static_cast<size_t>(RowsOf(*readers_.at(tensor.name).front()).channels);
      of_tensor.resize(channels);
      const auto values = tensor.tensor.as<float>();
      for (size_t i = 0; i < values.size(); ++i) Raise(of_tensor, i % channels, values[i]);
    });
    return maxima;
  }

  std::vector<float> FactorsOf(const Maxima& activations, const std::vector<onnx::NodeProto*>& products,
                               double strength) const {
    Maxima weights(activations.size());
    for (const onnx::NodeProto* product : products) {
      const Rows rows = RowsOf(*product);
      const std::vector<float> values = FloatsOf(*edit_.StoredFloats(product->input(1)));
      for (size_t i = 0; i < values.size(); ++i)
        Raise(weights, rows.ChannelOf(i, values.size() / activations.size()), values[i]);
    }
    std::vector<float> factors;
    for (size_t k = 0; k < weights.size(); ++k) {
      const double of_weights = std::max<double>(weights[k], kLeastMaximum);
      const double of_activations = std::max<double>(activations[k], kLeastMaximum);
      factors.push_back(static_cast<float>(std::pow(of_activations, strength) / std::pow(of_weights, 1 - strength)));
    }
    return factors;
  }

  // Multiplies the products' weights, and gives the node that divides the activation.
  onnx::NodeProto Divide(const std::string& tensor, const std::vector<onnx::NodeProto*>& products,
                         const std::vector<float>& factors) {
    std::vector<float> reciprocals;
    for (const float factor : factors) reciprocals.push_back(1 / factor);
    onnx::TensorProto& stored = *proto_.mutable_graph()->add_initializer();
    const auto channels = static_cast<int64_t>(factors.size());
    stored = FloatTensor(edit_.Fresh(tensor + "_smoothing"), {channels}, reciprocals);
    onnx::NodeProto division;
    division.set_op_type("Mul");
    division.set_name(edit_.Fresh(tensor + "_smooth"));
    division.add_input(tensor);
    division.add_input(stored.name());
    division.add_output(edit_.Fresh(tensor + "_smoothed"));
    for (onnx::NodeProto* product : products) {
      Multiply(*product, factors);
      product->set_input(0, division.output(0));
    }
    return division;
  }

  void Multiply(onnx::NodeProto& product, const std::vector<float>& factors) {
    const Rows rows = RowsOf(product);
    const onnx::TensorProto& weights = *edit_.StoredFloats(product.input(1));
    std::vector<float> values = FloatsOf(weights);
    for (size_t i = 0; i < values.size(); ++i) values[i] *= factors[rows.ChannelOf(i, values.size() / factors.size())];
    edit_.Replace(product, 1, FloatTensor("", DimsOf(weights), values));
  }

  void Insert(const std::map<const onnx::NodeProto*, onnx::NodeProto>& divisions) {
    google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes;
    for (auto& node : *proto_.mutable_graph()->mutable_node()) {
      const auto division = divisions.find(&node);
      if (division != divisions.end()) *nodes.Add() = division->second;
      *nodes.Add() = std::move(node);
    }
    proto_.mutable_graph()->mutable_node()->Swap(&nodes);
  }

  const Model& model_;
  onnx::ModelProto proto_;
  GraphEdit edit_;
  std::map<std::string, std::vector<onnx::NodeProto*>> readers_;  // products, by the activation that they read
};

}  // namespace

SmoothedModel SmoothProducts(const Model& model, const Samples& samples, const CompileModel& compile,
                             double strength) {
  return Smoothing(model).Run(samples, compile, strength);
}

}  // namespace consort
