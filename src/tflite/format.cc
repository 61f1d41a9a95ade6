#include "tflite/format.h"

#include <flatbuffers/flatbuffers.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "consort/error.h"
#include "tflite/fields.h"

namespace consort::tflite {
namespace {

// A null offset is a field that is left out.
using Offset = flatbuffers::Offset<flatbuffers::Table>;
using String = flatbuffers::Offset<flatbuffers::String>;
using Ints = flatbuffers::Offset<flatbuffers::Vector<int32_t>>;
using Bytes = flatbuffers::Offset<flatbuffers::Vector<uint8_t>>;
using Tables = flatbuffers::Offset<flatbuffers::Vector<Offset>>;

constexpr size_t kBufferAlignment = 16;            // Buffer.data: force_align
constexpr uint64_t kLargestFile = (uint64_t{1} << 31) - 1;
constexpr uint64_t kRoomForTables = 1 << 16;

// Everything that is kept in lists, with room for tables around it.
uint64_t LeastBytes(const Contents& contents) {
  uint64_t bytes = kRoomForTables;
  for (const std::string_view buffer : contents.buffers) bytes += buffer.size() + kBufferAlignment;
  return bytes;
}

class Writer {
 public:
  explicit Writer(const Contents& contents) : contents_(contents), builder_(LeastBytes(contents)) {}

  std::string Write() {
    const Tables codes = Each(contents_.codes, [this](const CodeEntry& code) { return Code(code); });
    const Tables subgraphs = Each(contents_.subgraphs, [this](const SubgraphEntry& graph) { return Subgraph(graph); });
    const Tables buffers = Each(contents_.buffers, [this](std::string_view data) { return Buffer(data); });
    const Tables metadata = Each(contents_.metadata, [this](const MetadataEntry& entry) { return Metadata(entry); });
    const auto description = builder_.CreateString(contents_.description);
    const auto start = builder_.StartTable();
    Scalar<uint32_t>(ModelField::kVersion, contents_.version);
    builder_.AddOffset(Slot(ModelField::kOperatorCodes), codes);
    builder_.AddOffset(Slot(ModelField::kSubgraphs), subgraphs);
    builder_.AddOffset(Slot(ModelField::kDescription), description);
    builder_.AddOffset(Slot(ModelField::kBuffers), buffers);
    if (!contents_.metadata.empty()) builder_.AddOffset(Slot(ModelField::kMetadata), metadata);
    builder_.Finish(End(start), kFileIdentifier);
    return {reinterpret_cast<const char*>(builder_.GetBufferPointer()), builder_.GetSize()};
  }

 private:
  Offset End(flatbuffers::uoffset_t start) { return Offset(builder_.EndTable(start)); }

  // Written even where it is the default: readers of other schemas then see it, too.
  template <typename T, typename FieldOf>
  void Scalar(FieldOf field, T value) {
    builder_.ForceDefaults(true);
    builder_.AddElement<T>(Slot(field), value, T{});
    builder_.ForceDefaults(false);
  }

  Ints OptionalInts(const std::vector<int32_t>& values) {
    return values.empty() ? Ints() : builder_.CreateVector(values);
  }

  Bytes OptionalBytes(std::string_view data) {
    if (data.empty()) return {};
    return builder_.CreateVector(reinterpret_cast<const uint8_t*>(data.data()), data.size());
  }

  template <typename Entries, typename Write>
  Tables Each(const Entries& entries, Write write) {
    std::vector<Offset> tables;
    for (const auto& entry : entries) tables.push_back(write(entry));
    return builder_.CreateVector(tables);
  }

  Offset Code(const CodeEntry& code) {
    const auto custom = code.custom.empty() ? String() : builder_.CreateString(code.custom);
    const auto start = builder_.StartTable();
    const int32_t old = std::min(code.builtin, static_cast<int32_t>(Builtin::kLargerCodes));
    Scalar<int8_t>(CodeField::kOldBuiltin, static_cast<int8_t>(old));
    builder_.AddOffset(Slot(CodeField::kCustom), custom);
    Scalar<int32_t>(CodeField::kVersion, code.version);
    Scalar<int32_t>(CodeField::kBuiltin, code.builtin);
    return End(start);
  }

  Offset Subgraph(const SubgraphEntry& graph) {
    const Tables tensors = Each(graph.tensors, [this](const TensorEntry& tensor) { return Tensor(tensor); });
    const Tables operators = Each(graph.operators, [this](const OperatorEntry& op) { return Operator(op); });
    const auto inputs = builder_.CreateVector(graph.inputs);
    const auto outputs = builder_.CreateVector(graph.outputs);
    const auto name = builder_.CreateString(graph.name);
    const auto start = builder_.StartTable();
    builder_.AddOffset(Slot(SubgraphField::kTensors), tensors);
    builder_.AddOffset(Slot(SubgraphField::kInputs), inputs);
    builder_.AddOffset(Slot(SubgraphField::kOutputs), outputs);
    builder_.AddOffset(Slot(SubgraphField::kOperators), operators);
    builder_.AddOffset(Slot(SubgraphField::kName), name);
    return End(start);
  }

  Offset Tensor(const TensorEntry& tensor) {
    const Offset quantization = tensor.scale.empty() ? Offset() : Quantization(tensor);
    const auto name = builder_.CreateString(tensor.name);
    const auto shape = builder_.CreateVector(tensor.shape);
    const Ints signature = OptionalInts(tensor.signature);
    const auto start = builder_.StartTable();
    builder_.AddOffset(Slot(TensorField::kShape), shape);
    Scalar<int8_t>(TensorField::kType, static_cast<int8_t>(tensor.type));
    Scalar<uint32_t>(TensorField::kBuffer, tensor.buffer);
    builder_.AddOffset(Slot(TensorField::kName), name);
    builder_.AddOffset(Slot(TensorField::kQuantization), quantization);
    if (tensor.is_variable) Scalar<uint8_t>(TensorField::kIsVariable, 1);
    builder_.AddOffset(Slot(TensorField::kShapeSignature), signature);
    Scalar<uint8_t>(TensorField::kHasRank, 1);
    return End(start);
  }

  Offset Quantization(const TensorEntry& tensor) {
    const auto scale = builder_.CreateVector(tensor.scale);
    const auto zero_point = builder_.CreateVector(tensor.zero_point);
    const auto start = builder_.StartTable();
    builder_.AddOffset(Slot(QuantizationField::kScale), scale);
    builder_.AddOffset(Slot(QuantizationField::kZeroPoint), zero_point);
    Scalar<int32_t>(QuantizationField::kAxis, tensor.axis);
    return End(start);
  }

  Offset Operator(const OperatorEntry& op) {
    const auto inputs = builder_.CreateVector(op.inputs);
    const auto outputs = builder_.CreateVector(op.outputs);
    const bool has_options = op.options.table != OptionsTable::kNone;
    const Offset options = has_options ? WriteOptions(op.options) : Offset();
    const Bytes custom = OptionalBytes(op.custom_options);
    const auto start = builder_.StartTable();
    Scalar<uint32_t>(OperatorField::kCode, op.code);
    builder_.AddOffset(Slot(OperatorField::kInputs), inputs);
    builder_.AddOffset(Slot(OperatorField::kOutputs), outputs);
    Scalar<uint8_t>(OperatorField::kOptionsType, static_cast<uint8_t>(op.options.table));
    builder_.AddOffset(Slot(OperatorField::kOptions), options);
    builder_.AddOffset(Slot(OperatorField::kCustomOptions), custom);
    return End(start);
  }

  Offset WriteOptions(const Options& options) {
    const Ints list = OptionalInts(options.list);
    const auto start = builder_.StartTable();
    builder_.AddOffset(Slot(options.list_field), list);
    for (const OptionEntry& entry : options.entries) WriteOption(entry);
    return End(start);
  }

  void WriteOption(const OptionEntry& entry) {
    switch (entry.kind) {
      case OptionEntry::Kind::kByte:
        return Scalar<int8_t>(entry.field, static_cast<int8_t>(entry.value));
      case OptionEntry::Kind::kInt:
        return Scalar<int32_t>(entry.field, static_cast<int32_t>(entry.value));
      case OptionEntry::Kind::kFloat:
        return Scalar<float>(entry.field, static_cast<float>(entry.value));
      case OptionEntry::Kind::kBool:
        return Scalar<uint8_t>(entry.field, entry.value != 0 ? 1 : 0);
    }
  }

  Offset Buffer(std::string_view data) {
    if (!data.empty()) builder_.ForceVectorAlignment(data.size(), 1, kBufferAlignment);
    const Bytes bytes = OptionalBytes(data);
    const auto start = builder_.StartTable();
    builder_.AddOffset(Slot(BufferField::kData), bytes);
    return End(start);
  }

  Offset Metadata(const MetadataEntry& entry) {
    const auto name = builder_.CreateString(entry.name);
    const auto start = builder_.StartTable();
    builder_.AddOffset(Slot(MetadataField::kName), name);
    Scalar<uint32_t>(MetadataField::kBuffer, entry.buffer);
    return End(start);
  }

  const Contents& contents_;
  flatbuffers::FlatBufferBuilder builder_;
};

}  // namespace

std::string FormatContents(const Contents& contents) {
  if (LeastBytes(contents) > kLargestFile) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} of constants: a .tflite file ends at 2 GiB; cut the model with 'consort shard'",
                            FormatBytes(static_cast<int64_t>(LeastBytes(contents)))));
  }
  return Writer(contents).Write();
}

}  // namespace consort::tflite
