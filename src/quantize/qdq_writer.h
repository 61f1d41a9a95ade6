// Writes quantized models: ONNX with QuantizeLinear and DequantizeLinear around ops (the QDQ form).
#ifndef CONSORT_QUANTIZE_QDQ_WRITER_H_
#define CONSORT_QUANTIZE_QDQ_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "onnx/onnx_pb.h"
#include "quantize/parameters.h"
#include "quantize/plan_quantization.h"

namespace consort {

enum class WeightScales : uint8_t { kPerChannel, kPerTensor };

struct QdqOptions {
  ActivationFormat format;
  WeightScales weights = WeightScales::kPerChannel;
};

// The quantized model, in one form throughout:
//  - every quantized op reads outputs of DequantizeLinear and is followed by QuantizeLinear (but for those with a
//    float_output), with a fused Relu or Clip in between; ops that stay float read float tensors;
//  - of a tensor T there are T_scale, T_zero_point, T_quantized (8 bits) and T_dequantized (float32); of weights W
//    likewise, W_quantized being an initializer of int8 and W_scale one value per output channel (attribute axis); a
//    bias is an int32 initializer of scale input scale · weight scale;
//  - inputs and outputs of the model stay float32 and keep their names: of an output T the DequantizeLinear makes T
//    itself, and the op before makes T_float;
//  - nodes keep their names; those of T's pair are T_QuantizeLinear and T_DequantizeLinear.
// A name that is taken gets a number.
onnx::ModelProto WriteQdq(const Model& model, const QuantizationPlan& plan, const Ranges& ranges,
                          const QdqOptions& options);

// The float model with a quantized copy of every unit beside it, which reads the float model's tensors, quantized: what
// each layer alone does to its output. Of a unit's output T the copy gives T_local_dequantized. Outputs of the model
// are kept.
onnx::ModelProto WriteQdqBeside(const Model& model, const QuantizationPlan& plan, const Ranges& ranges,
                                const QdqOptions& options);

// "T_dequantized", or T where T is an output of the model (or read by a body): the name of a quantized tensor's float
// values in WriteQdq's model. "T_local_dequantized": in WriteQdqBeside's.
std::string DequantizedName(const Graph& graph, TensorId tensor);
std::string LocalName(const Graph& graph, TensorId tensor);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_QDQ_WRITER_H_
