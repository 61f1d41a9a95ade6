// `consort compare` with a plan among the sides, and what both ways of comparing share.
#ifndef CONSORT_CLI_COMPARE_PLANS_H_
#define CONSORT_CLI_COMPARE_PLANS_H_

#include "cli/command.h"
#include "cli/compare_options.h"
#include "cli/compare_report.h"

namespace consort {

// The targets, each by itself, against a plan that was read or is made of them; by the plan's objective.
ExitCode RunComparePlans(const CompareOptions& options);

// What went wrong that is not an error: the accuracy first, because figures of wrong numbers mean nothing.
ExitCode ConcludeCompare(const CompareReport& report);

}  // namespace consort

#endif  // CONSORT_CLI_COMPARE_PLANS_H_
