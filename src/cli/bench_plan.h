// `consort bench` of a plan.
#ifndef CONSORT_CLI_BENCH_PLAN_H_
#define CONSORT_CLI_BENCH_PLAN_H_

#include "cli/bench_options.h"
#include "cli/command.h"

namespace consort {

// Measures a plan that is read or made: the latency of one call at a time, the throughput with every replica busy, each
// stage against what was predicted, and how right the numbers are. Prints it; of a plan that misses its bounds only what
// misses (kAccuracyMissed).
ExitCode RunBenchPlan(const BenchArguments& arguments);

}  // namespace consort

#endif  // CONSORT_CLI_BENCH_PLAN_H_
