#include "io/onnx_tensor.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <cstring>
#include <limits>

#include "consort/error.h"

namespace consort {
namespace {

using onnx::TensorProto;

bool Parse(std::string_view bytes, TensorProto& proto) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) return false;
  return proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
         proto.data_type() != TensorProto::UNDEFINED;
}

DataType ToDataType(const TensorProto& proto, const std::string& name) {
  switch (proto.data_type()) {
    case TensorProto::FLOAT:
      return DataType::kFloat32;
    case TensorProto::FLOAT16:
      return DataType::kFloat16;
    case TensorProto::BFLOAT16:
      return DataType::kBFloat16;
    case TensorProto::DOUBLE:
      return DataType::kFloat64;
    case TensorProto::INT8:
      return DataType::kInt8;
    case TensorProto::UINT8:
      return DataType::kUInt8;
    case TensorProto::INT16:
      return DataType::kInt16;
    case TensorProto::UINT16:
      return DataType::kUInt16;
    case TensorProto::INT32:
      return DataType::kInt32;
    case TensorProto::UINT32:
      return DataType::kUInt32;
    case TensorProto::INT64:
      return DataType::kInt64;
    case TensorProto::UINT64:
      return DataType::kUInt64;
    case TensorProto::BOOL:
      return DataType::kBool;
    case TensorProto::INT4:
      return DataType::kInt4;
    case TensorProto::UINT4:
      return DataType::kUInt4;
    default:
      break;
  }
  const std::string type = TensorProto::DataType_IsValid(proto.data_type())
                               ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(proto.data_type()))
                               : fmt::format("number {}", proto.data_type());
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: elements of ONNX type {} cannot be a model's input", name, type));
}

// Copies a typed field, each value narrowed to the element's width; false when it does not hold as many values as
// needed.
template <typename Element, typename Field>
bool CopyValues(const Field& values, Buffer& tensor) {
  const std::span<Element> elements = tensor.as<Element>();
  if (static_cast<size_t>(values.size()) != elements.size()) return false;
  for (size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<Element>(values.Get(static_cast<int>(i)));
  return true;
}

// Copies what the field that ONNX lays down for the element type holds.
bool CopyTypedField(const TensorProto& proto, Buffer& tensor) {
  switch (tensor.spec().dtype) {
    case DataType::kFloat32:
      return CopyValues<float>(proto.float_data(), tensor);
    case DataType::kFloat64:
      return CopyValues<double>(proto.double_data(), tensor);
    case DataType::kInt64:
      return CopyValues<int64_t>(proto.int64_data(), tensor);
    case DataType::kUInt64:
      return CopyValues<uint64_t>(proto.uint64_data(), tensor);
    case DataType::kUInt32:
      return CopyValues<uint32_t>(proto.uint64_data(), tensor);
    case DataType::kInt32:
      return CopyValues<int32_t>(proto.int32_data(), tensor);
    default:
      break;
  }
  if (BitWidth(tensor.spec().dtype) == 16) return CopyValues<uint16_t>(proto.int32_data(), tensor);
  // One byte: int8, uint8, bool, and pairs of int4 values, of which each entry holds one byte.
  if (static_cast<size_t>(proto.int32_data_size()) != tensor.size_bytes()) return false;
  uint8_t* bytes = static_cast<uint8_t*>(tensor.data());
  for (int i = 0; i < proto.int32_data_size(); ++i) bytes[i] = static_cast<uint8_t>(proto.int32_data(i));
  return true;
}

// Values in all typed fields together.
size_t CountTypedValues(const TensorProto& proto) {
  return static_cast<size_t>(proto.float_data_size()) + proto.double_data_size() + proto.int32_data_size() +
         proto.int64_data_size() + proto.uint64_data_size();
}

// The number of values that the message holds bounds the shape before anything is allocated.
size_t StoredBytes(const TensorProto& proto, DataType dtype) {
  if (proto.has_raw_data()) return proto.raw_data().size();
  return BitWidth(dtype) < 8 ? CountTypedValues(proto) : CountTypedValues(proto) * (BitWidth(dtype) / 8);
}

}  // namespace

NamedTensor ParseOnnxTensor(std::string_view bytes, const std::string& name) {
  const auto fail = [&name](const std::string& why) { throw Error(ErrorCode::kInvalidModel, name + ": " + why); };
  TensorProto proto;
  if (!Parse(bytes, proto)) fail("is not an ONNX tensor (TensorProto)");
  if (proto.data_location() == TensorProto::EXTERNAL || proto.external_data_size() > 0) {
    fail("keeps its values in another file; store them in the tensor itself");
  }
  if (proto.has_raw_data() && CountTypedValues(proto) > 0) fail("holds its values twice, raw and typed");
  TensorSpec spec{.dtype = ToDataType(proto, name), .shape = {proto.dims().begin(), proto.dims().end()}};
  int64_t size = 0;
  try {
    size = ByteSize(spec);
  } catch (const Error& error) {
    fail(error.what());
  }
  const size_t stored = StoredBytes(proto, spec.dtype);
  if (static_cast<size_t>(size) != stored) {
    fail(fmt::format("holds {} bytes of values where {} needs {}", stored, FormatSpec(spec), size));
  }
  NamedTensor result{proto.name(), Buffer::Allocate(std::move(spec))};
  if (proto.has_raw_data()) {
    if (size > 0) std::memcpy(result.tensor.data(), proto.raw_data().data(), stored);
  } else if (!CopyTypedField(proto, result.tensor)) {
    fail("keeps its values in a field that does not belong to their type");
  }
  return result;
}

bool LooksLikeOnnxTensor(std::string_view bytes) {
  TensorProto proto;
  return Parse(bytes, proto);
}

}  // namespace consort
