// What one op costs: the one table of multiply-accumulates.
#ifndef CONSORT_MODEL_OP_COST_H_
#define CONSORT_MODEL_OP_COST_H_

#include <cstdint>
#include <vector>

#include "consort/types.h"
#include "onnx/onnx_pb.h"

namespace consort {

// Multiply-accumulates of one run of an op, or of several. Saturates instead of overflowing.
struct MacCount {
  int64_t macs = 0;
  bool known = true;  // false: a shape is not known, or the op's domain is not ours to know; macs is a lower bound
};

// Shapes of an op's operands in the operator's order; nullptr where one is omitted or its rank is not known.
struct OperandShapes {
  std::vector<const Shape*> inputs;
  std::vector<const Shape*> outputs;
};

// Counts one multiply-accumulate per weight-times-value product: Conv and its kin, matrix products, recurrent layers,
// Einsum, Attention. Additions of a bias, activations, pooling and everything elementwise count 0. Control flow counts
// 0 here: its bodies are counted by the graph builder.
MacCount CountMacs(const onnx::NodeProto& node, const OperandShapes& shapes);

// a + b and a * b, at most INT64_MAX. Neither is negative.
int64_t SaturatingAdd(int64_t a, int64_t b);
int64_t SaturatingMultiply(int64_t a, int64_t b);

}  // namespace consort

#endif  // CONSORT_MODEL_OP_COST_H_
