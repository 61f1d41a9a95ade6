#include "model/value_types.h"

namespace consort {
namespace {

template <typename Tensor>
void FromTensorType(const Tensor& tensor, ValueType& value) {
  value.spec.dtype = FromOnnxType(tensor.elem_type());
  value.has_rank = tensor.has_shape();
  for (const auto& dim : tensor.shape().dim()) {
    value.spec.shape.push_back(dim.has_dim_value() ? dim.dim_value() : kDynamic);
    value.dim_names.push_back(dim.has_dim_value() ? "" : dim.dim_param());
  }
}

}  // namespace

DataType FromOnnxType(int32_t elem_type) {
  switch (elem_type) {
    case onnx::TensorProto::UNDEFINED:
      return DataType::kUndefined;
    case onnx::TensorProto::FLOAT:
      return DataType::kFloat32;
    case onnx::TensorProto::FLOAT16:
      return DataType::kFloat16;
    case onnx::TensorProto::BFLOAT16:
      return DataType::kBFloat16;
    case onnx::TensorProto::DOUBLE:
      return DataType::kFloat64;
    case onnx::TensorProto::INT8:
      return DataType::kInt8;
    case onnx::TensorProto::UINT8:
      return DataType::kUInt8;
    case onnx::TensorProto::INT16:
      return DataType::kInt16;
    case onnx::TensorProto::UINT16:
      return DataType::kUInt16;
    case onnx::TensorProto::INT32:
      return DataType::kInt32;
    case onnx::TensorProto::UINT32:
      return DataType::kUInt32;
    case onnx::TensorProto::INT64:
      return DataType::kInt64;
    case onnx::TensorProto::UINT64:
      return DataType::kUInt64;
    case onnx::TensorProto::BOOL:
      return DataType::kBool;
    case onnx::TensorProto::INT4:
      return DataType::kInt4;
    case onnx::TensorProto::UINT4:
      return DataType::kUInt4;
    case onnx::TensorProto::STRING:
      return DataType::kString;
    default:
      return DataType::kOther;
  }
}

int OnnxBitWidth(int32_t elem_type) {
  switch (elem_type) {
    case onnx::TensorProto::INT2:
    case onnx::TensorProto::UINT2:
      return 2;
    case onnx::TensorProto::FLOAT4E2M1:
      return 4;
    case onnx::TensorProto::FLOAT6E2M3:
    case onnx::TensorProto::FLOAT6E3M2:
      return 6;
    case onnx::TensorProto::FLOAT8E4M3FN:
    case onnx::TensorProto::FLOAT8E4M3FNUZ:
    case onnx::TensorProto::FLOAT8E5M2:
    case onnx::TensorProto::FLOAT8E5M2FNUZ:
    case onnx::TensorProto::FLOAT8E8M0:
      return 8;
    case onnx::TensorProto::COMPLEX64:
      return 64;
    case onnx::TensorProto::COMPLEX128:
      return 128;
    default:
      return BitWidth(FromOnnxType(elem_type));
  }
}

std::optional<int64_t> CheckedProduct(const std::vector<int64_t>& sizes) {
  int64_t product = 1;
  bool overflow = false;
  bool zero = false;
  for (const int64_t size : sizes) {
    if (size < 0) return std::nullopt;
    zero = zero || size == 0;
    overflow = overflow || __builtin_mul_overflow(product, size, &product);
  }
  if (zero) return 0;
  return overflow ? std::nullopt : std::optional(product);
}

std::optional<int64_t> PackedBytes(int64_t elements, int bits) {
  int64_t total = 0;
  if (__builtin_mul_overflow(elements, int64_t{bits}, &total)) return std::nullopt;
  return total / 8 + (total % 8 != 0 ? 1 : 0);
}

ValueType FromOnnxType(const onnx::TypeProto& type) {
  ValueType value;
  switch (type.value_case()) {
    case onnx::TypeProto::kTensorType:
      FromTensorType(type.tensor_type(), value);
      break;
    case onnx::TypeProto::kSparseTensorType:
      FromTensorType(type.sparse_tensor_type(), value);
      break;
    case onnx::TypeProto::VALUE_NOT_SET:
      break;
    default:
      value.spec.dtype = DataType::kOther;
      break;
  }
  return value;
}

}  // namespace consort
