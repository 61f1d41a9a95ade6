// How `consort plan` prints what it found.
#ifndef CONSORT_CLI_PLAN_REPORT_H_
#define CONSORT_CLI_PLAN_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "bench/plan_check.h"
#include "consort/graph.h"
#include "plan/planner.h"
#include "tune/tuner.h"

namespace consort {

struct PlanReport {
  const Graph& graph;
  const PlanList& list;
  std::string model;
  std::string platform;
  std::string platform_summary;
  std::vector<std::string> written;  // files
  double planning_s = 0;             // measured
  int64_t batch = 1;
  // Of targets that are measured and run:
  std::vector<Target> targets;  // empty: every figure is modelled
  std::vector<TunedPlan> runs;
  std::optional<Plan> chosen;        // as it ran; absent: the list's
  std::string unstable;
  double profiling_s = 0;
  std::optional<PlanAccuracy> accuracy;        // of the choice
  std::vector<std::string> left_out;           // targets that miss the bounds on accuracy, and how

  // What the figures are: "measured", "modelled", "emulated", or two of them.
  std::string word() const;
  const Plan& best() const { return chosen ? *chosen : list.best().plan; }
};

// The ranked plans, why each ranks where it does, and the chosen one drawn; 80 columns, ends in a newline.
std::string PlanTables(const PlanReport& report);
// docs/planning.md lists the keys.
std::string PlanReportJson(const PlanReport& report);

}  // namespace consort

#endif  // CONSORT_CLI_PLAN_REPORT_H_
