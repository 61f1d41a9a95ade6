#include <fmt/format.h>

#include "plan/strategies/strategies.h"
#include "plan/units.h"

namespace consort {
namespace {

constexpr int kMostRefinements = 4;
constexpr double kWorthRefining = 1e-6;  // of the objective

std::vector<OpId> BoundariesOf(const Draft& draft) {
  std::vector<OpId> boundaries;
  for (size_t i = 1; i < draft.stages.size(); ++i) boundaries.push_back(draft.stages[i].begin);
  return boundaries;
}

ChainQuery ChainQueryOf(const PlanQuery& query, bool replicas) {
  return {.objective = query.objective,
          .replicas = replicas,
          .divided = true,
          .max_stages = query.max_stages,
          .max_latency_s = query.max_latency_s,
          .max_watts = query.max_watts};
}

}  // namespace

std::vector<Candidate> RefinedChains(const StrategyInput& input, bool replicas) {
  const ChainQuery query = ChainQueryOf(input.query, replicas);
  ChainResult result = SearchChain(input.table, query);
  if (!result.draft) return {};
  Candidate best{*result.draft, result.exact, result.note};
  const bool merged = input.table.positions().size() < input.positions.size();
  double value = Evaluate(input.costs, best.draft).Value(query.objective);
  for (int i = 0; merged && i < kMostRefinements; ++i) {
    const std::vector<OpId> units =
        UnitsAround(input.positions, BoundariesOf(best.draft), input.query.units.most_units / 2);
    const ChainResult refined = SearchChain(CostTable(input.costs, units, input.query.batch, input.placement), query);
    if (!refined.draft) break;
    const double refined_value = Evaluate(input.costs, *refined.draft).Value(query.objective);
    if (refined_value >= value * (1 - kWorthRefining)) break;
    value = refined_value;
    best.draft = *refined.draft;
  }
  if (merged) {
    best.exact = false;
    best.note += fmt::format("{}{} cut positions merged to {} units, boundaries then moved to the best near by",
                             best.note.empty() ? "" : "; ", input.positions.size() - 2, input.table.units());
  }
  return {best};
}

std::vector<Candidate> PipelineCandidates(const StrategyInput& input) { return RefinedChains(input, false); }

}  // namespace consort
