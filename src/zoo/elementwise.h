// What ONNX operators do to single elements, for estimates.
#ifndef CONSORT_ZOO_ELEMENTWISE_H_
#define CONSORT_ZOO_ELEMENTWISE_H_

#include <functional>
#include <vector>

#include "onnx/onnx_pb.h"
#include "zoo/moments.h"

namespace consort::zoo {

// f of an operator with one activation operand; empty for other operators. `operands` are all of the node's, in order:
// Clip reads its bounds from them.
std::function<double(double)> ElementFunction(const onnx::NodeProto& node, const std::vector<Estimate>& operands);

// Add, Sub, Mul, Div, Pow, Max, Min, Sum, Mean, PRelu, Where, Reciprocal; exact where the operands share a root.
bool IsCombination(const onnx::NodeProto& node);
Estimate Combine(const onnx::NodeProto& node, const std::vector<Estimate>& operands);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_ELEMENTWISE_H_
