// Plans beside what sessions make of them.
#ifndef CONSORT_BENCHMARKS_ENSEMBLE_ROWS_H_
#define CONSORT_BENCHMARKS_ENSEMBLE_ROWS_H_

#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "support/ensemble.h"

namespace consort {

// What a session gave, by one clock. Nothing here is of real hardware: device times come from cost models.
struct Given {
  double samples_per_s = 0;
  double latency_s = 0;  // of one call with nothing else under way; of several replicas the slowest one that was met
};

struct EnsembleRow {
  std::string name;     // "planned", "equal layers"
  std::string devices;  // "xeon-2.2ghz > gtx1650"
  Plan plan;
  std::optional<Given> by_virtual;
  std::optional<Given> by_real;
};

struct RowsOptions {
  int virtual_calls = 4000;   // of each plan; 0: the virtual clock is left out
  double real_seconds = 3;    // for each plan; 0: the real clock is left out
  int queue_depth = 0;        // in front of each stage; 0: as the plan says
};

// Every device alone; the planner's best of each kind, the chosen one named "planned"; simple divisions.
std::vector<EnsembleRow> RowsOf(test::Ensemble& ensemble);
// Runs the row's plan.
void Run(test::Ensemble& ensemble, const RowsOptions& options, EnsembleRow& row);

}  // namespace consort

#endif  // CONSORT_BENCHMARKS_ENSEMBLE_ROWS_H_
