// LayerWriter's bookkeeping: names, tensors and nodes.
#include <fmt/format.h>

#include "consort/error.h"
#include "zoo/layer_shapes.h"
#include "zoo/layers.h"

namespace consort::zoo {

std::string LayerWriter::NewName(std::string_view type) {
  const std::string stem = fmt::format("{}{}", scope_, type);
  return fmt::format("{}_{}", stem, ++counters_[stem]);
}

void LayerWriter::Claim(const std::string& name) {
  if (names_.emplace(name, false).second) return;
  throw Error(ErrorCode::kInternal, fmt::format("two tensors are named '{}'", name));
}

bool LayerWriter::IsMadeHere(const std::string& name) const {
  const auto found = names_.find(name);
  return found != names_.end() && found->second;
}

const std::string& LayerWriter::Current(const std::string& name) const {
  const auto found = renamed_.find(name);
  return found == renamed_.end() ? name : found->second;
}

void LayerWriter::Rename(const std::string& from, const std::string& to) {
  for (auto& node : *model_.mutable_graph()->mutable_node()) {
    for (auto& input : *node.mutable_input()) {
      if (input == from) input = to;
    }
    for (auto& output : *node.mutable_output()) {
      if (output == from) output = to;
    }
  }
  renamed_[from] = to;
  names_[to] = true;
}

onnx::NodeProto* LayerWriter::AddNode(const std::string& type, const std::string& name,
                                      const std::vector<std::string>& inputs) {
  Claim(name);
  names_[name] = true;
  auto* node = model_.mutable_graph()->add_node();
  node->set_op_type(type);
  node->set_name(name);
  for (const std::string& input : inputs) node->add_input(Current(input));
  node->add_output(name);
  return node;
}

std::string LayerWriter::AddWeight(const std::string& name, const Shape& shape) {
  Claim(name);
  auto* tensor = model_.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t size : shape) tensor->add_dims(size);
  return name;
}

Value LayerWriter::Unary(const std::string& type, const Value& x) {
  const std::string name = NewName(type);
  AddNode(type, name, {x.name});
  return {name, x.shape};
}

Value LayerWriter::Binary(const std::string& type, const std::string& name, const Value& a, const Value& b) {
  AddNode(type, name, {a.name, b.name});
  return {name, Broadcast(a.shape, b.shape)};
}

Value LayerWriter::Scalar(const std::string& name, float value) {
  Claim(name);
  auto* tensor = model_.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  tensor->add_float_data(value);
  return {name, {}};
}

Value LayerWriter::ConstantFloat(const std::string& name, float value) { return Scalar(scope_ + name, value); }

Value LayerWriter::ConstantInts(const std::string& name, const std::vector<int64_t>& values, bool scalar) {
  return Ints(scope_ + name, values, scalar);
}

Value LayerWriter::Ints(const std::string& name, const std::vector<int64_t>& values, bool scalar) {
  Claim(name);
  auto* tensor = model_.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::INT64);
  const auto count = static_cast<int64_t>(values.size());
  if (!scalar) tensor->add_dims(count);
  for (const int64_t value : values) tensor->add_int64_data(value);
  return {name, scalar ? Shape{} : Shape{count}};
}

}  // namespace consort::zoo
