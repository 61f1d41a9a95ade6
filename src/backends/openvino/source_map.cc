#include "backends/openvino/source_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <openvino/op/constant.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>
#include <openvino/op/util/multi_subgraph_base.hpp>
#include <unordered_map>

namespace consort::openvino {
namespace {

// "<prefix><op id>.<ordinal>:<op name>": no exporter names its nodes so. The ordinal tells the nodes of one op apart.
constexpr std::string_view kPrefix = "consort-op-";
constexpr char kOrdinal = '.';
constexpr char kEnd = ':';

std::string Mark(const Graph& graph, OpId op, int ordinal) {
  std::string name = graph.op(op).name;
  std::replace(name.begin(), name.end(), ',', ';');  // plugins join names with commas
  return fmt::format("{}{}{}{}{}{}", kPrefix, op, kOrdinal, ordinal, kEnd, name);
}

class Marker {
 public:
  explicit Marker(const Graph& graph) : graph_(graph), ordinals_(graph.ops().size(), 0) {
    map_.present.assign(graph.ops().size(), false);
    map_.alias.assign(graph.ops().size(), kNone);
  }

  SourceMap Run(ov::Model& model) {
    const auto nodes = model.get_ordered_ops();
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
      if (ov::is_type<ov::op::v0::Parameter>(*node) || ov::is_type<ov::op::v0::Result>(*node)) continue;
      const OpId op = OwnerOf(**node);
      if (op == kNone) continue;
      owner_[node->get()] = op;
      Give(**node, op);
    }
    return std::move(map_);
  }

 private:
  // By tensor name, else by the first op that the node feeds.
  OpId OwnerOf(const ov::Node& node) {
    bool named = false;
    std::vector<OpId> makers;
    for (const ov::Output<const ov::Node>& output : node.outputs()) {
      for (const std::string& name : output.get_names()) {
        named = true;
        const TensorId tensor = graph_.FindTensor(name);
        if (tensor != kNone && graph_.tensor(tensor).producer != kNone)
          makers.push_back(graph_.tensor(tensor).producer);
      }
    }
    if (!makers.empty()) return Adopt(makers);
    return named || ov::as_type<const ov::op::v0::Constant>(&node) != nullptr ? kNone : FirstFed(node);
  }

  // One node stands for several ops when all but the first only renamed its output.
  OpId Adopt(const std::vector<OpId>& makers) {
    const OpId first = *std::min_element(makers.begin(), makers.end());
    map_.present[first] = true;
    for (OpId other : makers) {
      if (other != first) map_.alias[other] = first;
    }
    return first;
  }

  OpId FirstFed(const ov::Node& node) const {
    OpId first = kNone;
    for (const ov::Output<const ov::Node>& output : node.outputs()) {
      for (const auto& input : output.get_target_inputs()) {
        const auto owner = owner_.find(input.get_node());
        if (owner != owner_.end() && (first == kNone || owner->second < first)) first = owner->second;
      }
    }
    return first;
  }

  void Give(ov::Node& node, OpId op) {
    node.set_friendly_name(Mark(graph_, op, ordinals_[op]++));
    auto* holder = dynamic_cast<ov::op::util::MultiSubGraphOp*>(&node);
    if (holder == nullptr) return;
    for (size_t body = 0; body < holder->get_internal_subgraphs_size(); ++body) {
      const auto model = holder->get_function(static_cast<int>(body));
      for (const auto& inner : model->get_ordered_ops()) {
        if (!ov::is_type<ov::op::v0::Parameter>(inner) && !ov::is_type<ov::op::v0::Result>(inner)) Give(*inner, op);
      }
    }
  }

  const Graph& graph_;
  SourceMap map_;
  std::vector<int> ordinals_;
  std::unordered_map<const ov::Node*, OpId> owner_;
};

}  // namespace

SourceMap MarkSourceOps(ov::Model& model, const Graph& graph) { return Marker(graph).Run(model); }

std::vector<OpId> MarkedOps(const std::string& names) {
  std::vector<OpId> ops;
  for (size_t at = names.find(kPrefix); at != std::string::npos; at = names.find(kPrefix, at + 1)) {
    OpId op = kNone;
    const char* digits = names.data() + at + kPrefix.size();
    const auto [end, error] = std::from_chars(digits, names.data() + names.size(), op);
    const bool marked = error == std::errc() && end != names.data() + names.size() && *end == kOrdinal;
    if (marked && std::find(ops.begin(), ops.end(), op) == ops.end()) ops.push_back(op);
  }
  return ops;
}

std::string WithoutMarks(std::string text) {
  for (size_t at = text.find(kPrefix); at != std::string::npos; at = text.find(kPrefix, at)) {
    const size_t end = text.find(kEnd, at);
    text.erase(at, end == std::string::npos ? std::string::npos : end - at + 1);
  }
  return text;
}

}  // namespace consort::openvino
