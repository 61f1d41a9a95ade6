#include "plan/strategies/strategies.h"

namespace consort {

// One sample is not faster and takes no less energy for the replicas that other samples run on.
std::vector<Candidate> HybridCandidates(const StrategyInput& input) {
  if (input.query.objective != Objective::kThroughput) return {};
  return RefinedChains(input, true);
}

}  // namespace consort
