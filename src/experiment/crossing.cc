#include "experiment/crossing.h"

#include <algorithm>
#include <cmath>

namespace consort::experiment {
namespace {

// ln(time of a / time of b) at a size that both have.
struct Difference {
  double size = 0;
  double log_ratio = 0;
};

std::vector<Difference> DifferencesOf(const Curve& a, const Curve& b) {
  std::vector<Difference> differences;
  for (size_t i = 0; i < a.sizes.size(); ++i) {
    const auto same = std::find(b.sizes.begin(), b.sizes.end(), a.sizes[i]);
    if (same == b.sizes.end()) continue;
    const double log_ratio = std::log(a.times[i] / b.times[static_cast<size_t>(same - b.sizes.begin())]);
    if (!std::isnan(log_ratio)) differences.push_back({a.sizes[i], log_ratio});
  }
  return differences;
}

// Where the line through both points in log-log is zero.
double Between(const Difference& before, const Difference& after) {
  const double part = before.log_ratio / (before.log_ratio - after.log_ratio);
  return std::exp(std::log(before.size) + part * (std::log(after.size) - std::log(before.size)));
}

}  // namespace

std::vector<Crossing> FindCrossings(const Curve& a, const Curve& b) {
  std::vector<Crossing> crossings;
  const Difference* before = nullptr;  // the last size at which one was faster
  std::vector<Difference> equal;       // sizes behind it at which they were equal
  const std::vector<Difference> differences = DifferencesOf(a, b);
  for (const Difference& now : differences) {
    if (now.log_ratio == 0) {
      equal.push_back(now);
      continue;
    }
    if (before != nullptr && (before->log_ratio < 0) != (now.log_ratio < 0)) {
      const bool a_below = before->log_ratio < 0;
      Crossing found{.faster_below = a_below ? a.device : b.device, .faster_above = a_below ? b.device : a.device};
      found.below = equal.empty() ? before->size : equal.front().size;
      found.above = equal.empty() ? now.size : equal.back().size;
      found.at = equal.empty() ? Between(*before, now) : std::sqrt(found.below * found.above);
      crossings.push_back(std::move(found));
    }
    before = &now;
    equal.clear();
  }
  return crossings;
}

std::vector<Crossing> FindCrossings(const std::vector<Curve>& curves) {
  std::vector<Crossing> all;
  for (size_t a = 0; a < curves.size(); ++a) {
    for (size_t b = a + 1; b < curves.size(); ++b) {
      for (Crossing& one : FindCrossings(curves[a], curves[b])) all.push_back(std::move(one));
    }
  }
  return all;
}

}  // namespace consort::experiment
