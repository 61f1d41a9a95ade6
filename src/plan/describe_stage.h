// What follows from a stage's range of ops.
#ifndef CONSORT_PLAN_DESCRIBE_STAGE_H_
#define CONSORT_PLAN_DESCRIBE_STAGE_H_

#include <utility>

#include "consort/graph.h"
#include "plan/plan.h"

namespace consort {

// Sets the tensors that the stage reads from outside and gives to outside, in the order of the graph's, and their
// bytes.
void DescribeStage(const Graph& graph, Stage& stage);

// The first and the last op of a range that compute; the range's own ends where none does. `begin` < `end`.
std::pair<OpId, OpId> EndsOf(const Graph& graph, OpId begin, OpId end);

}  // namespace consort

#endif  // CONSORT_PLAN_DESCRIBE_STAGE_H_
