#include "tflite/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "tflite/flat_table.h"

namespace consort::tflite {
namespace {

constexpr uint64_t kIdentifierAt = 4;
constexpr size_t kLargestRank = 64;  // no kernel goes beyond 8

class Parser {
 public:
  Parser(std::string_view bytes, const std::string& place) : bytes_(bytes, place), all_(bytes) {}

  Contents Parse() {
    bytes_.Require(all_.size() >= 8 && all_.substr(kIdentifierAt, 4) == kFileIdentifier, "the file",
                   "does not begin as one: the identifier 'TFL3' is missing");
    const FlatTable model = FlatTable::At(bytes_, 0, "the model");
    for (const auto field : {ModelField::kOperatorCodes, ModelField::kSubgraphs, ModelField::kBuffers}) {
      bytes_.Require(model.Has(field), "the model", "has no list of " + NameOf(field));
    }
    result_.version = model.Get<uint32_t>(ModelField::kVersion, 0);
    result_.description = model.Text(ModelField::kDescription, "the description");
    for (const FlatTable& code : model.Tables(ModelField::kOperatorCodes, "operator code")) AddCode(code);
    for (const FlatTable& buffer : model.Tables(ModelField::kBuffers, "buffer")) AddBuffer(buffer);
    for (const FlatTable& graph : model.Tables(ModelField::kSubgraphs, "subgraph")) AddSubgraph(graph);
    for (const FlatTable& entry : model.Tables(ModelField::kMetadata, "metadata entry")) AddMetadata(entry);
    bytes_.Require(!result_.subgraphs.empty(), "the model", "has no subgraph");
    return std::move(result_);
  }

 private:
  static std::string NameOf(ModelField field) {
    if (field == ModelField::kOperatorCodes) return "operator codes";
    return field == ModelField::kSubgraphs ? "subgraphs" : "buffers";
  }

  // Files of before 2020 have the 8-bit field only; newer ones have both, and the larger holds.
  void AddCode(const FlatTable& table) {
    const int32_t old = table.Get<int8_t>(CodeField::kOldBuiltin, 0);
    result_.codes.push_back({.builtin = std::max(old, table.Get<int32_t>(CodeField::kBuiltin, 0)),
                             .custom = table.Text(CodeField::kCustom, "the custom code"),
                             .version = table.Get<int32_t>(CodeField::kVersion, 1)});
  }

  void AddBuffer(const FlatTable& table) {
    const uint64_t at = table.Get<uint64_t>(BufferField::kOffset, 0);
    if (at <= 1) {  // 0 and 1 stand for none
      result_.buffers.push_back(table.View(BufferField::kData, 1, "the data"));
      return;
    }
    const uint64_t size = table.Get<uint64_t>(BufferField::kSize, 0);
    bytes_.Require(at <= all_.size() && size <= all_.size() - at, table.what(), "reaches beyond the end of the file");
    result_.buffers.push_back(all_.substr(at, size));
  }

  void AddMetadata(const FlatTable& table) {
    MetadataEntry entry = {.name = table.Text(MetadataField::kName, "the name"),
                           .buffer = table.Get<uint32_t>(MetadataField::kBuffer, 0)};
    bytes_.Require(entry.buffer < result_.buffers.size(), table.what(), "names a buffer that is not there");
    result_.metadata.push_back(std::move(entry));
  }

  void AddSubgraph(const FlatTable& table) {
    SubgraphEntry graph;
    bytes_.Require(table.Has(SubgraphField::kTensors), table.what(), "has no list of tensors");
    graph.name = table.Text(SubgraphField::kName, "the name");
    for (const FlatTable& tensor : table.Tables(SubgraphField::kTensors, "tensor")) {
      graph.tensors.push_back(Tensor(tensor));
    }
    const auto count = static_cast<int64_t>(graph.tensors.size());
    graph.inputs = Indices(table, SubgraphField::kInputs, "the inputs", 0, count);
    graph.outputs = Indices(table, SubgraphField::kOutputs, "the outputs", 0, count);
    for (const FlatTable& op : table.Tables(SubgraphField::kOperators, "operator")) {
      graph.operators.push_back(Operator(op, count));
    }
    result_.subgraphs.push_back(std::move(graph));
  }

  TensorEntry Tensor(const FlatTable& table) {
    TensorEntry tensor = {.name = table.Text(TensorField::kName, "the name"),
                          .shape = table.List<int32_t>(TensorField::kShape, "the shape"),
                          .signature = table.List<int32_t>(TensorField::kShapeSignature, "the shape's signature"),
                          .type = static_cast<ElementType>(table.Get<int8_t>(TensorField::kType, 0)),
                          .buffer = table.Get<uint32_t>(TensorField::kBuffer, 0),
                          .is_variable = table.Get<uint8_t>(TensorField::kIsVariable, 0) != 0};
    bytes_.Require(tensor.buffer < result_.buffers.size(), table.what(), "has no buffer");
    bytes_.Require(tensor.shape.size() <= kLargestRank, table.what(), "has too many axes");
    bytes_.Require(std::all_of(tensor.shape.begin(), tensor.shape.end(), [](int32_t size) { return size >= 0; }),
                   table.what(), "has a negative size");
    if (table.Has(TensorField::kQuantization)) ReadQuantization(table, tensor);
    return tensor;
  }

  void ReadQuantization(const FlatTable& table, TensorEntry& tensor) {
    const FlatTable quantization = table.Table(TensorField::kQuantization, "the quantization");
    tensor.scale = quantization.List<float>(QuantizationField::kScale, "the scales");
    tensor.zero_point = quantization.List<int64_t>(QuantizationField::kZeroPoint, "the zero points");
    tensor.axis = quantization.Get<int32_t>(QuantizationField::kAxis, 0);
    const size_t scales = tensor.scale.size();
    bytes_.Require(tensor.zero_point.empty() || tensor.zero_point.size() == scales, table.what(),
                   fmt::format("has {} scales and {} zero points", scales, tensor.zero_point.size()));
    if (scales <= 1) return;
    const bool fits = tensor.axis >= 0 && static_cast<size_t>(tensor.axis) < tensor.shape.size() &&
                      static_cast<size_t>(tensor.shape[static_cast<size_t>(tensor.axis)]) == scales;
    bytes_.Require(fits, table.what(), fmt::format("has {} scales for axis {}", scales, tensor.axis));
  }

  OperatorEntry Operator(const FlatTable& table, int64_t tensors) {
    OperatorEntry op;
    op.code = table.Get<uint32_t>(OperatorField::kCode, 0);
    bytes_.Require(op.code < result_.codes.size(), table.what(), "has no code");
    op.inputs = Indices(table, OperatorField::kInputs, "the inputs", -1, tensors);
    op.outputs = Indices(table, OperatorField::kOutputs, "the outputs", 0, tensors);
    op.options.table = static_cast<OptionsTable>(table.Get<uint8_t>(OperatorField::kOptionsType, 0));
    op.custom_options = table.View(OperatorField::kCustomOptions, 1, "the custom options");
    return op;
  }

  template <typename FieldOf>
  std::vector<int32_t> Indices(const FlatTable& table, FieldOf field, const std::string& name, int64_t first,
                               int64_t end) {
    std::vector<int32_t> indices = table.List<int32_t>(field, name);
    for (const int32_t index : indices) {
      bytes_.Require(index >= first && index < end, fmt::format("{} of {}", name, table.what()),
                     fmt::format("name tensor {} of {}", index, end));
    }
    return indices;
  }

  FlatBytes bytes_;
  std::string_view all_;
  Contents result_;
};

}  // namespace

Contents ParseContents(std::string_view bytes, const std::string& place) { return Parser(bytes, place).Parse(); }

}  // namespace consort::tflite
