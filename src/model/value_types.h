// From ONNX's types to Consort's.
#ifndef CONSORT_MODEL_VALUE_TYPES_H_
#define CONSORT_MODEL_VALUE_TYPES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "consort/types.h"
#include "onnx/onnx_pb.h"

namespace consort {

// A tensor larger than this is taken for a mistake: 1 TiB.
inline constexpr int64_t kMaxTensorBytes = int64_t{1} << 40;

// onnx::TensorProto::DataType → DataType; kOther for types that buffers do not carry.
DataType FromOnnxType(int32_t elem_type);

// Bits of one element in raw_data; 0 for strings and unknown types. Knows the types that DataType lacks, too.
int OnnxBitWidth(int32_t elem_type);

// Product of the sizes, or nothing on overflow or when one is negative.
std::optional<int64_t> CheckedProduct(const std::vector<int64_t>& sizes);

// Bytes of `elements` elements; nothing on overflow.
std::optional<int64_t> PackedBytes(int64_t elements, int bits);

struct ValueType {
  TensorSpec spec;
  std::vector<std::string> dim_names;
  bool has_rank = false;
};

// A sequence, map or optional gives kOther without a rank.
ValueType FromOnnxType(const onnx::TypeProto& type);

}  // namespace consort

#endif  // CONSORT_MODEL_VALUE_TYPES_H_
