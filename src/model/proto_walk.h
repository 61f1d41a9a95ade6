// Walks over the parts of an ONNX graph, bodies of control flow included. The depth is bounded by protobuf's own limit
// on nested messages.
#ifndef CONSORT_MODEL_PROTO_WALK_H_
#define CONSORT_MODEL_PROTO_WALK_H_

#include "onnx/onnx_pb.h"

namespace consort {

// The bodies that a node holds directly. `visit` is called with each GraphProto.
template <typename Visit>
void ForEachBody(const onnx::NodeProto& node, Visit&& visit) {
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_g()) visit(attribute.g());
    for (const auto& graph : attribute.graphs()) visit(graph);
  }
}

template <typename Visit>
void ForEachMutableBody(onnx::NodeProto& node, Visit&& visit) {
  for (auto& attribute : *node.mutable_attribute()) {
    if (attribute.has_g()) visit(*attribute.mutable_g());
    for (auto& graph : *attribute.mutable_graphs()) visit(graph);
  }
}

// Every graph: this one, then the bodies in it, outer before inner.
template <typename Visit>
void ForEachMutableGraph(onnx::GraphProto& graph, Visit&& visit) {
  visit(graph);
  for (auto& node : *graph.mutable_node()) {
    ForEachMutableBody(node, [&](onnx::GraphProto& body) { ForEachMutableGraph(body, visit); });
  }
}

template <typename Visit>
void ForEachGraph(const onnx::GraphProto& graph, Visit&& visit) {
  visit(graph);
  for (const auto& node : graph.node()) {
    ForEachBody(node, [&](const onnx::GraphProto& body) { ForEachGraph(body, visit); });
  }
}

// Every tensor that the attributes of a node hold, bodies left out.
template <typename Visit>
void ForEachAttributeTensor(const onnx::NodeProto& node, Visit&& visit) {
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_t()) visit(attribute.t());
    for (const auto& tensor : attribute.tensors()) visit(tensor);
    if (attribute.has_sparse_tensor()) {
      visit(attribute.sparse_tensor().values());
      visit(attribute.sparse_tensor().indices());
    }
    for (const auto& sparse : attribute.sparse_tensors()) {
      visit(sparse.values());
      visit(sparse.indices());
    }
  }
}

// Every stored tensor of a graph and its bodies: initializers and attributes. `visit` gets the tensor and the node that
// holds it (nullptr for an initializer).
template <typename Visit>
void ForEachTensor(const onnx::GraphProto& root, Visit&& visit) {
  ForEachGraph(root, [&](const onnx::GraphProto& graph) {
    constexpr const onnx::NodeProto* kNoNode = nullptr;
    for (const auto& tensor : graph.initializer()) visit(tensor, kNoNode);
    for (const auto& sparse : graph.sparse_initializer()) {
      visit(sparse.values(), kNoNode);
      visit(sparse.indices(), kNoNode);
    }
    for (const auto& node : graph.node()) {
      ForEachAttributeTensor(node, [&](const onnx::TensorProto& tensor) { visit(tensor, &node); });
    }
  });
}

}  // namespace consort

#endif  // CONSORT_MODEL_PROTO_WALK_H_
