// Small .tflite models built in memory, for tests.
#ifndef CONSORT_TFLITE_TEST_TFLITE_H_
#define CONSORT_TFLITE_TEST_TFLITE_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "tflite/format.h"

namespace consort::test {

using TfLiteElement = tflite::ElementType;
using TfLiteOp = tflite::Builtin;
using TfLiteOptionsTable = tflite::OptionsTable;

// Of a quantized tensor: one entry, or one per index of `axis`.
struct TfLiteScales {
  std::vector<float> scale;
  std::vector<int64_t> zero_point;
  int axis = 0;
};

// Builds a model of one subgraph, tensor by tensor and operator by operator.
class TfLiteWriter {
 public:
  TfLiteWriter() {
    contents_.description = "consort test model";
    contents_.subgraphs.emplace_back();
    contents_.buffers.emplace_back();
  }

  // The tensor's index. `data`: its constant bytes; `signature`: the shape with -1 for open axes.
  int Tensor(const std::string& name, const std::vector<int32_t>& shape, TfLiteElement type,
             const TfLiteScales& scales = {}, const std::string& data = "",
             const std::vector<int32_t>& signature = {}) {
    uint32_t buffer = 0;
    if (!data.empty()) {
      buffer = static_cast<uint32_t>(contents_.buffers.size());
      contents_.buffers.push_back(data_.emplace_back(data));
    }
    graph().tensors.push_back({.name = name,
                               .shape = shape,
                               .signature = signature,
                               .type = type,
                               .buffer = buffer,
                               .scale = scales.scale,
                               .zero_point = scales.zero_point,
                               .axis = scales.axis});
    return static_cast<int>(graph().tensors.size()) - 1;
  }

  // The options stay at their defaults.
  void Operator(TfLiteOp op, const std::vector<int32_t>& inputs, const std::vector<int32_t>& outputs,
                TfLiteOptionsTable options = TfLiteOptionsTable::kNone, const std::string& custom_code = "",
                int version = 1) {
    contents_.codes.push_back({.builtin = static_cast<int32_t>(op), .custom = custom_code, .version = version});
    graph().operators.push_back({.code = static_cast<uint32_t>(contents_.codes.size() - 1),
                                 .inputs = inputs,
                                 .outputs = outputs,
                                 .options = {.table = options}});
  }

  // An operator code that no operator uses.
  void UnusedCode(const std::string& custom_code) {
    contents_.codes.push_back({.builtin = static_cast<int32_t>(TfLiteOp::kCustom), .custom = custom_code});
  }
  void Describe(const std::string& description) { contents_.description = description; }

  // The model's bytes.
  std::string Finish(const std::vector<int32_t>& inputs, const std::vector<int32_t>& outputs) {
    graph().inputs = inputs;
    graph().outputs = outputs;
    return tflite::FormatContents(contents_);
  }

 private:
  tflite::SubgraphEntry& graph() { return contents_.subgraphs.front(); }

  tflite::Contents contents_;
  std::deque<std::string> data_;  // of the buffers
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
  writer.Operator(TfLiteOp::kAdd, {a, b}, {sum}, TfLiteOptionsTable::kAdd);
  writer.Operator(TfLiteOp::kMul, {sum, b}, {y}, TfLiteOptionsTable::kMul);
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
  writer.Operator(TfLiteOp::kFullyConnected, {x, w, bias}, {y}, TfLiteOptionsTable::kFullyConnected, "", 4);
  return writer.Finish({x}, {y});
}

// One custom operator of the given code between x[1,4] and y[1,4].
inline std::string CustomTfLite(const std::string& code) {
  TfLiteWriter writer;
  const int x = writer.Tensor("x", {1, 4}, TfLiteElement::kFloat32);
  const int y = writer.Tensor("y", {1, 4}, TfLiteElement::kFloat32);
  writer.Operator(TfLiteOp::kCustom, {x}, {y}, TfLiteOptionsTable::kNone, code);
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

#endif  // CONSORT_TFLITE_TEST_TFLITE_H_
