// `consort run --plan`: the stages of a plan on its targets, many samples at once.
#ifndef CONSORT_CLI_RUN_PLAN_H_
#define CONSORT_CLI_RUN_PLAN_H_

#include "cli/command.h"
#include "cli/run_options.h"

namespace consort {

// Reads model and plan, compiles the stages, compares their numbers with the reference's, runs the samples through a
// session and prints the report. `options.clock`, where it is set, knows the calling thread. Throws what these throw;
// the exit code is kAccuracyMissed, and nothing was run, where the plan misses its bounds; kDeviceLost where calls
// failed because of a lost device.
ExitCode RunPlan(const RunOptions& options);

}  // namespace consort

#endif  // CONSORT_CLI_RUN_PLAN_H_
