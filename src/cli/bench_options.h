// The options of `consort bench` as typed values.
#ifndef CONSORT_CLI_BENCH_OPTIONS_H_
#define CONSORT_CLI_BENCH_OPTIONS_H_

#include <filesystem>
#include <optional>
#include <vector>

#include "bench/scenario.h"
#include "bench/accuracy.h"
#include "cli/compare_options.h"
#include "cli/model_options.h"
#include "cli/planned_model.h"
#include "cli/report_option.h"
#include "measure/meter.h"

namespace consort {

struct BenchArguments : ModelArguments, InputArguments, EngineArguments {
  std::vector<int> batches;        // empty: as the model is
  std::vector<int> threads;        // empty: one per core
  std::vector<int> concurrencies;  // empty: one replica
  std::optional<ScenarioKind> scenario;
  std::optional<double> queries_per_s;

  std::optional<double> time_s;
  std::optional<int> iterations;
  ClockKind clock_kind = ClockKind::kReal;
  int loads = 5;
  double patience = 3;
  double between_runs = kBetweenRuns;
  double max_discarded = 0.6;
  double watts = 0;  // of the device while it works; 0: not stated
  bool no_advice = false;
  bool strict = false;

  PlanningArguments planning;
  std::optional<ReferenceArgument> reference;  // of a plan; absent: cpu@onnxruntime
  AccuracyBounds bounds;

  std::vector<double> percentiles = {50, 90, 95, 99, 99.9};
  std::filesystem::path output;  // empty: the standard output
  OutputFormat format = OutputFormat::kTable;
  ReportOption report;
};

// Adds every option of the command; `arguments` must outlive the parsing.
void AddBenchOptions(CLI::App* app, BenchArguments& arguments);

// Throws UsageError for options that do not go together, and fills in what follows from others (the scenario).
void CompleteBenchArguments(BenchArguments& arguments);

}  // namespace consort

#endif  // CONSORT_CLI_BENCH_OPTIONS_H_
