// What the rows of `sharding` say.
#ifndef CONSORT_EXPERIMENT_SHARDING_REPORT_H_
#define CONSORT_EXPERIMENT_SHARDING_REPORT_H_

#include <string>
#include <vector>

#include "experiment/experiment.h"

namespace consort::experiment {

// Of one network at one batch: the better of both devices alone, the best division by hand, the planner's choice.
struct ShardingBest {
  std::string network;
  int64_t batch = 1;
  const Row* single = nullptr;   // nullptr: neither can run it
  const Row* divided = nullptr;  // nullptr: no division can
  const Row* planned = nullptr;  // for the figure's objective; nullptr: it was not asked, or found none

  // How many times faster than the better single device: NaN where one is missing.
  double gain(const std::string& figure) const;
  double planned_gain(const std::string& figure) const;
};

// By a figure of the rows: "call_ms" (with the planner's choice for latency) or "between_ms" (for throughput). Pointers
// into `rows`.
std::vector<ShardingBest> BestOf(const std::vector<Row>& rows, const std::string& figure);

Outcome ShardingReport(const Findings& findings);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_SHARDING_REPORT_H_
