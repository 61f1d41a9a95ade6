#include "quantize/float_layers.h"

#include <algorithm>

namespace consort {

std::set<OpId> OpsOfWorst(std::span<const LayerError> worst_first, int count, const QuantizationPlan& plan) {
  std::set<OpId> worst, ops;
  for (const LayerError& layer : worst_first.first(static_cast<size_t>(count))) worst.insert(layer.op);
  for (const Unit& unit : plan.units) {
    if (!worst.contains(unit.op)) continue;
    ops.insert(unit.op);
    if (unit.activation != kNone) ops.insert(unit.activation);
  }
  return ops;
}

FloatLayers KeepWorstInFloat(std::span<const LayerError> worst_first, const QuantizationPlan& plan,
                             const std::function<bool(const std::set<OpId>&)>& holds) {
  FloatLayers result;
  const auto try_with = [&](int count) {
    ++result.tries;
    return holds(OpsOfWorst(worst_first, count, plan));
  };
  const int most = static_cast<int>(worst_first.size()) - 1;
  int failed = -1;  // the most that were not enough
  int enough = 0;
  while (!try_with(enough)) {
    if (enough >= most) return result;
    failed = enough;
    enough = std::min(most, std::max(1, 2 * enough));
  }
  while (enough - failed > 1) {
    const int middle = failed + (enough - failed) / 2;
    (try_with(middle) ? enough : failed) = middle;
  }
  result.kept = enough;
  result.met = true;
  return result;
}

}  // namespace consort
