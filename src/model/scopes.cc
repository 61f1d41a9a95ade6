#include "model/scopes.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/strings.h"
#include "model/invalid_model.h"
#include "model/proto_walk.h"

namespace consort {
namespace {

constexpr int kGiven = -1;  // made by the graph's inputs or initializers, not by a node

// A name that a graph reads from outside and the node that reads it first.
struct FreeName {
  std::string name;
  const onnx::NodeProto* reader;
};

// Collects names once each, in order.
class FreeNames {
 public:
  void Add(const std::string& name, const onnx::NodeProto* reader) {
    if (seen_.insert(name).second) names_.push_back({name, reader});
  }
  const std::vector<FreeName>& names() const { return names_; }

 private:
  std::unordered_set<std::string> seen_;
  std::vector<FreeName> names_;
};

// One graph: who makes each name, and which node waits for which.
class Scope {
 public:
  explicit Scope(onnx::GraphProto& graph) : graph_(graph) {}

  // Resolves bodies first, then this graph; returns what it reads from outside.
  FreeNames Resolve(bool& moved) {
    CollectMakers();
    const int count = graph_.node_size();
    readers_.resize(count);
    waits_.assign(count, 0);
    bool in_order = true;
    for (int i = 0; i < count; ++i) in_order = ResolveNode(i, moved) && in_order;
    CheckOutputs();
    if (!in_order) {
      Reorder(Order());
      moved = true;
    }
    return std::move(free_);
  }

 private:
  void CollectMakers() {
    for (const auto& input : graph_.input()) Define(input.name(), kGiven, "as an input");
    std::unordered_set<std::string_view> initializers;
    const auto add_initializer = [&](const std::string& name) {
      if (!initializers.insert(name).second) FailModel("initializer {} is defined twice", Quote(name));
      if (name.empty()) FailModel("an initializer of graph {} has no name", Quote(graph_.name()));
      makers_[name] = kGiven;  // may be an input, too
    };
    for (const auto& tensor : graph_.initializer()) add_initializer(tensor.name());
    for (const auto& sparse : graph_.sparse_initializer()) add_initializer(sparse.values().name());
    for (int i = 0; i < graph_.node_size(); ++i) {
      for (const auto& name : graph_.node(i).output()) {
        if (!name.empty()) Define(name, i, "by " + Describe(graph_.node(i)));
      }
    }
  }

  void Define(const std::string& name, int maker, const std::string& how) {
    if (name.empty()) FailModel("an input of graph {} has no name", Quote(graph_.name()));
    const auto [entry, fresh] = makers_.emplace(name, maker);
    if (fresh) return;
    const std::string before =
        entry->second == kGiven ? "as an input or initializer" : "by " + Describe(graph_.node(entry->second));
    FailModel("tensor {} is defined twice: {} and {}", Quote(name), before, how);
  }

  // True when everything that node i reads is made before it.
  bool ResolveNode(int i, bool& moved) {
    onnx::NodeProto& node = *graph_.mutable_node(i);
    std::unordered_set<int> makers;
    for (const auto& name : node.input()) {
      if (!name.empty()) Read(i, name, &node, makers);
    }
    ForEachMutableBody(node, [&](onnx::GraphProto& body) {
      const FreeNames inner = Scope(body).Resolve(moved);
      for (const FreeName& read : inner.names()) Read(i, read.name, read.reader, makers);
    });
    bool in_order = true;
    for (const int maker : makers) {
      readers_[maker].push_back(i);
      ++waits_[i];
      in_order = in_order && maker < i;
    }
    return in_order;
  }

  void Read(int i, const std::string& name, const onnx::NodeProto* reader, std::unordered_set<int>& makers) {
    const auto maker = makers_.find(name);
    if (maker == makers_.end()) {
      free_.Add(name, reader);
    } else if (maker->second == i) {
      FailModel("{} reads {}, which it makes itself", Describe(*reader), Quote(name));
    } else if (maker->second != kGiven) {
      makers.insert(maker->second);
    }
  }

  void CheckOutputs() const {
    std::unordered_set<std::string_view> seen;
    for (const auto& output : graph_.output()) {
      if (makers_.find(output.name()) == makers_.end()) {
        FailModel("output {} of graph {} is made by no op, input or initializer", Quote(output.name()),
                  Quote(graph_.name()));
      }
      if (!seen.insert(output.name()).second)
        FailModel("output {} of graph {} is listed twice", Quote(output.name()), Quote(graph_.name()));
    }
  }

  // Always the op that comes first in the file among those that can run.
  std::vector<int> Order() {
    std::priority_queue<int, std::vector<int>, std::greater<>> ready;
    for (int i = 0; i < graph_.node_size(); ++i) {
      if (waits_[i] == 0) ready.push(i);
    }
    std::vector<int> order;
    while (!ready.empty()) {
      const int next = ready.top();
      ready.pop();
      order.push_back(next);
      for (const int reader : readers_[next]) {
        if (--waits_[reader] == 0) ready.push(reader);
      }
    }
    if (static_cast<int>(order.size()) < graph_.node_size()) FailCycle();
    return order;
  }

  // Walks from a waiting op to one that it waits for until an op comes again.
  [[noreturn]] void FailCycle() const {
    std::vector<int> waits_for(graph_.node_size(), kGiven);
    int current = kGiven;
    for (int i = 0; i < graph_.node_size(); ++i) {
      if (waits_[i] == 0) continue;
      current = i;
      for (const int reader : readers_[i]) waits_for[reader] = i;
    }
    std::vector<bool> passed(graph_.node_size(), false);
    for (; !passed[current]; current = waits_for[current]) passed[current] = true;
    std::vector<int> cycle;
    for (int i = current; cycle.empty() || i != current; i = waits_for[i]) cycle.push_back(i);
    std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
    constexpr size_t kShown = 6;
    std::vector<std::string> names;
    for (const int i : cycle) {
      if (names.size() < kShown) names.push_back(Describe(graph_.node(i)));
    }
    FailModel("the graph has a cycle of {} ops: {}{}", cycle.size(), Join(names, " waits for "),
              cycle.size() > kShown ? " …" : "");
  }

  void Reorder(const std::vector<int>& order) {
    auto* nodes = graph_.mutable_node();
    std::vector<onnx::NodeProto*> old(nodes->size());
    nodes->ExtractSubrange(0, nodes->size(), old.data());
    for (const int i : order) nodes->AddAllocated(old[i]);
  }

  onnx::GraphProto& graph_;
  std::unordered_map<std::string_view, int> makers_;
  std::vector<std::vector<int>> readers_;
  std::vector<int> waits_;
  FreeNames free_;
};

void CollectFree(const onnx::GraphProto& graph, FreeNames& free) {
  std::unordered_set<std::string_view> made;
  for (const auto& input : graph.input()) made.insert(input.name());
  for (const auto& tensor : graph.initializer()) made.insert(tensor.name());
  for (const auto& sparse : graph.sparse_initializer()) made.insert(sparse.values().name());
  for (const auto& node : graph.node()) made.insert(node.output().begin(), node.output().end());
  for (const auto& node : graph.node()) {
    for (const auto& name : node.input()) {
      if (!name.empty() && !made.contains(name)) free.Add(name, &node);
    }
    FreeNames inner;
    ForEachBody(node, [&](const onnx::GraphProto& body) { CollectFree(body, inner); });
    for (const FreeName& read : inner.names()) {
      if (!made.contains(read.name)) free.Add(read.name, read.reader);
    }
  }
}

}  // namespace

std::vector<std::string> Captures(const onnx::NodeProto& node) {
  FreeNames free;
  ForEachBody(node, [&](const onnx::GraphProto& body) { CollectFree(body, free); });
  std::vector<std::string> names;
  for (const FreeName& read : free.names()) names.push_back(read.name);
  return names;
}

bool ResolveScopes(onnx::GraphProto& graph) {
  bool moved = false;
  const FreeNames free = Scope(graph).Resolve(moved);
  if (!free.names().empty()) {
    const FreeName& first = free.names().front();
    FailModel("{} reads {}, which nothing makes", Describe(*first.reader), Quote(first.name));
  }
  return moved;
}

}  // namespace consort
