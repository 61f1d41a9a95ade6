// Small .tflite models built in memory, for tests. Fields are numbered as in TensorFlow Lite's schema.fbs.
#ifndef CONSORT_BACKENDS_LITERT_TEST_TFLITE_H_
#define CONSORT_BACKENDS_LITERT_TEST_TFLITE_H_

#include <flatbuffers/flatbuffers.h>

#include <cstdint>
#include <string>
#include <vector>

namespace consort::test {

// TensorType, BuiltinOperator and BuiltinOptions of the schema, as far as the tests need them.
enum class TfLiteElement : int8_t {
  kFloat32 = 0,
  kInt32 = 2,
  kUInt8 = 3,
  kInt64 = 4,
  kString = 5,
  kBool = 6,
  kInt8 = 9
};
enum class TfLiteOp : int32_t {
  kAdd = 0,
  kDequantize = 6,
  kFullyConnected = 9,
  kMul = 18,
  kRelu = 19,
  kCustom = 32,
  kQuantize = 114,
  kWhere = 109
};

// Of a quantized tensor: one entry, or one per index of `axis`.
struct TfLiteScales {
  std::vector<float> scale;
  std::vector<int64_t> zero_point;
  int axis = 0;
};

// Builds a model of one subgraph, tensor by tensor and operator by operator.
class TfLiteWriter {
 public:
  TfLiteWriter() { buffers_.push_back(EmptyBuffer()); }

  // The tensor's index. `data`: its constant bytes; `signature`: the shape with -1 for open axes.
  int Tensor(const std::string& name, const std::vector<int32_t>& shape, TfLiteElement type,
             const TfLiteScales& scales = {}, const std::string& data = "",
             const std::vector<int32_t>& signature = {}) {
    uint32_t buffer = 0;
    if (!data.empty()) {
      buffer = static_cast<uint32_t>(buffers_.size());
      buffers_.push_back(FilledBuffer(data));
    }
    const auto quantization = Quantization(scales);
    const auto name_at = builder_.CreateString(name);
    const auto shape_at = builder_.CreateVector(shape);
    const auto signature_at = builder_.CreateVector(signature);
    const auto start = builder_.StartTable();
    builder_.AddOffset(Field(0), shape_at);
    builder_.AddElement<int8_t>(Field(1), static_cast<int8_t>(type), 0);
    builder_.AddElement<uint32_t>(Field(2), buffer, 0);
    builder_.AddOffset(Field(3), name_at);
    if (!scales.scale.empty()) builder_.AddOffset(Field(4), quantization);
    if (!signature.empty()) builder_.AddOffset(Field(7), signature_at);
    tensors_.push_back(builder_.EndTable(start));
    return static_cast<int>(tensors_.size()) - 1;
  }

  // `options_type`: the schema's number of the operator's options, which stay at their defaults; 0: none.
  void Operator(TfLiteOp op, const std::vector<int32_t>& inputs, const std::vector<int32_t>& outputs,
                uint8_t options_type = 0, const std::string& custom_code = "", int version = 1) {
    const auto custom_at = builder_.CreateString(custom_code);
    auto start = builder_.StartTable();
    builder_.AddElement<int8_t>(Field(0), static_cast<int8_t>(op), 0);
    if (!custom_code.empty()) builder_.AddOffset(Field(1), custom_at);
    builder_.AddElement<int32_t>(Field(2), version, 1);
    builder_.AddElement<int32_t>(Field(3), static_cast<int32_t>(op), 0);
    codes_.push_back(builder_.EndTable(start));
    const auto inputs_at = builder_.CreateVector(inputs);
    const auto outputs_at = builder_.CreateVector(outputs);
    const auto options = builder_.EndTable(builder_.StartTable());
    start = builder_.StartTable();
    builder_.AddElement<uint32_t>(Field(0), static_cast<uint32_t>(codes_.size() - 1), 0);
    builder_.AddOffset(Field(1), inputs_at);
    builder_.AddOffset(Field(2), outputs_at);
    builder_.AddElement<uint8_t>(Field(3), options_type, 0);
    if (options_type != 0) builder_.AddOffset(Field(4), Offset(options));
    operators_.push_back(builder_.EndTable(start));
  }

  // The model's bytes; the writer is spent.
  std::string Finish(const std::vector<int32_t>& inputs, const std::vector<int32_t>& outputs) {
    const auto tensors = Vector(tensors_);
    const auto operators = Vector(operators_);
    const auto inputs_at = builder_.CreateVector(inputs);
    const auto outputs_at = builder_.CreateVector(outputs);
    auto start = builder_.StartTable();
    builder_.AddOffset(Field(0), tensors);
    builder_.AddOffset(Field(1), inputs_at);
    builder_.AddOffset(Field(2), outputs_at);
    builder_.AddOffset(Field(3), operators);
    const auto subgraphs = Vector({builder_.EndTable(start)});
    const auto codes = Vector(codes_);
    const auto buffers = Vector(buffers_);
    const auto description = builder_.CreateString("consort test model");
    start = builder_.StartTable();
    builder_.AddElement<uint32_t>(Field(0), 3, 0);
    builder_.AddOffset(Field(1), codes);
    builder_.AddOffset(Field(2), subgraphs);
    builder_.AddOffset(Field(3), description);
    builder_.AddOffset(Field(4), buffers);
    builder_.Finish(Offset(builder_.EndTable(start)), "TFL3");
    return {reinterpret_cast<const char*>(builder_.GetBufferPointer()), builder_.GetSize()};
  }

 private:
  using Offset = flatbuffers::Offset<flatbuffers::Table>;
  using TableStart = flatbuffers::uoffset_t;

  static flatbuffers::voffset_t Field(int number) { return static_cast<flatbuffers::voffset_t>(4 + 2 * number); }

  flatbuffers::Offset<flatbuffers::Vector<Offset>> Vector(const std::vector<TableStart>& tables) {
    return builder_.CreateVector(std::vector<Offset>(tables.begin(), tables.end()));
  }

  TableStart EmptyBuffer() { return builder_.EndTable(builder_.StartTable()); }

  TableStart FilledBuffer(const std::string& data) {
    builder_.ForceVectorAlignment(data.size(), 1, 16);
    const auto bytes = builder_.CreateVector(reinterpret_cast<const uint8_t*>(data.data()), data.size());
    const auto start = builder_.StartTable();
    builder_.AddOffset(Field(0), bytes);
    return builder_.EndTable(start);
  }

  Offset Quantization(const TfLiteScales& scales) {
    const auto scale = builder_.CreateVector(scales.scale);
    const auto zero_point = builder_.CreateVector(scales.zero_point);
    const auto start = builder_.StartTable();
    builder_.AddOffset(Field(2), scale);
    builder_.AddOffset(Field(3), zero_point);
    builder_.AddElement<int32_t>(Field(6), scales.axis, 0);
    return Offset(builder_.EndTable(start));
  }

  flatbuffers::FlatBufferBuilder builder_;
  std::vector<TableStart> tensors_;
  std::vector<TableStart> codes_;
  std::vector<TableStart> operators_;
  std::vector<TableStart> buffers_;
};

template <typename T>
std::string BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// y[1,4] = (a + b) * b, float32; with `open`, both inputs leave their first axis open.
inline std::string AddMulTfLite(bool open = false) {
  TfLiteWriter writer;
  const std::vector<int32_t> signature = open ? std::vector<int32_t>{-1, 4} : std::vector<int32_t>{};
  const int a = writer.Tensor("a", {1, 4}, TfLiteElement::kFloat32, {}, "", signature);
  const int b = writer.Tensor("b", {1, 4}, TfLiteElement::kFloat32, {}, "", signature);
  const int sum = writer.Tensor("sum", {1, 4}, TfLiteElement::kFloat32, {}, "", signature);
  const int y = writer.Tensor("y", {1, 4}, TfLiteElement::kFloat32, {}, "", signature);
  writer.Operator(TfLiteOp::kAdd, {a, b}, {sum}, 11);
  writer.Operator(TfLiteOp::kMul, {sum, b}, {y}, 21);
  return writer.Finish({a, b}, {y});
}

// y[1,2] = x[1,3] · wᵀ + bias in int8: scale 0.5 and zero point -1 for x, 1 and 3 for y; w per tensor or per output
// channel.
inline std::string FullyConnectedTfLite(bool per_channel) {
  TfLiteWriter writer;
  const TfLiteScales weight_scales =
      per_channel ? TfLiteScales{{0.5F, 0.25F}, {0, 0}, 0} : TfLiteScales{{0.5F}, {0}, 0};
  const TfLiteScales bias_scales =
      per_channel ? TfLiteScales{{0.25F, 0.125F}, {0, 0}, 0} : TfLiteScales{{0.25F}, {0}, 0};
  const int x = writer.Tensor("x", {1, 3}, TfLiteElement::kInt8, {{0.5F}, {-1}});
  const int w = writer.Tensor("w", {2, 3}, TfLiteElement::kInt8, weight_scales, BytesOf<int8_t>({2, 4, -2, 8, 0, 4}));
  const int bias = writer.Tensor("bias", {2}, TfLiteElement::kInt32, bias_scales, BytesOf<int32_t>({4, -8}));
  const int y = writer.Tensor("y", {1, 2}, TfLiteElement::kInt8, {{1.0F}, {3}});
  writer.Operator(TfLiteOp::kFullyConnected, {x, w, bias}, {y}, 8, "", 4);
  return writer.Finish({x}, {y});
}

// One custom operator of the given code between x[1,4] and y[1,4].
inline std::string CustomTfLite(const std::string& code) {
  TfLiteWriter writer;
  const int x = writer.Tensor("x", {1, 4}, TfLiteElement::kFloat32);
  const int y = writer.Tensor("y", {1, 4}, TfLiteElement::kFloat32);
  writer.Operator(TfLiteOp::kCustom, {x}, {y}, 0, code);
  return writer.Finish({x}, {y});
}

// y[?,2] = the places where x[2,2] is not zero: a shape that only the call tells.
inline std::string WhereTfLite() {
  TfLiteWriter writer;
  const int x = writer.Tensor("x", {2, 2}, TfLiteElement::kFloat32);
  const int y = writer.Tensor("y", {4, 2}, TfLiteElement::kInt64);
  writer.Operator(TfLiteOp::kWhere, {x}, {y});
  return writer.Finish({x}, {y});
}

}  // namespace consort::test

#endif  // CONSORT_BACKENDS_LITERT_TEST_TFLITE_H_
