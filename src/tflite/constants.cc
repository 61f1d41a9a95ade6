#include "tflite/constants.h"

#include <cstring>

#include "model/node_queries.h"

namespace consort::tflite {
namespace {

// `Stored` as it lies in raw_data.
template <typename T, typename Stored, typename Field>
std::vector<T> Convert(const onnx::TensorProto& tensor, const Field& field) {
  std::vector<T> values;
  if (!tensor.has_raw_data()) {
    for (const auto value : field) values.push_back(static_cast<T>(value));
    return values;
  }
  const std::string& raw = tensor.raw_data();
  values.resize(raw.size() / sizeof(Stored));
  for (size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, raw.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = static_cast<T>(stored);
  }
  return values;
}

onnx::TensorProto Plain(const onnx::AttributeProto& attribute) {
  onnx::TensorProto tensor;
  if (attribute.name() == "value_float" || attribute.name() == "value_floats") {
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    *tensor.mutable_float_data() = attribute.floats();
    if (attribute.floats().empty()) tensor.add_float_data(attribute.f());
  } else {
    tensor.set_data_type(onnx::TensorProto::INT64);
    *tensor.mutable_int64_data() = attribute.ints();
    if (attribute.ints().empty() && attribute.name() == "value_int") tensor.add_int64_data(attribute.i());
  }
  if (attribute.name().ends_with("s")) tensor.add_dims(tensor.float_data_size() + tensor.int64_data_size());
  return tensor;
}

template <typename T>
std::optional<std::vector<T>> InputOf(const Constants& constants, const onnx::NodeProto& node, int input) {
  const onnx::TensorProto* tensor = input < node.input_size() ? constants.Find(node.input(input)) : nullptr;
  return tensor == nullptr ? std::nullopt : ValuesOf<T>(*tensor);
}

}  // namespace

template <typename T>
std::optional<std::vector<T>> ValuesOf(const onnx::TensorProto& tensor) {
  switch (tensor.data_type()) {
    case onnx::TensorProto::FLOAT:
      return Convert<T, float>(tensor, tensor.float_data());
    case onnx::TensorProto::INT8:
      return Convert<T, int8_t>(tensor, tensor.int32_data());
    case onnx::TensorProto::UINT8:
      return Convert<T, uint8_t>(tensor, tensor.int32_data());
    case onnx::TensorProto::INT32:
      return Convert<T, int32_t>(tensor, tensor.int32_data());
    case onnx::TensorProto::INT64:
      return Convert<T, int64_t>(tensor, tensor.int64_data());
    default:
      return std::nullopt;
  }
}

template std::optional<std::vector<float>> ValuesOf(const onnx::TensorProto& tensor);
template std::optional<std::vector<int32_t>> ValuesOf(const onnx::TensorProto& tensor);
template std::optional<std::vector<int64_t>> ValuesOf(const onnx::TensorProto& tensor);

Constants::Constants(const onnx::GraphProto& graph) {
  for (const auto& tensor : graph.initializer()) tensors_[tensor.name()] = &tensor;
  for (const auto& node : graph.node()) {
    if (!IsOp(node, "Constant") || node.attribute_size() != 1 || node.output_size() != 1) continue;
    const auto& attribute = node.attribute(0);
    if (attribute.has_t()) {
      tensors_[node.output(0)] = &attribute.t();
    } else if (attribute.name().starts_with("value_int") || attribute.name().starts_with("value_float")) {
      tensors_[node.output(0)] = &(written_out_[node.output(0)] = Plain(attribute));
    }
  }
}

const onnx::TensorProto* Constants::Find(const std::string& name) const {
  const auto found = name.empty() ? tensors_.end() : tensors_.find(name);
  return found == tensors_.end() ? nullptr : found->second;
}

std::optional<std::vector<int64_t>> Constants::Ints(const onnx::NodeProto& node, int input) const {
  return InputOf<int64_t>(*this, node, input);
}

std::optional<std::vector<float>> Constants::Floats(const onnx::NodeProto& node, int input) const {
  return InputOf<float>(*this, node, input);
}

}  // namespace consort::tflite
