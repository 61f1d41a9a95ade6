// What QuantizeLinear and DequantizeLinear nodes say.
#ifndef CONSORT_TFLITE_QUANTIZERS_H_
#define CONSORT_TFLITE_QUANTIZERS_H_

#include <optional>
#include <string>

#include "consort/model.h"
#include "tflite/constants.h"
#include "tflite/qdq_graph.h"

namespace consort::tflite {

// Reads the quantization of a model's tensors. The model and its constants outlive it. Immutable.
class Quantizers {
 public:
  Quantizers(const Model& model, const Constants& constants);

  // Of a QuantizeLinear or DequantizeLinear op; nothing unless it is int8 or uint8, one constant scale and zero point
  // for the whole tensor.
  std::optional<Affine> Of(OpId op) const;
  // Of a tensor: by the first op that quantizes it or, where it is an integer tensor, dequantizes it.
  std::optional<Affine> Around(TensorId tensor) const;
  // Why a tensor has none, to go behind "is".
  std::string WhyNone(TensorId tensor) const;
  // A constant operand: what a DequantizeLinear makes of stored integers, or of what a QuantizeLinear makes of stored
  // float32 values (as training with quantization leaves it); or such values alone. Nothing for tensors that are
  // computed in any other way.
  std::optional<QdqConstant> Constant(TensorId tensor) const;

 private:
  std::optional<QdqConstant> Dequantized(OpId op) const;
  // Integers that a QuantizeLinear makes of stored float32 values, with scales; nothing for another op.
  std::optional<QdqConstant> Quantized(OpId op) const;
  // Shape and scales; the rest is open. Nothing where they are not constant or do not fit one another.
  std::optional<QdqConstant> ScalesOf(const onnx::NodeProto& quantizer, const Shape& shape) const;
  bool IsQuantizer(OpId op) const;
  const onnx::NodeProto& node(OpId op) const;

  const Model& model_;
  const Constants& constants_;
};

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_QUANTIZERS_H_
