// Plain values that describe tensors: element type, precision, layout, shape, quantization.
#ifndef CONSORT_TYPES_H_
#define CONSORT_TYPES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace consort {

// Element types. Numbering is ours; conversion to each engine's enumeration is in its backend.
enum class DataType : uint8_t {
  kUndefined,
  kFloat32,
  kFloat16,
  kBFloat16,
  kFloat64,
  kInt8,
  kUInt8,
  kInt16,
  kUInt16,
  kInt32,
  kUInt32,
  kInt64,
  kUInt64,
  kBool,
  kInt4,
  kUInt4,
  kString,      // described by graphs; buffers of strings are refused with kUnsupported
  kOther,       // an ONNX element type that buffers do not carry (complex, float8, sequence, …)
};

// "float32", "int8", … (NumPy's names where NumPy has one).
std::string_view ToString(DataType dtype);

// Bits of one element (4 for the packed int4 types, 8 for bool); 0 for kUndefined, kString and kOther.
int BitWidth(DataType dtype);

// The arithmetic that a target is asked to compute in.
enum class Precision : uint8_t { kFp32, kFp16, kBf16, kInt8, kUInt8 };

// "fp32", "fp16", "bf16", "int8", "uint8".
std::string_view ToString(Precision precision);

// Inverse of ToString; an unknown name throws kInvalidArgument and lists the valid ones.
Precision ParsePrecision(std::string_view text);

// How the axes of a rank-4 port are ordered. kPlain says nothing (any rank, or unknown).
enum class Layout : uint8_t { kPlain, kNchw, kNhwc };

std::string_view ToString(Layout layout);

// Size of each axis; kDynamic where it is not known before run time. Rank 0 is a scalar.
using Shape = std::vector<int64_t>;
inline constexpr int64_t kDynamic = -1;

// "1x3x224x224"; "?" for a dynamic axis; "scalar" for rank 0.
std::string FormatShape(const Shape& shape);

// Parses "1x3x224x224". Throws kInvalidArgument on anything but positive sizes (or "?" for dynamic).
Shape ParseShape(std::string_view text);

bool IsStatic(const Shape& shape);

// Number of elements; throws kInvalidArgument when an axis is dynamic, negative or the product overflows.
int64_t ElementCount(const Shape& shape);

// real = scale[i] * (quantized - zero_point[i]); one entry, or one per index of `axis`. Empty: not quantized.
struct Quantization {
  std::vector<float> scale;
  std::vector<int64_t> zero_point;
  int axis = -1;  // -1: per tensor

  bool empty() const { return scale.empty(); }
  bool operator==(const Quantization&) const = default;
};

// Everything that is known of a tensor except its name and its values.
struct TensorSpec {
  DataType dtype = DataType::kUndefined;
  Shape shape;
  Layout layout = Layout::kPlain;
  Quantization quantization;

  bool operator==(const TensorSpec&) const = default;
};

// Bytes of a packed, contiguous tensor; int4 rounds up. Throws as ElementCount does, and kUnsupported for
// element types without a fixed width.
int64_t ByteSize(const TensorSpec& spec);

// "float32 1x3x224x224".
std::string FormatSpec(const TensorSpec& spec);

}  // namespace consort

#endif  // CONSORT_TYPES_H_
