#include "cli/run_plan_options.h"

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/plan_rules.h"
#include "cli/run_options.h"

namespace consort {
namespace {

constexpr double kMaxSeconds = 1e6;
constexpr int kMaxInputSets = 10'000;
constexpr char kGroup[] = "Plans";

// "1/N".
int ParseEvery(const std::string& text) {
  if (!text.starts_with("1/"))
    throw Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is not 1/N, such as 1/100", text));
  return ParsePositive(text.substr(2));
}

void AddSessionOptions(CLI::App* app, PlanRunArguments& arguments) {
  AddEach(
      app, "--spare", "TARGETS",
      [&arguments](const std::string& text) {
        for (Target& target : ParseTargets(text)) arguments.spares.push_back(std::move(target));
      },
      "targets that step in for a lost one, comma separated, at every stage that does not run on them")
      ->group(kGroup);
  AddParsed(app, "--verify", "1/N", arguments.verify_every, ParseEvery,
            "repeat each replica's every Nth call on another target of its stage and compare (spare: cpu@onnxruntime, "
            "unless --spare says another)")
      ->group(kGroup);
  AddParsed(
      app, "--verify-tolerance", "T", arguments.verify_tolerance,
      [](const std::string& text) { return ParseBetween(text, 0, 1e30); },
      "largest difference between two that agree, times the largest |value|; 0: the same bits (default: 1e-3)")
      ->group(kGroup);
  AddParsed(
      app, "--stage-timeout", "SECONDS", arguments.stage_timeout_s,
      [](const std::string& text) { return ParseBetween(text, 1e-6, kMaxSeconds); },
      "a call that takes longer means that its device is lost (default: none)")
      ->group(kGroup);
  AddChoice<std::optional<Replanning>>(
      app, "--replan", arguments.replan, {{"loss", Replanning::kAtTheLoss}, {"beforehand", Replanning::kBeforehand}},
      "go on with the best plan that is left when a target is lost, made and compiled then, or already before the first "
      "call (default: with what is left of the plan)")
      ->group(kGroup);
  AddChoice<Numbers>(app, "--numbers", arguments.numbers, {{"plan", Numbers::kAsPlanned}, {"none", Numbers::kNone}},
                     "numbers of emulated targets: as the plan's targets say, or none, as with @null (default: plan)")
      ->group(kGroup);
}

void AddPlanAccuracyOptions(CLI::App* app, PlanRunArguments& arguments) {
  AddParsed(app, "--reference", "TARGET", arguments.reference, ParseReference,
            "what the plan's numbers are compared with before it runs; 'none' leaves that out (default: "
            "cpu@onnxruntime)")
      ->group(kGroup);
  AddParsed(
      app, "--input-sets", "N", arguments.input_sets,
      [](const std::string& text) { return static_cast<int>(ParseInt(text, 1, kMaxInputSets)); },
      "sets of inputs for that, seeded one after the other (default: 4, with input files 1)")
      ->group(kGroup);
  AddParsed(
      app, "--min-cosine", "C", arguments.bounds.min_cosine,
      [](const std::string& text) { return ParseBetween(text, -1, 1); },
      "exit code 5, and nothing is run, for a plan with a lower cosine (default: 0.99, unless --max-error is given)")
      ->group(kGroup);
  AddParsed(
      app, "--max-error", "E", arguments.bounds.max_error,
      [](const std::string& text) { return ParseBetween(text, 0, 1e30); },
      "likewise for a larger error, as a share of the largest |reference|")
      ->group(kGroup);
}

void CheckNeedsPlan(const CLI::App& app) {
  for (const char* name : {"--spare", "--verify", "--verify-tolerance", "--stage-timeout", "--replan", "--trace", "--watch",
                           "--numbers", "--reference", "--input-sets", "--min-cosine", "--max-error"}) {
    if (app.get_option(name)->count() > 0) throw UsageError(fmt::format("{} goes with --plan or --strategy", name));
  }
}

// What belongs to the stages of one plan.
void CheckReplanUsage(const CLI::App& app, const RunOptions& options) {
  if (!options.replan) return;
  for (const char* name : {"--spare", "--verify", "--trace"}) {
    if (app.get_option(name)->count() == 0) continue;
    throw UsageError(fmt::format("--replan and {} exclude each other: {} is for the stages of one plan", name, name));
  }
}

void CheckStatesOfPlan(const RunOptions& options) {
  for (const auto& [input, output] : options.states) {
    for (const NamedFile& file : options.inputs) {
      if (file.name != input) continue;
      throw UsageError(fmt::format("--input {}: with a plan a state starts as zeros; leave the file out", input));
    }
  }
}

}  // namespace

void AddPlanRunOptions(CLI::App* app, PlanRunArguments& arguments) {
  AddPlanningOptions(app, arguments.planning,
                     "run the stages of a plan of 'consort plan' on its targets, in place of --device");
  AddSessionOptions(app, arguments);
  AddPlanAccuracyOptions(app, arguments);
  AddParsed(
      app, "--trace", "FILE", arguments.trace, [](const std::string& text) { return text; },
      "write what happened when, for ui.perfetto.dev")
      ->group(kGroup);
  app->add_flag("--watch", arguments.watch, "show the stages on the standard error while they run")->group(kGroup);
}

void CheckPlanRunUsage(const CLI::App& app, const RunOptions& options) {
  CheckPlanningUsage(options.planning);
  if (!options.planning.any()) return CheckNeedsPlan(app);
  if (!options.planning.plan.empty() && !options.targets.empty())
    throw UsageError("--device and --plan exclude each other: the plan names the targets");
  if (options.compile.threads > 0)
    throw UsageError("--threads is not for plans: a plan says how many threads each target has");
  if (options.planning.strategy != StrategyChoice::kNone && options.clock_kind == ClockKind::kVirtual)
    throw UsageError("--clock virtual: a plan is made by running it, which takes real time; make it with 'consort plan' and give it with --plan");
  CheckModelsOfPlan(options);
  CheckStatesOfPlan(options);
  CheckReplanUsage(app, options);
  if (app.get_option("--verify-tolerance")->count() > 0 && !options.verify_every)
    throw UsageError("--verify-tolerance goes with --verify");
  CheckBoundsUsage(options.reference, options.bounds);
  if (options.reference && !options.reference->wanted && options.input_sets)
    throw UsageError("--reference none leaves nothing to compare; leave out --input-sets");
}

}  // namespace consort
