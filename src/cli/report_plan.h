// The report of `consort plan`.
#ifndef CONSORT_CLI_REPORT_PLAN_H_
#define CONSORT_CLI_REPORT_PLAN_H_

#include "cli/plan_report.h"
#include "report/document.h"

namespace consort {

report::Document PlanDocument(const PlanReport& report);

}  // namespace consort

#endif  // CONSORT_CLI_REPORT_PLAN_H_
