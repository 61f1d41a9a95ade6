// What of a model is quantized, and which tensors share a scale: decided from the graph alone, before any values.
#ifndef CONSORT_QUANTIZE_PLAN_QUANTIZATION_H_
#define CONSORT_QUANTIZE_PLAN_QUANTIZATION_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "consort/model.h"
#include "quantize/op_rules.h"

namespace consort {

// An activation or a constant operand of a quantized op.
struct UnitInput {
  int index = 0;                // among the op's inputs
  TensorId tensor = kNone;
  int group = 0;                // whose scale it is read with; that of the tensor, except before a Concat
};

// An op in integers, with the Relu or Relu6 that follows it.
struct Unit {
  OpId op = kNone;
  OpId activation = kNone;      // kNone: nothing is fused
  std::vector<UnitInput> inputs;
  std::vector<TensorId> outputs;  // of the activation, where there is one; without omitted ones
  bool float_output = false;      // sums of products leave as float32: nobody reads them in 8 bits

  OpId last() const { return activation == kNone ? op : activation; }
};

// Tensors with one scale and zero point.
struct ScaleGroup {
  std::vector<TensorId> sources;  // whose ranges count: what is not merely handed on
  OutputScale scale = OutputScale::kOwn;  // kOwn, or one that is fixed: kUnit, kSymmetric
};

// Why an op that moves values, beside which nothing computes in integers, stays float.
inline constexpr char kMovesFloats[] = "moves float values";

struct QuantizationPlan {
  std::vector<Unit> units;             // in the graph's order
  std::map<TensorId, int> group_of;    // activations and constant operands in 8 bits; index into `groups`
  std::vector<ScaleGroup> groups;
  std::map<OpId, std::string> why_float;  // ops that stay float; constant ones left out

  // Activations whose ranges give scales, in the graph's order.
  std::vector<std::string> TensorsToObserve(const Graph& graph) const;
  // All activations in 8 bits: what any plan of the same model may need that keeps more units in float.
  std::vector<std::string> AllTensors(const Graph& graph) const;
};

// `keep_float` names ops that stay float. Ops that only move values are quantized where a neighbour that computes is:
// between float ops they stay float. A MatMul or Gemm that only float ops read rounds its inputs and not its result:
// engines have such a kernel (of Conv ONNX Runtime has none), and what a transformer adds up has outliers.
QuantizationPlan PlanQuantization(const Model& model, const std::set<OpId>& keep_float = {});

}  // namespace consort

#endif  // CONSORT_QUANTIZE_PLAN_QUANTIZATION_H_
