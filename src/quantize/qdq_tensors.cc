#include "quantize/qdq_tensors.h"

#include <fmt/format.h>

#include <utility>

#include "model/proto_walk.h"
#include "quantize/stored_values.h"

namespace consort {
namespace {

// One value per channel, or a scalar.
std::vector<int64_t> ScaleDims(const QuantizedWeights& weights) {
  if (weights.axis < 0) return {};
  return {static_cast<int64_t>(weights.scales.size())};
}

}  // namespace

QdqTensors::QdqTensors(onnx::GraphProto& graph, const onnx::GraphProto& source, ByteType type)
    : graph_(graph), type_(type == ByteType::kInt8 ? onnx::TensorProto::INT8 : onnx::TensorProto::UINT8) {
  ForEachGraph(source, [this](const onnx::GraphProto& part) {
    for (const auto& input : part.input()) tensors_.insert(input.name());
    for (const auto& tensor : part.initializer()) tensors_.insert(tensor.name());
    for (const auto& node : part.node()) {
      nodes_.insert(node.name());
      tensors_.insert(node.output().begin(), node.output().end());
    }
  });
}

std::string QdqTensors::Fresh(const std::string& base, std::unordered_set<std::string>& taken) {
  std::string name = base;
  for (int number = 2; !taken.insert(name).second; ++number) name = fmt::format("{}_{}", base, number);
  return name;
}

onnx::NodeProto& QdqTensors::AddNode(const std::string& type, const std::string& name,
                                     const std::vector<std::string>& inputs, const std::string& output) {
  onnx::NodeProto& node = *graph_.add_node();
  node.set_op_type(type);
  node.set_name(FreshNode(name));
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

std::string QdqTensors::Add(onnx::TensorProto tensor, const std::string& name) {
  const std::string fresh = FreshTensor(name);
  tensor.set_name(fresh);
  *graph_.add_initializer() = std::move(tensor);
  return fresh;
}

QdqTensors::Scale QdqTensors::AddScale(const std::string& base, const QuantizationParameters& parameters) {
  const std::vector<float> scale = {parameters.scale};
  const std::vector<int> zero = {parameters.zero_point};
  return {Add(FloatTensor("", {}, scale), base + "_scale"), Add(ByteTensor("", type_, {}, zero), base + "_zero_point")};
}

std::string QdqTensors::Dequantize(const std::string& base, const std::string& integers, const Scale& scale, int axis) {
  const std::string result = FreshTensor(base + "_dequantized");
  onnx::NodeProto& node =
      AddNode("DequantizeLinear", base + "_DequantizeLinear", {integers, scale.scale, scale.zero_point}, result);
  if (axis < 0) return result;
  auto& attribute = *node.add_attribute();
  attribute.set_name("axis");
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(axis);
  return result;
}

std::string QdqTensors::Pair(const std::string& source, const std::string& base,
                             const QuantizationParameters& parameters, std::string result) {
  const Scale scale = AddScale(base, parameters);
  const std::string quantized = FreshTensor(base + "_quantized");
  if (result.empty()) result = FreshTensor(base + "_dequantized");
  AddNode("QuantizeLinear", base + "_QuantizeLinear", {source, scale.scale, scale.zero_point}, quantized);
  AddNode("DequantizeLinear", base + "_DequantizeLinear", {quantized, scale.scale, scale.zero_point}, result);
  return result;
}

std::string QdqTensors::Constant(const onnx::TensorProto& stored, const QuantizationParameters& parameters,
                                 const ActivationFormat& format) {
  std::vector<int> integers;
  for (const float value : FloatsOf(stored)) integers.push_back(QuantizeValue(value, parameters, format));
  const std::string& base = stored.name();
  const Scale scale = AddScale(base, parameters);
  return Dequantize(base, Add(ByteTensor("", type_, DimsOf(stored), integers), base + "_quantized"), scale, -1);
}

std::string QdqTensors::Weights(const onnx::TensorProto& stored, const QuantizedWeights& weights) {
  std::string& written = written_[{stored.name(), weights.axis, weights.scales}];
  if (!written.empty()) return written;
  const std::string& base = stored.name();
  const std::vector<int> zeros(weights.scales.size());
  const auto type = onnx::TensorProto::INT8;
  const std::string integers = Add(ByteTensor("", type, DimsOf(stored), weights.values), base + "_quantized");
  const std::string scale = Add(FloatTensor("", ScaleDims(weights), weights.scales), base + "_scale");
  const std::string zero = Add(ByteTensor("", type, ScaleDims(weights), zeros), base + "_zero_point");
  return written = Dequantize(base, integers, {scale, zero}, weights.axis);
}

std::string QdqTensors::Bias(const onnx::TensorProto& stored, const QuantizedWeights& weights, float input_scale) {
  std::vector<float> scales;
  for (const float scale : weights.scales) scales.push_back(input_scale * scale);
  std::string& written = written_[{stored.name(), weights.axis < 0 ? -1 : 0, scales}];
  if (!written.empty()) return written;
  const std::string& base = stored.name();
  const std::vector<int32_t> integers = QuantizeBias(FloatsOf(stored), scales), zeros(scales.size());
  const std::string name = Add(Int32Tensor("", DimsOf(stored), integers), base + "_quantized");
  const std::string scale = Add(FloatTensor("", ScaleDims(weights), scales), base + "_scale");
  const std::string zero = Add(Int32Tensor("", ScaleDims(weights), zeros), base + "_zero_point");
  return written = Dequantize(base, name, {scale, zero}, weights.axis < 0 ? -1 : 0);
}

}  // namespace consort
