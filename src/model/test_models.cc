#include "model/test_models.h"

#include <fmt/format.h>

#include <cctype>

namespace consort::test {
namespace {

void SetType(onnx::ValueInfoProto* value, const std::vector<std::string>& dims, int elem_type) {
  auto* tensor = value->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(elem_type);
  auto* shape = tensor->mutable_shape();
  for (const std::string& dim : dims) {
    auto* slot = shape->add_dim();
    if (dim == "?") continue;
    if (dim[0] == '-' || std::isdigit(static_cast<unsigned char>(dim[0])) != 0) {
      slot->set_dim_value(std::stoll(dim));
    } else {
      slot->set_dim_param(dim);
    }
  }
}

onnx::AttributeProto* AddAttribute(onnx::NodeProto& node, const std::string& name,
                                   onnx::AttributeProto::AttributeType type) {
  auto* attribute = node.add_attribute();
  attribute->set_name(name);
  attribute->set_type(type);
  return attribute;
}

std::vector<std::string> Dims(const std::vector<int64_t>& shape) {
  std::vector<std::string> dims;
  for (const int64_t size : shape) dims.push_back(std::to_string(size));
  return dims;
}

}  // namespace

GraphWriter& GraphWriter::Input(const std::string& name, const std::vector<std::string>& dims, int elem_type) {
  auto* value = graph_->add_input();
  value->set_name(name);
  SetType(value, dims, elem_type);
  return *this;
}

GraphWriter& GraphWriter::Output(const std::string& name, const std::vector<std::string>& dims, int elem_type) {
  auto* value = graph_->add_output();
  value->set_name(name);
  SetType(value, dims, elem_type);
  return *this;
}

GraphWriter& GraphWriter::Weight(const std::string& name, const std::vector<int64_t>& dims) {
  auto* tensor = graph_->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  int64_t count = 1;
  for (const int64_t size : dims) tensor->add_dims(size), count *= size;
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = 0.01F * static_cast<float>(static_cast<int>(i * 7 % 23) - 11);
  tensor->set_raw_data(values.data(), values.size() * sizeof(float));
  return *this;
}

GraphWriter& GraphWriter::Int64(const std::string& name, const std::vector<int64_t>& values, bool scalar) {
  auto* tensor = graph_->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::INT64);
  if (!scalar) tensor->add_dims(static_cast<int64_t>(values.size()));
  for (const int64_t value : values) tensor->add_int64_data(value);
  return *this;
}

onnx::NodeProto& GraphWriter::Node(const std::string& type, const std::vector<std::string>& inputs,
                                   const std::vector<std::string>& outputs, const std::string& name) {
  auto* node = graph_->add_node();
  node->set_op_type(type);
  if (!name.empty()) node->set_name(name);
  for (const std::string& input : inputs) node->add_input(input);
  for (const std::string& output : outputs) node->add_output(output);
  return *node;
}

onnx::ModelProto EmptyModel(const std::string& graph_name, int opset, int ir_version) {
  onnx::ModelProto model;
  model.set_ir_version(ir_version);
  model.set_producer_name("consort-tests");
  model.add_opset_import()->set_version(opset);
  model.mutable_graph()->set_name(graph_name);
  return model;
}

void AddInts(onnx::NodeProto& node, const std::string& name, const std::vector<int64_t>& values) {
  auto* attribute = AddAttribute(node, name, onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute->add_ints(value);
}

void AddInt(onnx::NodeProto& node, const std::string& name, int64_t value) {
  AddAttribute(node, name, onnx::AttributeProto::INT)->set_i(value);
}

void AddText(onnx::NodeProto& node, const std::string& name, const std::string& value) {
  AddAttribute(node, name, onnx::AttributeProto::STRING)->set_s(value);
}

onnx::GraphProto* AddBody(onnx::NodeProto& node, const std::string& attribute, const std::string& graph_name) {
  auto* graph = AddAttribute(node, attribute, onnx::AttributeProto::GRAPH)->mutable_g();
  graph->set_name(graph_name);
  return graph;
}

std::string Bytes(const onnx::ModelProto& model) { return model.SerializeAsString(); }

std::string ConvReluModel() {
  onnx::ModelProto model = EmptyModel("conv_relu");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "3", "8", "8"}).Output("y", {"1", "4", "8", "8"}).Weight("w", {4, 3, 3, 3}).Weight("b", {4});
  AddInts(graph.Node("Conv", {"x", "w", "b"}, {"conv_out"}, "conv"), "pads", {1, 1, 1, 1});
  graph.Node("Relu", {"conv_out"}, {"y"}, "relu");
  return Bytes(model);
}

std::string MatMulModel(int64_t m, int64_t k, int64_t n) {
  onnx::ModelProto model = EmptyModel("matmul");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", Dims({m, k})).Output("y", Dims({m, n})).Weight("w", {k, n});
  graph.Node("MatMul", {"x", "w"}, {"y"}, "matmul");
  return Bytes(model);
}

std::string ChainModel(int n) {
  onnx::ModelProto model = EmptyModel("chain");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "16"}).Output("y", {"1", "16"}).Weight("w", {1, 16});
  std::string from = "x";
  for (int i = 0; i < n; ++i) {
    const std::string to = i + 1 == n ? "y" : fmt::format("t{}", i);
    const std::string name = fmt::format("op{}", i);
    if (i % 2 == 0) {
      graph.Node("Relu", {from}, {to}, name);
    } else {
      graph.Node("Add", {from, "w"}, {to}, name);
    }
    from = to;
  }
  return Bytes(model);
}

std::string IfModel() {
  onnx::ModelProto model = EmptyModel("if");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4"}).Input("cond", {}, onnx::TensorProto::BOOL).Output("y", {"1", "4"});
  graph.Weight("w", {1, 4}).Weight("two", {1});
  graph.Node("Relu", {"x"}, {"a"}, "relu");
  onnx::NodeProto& node = graph.Node("If", {"cond"}, {"y"}, "if");
  GraphWriter then_body(AddBody(node, "then_branch", "then"));
  then_body.Node("Add", {"a", "w"}, {"then_out"}, "then_add");
  then_body.Output("then_out", {"1", "4"});
  GraphWriter else_body(AddBody(node, "else_branch", "else"));
  else_body.Node("Mul", {"a", "two"}, {"doubled"}, "else_mul");
  else_body.Node("Add", {"doubled", "x"}, {"else_out"}, "else_add");
  else_body.Output("else_out", {"1", "4"});
  return Bytes(model);
}

std::string LoopModel(int64_t trips) {
  onnx::ModelProto model = EmptyModel("loop");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4"}).Output("y", {"1", "4"}).Int64("trips", {trips}, true);
  graph.Node("Relu", {"x"}, {"step"}, "relu");
  onnx::NodeProto& node = graph.Node("Loop", {"trips", "", "x"}, {"y"}, "loop");
  GraphWriter body(AddBody(node, "body", "loop_body"));
  body.Input("i", {}, onnx::TensorProto::INT64)
      .Input("keep_in", {}, onnx::TensorProto::BOOL)
      .Input("sum_in", {"1", "4"});
  body.Node("Identity", {"keep_in"}, {"keep_out"}, "keep");
  body.Node("Add", {"sum_in", "step"}, {"sum_out"}, "add");
  body.Output("keep_out", {}, onnx::TensorProto::BOOL).Output("sum_out", {"1", "4"});
  return Bytes(model);
}

std::string SkipModel() {
  onnx::ModelProto model = EmptyModel("skip");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "8"}).Output("y", {"1", "8"}).Weight("w", {1, 8});
  graph.Node("Relu", {"x"}, {"a_out"}, "a");
  graph.Node("Add", {"a_out", "w"}, {"b_out"}, "b");
  graph.Node("Mul", {"b_out", "w"}, {"c_out"}, "c");
  graph.Node("Add", {"c_out", "a_out"}, {"y"}, "sum");
  return Bytes(model);
}

std::string DynamicBatchModel() {
  onnx::ModelProto model = EmptyModel("dynamic_batch");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"batch", "8"}).Output("y", {"batch", "4"}).Weight("w", {8, 4});
  graph.Node("MatMul", {"x", "w"}, {"product"}, "matmul");
  graph.Node("Relu", {"product"}, {"y"}, "relu");
  return Bytes(model);
}

std::string IdentityModel(const std::vector<int64_t>& shape) {
  onnx::ModelProto model = EmptyModel("identity");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", Dims(shape)).Output("y", Dims(shape));
  graph.Node("Identity", {"x"}, {"y"}, "identity");
  return Bytes(model);
}

std::string TwoInputModel() {
  onnx::ModelProto model = EmptyModel("two_inputs");
  GraphWriter graph(model.mutable_graph());
  graph.Input("a", {"1", "4"}).Input("b", {"1", "4"}).Output("sum", {"1", "4"}).Output("product", {"1", "4"});
  graph.Node("Add", {"a", "b"}, {"sum"}, "add");
  graph.Node("Mul", {"a", "b"}, {"product"}, "mul");
  return Bytes(model);
}

std::string StatefulModel() {
  onnx::ModelProto model = EmptyModel("stateful");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4"}).Input("state", {"1", "4"}).Output("y", {"1", "4"}).Output("next_state", {"1", "4"});
  graph.Node("Add", {"state", "x"}, {"next_state"}, "add");
  graph.Node("Add", {"next_state", "next_state"}, {"y"}, "double");
  return Bytes(model);
}

std::string CustomOpModel() {
  onnx::ModelProto model = EmptyModel("custom");
  auto* opset = model.add_opset_import();
  opset->set_domain("example.custom");
  opset->set_version(1);
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4"}).Output("y", {"1", "4"});
  graph.Node("Relu", {"x"}, {"a"}, "before");
  graph.Node("Mystery", {"a"}, {"b"}, "custom").set_domain("example.custom");
  graph.Node("Relu", {"b"}, {"y"}, "after");
  return Bytes(model);
}

}  // namespace consort::test
