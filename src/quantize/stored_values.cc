#include "quantize/stored_values.h"

#include <fmt/format.h>

#include <cstring>

#include "consort/error.h"
#include "model/model_rep.h"

namespace consort {
namespace {

template <typename T>
onnx::TensorProto MakeTensor(const std::string& name, onnx::TensorProto::DataType type,
                             const std::vector<int64_t>& dims, std::span<const T> values) {
  onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(type);
  for (const int64_t size : dims) tensor.add_dims(size);
  tensor.set_raw_data(values.data(), values.size_bytes());
  return tensor;
}

}  // namespace

onnx::ModelProto ProtoWithData(const Model& model) {
  if (!model.has_external_data()) return model.rep().proto;
  onnx::ModelProto proto;
  if (proto.ParseFromString(model.Serialize({.inline_external_data = true}))) return proto;
  throw Error(ErrorCode::kInternal, fmt::format("{}: cannot be read back with its external data", model.name()));
}

bool HoldsFloats(const onnx::TensorProto& tensor) {
  return tensor.data_type() == onnx::TensorProto::FLOAT && tensor.data_location() != onnx::TensorProto::EXTERNAL;
}

std::vector<float> FloatsOf(const onnx::TensorProto& tensor) {
  if (!HoldsFloats(tensor))
    throw Error(ErrorCode::kInternal, fmt::format("tensor '{}' does not hold float32 values", tensor.name()));
  if (!tensor.has_raw_data()) return {tensor.float_data().begin(), tensor.float_data().end()};
  std::vector<float> values(tensor.raw_data().size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), tensor.raw_data().data(), values.size() * sizeof(float));
  return values;
}

onnx::TensorProto FloatTensor(const std::string& name, const std::vector<int64_t>& dims,
                              std::span<const float> values) {
  return MakeTensor(name, onnx::TensorProto::FLOAT, dims, values);
}

onnx::TensorProto Int32Tensor(const std::string& name, const std::vector<int64_t>& dims,
                              std::span<const int32_t> values) {
  return MakeTensor(name, onnx::TensorProto::INT32, dims, values);
}

onnx::TensorProto ByteTensor(const std::string& name, onnx::TensorProto::DataType type,
                             const std::vector<int64_t>& dims, std::span<const int> values) {
  std::vector<uint8_t> bytes(values.size());
  for (size_t i = 0; i < values.size(); ++i) bytes[i] = static_cast<uint8_t>(values[i]);
  return MakeTensor(name, type, dims, std::span<const uint8_t>(bytes));
}

std::vector<int64_t> DimsOf(const onnx::TensorProto& tensor) { return {tensor.dims().begin(), tensor.dims().end()}; }

}  // namespace consort
