#include "zoo/constants.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "io/element.h"

namespace consort::zoo {
namespace {

template <typename T, typename To, typename Typed>
void Decode(const onnx::TensorProto& tensor, const Typed& typed, std::vector<To>& values) {
  const std::string& raw = tensor.raw_data();
  if (raw.empty()) {
    values.assign(typed.begin(), typed.end());
    return;
  }
  for (size_t at = 0; at + sizeof(T) <= raw.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, raw.data() + at, sizeof(T));
    values.push_back(static_cast<To>(value));
  }
}

// 16-bit floats are stored as their bit patterns.
void DecodeSixteenBits(const onnx::TensorProto& tensor, float (*decode)(uint16_t), std::vector<double>& values) {
  std::vector<uint16_t> bits;
  Decode<uint16_t>(tensor, tensor.int32_data(), bits);
  for (const uint16_t value : bits) values.push_back(decode(value));
}

}  // namespace

bool HasValues(const onnx::TensorProto& tensor) {
  return ElementsOf(tensor) == 0 || tensor.has_raw_data() || tensor.external_data_size() > 0 ||
         tensor.float_data_size() + tensor.double_data_size() + tensor.int32_data_size() + tensor.int64_data_size() +
                 tensor.uint64_data_size() + tensor.string_data_size() >
             0;
}

void DropValues(onnx::TensorProto& tensor) {
  tensor.clear_raw_data();
  tensor.clear_float_data();
  tensor.clear_double_data();
  tensor.clear_int32_data();  // 16-bit floats
  tensor.clear_external_data();
  tensor.clear_data_location();
}

int64_t ElementsOf(const onnx::TensorProto& tensor) {
  int64_t count = 1;
  for (const int64_t size : tensor.dims()) {
    if (__builtin_mul_overflow(count, size, &count)) return std::numeric_limits<int64_t>::max();
  }
  return count;
}

std::vector<int64_t> IntegersOf(const onnx::TensorProto& tensor) {
  std::vector<int64_t> values;
  if (tensor.data_type() == onnx::TensorProto::INT64) Decode<int64_t>(tensor, tensor.int64_data(), values);
  if (tensor.data_type() == onnx::TensorProto::INT32) Decode<int32_t>(tensor, tensor.int32_data(), values);
  return values;
}

std::vector<double> NumbersOf(const onnx::TensorProto& tensor) {
  std::vector<double> values;
  if (tensor.data_type() == onnx::TensorProto::FLOAT) Decode<float>(tensor, tensor.float_data(), values);
  if (tensor.data_type() == onnx::TensorProto::DOUBLE) Decode<double>(tensor, tensor.double_data(), values);
  if (tensor.data_type() == onnx::TensorProto::FLOAT16) DecodeSixteenBits(tensor, HalfToFloat, values);
  if (tensor.data_type() == onnx::TensorProto::BFLOAT16) DecodeSixteenBits(tensor, BFloat16ToFloat, values);
  if (tensor.data_type() == onnx::TensorProto::INT64) Decode<int64_t>(tensor, tensor.int64_data(), values);
  if (tensor.data_type() == onnx::TensorProto::INT32) Decode<int32_t>(tensor, tensor.int32_data(), values);
  return values;
}

double Smallest(const onnx::TensorProto& tensor) {
  double smallest = std::numeric_limits<double>::infinity();
  for (const double value : NumbersOf(tensor)) {
    smallest = std::isfinite(value) ? std::min(smallest, value) : -std::numeric_limits<double>::infinity();
  }
  return smallest;
}

}  // namespace consort::zoo
