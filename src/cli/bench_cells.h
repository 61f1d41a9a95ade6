// Cells of the tables of `consort bench`, and the forms that hold nothing else.
#ifndef CONSORT_CLI_BENCH_CELLS_H_
#define CONSORT_CLI_BENCH_CELLS_H_

#include <string>
#include <vector>

#include "bench/bench.h"
#include "cli/bench_report.h"

namespace consort {

// A cell of a CSV file (RFC 4180): quoted where it holds a comma, a quote or a line break.
std::string CsvCell(std::string text);

// "p99.9".
std::string FormatPercentile(double percent);
// Half the width of an interval, "±1.2 %"; empty for one without width.
std::string FormatSpread(const Interval& interval);
// "Measured", "Emulated", or "Measured and emulated".
std::string FormatKinds(const std::vector<BenchRow>& rows);
// A latency of the row, or the word that stands in its place: overrun, unstable, overloaded.
std::string LatencyOr(const BenchRow& row, double nanoseconds);
// A percentile of the row's latencies likewise; "-" when there are too few queries for it.
std::string PercentileOr(const BenchRow& row, double percent);
// Inferences per second, or "overrun" or "unstable".
std::string ThroughputOr(const BenchRow& row);

// "12.3 mJ".
std::string FormatJoules(double joules);
// Joules per inference, "-" where they are not known.
std::string JoulesOr(const BenchRow& row);

// One line per row; times in milliseconds (RFC 4180).
std::string FormatBenchCsv(const BenchReport& report, const std::vector<double>& percentiles);
std::string FormatBenchMarkdown(const BenchReport& report, const std::vector<double>& percentiles);

}  // namespace consort

#endif  // CONSORT_CLI_BENCH_CELLS_H_
