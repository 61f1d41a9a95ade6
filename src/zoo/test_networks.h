// What tests of the zoo's networks share: a network without values, made small enough to be parsed.
#ifndef CONSORT_ZOO_TEST_NETWORKS_H_
#define CONSORT_ZOO_TEST_NETWORKS_H_

#include <cctype>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "consort/error.h"
#include "consort/model.h"
#include "zoo/constants.h"
#include "zoo/zoo.h"

namespace consort::zoo {

// Without values for its weights.
inline onnx::ModelProto Build(const std::string& name, const MakeOptions& options) {
  for (const Architecture& architecture : Architectures()) {
    if (architecture.name != name) continue;
    LayerWriter net(name);
    architecture.build(net, options);
    return std::move(net).Finish();
  }
  throw Error(ErrorCode::kInvalidArgument, name);
}

// A ConstantOfShape in place of a weight without values: of the same shape, and small.
inline void Expand(onnx::GraphProto& graph, const onnx::TensorProto& weight) {
  auto* shape = graph.add_initializer();
  shape->set_name(weight.name() + "/shape");
  shape->set_data_type(onnx::TensorProto::INT64);
  shape->add_dims(weight.dims_size());
  for (const int64_t size : weight.dims()) shape->add_int64_data(size);
  auto* node = graph.add_node();
  node->set_op_type("ConstantOfShape");
  node->add_input(shape->name());
  node->add_output(weight.name());
}

inline Model Parse(onnx::ModelProto model) {
  auto& graph = *model.mutable_graph();
  const onnx::GraphProto whole = graph;
  graph.clear_initializer();
  graph.clear_node();
  for (const onnx::TensorProto& tensor : whole.initializer()) {
    if (HasValues(tensor))
      *graph.add_initializer() = tensor;
    else
      Expand(graph, tensor);
  }
  for (const onnx::NodeProto& node : whole.node()) *graph.add_node() = node;
  const std::string bytes = model.SerializeAsString();
  return Model::Parse(std::as_bytes(std::span(bytes)), graph.name());
}

// Elements of what is no weight: shapes, bounds and other constants.
inline int64_t ConstantsOf(const onnx::ModelProto& model) {
  int64_t elements = 0;
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    if (HasValues(tensor)) elements += ElementsOf(tensor);
  }
  return elements;
}

// As GoogleTest takes names.
inline std::string NameOf(std::string text) {
  for (char& c : text) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return text;
}

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_TEST_NETWORKS_H_
