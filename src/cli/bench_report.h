// How `consort bench` prints what it measured.
#ifndef CONSORT_CLI_BENCH_REPORT_H_
#define CONSORT_CLI_BENCH_REPORT_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/bench.h"
#include "cli/options.h"

namespace consort {

// "12.3 µs", "4.56 ms", "1.23 s": three to four digits.
std::string FormatTime(double nanoseconds);
// "12,345", "123", "1.23": three digits or more.
std::string FormatRate(double per_second);

// "cpu@onnxruntime, batch 4, 2 threads": what tells a row from the others.
std::string NameOf(const BenchRow& row);

// The whole report in one of the five forms; ends in a newline.
std::string FormatBenchReport(const BenchReport& report, const std::vector<double>& percentiles, OutputFormat format);

// The parts that other reports use too.
nlohmann::ordered_json EnvironmentJson(const Environment& environment);
nlohmann::ordered_json RowJson(const BenchRow& row, const std::vector<double>& percentiles);

}  // namespace consort

#endif  // CONSORT_CLI_BENCH_REPORT_H_
