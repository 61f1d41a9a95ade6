#include "model/tensor_check.h"

#include <optional>
#include <string>

#include "base/strings.h"
#include "model/invalid_model.h"
#include "model/proto_walk.h"
#include "model/value_types.h"

namespace consort {
namespace {

std::string Place(const onnx::TensorProto& tensor, const onnx::NodeProto* node) {
  if (node == nullptr) return fmt::format("initializer {}", Quote(tensor.name()));
  return fmt::format("{}: tensor {}", Describe(*node), Quote(tensor.name()));
}

int64_t CheckedElements(const onnx::TensorProto& tensor, const std::string& place) {
  for (int axis = 0; axis < tensor.dims_size(); ++axis) {
    if (tensor.dims(axis) < 0) FailModel("{}: dimension {} is {}", place, axis, tensor.dims(axis));
  }
  const std::optional<int64_t> elements = CheckedProduct({tensor.dims().begin(), tensor.dims().end()});
  if (!elements) FailModel("{}: the product of its dimensions overflows", place);
  return *elements;
}

// Entries that the typed field must hold; nothing where several packings are in use.
std::optional<int64_t> ExpectedEntries(const onnx::TensorProto& tensor, int64_t elements) {
  switch (tensor.data_type()) {
    case onnx::TensorProto::COMPLEX64:
    case onnx::TensorProto::COMPLEX128:
      return 2 * elements;
    case onnx::TensorProto::INT4:
    case onnx::TensorProto::UINT4:
    case onnx::TensorProto::INT2:
    case onnx::TensorProto::UINT2:
    case onnx::TensorProto::FLOAT4E2M1:
    case onnx::TensorProto::FLOAT6E2M3:
    case onnx::TensorProto::FLOAT6E3M2:
      return std::nullopt;
    default:
      return elements;
  }
}

int64_t StoredEntries(const onnx::TensorProto& tensor) {
  return int64_t{tensor.float_data_size()} + tensor.int32_data_size() + tensor.string_data_size() +
         tensor.int64_data_size() + tensor.double_data_size() + tensor.uint64_data_size();
}

void CheckRawData(const onnx::TensorProto& tensor, int64_t elements, const std::string& place) {
  const int bits = OnnxBitWidth(tensor.data_type());
  const std::optional<int64_t> bytes = PackedBytes(elements, bits);
  if (bits == 0) FailModel("{}: strings cannot be stored as raw data", place);
  if (!bytes || *bytes != static_cast<int64_t>(tensor.raw_data().size())) {
    FailModel("{}: has {} bytes of data where its dimensions and type need {}", place, tensor.raw_data().size(),
              bytes ? std::to_string(*bytes) : "more than can be counted");
  }
}

void CheckTensor(const onnx::TensorProto& tensor, const onnx::NodeProto* node) {
  const std::string place = Place(tensor, node);
  if (!onnx::TensorProto::DataType_IsValid(tensor.data_type()) || tensor.data_type() == onnx::TensorProto::UNDEFINED) {
    FailModel("{}: element type {} does not exist", place, tensor.data_type());
  }
  const int64_t elements = CheckedElements(tensor, place);
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL) return;  // CheckExternalData
  if (tensor.has_raw_data() && StoredEntries(tensor) == 0 && (elements > 0 || !tensor.raw_data().empty())) {
    CheckRawData(tensor, elements, place);
    return;
  }
  const std::optional<int64_t> expected = ExpectedEntries(tensor, elements);
  if (expected && !tensor.has_raw_data() && StoredEntries(tensor) != *expected) {
    FailModel("{}: holds {} values where its dimensions need {}", place, StoredEntries(tensor), *expected);
  }
}

void CheckValueInfo(const onnx::ValueInfoProto& value, std::string_view role) {
  const ValueType type = FromOnnxType(value.type());
  for (size_t axis = 0; axis < type.spec.shape.size(); ++axis) {
    const auto& dim = value.type().has_tensor_type()
                          ? value.type().tensor_type().shape().dim(static_cast<int>(axis))
                          : value.type().sparse_tensor_type().shape().dim(static_cast<int>(axis));
    if (dim.has_dim_value() && dim.dim_value() < 0) {
      FailModel("{} {}: dimension {} is {}; a dimension that is not fixed has a name or no value", role,
                Quote(value.name()), axis, dim.dim_value());
    }
  }
  if (type.spec.dtype == DataType::kOther && value.type().has_tensor_type() &&
      !onnx::TensorProto::DataType_IsValid(value.type().tensor_type().elem_type())) {
    FailModel("{} {}: element type {} does not exist", role, Quote(value.name()),
              value.type().tensor_type().elem_type());
  }
}

// Of outputs inference finds the type out.
void CheckHasType(const onnx::ValueInfoProto& input) {
  const ValueType type = FromOnnxType(input.type());
  if (type.spec.dtype == DataType::kUndefined) FailModel("input {}: has no type", Quote(input.name()));
}

void CheckValues(const onnx::GraphProto& graph) {
  for (const auto& value : graph.input()) CheckValueInfo(value, "input");
  for (const auto& value : graph.output()) CheckValueInfo(value, "output");
  for (const auto& value : graph.value_info()) CheckValueInfo(value, "value");
}

}  // namespace

void CheckTensors(const onnx::ModelProto& model) {
  for (const auto& input : model.graph().input()) CheckHasType(input);
  ForEachGraph(model.graph(), CheckValues);
  ForEachTensor(model.graph(), CheckTensor);
  for (const auto& function : model.functions()) {
    for (const auto& node : function.node()) {
      ForEachAttributeTensor(node, [&](const onnx::TensorProto& tensor) { CheckTensor(tensor, &node); });
      ForEachBody(node, [](const onnx::GraphProto& body) { ForEachTensor(body, CheckTensor); });
    }
  }
}

}  // namespace consort
