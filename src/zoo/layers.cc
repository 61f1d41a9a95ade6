#include "zoo/layers.h"

#include <fmt/format.h>

#include <numbers>
#include <utility>

#include "consort/error.h"
#include "zoo/layer_shapes.h"
#include "zoo/node_types.h"

namespace consort::zoo {
namespace {

constexpr int kIrVersion = 8;  // of ONNX 1.11 to 1.13, which opset 17 belongs to

void AddInt(onnx::NodeProto* node, const std::string& name, int64_t value) {
  AddAttribute(node, name, onnx::AttributeProto::INT)->set_i(value);
}

void AddFloat(onnx::NodeProto* node, const std::string& name, float value) {
  AddAttribute(node, name, onnx::AttributeProto::FLOAT)->set_f(value);
}

void AddInts(onnx::NodeProto* node, const std::string& name, const std::vector<int64_t>& values) {
  auto* attribute = AddAttribute(node, name, onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute->add_ints(value);
}

int ElementType(DataType dtype) {
  switch (dtype) {
    case DataType::kFloat32:
      return onnx::TensorProto::FLOAT;
    case DataType::kInt32:
      return onnx::TensorProto::INT32;
    case DataType::kInt64:
      return onnx::TensorProto::INT64;
    case DataType::kBool:
      return onnx::TensorProto::BOOL;
    default:
      break;
  }
  throw Error(ErrorCode::kUnsupported,
              fmt::format("networks are made of float32, int32, int64 and bool, not of {}", ToString(dtype)));
}

void Describe(onnx::ValueInfoProto* info, const std::string& name, const Shape& shape, DataType dtype,
              const std::vector<std::string>& dim_names) {
  info->set_name(name);
  auto* type = info->mutable_type()->mutable_tensor_type();
  type->set_elem_type(ElementType(dtype));
  auto* dims = type->mutable_shape();
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    auto* dim = dims->add_dim();
    const std::string given = axis < dim_names.size() ? dim_names[axis] : "";
    if (shape[axis] != kDynamic) {
      dim->set_dim_value(shape[axis]);
    } else if (!given.empty() || axis == 0) {
      dim->set_dim_param(given.empty() ? "batch" : given);
    }
  }
}

void RequireImage(const Value& x) {
  if (x.shape.size() == 4) return;
  throw Error(ErrorCode::kInternal, fmt::format("'{}' of shape {} is no image", x.name, FormatShape(x.shape)));
}

// Attributes of Conv, ConvTranspose and pooling.
void AddWindow(onnx::NodeProto* node, const Window& window, const WindowAxis& rows, const WindowAxis& columns) {
  AddInts(node, "kernel_shape", {window.height, window.width});
  AddInts(node, "strides", {window.stride, window.stride});
  AddInts(node, "pads", {rows.begin, columns.begin, rows.end, columns.end});
}

}  // namespace

LayerWriter::LayerWriter(const std::string& name, int opset) {
  model_.set_ir_version(kIrVersion);
  model_.set_producer_name("consort");
  model_.add_opset_import()->set_version(opset);
  model_.mutable_graph()->set_name(name);
}

LayerWriter::Scope::Scope(LayerWriter& net, const std::string& name) : net_(net), outer_length_(net.scope_.size()) {
  net.scope_ += name + "/";
}

LayerWriter::Scope::~Scope() { net_.scope_.resize(outer_length_); }

Value LayerWriter::Input(const std::string& name, const Shape& shape, DataType dtype,
                         const std::vector<std::string>& dim_names) {
  Claim(name);
  Describe(model_.mutable_graph()->add_input(), name, shape, dtype, dim_names);
  return {name, shape};
}

void LayerWriter::Output(const std::string& name, const Value& value, const std::vector<std::string>& dim_names,
                         DataType dtype) {
  const std::string source = Current(value.name);
  Claim(name);
  // An input, or a tensor that is an output already, keeps its name: a node hands it on.
  if (IsMadeHere(source) && renamed_.count(value.name) == 0) {
    Rename(source, name);
  } else {
    AddNode("Identity", NewName("Identity"), {source})->set_output(0, name);
    names_[name] = true;
  }
  Describe(model_.mutable_graph()->add_output(), name, value.shape, dtype, dim_names);
}

Value LayerWriter::Conv(const Value& x, int64_t channels, const Window& window, const ConvOptions& options) {
  RequireImage(x);
  const std::string name = NewName("Conv");
  const WindowAxis rows = SlideOver(x.shape[2], window.height, window.stride, options.dilation, window.padding);
  const WindowAxis columns = SlideOver(x.shape[3], window.width, window.stride, options.dilation, window.padding);
  if (x.shape[1] % options.groups != 0 || channels % options.groups != 0) {
    throw Error(ErrorCode::kInternal, fmt::format("{}: {} groups do not divide the channels", name, options.groups));
  }
  const Shape filters = {channels, x.shape[1] / options.groups, window.height, window.width};
  std::vector<std::string> inputs = {x.name, AddWeight(name + "/weight", filters)};
  if (options.bias) inputs.push_back(AddWeight(name + "/bias", {channels}));
  auto* node = AddNode("Conv", name, inputs);
  AddWindow(node, window, rows, columns);
  AddInts(node, "dilations", {options.dilation, options.dilation});
  AddInt(node, "group", options.groups);
  return {name, {x.shape[0], channels, rows.output, columns.output}};
}

Value LayerWriter::Depthwise(const Value& x, const Window& window, bool bias) {
  RequireImage(x);
  return Conv(x, x.shape[1], window, {.groups = x.shape[1], .bias = bias});
}

Value LayerWriter::ConvTranspose(const Value& x, int64_t channels, const Window& window, bool bias) {
  RequireImage(x);
  const std::string name = NewName("ConvTranspose");
  const WindowAxis rows = SpreadOver(x.shape[2], window.height, window.stride);
  const WindowAxis columns = SpreadOver(x.shape[3], window.width, window.stride);
  const Shape filters = {x.shape[1], channels, window.height, window.width};
  std::vector<std::string> inputs = {x.name, AddWeight(name + "/weight", filters)};
  if (bias) inputs.push_back(AddWeight(name + "/bias", {channels}));
  AddWindow(AddNode("ConvTranspose", name, inputs), window, rows, columns);
  return {name, {x.shape[0], channels, rows.output, columns.output}};
}

Value LayerWriter::BatchNorm(const Value& x, float epsilon) {
  const std::string name = NewName("BatchNormalization");
  std::vector<std::string> inputs = {x.name};
  for (const char* role : {"scale", "bias", "mean", "variance"}) {
    inputs.push_back(AddWeight(fmt::format("{}/{}", name, role), {x.shape.at(1)}));
  }
  AddFloat(AddNode("BatchNormalization", name, inputs), "epsilon", epsilon);
  return {name, x.shape};
}

Value LayerWriter::LayerNorm(const Value& x, float epsilon) {
  const std::string name = NewName("LayerNormalization");
  const Shape last = {x.shape.back()};
  auto* node =
      AddNode("LayerNormalization", name, {x.name, AddWeight(name + "/scale", last), AddWeight(name + "/bias", last)});
  AddInt(node, "axis", -1);
  AddFloat(node, "epsilon", epsilon);
  return {name, x.shape};
}

Value LayerWriter::Dense(const Value& x, int64_t units, bool bias) {
  const std::string name = NewName("Dense");
  const int64_t width = x.shape.back();
  Shape shape = x.shape;
  shape.back() = units;
  if (x.shape.size() == 2) {
    std::vector<std::string> inputs = {x.name, AddWeight(name + "/weight", {units, width})};
    if (bias) inputs.push_back(AddWeight(name + "/bias", {units}));
    AddInt(AddNode("Gemm", name, inputs), "transB", 1);
    return {name, shape};
  }
  const std::string product = bias ? name + "/MatMul" : name;
  AddNode("MatMul", product, {x.name, AddWeight(name + "/weight", {width, units})});
  if (bias) AddNode("Add", name, {product, AddWeight(name + "/bias", {units})});
  return {name, shape};
}

Value LayerWriter::Embedding(const Value& ids, int64_t rows, int64_t width) {
  const std::string name = NewName("Embedding");
  AddInt(AddNode("Gather", name, {AddWeight(name + "/table", {rows, width}), ids.name}), "axis", 0);
  Shape shape = ids.shape;
  shape.push_back(width);
  return {name, shape};
}

Value LayerWriter::Weight(const std::string& name, const Shape& shape) {
  return {AddWeight(scope_ + name, shape), shape};
}

Value LayerWriter::Relu(const Value& x) { return Unary("Relu", x); }
Value LayerWriter::Sigmoid(const Value& x) { return Unary("Sigmoid", x); }
Value LayerWriter::Tanh(const Value& x) { return Unary("Tanh", x); }

Value LayerWriter::Relu6(const Value& x) {
  const std::string name = NewName("Relu6");
  AddNode("Clip", name, {x.name, Scalar(name + "/min", 0).name, Scalar(name + "/max", 6).name});
  return {name, x.shape};
}

// x · (1 + erf(x / √2)) / 2: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
Value LayerWriter::Gelu(const Value& x) {
  const std::string name = NewName("Gelu");
  const Value scaled = Binary("Div", name + "/Div", x, Scalar(name + "/sqrt_2", std::numbers::sqrt2_v<float>));
  AddNode("Erf", name + "/Erf", {scaled.name});
  const Value raised = Binary("Add", name + "/Add", {name + "/Erf", x.shape}, Scalar(name + "/one", 1));
  const Value product = Binary("Mul", name + "/Mul", x, raised);
  return Binary("Mul", name, product, Scalar(name + "/half", 0.5F));
}

Value LayerWriter::Softmax(const Value& x, int64_t axis) {
  const std::string name = NewName("Softmax");
  AddInt(AddNode("Softmax", name, {x.name}), "axis", axis);
  return {name, x.shape};
}

Value LayerWriter::MaxPool(const Value& x, const Window& window) { return Pool("MaxPool", x, window); }
Value LayerWriter::AveragePool(const Value& x, const Window& window) { return Pool("AveragePool", x, window); }

Value LayerWriter::Pool(const std::string& type, const Value& x, const Window& window) {
  RequireImage(x);
  const std::string name = NewName(type);
  const WindowAxis rows = SlideOver(x.shape[2], window.height, window.stride, 1, window.padding);
  const WindowAxis columns = SlideOver(x.shape[3], window.width, window.stride, 1, window.padding);
  AddWindow(AddNode(type, name, {x.name}), window, rows, columns);
  return {name, {x.shape[0], x.shape[1], rows.output, columns.output}};
}

Value LayerWriter::GlobalAveragePool(const Value& x) {
  RequireImage(x);
  const std::string name = NewName("GlobalAveragePool");
  AddNode("GlobalAveragePool", name, {x.name});
  return {name, {x.shape[0], x.shape[1], 1, 1}};
}

Value LayerWriter::Flatten(const Value& x) {
  const std::string name = NewName("Flatten");
  AddInt(AddNode("Flatten", name, {x.name}), "axis", 1);
  return {name, {x.shape.at(0), ElementCount(Shape(x.shape.begin() + 1, x.shape.end()))}};
}

Value LayerWriter::Op(const std::string& type, const std::vector<Value>& inputs, const Shape& shape,
                      onnx::NodeProto** node) {
  const std::string name = NewName(type);
  std::vector<std::string> names;
  for (const Value& input : inputs) names.push_back(input.name);
  auto* added = AddNode(type, name, names);
  if (node != nullptr) *node = added;
  return {name, shape};
}

onnx::ModelProto LayerWriter::Finish() && { return std::move(model_); }

}  // namespace consort::zoo
