// The options of `consort run --plan` as typed values.
#ifndef CONSORT_CLI_RUN_PLAN_OPTIONS_H_
#define CONSORT_CLI_RUN_PLAN_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <vector>

#include "bench/accuracy.h"
#include "cli/compare_options.h"
#include "cli/planned_model.h"
#include "consort/target.h"
#include "run/ensemble.h"

namespace consort {

// Where the numbers of emulated targets come from.
enum class Numbers : uint8_t {
  kAsPlanned,  // as the plan's targets say
  kNone,       // from nowhere (@null)
};

struct PlanRunArguments {
  PlanningArguments planning;
  std::vector<Target> spares;  // of every stage that does not run on them
  std::optional<int> verify_every;
  double verify_tolerance = 1e-3;
  std::optional<double> stage_timeout_s;
  std::optional<Replanning> replan;  // absent: what is left of the plan goes on
  std::filesystem::path trace;  // empty: none
  bool watch = false;
  Numbers numbers = Numbers::kAsPlanned;
  std::optional<ReferenceArgument> reference;  // absent: cpu@onnxruntime
  std::optional<int> input_sets;               // absent: 4, or 1 with input files
  AccuracyBounds bounds;                       // as asked (BoundsOf)
};

// Adds the options that go with --plan; `arguments` must outlive the parsing.
void AddPlanRunOptions(CLI::App* app, PlanRunArguments& arguments);

struct RunOptions;
// Throws UsageError for options that need a plan, that a plan leaves no room for, or that contradict each other.
void CheckPlanRunUsage(const CLI::App& app, const RunOptions& options);

}  // namespace consort

#endif  // CONSORT_CLI_RUN_PLAN_OPTIONS_H_
