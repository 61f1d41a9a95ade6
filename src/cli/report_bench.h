// The report of `consort bench`.
#ifndef CONSORT_CLI_REPORT_BENCH_H_
#define CONSORT_CLI_REPORT_BENCH_H_

#include <vector>

#include "bench/bench.h"
#include "cli/bench_plan_report.h"
#include "report/document.h"

namespace consort {

report::Document BenchDocument(const BenchReport& report, const std::vector<double>& percentiles);
report::Document PlanBenchDocument(const PlanBenchReport& report, const std::vector<double>& percentiles);

}  // namespace consort

#endif  // CONSORT_CLI_REPORT_BENCH_H_
