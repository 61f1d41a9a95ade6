// The operators that the Edge TPU's compiler lists, and what it asks of each.
#ifndef CONSORT_COST_EDGETPU_RULES_H_
#define CONSORT_COST_EDGETPU_RULES_H_

#include <string>
#include <string_view>

#include "consort/graph.h"

namespace consort {

// Empty, or why this use of the operator is refused. Of the op's own sizes and operands; what is asked of every tensor
// is not looked at.
using EdgeTpuRule = std::string (*)(const Graph& graph, const Op& op);

// The rule of an operator of ai.onnx; nullptr for one that is not listed.
EdgeTpuRule FindEdgeTpuRule(std::string_view type);

}  // namespace consort

#endif  // CONSORT_COST_EDGETPU_RULES_H_
