// The reports of `consort run`, on targets and with a plan.
#ifndef CONSORT_CLI_REPORT_RUN_H_
#define CONSORT_CLI_REPORT_RUN_H_

#include <string>
#include <vector>

#include "cli/run_plan_report.h"
#include "cli/run_report.h"
#include "consort/graph.h"
#include "report/document.h"

namespace consort {

// Outputs against what was expected, and against the first target.
report::Table VerdictTable();
void AddVerdicts(const std::string& target, const std::vector<OutputReport>& outputs, report::Origin origin,
                 report::Table& table);

report::Document RunDocument(const std::vector<TargetReport>& reports);
// `graph` is the model's.
report::Document PlanRunDocument(const PlanRunReport& report, const Graph& graph);

}  // namespace consort

#endif  // CONSORT_CLI_REPORT_RUN_H_
