#include "zoo/layer_targets.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "model/node_queries.h"
#include "zoo/node_types.h"

namespace consort::zoo {
namespace {

constexpr double kSmallestBranch = 0.3;

// Between a layer and the sum, or the end of the graph, that its output is for.
bool MovesOnly(const onnx::NodeProto& node) {
  return IsOneOf(node.op_type(),
                 {"Identity", "Dropout", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Cast"});
}

bool BelongsToHead(const onnx::NodeProto& node) {
  return MovesOnly(node) || IsOneOf(node.op_type(), {"Add", "Relu", "GlobalAveragePool", "AveragePool", "ReduceMean",
                                                     "Resize", "DepthToSpace", "Slice", "Split", "Concat", "Gather"});
}

bool ReadsLogits(const onnx::NodeProto& node) {
  return IsOneOf(node.op_type(), {"Softmax", "LogSoftmax", "Sigmoid", "ArgMax", "TopK", "Tanh"});
}

class TargetFinder {
 public:
  TargetFinder(const onnx::GraphProto& graph, const Weights& weights) : graph_(graph), weights_(weights) {
    for (const auto& tensor : graph.initializer()) stored_.insert(tensor.name());
    for (const auto& info : graph.value_info()) types_[info.name()] = &info.type().tensor_type();
    for (const auto& output : graph.output()) outputs_.insert(output.name());
    for (const auto& node : graph.node()) Index(node);
  }

  LayerTargets Find() {
    std::set<std::string> branches;
    for (const auto& node : graph_.node()) Follow(node, branches);
    const double deviation = std::max(kSmallestBranch, 1 / std::sqrt(std::max(1, longest_chain_)));
    LayerTargets targets;
    targets.depth = largest_layer_depth_;
    for (const std::string& branch : branches) targets.deviations[branch] = deviation;
    for (const auto& node : graph_.node()) AddHead(node, targets);
    return targets;
  }

 private:
  void Index(const onnx::NodeProto& node) {
    if (node.op_type() == "Constant") stored_.insert(node.output(0));
    for (const auto& input : node.input()) readers_[input].push_back(&node);
    for (const auto& output : node.output()) producers_[output] = &node;
  }

  std::vector<std::string> Activations(const onnx::NodeProto& node) const {
    std::vector<std::string> names;
    for (const auto& input : node.input()) {
      if (!input.empty() && stored_.count(input) == 0 && weights_.Find(input) == nullptr) names.push_back(input);
    }
    return names;
  }

  // Depth and residual sums on the longest path to this node.
  void Follow(const onnx::NodeProto& node, std::set<std::string>& branches) {
    const std::vector<std::string> inputs = Activations(node);
    int depth = 0;
    int sums = 0;
    for (const auto& input : inputs) {
      depth = std::max(depth, depths_[input]);
      sums = std::max(sums, sums_[input]);
    }
    if (IsOneOf(node.op_type(), {"Add", "Sum"}) && inputs.size() > 1) sums += MarkBranches(inputs, branches) ? 1 : 0;
    longest_chain_ = std::max(longest_chain_, sums);
    const double layers = LayerDepth(node, inputs);
    largest_layer_depth_ = std::max(largest_layer_depth_, layers);
    for (const auto& output : node.output()) {
      layer_depths_[output] = layers;
      depths_[output] = depth + 1;
      sums_[output] = sums;
    }
  }

  // The mean over what is joined, each as heavy as it is long.
  double ConcatDepth(const onnx::NodeProto& node) {
    const auto* axis = FindAttribute(node, "axis");
    double sum = 0;
    double total = 0;
    for (const auto& input : node.input()) {
      const double length = axis == nullptr ? 1 : Length(input, axis->i());
      sum += length * layer_depths_[input];
      total += length;
    }
    return sum / total;
  }

  // 1 where it is not known.
  double Length(const std::string& name, int64_t axis) const {
    const auto type = types_.find(name);
    if (type == types_.end()) return 1;
    const auto& shape = type->second->shape();
    const int64_t index = axis < 0 ? axis + shape.dim_size() : axis;
    if (index < 0 || index >= shape.dim_size() || shape.dim(static_cast<int>(index)).dim_value() <= 0) return 1;
    return static_cast<double>(shape.dim(static_cast<int>(index)).dim_value());
  }

  double LayerDepth(const onnx::NodeProto& node, const std::vector<std::string>& inputs) {
    if (inputs.empty()) return 0;
    std::vector<double> depths;
    for (const auto& input : inputs) depths.push_back(layer_depths_[input]);
    if (IsOneOf(node.op_type(), {"Add", "Sum"})) return *std::min_element(depths.begin(), depths.end());
    if (node.op_type() == "Concat") return ConcatDepth(node);
    return *std::max_element(depths.begin(), depths.end()) + (IsLinear(node, weights_) ? 1 : 0);
  }

  // The deepest operands of a sum are the branches, where a layer ends them; the others are the stream.
  bool MarkBranches(const std::vector<std::string>& operands, std::set<std::string>& branches) {
    int deepest = 0;
    for (const auto& operand : operands) deepest = std::max(deepest, depths_[operand]);
    bool found = false;
    for (const auto& operand : operands) {
      const std::string layer = depths_[operand] == deepest ? EndingLayer(operand) : "";
      if (layer.empty()) continue;
      branches.insert(layer);
      found = true;
    }
    return found;
  }

  // The layer whose output, read by nothing else, becomes this tensor; "" where there is none.
  std::string EndingLayer(std::string name) const {
    while (true) {
      const auto producer = producers_.find(name);
      const auto readers = readers_.find(name);
      if (producer == producers_.end() || readers == readers_.end() || readers->second.size() != 1) return "";
      const onnx::NodeProto& node = *producer->second;
      if (IsLinear(node, weights_) || IsNormalisation(node, weights_)) return name;
      const std::vector<std::string> inputs = Activations(node);
      const bool on = MovesOnly(node) || IsOneOf(node.op_type(), {"Add", "Mul"});
      if (!on || inputs.size() != 1) return "";
      name = inputs.front();
    }
  }

  void AddHead(const onnx::NodeProto& node, LayerTargets& targets) const {
    const bool layer =
        IsLinear(node, weights_) || (node.op_type() == "BatchNormalization" && IsNormalisation(node, weights_));
    std::string logits;
    if (!layer || !EndsInOutputs(node.output(0), logits)) return;
    targets.deviations[node.output(0)] = kLogitDeviation;
    targets.heads.push_back({node.output(0), logits});
  }

  // Whether every way on from this tensor ends in a graph output without another layer; `logits` becomes the last
  // tensor of one. Ways may be as long as the graph: they are followed in the order of a list.
  bool EndsInOutputs(const std::string& start, std::string& logits) const {
    std::set<std::string> seen = {start};
    std::vector<std::string> open = {start};
    while (!open.empty()) {
      const std::string name = std::move(open.back());
      open.pop_back();
      const auto readers = readers_.find(name);
      const bool output = outputs_.count(name) > 0;
      if (output) logits = name;
      if (readers == readers_.end() && !output) return false;
      if (readers == readers_.end()) continue;
      for (const onnx::NodeProto* node : readers->second) {
        if (ReadsLogits(*node)) {
          if (outputs_.count(node->output(0)) == 0) return false;
          logits = name;
        } else if (!LeadsOn(*node)) {
          return false;
        } else if (seen.insert(node->output(0)).second) {
          open.push_back(node->output(0));
        }
      }
    }
    return true;
  }

  // Of what follows a last layer: hands one activation on, or joins some.
  bool LeadsOn(const onnx::NodeProto& node) const {
    return node.output_size() > 0 && BelongsToHead(node) &&
           (node.op_type() == "Concat" || Activations(node).size() <= 1);
  }

  const onnx::GraphProto& graph_;
  const Weights& weights_;
  std::set<std::string> stored_;
  std::set<std::string> outputs_;
  std::map<std::string, std::vector<const onnx::NodeProto*>> readers_;
  std::map<std::string, const onnx::NodeProto*> producers_;
  std::map<std::string, const onnx::TypeProto_Tensor*> types_;
  std::map<std::string, int> depths_;
  std::map<std::string, int> sums_;
  std::map<std::string, double> layer_depths_;
  double largest_layer_depth_ = 0;
  int longest_chain_ = 0;
};

bool HasFilter(const Weights& weights, const std::string& input) {
  const Weight* weight = weights.Find(input);
  return weight != nullptr && weight->role == Role::kFilter;
}

}  // namespace

bool LayerTargets::IsHead(const std::string& output) const {
  return std::any_of(heads.begin(), heads.end(), [&](const Head& head) { return head.layer == output; });
}

double LayerTargets::Of(const std::string& output) const {
  const auto found = deviations.find(output);
  return found == deviations.end() ? 1 : found->second;
}

bool IsLinear(const onnx::NodeProto& node, const Weights& weights) {
  if (!node.domain().empty() || node.input_size() < 2) return false;
  if (IsOneOf(node.op_type(), {"Conv", "ConvTranspose"})) return HasFilter(weights, node.input(1));
  if (!IsOneOf(node.op_type(), {"Gemm", "MatMul"})) return false;
  return HasFilter(weights, node.input(0)) != HasFilter(weights, node.input(1));
}

bool IsNormalisation(const onnx::NodeProto& node, const Weights& weights) {
  return IsOneOf(node.op_type(),
                 {"BatchNormalization", "LayerNormalization", "InstanceNormalization", "GroupNormalization"}) &&
         node.input_size() > 1 && weights.Find(node.input(1)) != nullptr;
}

LayerTargets FindLayerTargets(const onnx::GraphProto& graph, const Weights& weights) {
  return TargetFinder(graph, weights).Find();
}

}  // namespace consort::zoo
