#include "consort/types.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/strings.h"
#include "consort/error.h"

namespace consort {
namespace {

struct DataTypeRow {
  DataType dtype;
  std::string_view name;
  int bits;
};

constexpr std::array kDataTypes = {
    DataTypeRow{DataType::kUndefined, "undefined", 0}, DataTypeRow{DataType::kFloat32, "float32", 32},
    DataTypeRow{DataType::kFloat16, "float16", 16},    DataTypeRow{DataType::kBFloat16, "bfloat16", 16},
    DataTypeRow{DataType::kFloat64, "float64", 64},    DataTypeRow{DataType::kInt8, "int8", 8},
    DataTypeRow{DataType::kUInt8, "uint8", 8},         DataTypeRow{DataType::kInt16, "int16", 16},
    DataTypeRow{DataType::kUInt16, "uint16", 16},      DataTypeRow{DataType::kInt32, "int32", 32},
    DataTypeRow{DataType::kUInt32, "uint32", 32},      DataTypeRow{DataType::kInt64, "int64", 64},
    DataTypeRow{DataType::kUInt64, "uint64", 64},      DataTypeRow{DataType::kBool, "bool", 8},
    DataTypeRow{DataType::kInt4, "int4", 4},           DataTypeRow{DataType::kUInt4, "uint4", 4},
    DataTypeRow{DataType::kString, "string", 0},       DataTypeRow{DataType::kOther, "other", 0},
};

const DataTypeRow& RowOf(DataType dtype) { return kDataTypes.at(static_cast<size_t>(dtype)); }

constexpr std::array<std::pair<Precision, std::string_view>, 5> kPrecisions = {{{Precision::kFp32, "fp32"},
                                                                                {Precision::kFp16, "fp16"},
                                                                                {Precision::kBf16, "bf16"},
                                                                                {Precision::kInt8, "int8"},
                                                                                {Precision::kUInt8, "uint8"}}};

}  // namespace

std::string_view ToString(DataType dtype) { return RowOf(dtype).name; }

int BitWidth(DataType dtype) { return RowOf(dtype).bits; }

std::string_view ToString(Precision precision) { return kPrecisions.at(static_cast<size_t>(precision)).second; }

Precision ParsePrecision(std::string_view text) {
  std::vector<std::string> names;
  for (const auto& [precision, name] : kPrecisions) {
    if (name == text) return precision;
    names.emplace_back(name);
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("unknown precision '{}'; valid are {}", text, Join(names)));
}

std::string_view ToString(Layout layout) {
  switch (layout) {
    case Layout::kPlain: return "plain";
    case Layout::kNchw: return "nchw";
    case Layout::kNhwc: return "nhwc";
  }
  return "plain";
}

std::string FormatShape(const Shape& shape) {
  if (shape.empty()) return "scalar";
  std::vector<std::string> axes;
  for (int64_t size : shape) axes.push_back(size == kDynamic ? "?" : std::to_string(size));
  return Join(axes, "x");
}

Shape ParseShape(std::string_view text) {
  if (text == "scalar") return {};
  Shape shape;
  for (const std::string& axis : Split(text, 'x')) {
    const std::optional<int64_t> size = axis == "?" ? kDynamic : ParseInteger(axis);
    if (!size || (*size <= 0 && *size != kDynamic) || axis == "-1") {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' in shape '{}' is not a positive size; write a shape as 1x3x224x224, '?' for a "
                              "size that stays open",
                              axis, text));
    }
    shape.push_back(*size);
  }
  return shape;
}

bool IsStatic(const Shape& shape) {
  for (int64_t size : shape) {
    if (size < 0) return false;
  }
  return true;
}

int64_t ElementCount(const Shape& shape) {
  if (!IsStatic(shape)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("shape {} has an open axis", FormatShape(shape)));
  }
  int64_t count = 1;
  for (int64_t size : shape) {
    if (__builtin_mul_overflow(count, size, &count)) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("shape {} has too many elements", FormatShape(shape)));
    }
  }
  return count;
}

int64_t ByteSize(const TensorSpec& spec) {
  const int bits = BitWidth(spec.dtype);
  if (bits == 0) {
    throw Error(ErrorCode::kUnsupported, fmt::format("tensors of type {} have no fixed size", ToString(spec.dtype)));
  }
  int64_t total_bits = 0;
  if (__builtin_mul_overflow(ElementCount(spec.shape), static_cast<int64_t>(bits), &total_bits)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("shape {} has too many elements", FormatShape(spec.shape)));
  }
  return (total_bits + 7) / 8;
}

std::string FormatSpec(const TensorSpec& spec) {
  return fmt::format("{} {}", ToString(spec.dtype), FormatShape(spec.shape));
}

}  // namespace consort
