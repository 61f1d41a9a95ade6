// `consort plan` on targets of this machine, and what both ways of planning share.
#ifndef CONSORT_CLI_PLAN_LOCAL_H_
#define CONSORT_CLI_PLAN_LOCAL_H_

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/plan_options.h"
#include "cli/plan_report.h"
#include "platform/platform.h"

namespace consort {

// Measures, plans, runs and prints.
ExitCode RunLocalPlan(const PlanArguments& arguments);

// The platform as the command line changes it.
Platform PlatformOf(const PlanArguments& arguments);
// Whether the text names a device of the platform: "gtx1650/fp16".
bool HasDevice(const Platform& platform, const std::string& text);
// A text that can only be a target: with '@' or ':', or a device name that targets begin with.
bool LooksLikeTarget(const std::string& text);

// Writes the reports that the command line asks for.
void WritePlanReports(const PlanReport& report, const PlanArguments& arguments);
// Writes the files that the command line asks for; their names.
std::vector<std::string> WritePlan(const PlanReport& report, const PlanArguments& arguments);

}  // namespace consort

#endif  // CONSORT_CLI_PLAN_LOCAL_H_
