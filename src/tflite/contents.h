// What a .tflite file holds, as plain values.
#ifndef CONSORT_TFLITE_CONTENTS_H_
#define CONSORT_TFLITE_CONTENTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tflite/schema.h"

namespace consort::tflite {

struct TensorEntry {
  std::string name;
  std::vector<int32_t> shape;
  std::vector<int32_t> signature;  // the shape with -1 for open axes; empty: all axes are fixed
  ElementType type = ElementType::kFloat32;
  uint32_t buffer = 0;  // 0: no values of its own
  std::vector<float> scale;
  std::vector<int64_t> zero_point;
  int32_t axis = 0;  // that the entries of `scale` belong to, where there are several
  bool is_variable = false;
};

// One field of an operator's options: its number, and its value in the type that the schema gives it.
struct OptionEntry {
  enum class Kind : uint8_t { kByte, kInt, kFloat, kBool };
  int field = 0;
  Kind kind = Kind::kInt;
  double value = 0;
};

struct Options {
  OptionsTable table = OptionsTable::kNone;
  std::vector<OptionEntry> entries = {};     // those that are left out have the schema's default
  int list_field = 0;
  std::vector<int32_t> list = {};            // empty: none
};

struct OperatorEntry {
  uint32_t code = 0;  // index into Contents::codes
  std::vector<int32_t> inputs;  // tensors; -1: left out
  std::vector<int32_t> outputs;
  Options options;  // as written; a file that was read has the table's number only
  std::string_view custom_options = {};  // borrowed
};

struct CodeEntry {
  int32_t builtin = 0;
  std::string custom;  // of Builtin::kCustom
  int32_t version = 1;

  bool operator==(const CodeEntry&) const = default;
};

struct SubgraphEntry {
  std::string name;
  std::vector<TensorEntry> tensors;
  std::vector<int32_t> inputs;  // tensors
  std::vector<int32_t> outputs;
  std::vector<OperatorEntry> operators;  // in the order in which they run
};

struct MetadataEntry {
  std::string name;
  uint32_t buffer = 0;
};

// The first subgraph is the model. Buffer 0 is empty by convention. Buffers and custom options are borrowed: from the
// bytes that were read, or from whoever made the contents.
struct Contents {
  uint32_t version = kSchemaVersion;
  std::string description;
  std::vector<CodeEntry> codes;
  std::vector<SubgraphEntry> subgraphs;
  std::vector<std::string_view> buffers;
  std::vector<MetadataEntry> metadata;

  const CodeEntry& code_of(const OperatorEntry& op) const { return codes[op.code]; }
};

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_CONTENTS_H_
