// The options of `consort compare` as typed values.
#ifndef CONSORT_CLI_COMPARE_OPTIONS_H_
#define CONSORT_CLI_COMPARE_OPTIONS_H_

#include <optional>

#include "bench/accuracy.h"
#include "cli/model_options.h"

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
  OutputFormat format = OutputFormat::kTable;
};

// Adds every option of the command; `options` must outlive the parsing.
void AddCompareOptions(CLI::App* app, CompareOptions& options);

}  // namespace consort

#endif  // CONSORT_CLI_COMPARE_OPTIONS_H_
