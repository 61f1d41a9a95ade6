// How `consort plan` prints what it found.
#ifndef CONSORT_CLI_PLAN_REPORT_H_
#define CONSORT_CLI_PLAN_REPORT_H_

#include <string>
#include <vector>

#include "consort/graph.h"
#include "plan/planner.h"

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
};

// The ranked plans, why each ranks where it does, and the chosen one drawn; 80 columns, ends in a newline.
std::string PlanTables(const PlanReport& report);
// docs/planning.md lists the keys.
std::string PlanReportJson(const PlanReport& report);

}  // namespace consort

#endif  // CONSORT_CLI_PLAN_REPORT_H_
