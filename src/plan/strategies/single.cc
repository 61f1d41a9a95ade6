#include "plan/strategies/strategies.h"

namespace consort {

std::vector<Candidate> SingleCandidates(const StrategyInput& input) {
  std::vector<Candidate> candidates;
  for (int device = 0; device < static_cast<int>(input.costs.devices().size()); ++device) {
    // One of several that cost the same says it for all, unless an op is placed on another.
    if (input.costs.devices()[device].alike >= 0 && input.placement.empty()) continue;
    Candidate& candidate = candidates.emplace_back();
    candidate.draft.batch = input.query.batch;
    candidate.draft.stages = {{input.positions.front(), input.positions.back(), {{.device = device}}}};
  }
  return candidates;
}

}  // namespace consort
