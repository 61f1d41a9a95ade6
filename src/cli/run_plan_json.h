// The report of `consort run --plan` as JSON.
#ifndef CONSORT_CLI_RUN_PLAN_JSON_H_
#define CONSORT_CLI_RUN_PLAN_JSON_H_

#include <string>

#include "cli/run_plan_report.h"

namespace consort {

// docs/cli.md lists the keys. Ends in a newline.
std::string PlanRunJson(const PlanRunReport& report, const RunOptions& options);

}  // namespace consort

#endif  // CONSORT_CLI_RUN_PLAN_JSON_H_
