// Tensors in integers, written into an ONNX graph: pairs, constants, weights, biases.
#ifndef CONSORT_QUANTIZE_QDQ_TENSORS_H_
#define CONSORT_QUANTIZE_QDQ_TENSORS_H_

#include <map>
#include <string>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "onnx/onnx_pb.h"
#include "quantize/parameters.h"
#include "quantize/weights.h"

namespace consort {

// Adds initializers and nodes to `graph`, which outlives it, called after a tensor T: T_scale, T_zero_point,
// T_quantized, T_dequantized. Each function returns the name of the float result. A name that is taken gets a number.
class QdqTensors {
 public:
  // `source` is the graph whose names are taken.
  QdqTensors(onnx::GraphProto& graph, const onnx::GraphProto& source, ByteType type);

  std::string FreshTensor(const std::string& base) { return Fresh(base, tensors_); }
  std::string FreshNode(const std::string& base) { return Fresh(base, nodes_); }

  // QuantizeLinear and DequantizeLinear of `source`, called after `base`; the result is called `result` where that is
  // not empty.
  std::string Pair(const std::string& source, const std::string& base, const QuantizationParameters& parameters,
                   std::string result = "");
  // A constant operand: integers from the start.
  std::string Constant(const onnx::TensorProto& stored, const QuantizationParameters& parameters,
                       const ActivationFormat& format);
  // Layers that read the same weights with the same scales read the same integers; likewise biases.
  std::string Weights(const onnx::TensorProto& stored, const QuantizedWeights& weights);
  std::string Bias(const onnx::TensorProto& stored, const QuantizedWeights& weights, float input_scale);

 private:
  struct Scale {
    std::string scale;
    std::string zero_point;
  };
  static std::string Fresh(const std::string& base, std::unordered_set<std::string>& taken);
  onnx::NodeProto& AddNode(const std::string& type, const std::string& name, const std::vector<std::string>& inputs,
                           const std::string& output);
  std::string Add(onnx::TensorProto tensor, const std::string& name);
  Scale AddScale(const std::string& base, const QuantizationParameters& parameters);
  std::string Dequantize(const std::string& base, const std::string& integers, const Scale& scale, int axis);

  onnx::GraphProto& graph_;
  onnx::TensorProto::DataType type_;
  std::unordered_set<std::string> tensors_;
  std::unordered_set<std::string> nodes_;
  std::map<std::tuple<std::string, int, std::vector<float>>, std::string> written_;  // name, axis, scales → result
};

}  // namespace consort

#endif  // CONSORT_QUANTIZE_QDQ_TENSORS_H_
