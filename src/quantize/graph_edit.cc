#include "quantize/graph_edit.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/proto_walk.h"
#include "quantize/stored_values.h"

namespace consort {
namespace {

template <typename Field, typename Unwanted>
void EraseIf(Field& field, Unwanted unwanted) {
  int kept = 0;
  for (int i = 0; i < field.size(); ++i) {
    if (unwanted(field.Get(i))) continue;
    if (kept != i) field.SwapElements(kept, i);
    ++kept;
  }
  field.DeleteSubrange(kept, field.size() - kept);
}

std::unordered_set<std::string> ReadNames(const onnx::GraphProto& root) {
  std::unordered_set<std::string> names;
  ForEachGraph(root, [&](const onnx::GraphProto& graph) {
    for (const auto& node : graph.node()) names.insert(node.input().begin(), node.input().end());
    for (const auto& output : graph.output()) names.insert(output.name());
    for (const auto& annotation : graph.quantization_annotation()) {
      for (const auto& parameter : annotation.quant_parameter_tensor_names()) names.insert(parameter.value());
    }
  });
  return names;
}

}  // namespace

GraphEdit::GraphEdit(onnx::GraphProto& graph) : graph_(graph) {
  for (auto& tensor : *graph.mutable_initializer()) {
    stored_[tensor.name()] = &tensor;
    names_.insert(tensor.name());
  }
  for (const auto& input : graph.input()) names_.insert(input.name());
  for (const auto& output : graph.output()) outputs_.insert(output.name());
  for (auto& node : *graph.mutable_node()) Index(node);
}

void GraphEdit::Index(onnx::NodeProto& node) {
  for (const std::string& output : node.output()) makers_[output] = &node;
  names_.insert(node.output().begin(), node.output().end());
  for (const std::string& input : node.input()) readers_[input].push_back(&node);
  ForEachBody(node, [&](const onnx::GraphProto& body) {
    for (const std::string& name : ReadNames(body)) readers_[name].push_back(&node);
    ForEachGraph(body, [&](const onnx::GraphProto& inner) {
      for (const auto& inner_node : inner.node()) names_.insert(inner_node.output().begin(), inner_node.output().end());
      for (const auto& tensor : inner.initializer()) names_.insert(tensor.name());
    });
  });
}

onnx::NodeProto* GraphEdit::Maker(const std::string& tensor) const {
  const auto found = makers_.find(tensor);
  return found == makers_.end() || removed_.contains(found->second) ? nullptr : found->second;
}

const std::vector<onnx::NodeProto*>& GraphEdit::Readers(const std::string& tensor) const {
  static const std::vector<onnx::NodeProto*> none;
  const auto found = readers_.find(tensor);
  return found == readers_.end() ? none : found->second;
}

onnx::TensorProto* GraphEdit::Stored(const std::string& tensor) const {
  const auto found = stored_.find(tensor);
  return found == stored_.end() ? nullptr : found->second;
}

onnx::TensorProto* GraphEdit::StoredFloats(const std::string& tensor) const {
  onnx::TensorProto* stored = Stored(tensor);
  return stored != nullptr && HoldsFloats(*stored) ? stored : nullptr;
}

void GraphEdit::Replace(onnx::NodeProto& node, int index, onnx::TensorProto values) {
  const std::string old = node.input(index);
  if (IsReadOnce(old)) {
    values.set_name(old);
    *stored_.at(old) = std::move(values);
    return;
  }
  values.set_name(Fresh(fmt::format("{}_of_{}", old, node.name())));
  node.set_input(index, values.name());
  readers_[values.name()].push_back(&node);
  onnx::TensorProto* added = graph_.add_initializer();
  *added = std::move(values);
  stored_[added->name()] = added;
}

std::string GraphEdit::Fresh(const std::string& base) {
  std::string name = base;
  for (int number = 2; !names_.insert(name).second; ++number) name = fmt::format("{}_{}", base, number);
  return name;
}

void GraphEdit::Finish() {
  EraseIf(*graph_.mutable_node(), [&](const onnx::NodeProto& node) { return removed_.contains(&node); });
  DropUnreadInitializers(graph_);
}

void RedirectReaders(onnx::GraphProto& root, const std::string& from, const std::string& to) {
  ForEachMutableGraph(root, [&](onnx::GraphProto& graph) {
    for (auto& node : *graph.mutable_node()) {
      for (auto& input : *node.mutable_input()) {
        if (input == from) input = to;
      }
    }
    if (&graph == &root) return;
    for (auto& output : *graph.mutable_output()) {
      if (output.name() == from) output.set_name(to);
    }
  });
}

void DropUnreadInitializers(onnx::GraphProto& graph) {
  const std::unordered_set<std::string> read = ReadNames(graph);
  EraseIf(*graph.mutable_initializer(),
          [&](const onnx::TensorProto& tensor) { return !read.contains(tensor.name()); });
}

}  // namespace consort
