// What one operator of a .tflite file computes.
#ifndef CONSORT_TFLITE_OPERATOR_MACS_H_
#define CONSORT_TFLITE_OPERATOR_MACS_H_

#include "model/op_cost.h"
#include "tflite/contents.h"

namespace consort::tflite {

// From the shapes of its operands. Unknown for custom and recurrent operators, and where an operand is missing or its
// rank is not the operator's; elementwise operators and pooling count 0.
MacCount CountMacs(const SubgraphEntry& graph, const CodeEntry& code, const OperatorEntry& op);

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_OPERATOR_MACS_H_
