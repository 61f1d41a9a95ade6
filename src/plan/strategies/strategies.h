// The strategies, one file each. Each gives the best plans of its kind; the planner ranks them.
#ifndef CONSORT_PLAN_STRATEGIES_STRATEGIES_H_
#define CONSORT_PLAN_STRATEGIES_STRATEGIES_H_

#include <string>
#include <vector>

#include "consort/graph.h"
#include "plan/chain_search.h"
#include "plan/cost_table.h"
#include "plan/planner.h"

namespace consort {

struct StrategyInput {
  CostSource& costs;
  const PlanQuery& query;
  const OpDevices& placement;
  const std::vector<OpId>& positions;  // every place where the graph may be cut, begin and end included
  const CostTable& table;              // over the units that these were merged to
};

struct Candidate {
  Draft draft;
  bool exact = true;
  std::string note;
};

// single.cc: each device alone, possible or not; of devices that are alike the first.
std::vector<Candidate> SingleCandidates(const StrategyInput& input);

// split.cc: the whole model on several devices. Whole calls by share (for the throughput; shares by pace), and, where a
// batch has several samples, each call divided: integer samples per device so that the slowest is as fast as can be,
// exact for any curve of time over samples. Of batches of more than kMostBatchSteps samples in that many steps.
std::vector<Candidate> SplitCandidates(const StrategyInput& input);
inline constexpr int64_t kMostBatchSteps = 32;

// pipeline.cc: a stage per device.
std::vector<Candidate> PipelineCandidates(const StrategyInput& input);

// hybrid.cc: stages with several replicas, for the throughput.
std::vector<Candidate> HybridCandidates(const StrategyInput& input);

// The best chain over the units; then, where units were merged, its boundaries moved to the best cut positions near by
// until nothing is gained.
std::vector<Candidate> RefinedChains(const StrategyInput& input, bool replicas);

}  // namespace consort

#endif  // CONSORT_PLAN_STRATEGIES_STRATEGIES_H_
