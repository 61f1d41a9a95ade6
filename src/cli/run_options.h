// The options of `consort run` as typed values.
#ifndef CONSORT_CLI_RUN_OPTIONS_H_
#define CONSORT_CLI_RUN_OPTIONS_H_

#include <filesystem>
#include <optional>
#include <vector>

#include "cli/model_options.h"
#include "cli/report_option.h"
#include "cli/run_plan_options.h"

namespace consort {

enum class PlacementDetail { kNone, kSummary, kOps };

struct RunOptions : ModelArguments, InputArguments, EngineArguments, PlanRunArguments {
  std::vector<NamedFile> expected;
  std::optional<double> tolerance;
  bool strict = false;

  int iterations = 1;
  std::optional<double> timeout_s;
  ClockKind clock_kind = ClockKind::kReal;

  std::filesystem::path output_folder;  // empty: outputs are not written
  bool dequantize = false;              // outputs of quantized ports become float32
  PlacementDetail placement = PlacementDetail::kSummary;
  OutputFormat format = OutputFormat::kTable;
  ReportOption report;
};

// Adds every option of the command; `options` must outlive the parsing.
void AddRunOptions(CLI::App* app, RunOptions& options);

}  // namespace consort

#endif  // CONSORT_CLI_RUN_OPTIONS_H_
