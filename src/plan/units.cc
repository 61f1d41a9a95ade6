#include "plan/units.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace consort {
namespace {

// Weight before each position.
std::vector<double> WeightBefore(const Graph& graph, const std::vector<double>& weights) {
  std::vector<double> before(graph.ops().size() + 1);
  for (size_t op = 0; op < graph.ops().size(); ++op) {
    const double alike = graph.ops()[op].constant ? 0 : 1;
    before[op + 1] = before[op] + (weights.empty() ? alike : weights[op]);
  }
  return before;
}

int64_t BytesAcross(const Graph& graph, OpId position) {
  const int64_t bytes = graph.CutAt(position).bytes;
  return bytes < 0 ? INT64_MAX : bytes;
}

// Takes evenly of what is left until there are `count`: where few ops have most of the weight.
void Fill(const std::vector<OpId>& positions, int count, std::set<OpId>& chosen) {
  std::vector<OpId> left;
  std::set_difference(positions.begin(), positions.end(), chosen.begin(), chosen.end(), std::back_inserter(left));
  const int missing = std::min<int>(count - static_cast<int>(chosen.size()), static_cast<int>(left.size()));
  for (int i = 0; i < missing; ++i) chosen.insert(left[(2 * i + 1) * left.size() / (2 * static_cast<size_t>(missing))]);
}

}  // namespace

std::vector<OpId> CutPositions(const Graph& graph, const UnitsOptions& options) {
  std::vector<OpId> positions = {0};
  for (const Cut& cut : graph.Cuts(options.most_crossing)) {
    if (cut.crossing.empty() || (options.divides_a_fusion && options.divides_a_fusion(cut.position))) continue;
    positions.push_back(cut.position);
  }
  positions.push_back(static_cast<OpId>(graph.ops().size()));
  return positions;
}

std::vector<OpId> MergeUnits(const Graph& graph, const std::vector<OpId>& positions, const UnitsOptions& options,
                             const std::vector<OpId>& kept) {
  if (static_cast<int>(positions.size()) <= options.most_units + 1) return positions;
  const std::vector<double> before = WeightBefore(graph, options.op_weights);
  std::set<OpId> chosen = {positions.front(), positions.back()};
  std::set_intersection(kept.begin(), kept.end(), positions.begin(), positions.end(),
                        std::inserter(chosen, chosen.end()));
  const int parts = std::max(1, options.most_units - static_cast<int>(chosen.size()) + 1);
  std::map<int, std::pair<int64_t, OpId>> fewest;  // part → bytes, position
  for (size_t i = 1; i + 1 < positions.size(); ++i) {
    const int part = static_cast<int>(before[positions[i]] / std::max(before.back(), 1e-300) * parts);
    const std::pair<int64_t, OpId> found = {BytesAcross(graph, positions[i]), positions[i]};
    const auto [known, added] = fewest.emplace(part, found);
    if (!added) known->second = std::min(known->second, found);
  }
  for (const auto& [part, found] : fewest) chosen.insert(found.second);
  Fill(positions, options.most_units + 1, chosen);
  return {chosen.begin(), chosen.end()};
}

std::vector<OpId> UnitsAround(const std::vector<OpId>& positions, const std::vector<OpId>& around, int most_units) {
  std::set<OpId> chosen = {positions.front(), positions.back()};
  const int each = std::max(2, (most_units - 1) / std::max<int>(1, static_cast<int>(around.size())) / 2);
  for (const OpId position : around) {
    const auto at = std::lower_bound(positions.begin(), positions.end(), position) - positions.begin();
    const auto last = static_cast<std::ptrdiff_t>(positions.size()) - 1;
    for (auto i = std::max<std::ptrdiff_t>(0, at - each); i <= std::min(last, at + each); ++i)
      chosen.insert(positions[i]);
  }
  return {chosen.begin(), chosen.end()};
}

}  // namespace consort
