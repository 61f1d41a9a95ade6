#include "model/node_names.h"

#include <fmt/format.h>

#include <string>
#include <unordered_set>
#include <vector>

#include "model/proto_walk.h"

namespace consort {
namespace {

// Main graph first, then bodies, each with the number that a given name would hold.
std::vector<onnx::NodeProto*> AllNodes(onnx::GraphProto& graph) {
  std::vector<onnx::NodeProto*> nodes;
  for (auto& node : *graph.mutable_node()) nodes.push_back(&node);
  for (auto& node : *graph.mutable_node()) {
    ForEachMutableBody(node, [&](onnx::GraphProto& body) {
      ForEachMutableGraph(body, [&](onnx::GraphProto& inner) {
        for (auto& inner_node : *inner.mutable_node()) nodes.push_back(&inner_node);
      });
    });
  }
  return nodes;
}

std::string FreshName(const std::string& type, size_t index, const std::unordered_set<std::string>& taken) {
  const std::string base = fmt::format("{}_{}", type, index);
  std::string name = base;
  for (int suffix = 2; taken.contains(name); ++suffix) name = fmt::format("{}_{}", base, suffix);
  return name;
}

}  // namespace

bool NameNodes(onnx::GraphProto& graph) {
  const std::vector<onnx::NodeProto*> nodes = AllNodes(graph);
  std::unordered_set<std::string> taken;
  std::vector<size_t> nameless;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i]->name().empty() || !taken.insert(nodes[i]->name()).second) nameless.push_back(i);
  }
  for (const size_t i : nameless) {
    nodes[i]->set_name(FreshName(nodes[i]->op_type(), i, taken));
    taken.insert(nodes[i]->name());
  }
  return !nameless.empty();
}

}  // namespace consort
