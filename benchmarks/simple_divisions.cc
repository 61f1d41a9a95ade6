#include "simple_divisions.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace consort {
namespace {

// Of the ops' weights: what stands before each position.
std::vector<double> Before(const Graph& graph, double (*weight)(const Op&)) {
  std::vector<double> before(graph.ops().size() + 1);
  for (size_t op = 0; op < graph.ops().size(); ++op)
    before[op + 1] = before[op] + (graph.ops()[op].constant ? 0 : weight(graph.ops()[op]));
  return before;
}

// A stage per device of `order`, cut at the first place behind which its part of the weight lies.
Draft Divided(const std::vector<OpId>& places, const std::vector<double>& before, const std::vector<int>& order,
              const std::vector<double>& parts) {
  Draft draft;
  double wanted = 0;
  size_t begin = 0;
  for (size_t i = 0; i < order.size() && begin + 1 < places.size(); ++i) {
    wanted += parts[order[i]] * before.back();
    size_t end = begin + 1;
    while (end + 1 < places.size() && before[places[end]] < wanted) ++end;
    if (i + 1 == order.size()) end = places.size() - 1;
    draft.stages.push_back({places[begin], places[end], {{.device = order[i]}}});
    begin = end;
  }
  draft.stages.back().end = places.back();
  return draft;
}

std::optional<Plan> BestOrder(test::Ensemble& ensemble, const std::vector<double>& parts,
                              double (*weight)(const Op&)) {
  const std::vector<OpId> places = ensemble.CutPlaces();
  const std::vector<double> before = Before(ensemble.graph(), weight);
  std::vector<int> order;
  for (size_t device = 0; device < parts.size(); ++device) {
    if (parts[device] > 0) order.push_back(static_cast<int>(device));
  }
  std::optional<Plan> best;
  if (order.empty()) return best;
  do {
    const std::optional<Plan> plan = ensemble.PlanOf(Divided(places, before, order, parts));
    if (plan && (!best || plan->predicted.samples_per_s > best->predicted.samples_per_s)) best = plan;
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

}  // namespace

std::optional<Plan> EqualLayers(test::Ensemble& ensemble) {
  const size_t devices = ensemble.costs().devices().size();
  return BestOrder(ensemble, std::vector<double>(devices, 1.0 / static_cast<double>(devices)),
                   [](const Op&) { return 1.0; });
}

std::optional<Plan> BySpeed(test::Ensemble& ensemble) {
  const auto ops = static_cast<OpId>(ensemble.graph().ops().size());
  std::vector<double> speeds;
  for (size_t device = 0; device < ensemble.costs().devices().size(); ++device) {
    const RangeCost whole = ensemble.costs().Cost(static_cast<int>(device), 0, ops, ensemble.batch());
    speeds.push_back(whole.refused.empty() ? 1 / whole.call_s : 0);
  }
  const double sum = std::accumulate(speeds.begin(), speeds.end(), 0.0);
  for (double& speed : speeds) speed /= sum;
  return BestOrder(ensemble, speeds, [](const Op& op) { return static_cast<double>(op.cost.macs); });
}

}  // namespace consort
