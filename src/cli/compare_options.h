// The options of `consort compare` as typed values.
#ifndef CONSORT_CLI_COMPARE_OPTIONS_H_
#define CONSORT_CLI_COMPARE_OPTIONS_H_

#include <optional>

#include "bench/accuracy.h"
#include "cli/model_options.h"
#include "cli/planned_model.h"
#include "cli/report_option.h"

namespace consort {

// What outputs are compared with.
struct ReferenceArgument {
  bool wanted = true;  // false: --reference none
  Target target;
};

struct CompareOptions : ModelArguments, InputArguments, EngineArguments {
  bool strict = false;
  double time_s = 10;
  int loads = 3;
  std::optional<ReferenceArgument> reference;  // absent: cpu@onnxruntime
  std::optional<int> input_sets;               // sets of inputs for the accuracy; absent: 8, or 1 with input files
  AccuracyBounds bounds;
  PlanningArguments planning;
  OutputFormat format = OutputFormat::kTable;
  ReportOption report;
};

// "none", or a target.
ReferenceArgument ParseReference(const std::string& text);

// --reference, --min-cosine and --max-error; a group "" is that of the command's own options.
void AddAccuracyOptions(CLI::App* app, std::optional<ReferenceArgument>& reference, AccuracyBounds& bounds,
                        const std::string& group);
// Adds every option of the command; `options` must outlive the parsing.
void AddCompareOptions(CLI::App* app, CompareOptions& options);

}  // namespace consort

#endif  // CONSORT_CLI_COMPARE_OPTIONS_H_
