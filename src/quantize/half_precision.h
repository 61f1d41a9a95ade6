// 16-bit floats: fp16 throughout, or weights rounded to bf16.
#ifndef CONSORT_QUANTIZE_HALF_PRECISION_H_
#define CONSORT_QUANTIZE_HALF_PRECISION_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "consort/model.h"
#include "onnx/onnx_pb.h"

namespace consort {

struct HalfModel {
  onnx::ModelProto proto;
  int half_ops = 0;                     // that compute in 16 bits (bf16: that read rounded weights)
  std::map<OpId, std::string> why_float;  // other ops that work on float32, of the model given
  int64_t clamped = 0;                  // weights beyond ±65504, which become the largest number of fp16
  std::vector<std::string> clamped_in;  // the tensors that hold them
};

// Ops of `keep_float` stay as they are.
//
// Weights and activations in fp16, inputs and outputs float32 as before, with Cast at the edges. Ops stay float that
// hold bodies, that are of another domain than ONNX's, that name a type themselves (Cast, random numbers), or whose
// definition has no fp16; so do inputs that are float32 by definition (Resize's scales). Tensors keep their names; of an
// output T the fp16 form is T_fp16, and T read by an op in float is T_fp32. Throws kUnsupported as
// PrepareForQuantization for more than 2 GiB of weights.
HalfModel ConvertToFp16(const Model& model, const std::set<OpId>& keep_float = {});

// Weights hold the nearest bf16, ties to even, in float32 tensors, and everything is computed in float32: ONNX Runtime
// 1.32 has no bf16 kernel for Conv, MatMul or Relu on the CPU. Weights that an op of `keep_float` reads stay.
HalfModel RoundWeightsToBf16(const Model& model, const std::set<OpId>& keep_float = {});

}  // namespace consort

#endif  // CONSORT_QUANTIZE_HALF_PRECISION_H_
