// Small quantized ONNX models built in memory, for tests.
#ifndef CONSORT_TFLITE_TEST_QDQ_H_
#define CONSORT_TFLITE_TEST_QDQ_H_

#include <cstdint>
#include <string>
#include <vector>

#include "model/test_models.h"
#include "tflite/qdq_graph.h"

namespace consort::test {

// Writes one model: float tensors that stand between QuantizeLinear and DequantizeLinear. Methods return the name that
// the next operator reads. `real = scale * (stored - zero_point)`; with `as_uint8` activations are stored as uint8,
// zero points moved up by 128.
class QdqWriter {
 public:
  explicit QdqWriter(bool as_uint8 = false, int opset = 17)
      : model_(EmptyModel("quantized", opset)), writer_(model_.mutable_graph()), as_uint8_(as_uint8) {}

  // A float input with its quantization behind it.
  std::string Input(const std::string& name, const std::vector<int64_t>& shape, const tflite::Affine& affine) {
    writer_.Input(name, Texts(shape));
    return Quantized(name, affine);
  }

  // int8 values with a scale, or one per index of `axis`.
  std::string Weights(const std::string& name, const std::vector<int64_t>& shape, const std::vector<int32_t>& values,
                      const std::vector<float>& scales, int axis = 0, int zero_point = 0) {
    return Stored(name, shape, values, scales, axis, onnx::TensorProto::INT8, zero_point);
  }
  std::string Bias(const std::string& name, const std::vector<int32_t>& values, const std::vector<float>& scales) {
    return Stored(name, {static_cast<int64_t>(values.size())}, values, scales, 0, onnx::TensorProto::INT32, 0);
  }
  std::string Ints(const std::string& name, const std::vector<int64_t>& values) {
    writer_.Int64(name, values);
    return name;
  }
  std::string Float(const std::string& name, float value) {
    Tensor(name, {}, onnx::TensorProto::FLOAT)->add_float_data(value);
    return name;
  }

  // An operator whose output `name` is quantized; node() is it.
  std::string Op(const std::string& type, const std::vector<std::string>& inputs, const std::string& name,
                 const tflite::Affine& affine) {
    Raw(type, inputs, name);
    return Quantized(name, affine);
  }
  // The same without a quantization behind it.
  std::string Raw(const std::string& type, const std::vector<std::string>& inputs, const std::string& name) {
    node_ = &writer_.Node(type, inputs, {name}, name);
    return name;
  }
  // A further quantization of a tensor.
  std::string Quantized(const std::string& name, const tflite::Affine& affine) {
    const std::string scale = name + "_scale" + std::to_string(quantizations_);
    const std::string point = name + "_point" + std::to_string(quantizations_);
    const std::string stored = name + "_stored" + std::to_string(quantizations_);
    const std::string real = name + "_real" + std::to_string(quantizations_++);
    Tensor(scale, {}, onnx::TensorProto::FLOAT)->add_float_data(affine.scale);
    Tensor(point, {}, as_uint8_ ? onnx::TensorProto::UINT8 : onnx::TensorProto::INT8)
        ->add_int32_data(affine.zero_point + (as_uint8_ ? 128 : 0));
    writer_.Node("QuantizeLinear", {name, scale, point}, {stored}, name + "_q" + std::to_string(quantizations_));
    writer_.Node("DequantizeLinear", {stored, scale, point}, {real}, name + "_dq" + std::to_string(quantizations_));
    return real;
  }

  onnx::NodeProto& node() { return *node_; }
  // `real`: what one of the methods returned.
  void Output(const std::string& real, const std::vector<int64_t>& shape) { writer_.Output(real, Texts(shape)); }
  onnx::ModelProto& proto() { return model_; }
  Model Build() const { return Parse(model_); }

 private:
  static std::vector<std::string> Texts(const std::vector<int64_t>& shape) {
    std::vector<std::string> texts;
    for (const int64_t size : shape) texts.push_back(std::to_string(size));
    return texts;
  }

  onnx::TensorProto* Tensor(const std::string& name, const std::vector<int64_t>& shape, int type) {
    auto* tensor = model_.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(type);
    for (const int64_t size : shape) tensor->add_dims(size);
    return tensor;
  }

  std::string Stored(const std::string& name, const std::vector<int64_t>& shape, const std::vector<int32_t>& values,
                     const std::vector<float>& scales, int axis, int type, int zero_point) {
    auto* stored = Tensor(name + "_stored", shape, type);
    for (const int32_t value : values) stored->add_int32_data(value);
    const bool per_axis = scales.size() > 1;
    const std::vector<int64_t> sizes = per_axis ? std::vector<int64_t>{static_cast<int64_t>(scales.size())}
                                                : std::vector<int64_t>{};
    auto* scale = Tensor(name + "_scale", sizes, onnx::TensorProto::FLOAT);
    auto* point = Tensor(name + "_point", sizes, type);
    for (const float value : scales) scale->add_float_data(value), point->add_int32_data(zero_point);
    auto& node = writer_.Node("DequantizeLinear", {name + "_stored", name + "_scale", name + "_point"}, {name},
                              name + "_dq");
    if (per_axis) AddInt(node, "axis", axis);
    return name;
  }

  onnx::ModelProto model_;
  GraphWriter writer_;
  bool as_uint8_;
  onnx::NodeProto* node_ = nullptr;
  int quantizations_ = 0;
};

// `count` values in -limit … limit, of both signs and no period that a window could match.
inline std::vector<int32_t> Scattered(int64_t count, int32_t limit = 120, uint32_t seed = 1) {
  std::vector<int32_t> values(static_cast<size_t>(count));
  uint32_t state = seed;
  for (int32_t& value : values) {
    state = state * 1664525U + 1013904223U;  // Numerical Recipes' generator
    value = static_cast<int32_t>((state >> 8U) % (2 * static_cast<uint32_t>(limit) + 1)) - limit;
  }
  return values;
}

}  // namespace consort::test

#endif  // CONSORT_TFLITE_TEST_QDQ_H_
