// The search for the best chain of stages: which ranges of units run on which devices, one after the other.
#ifndef CONSORT_PLAN_CHAIN_SEARCH_H_
#define CONSORT_PLAN_CHAIN_SEARCH_H_

#include <optional>
#include <string>
#include <vector>

#include "plan/cost_table.h"
#include "plan/draft.h"

namespace consort {

struct ChainQuery {
  Objective objective = Objective::kThroughput;
  bool replicas = false;  // stages may have several replicas, with shares by pace
  bool divided = false;   // at least two stages
  int max_stages = 0;     // 0: as many as there are devices
  double max_latency_s = kInfinite;
  double max_watts = kInfinite;  // active power of all devices used
};

struct ChainResult {
  std::optional<Draft> draft;  // nothing: no chain is possible within the bounds
  bool exact = true;           // the optimum over the units, and over shares by pace
  std::string note;            // what was done where it is not exact
};

// Each device runs at most one stage, in any order. Dynamic programming over (units done, devices used): exact, with
// labels that no other dominates where several figures count at once (times on shared resources, a latency bound). Of
// chains that are equally good for the throughput the one with the least latency. Not exact, and then said: more than
// kMostSteps steps (the slowest devices are left out), or too many labels (those within a small ratio of another are
// dropped), or more than kMostShared shared resources.
ChainResult SearchChain(const CostTable& table, const ChainQuery& query);

inline constexpr double kMostSteps = 3e7;

}  // namespace consort

#endif  // CONSORT_PLAN_CHAIN_SEARCH_H_
