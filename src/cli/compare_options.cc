#include "cli/compare_options.h"

namespace consort {
namespace {

constexpr double kMaxSeconds = 1e6;
constexpr int kMaxLoads = 100;
constexpr int kMaxInputSets = 10'000;

void AddMeasuringOptions(CLI::App* app, CompareOptions& options) {
  AddParsed(
      app, "-t,--time", "SECONDS", options.time_s,
      [](const std::string& text) { return ParseBetween(text, 1e-3, kMaxSeconds); },
      "undisturbed measured time, of all targets together (default: 10)");
  AddParsed(
      app, "--loads", "N", options.loads,
      [](const std::string& text) { return static_cast<int>(ParseInt(text, 1, kMaxLoads)); },
      "times that every target is opened and compiled anew (default: 3)");
  app->add_flag("--strict", options.strict,
                "exit code 4 before the first inference unless every op is known to run where it was asked to");
}

}  // namespace

ReferenceArgument ParseReference(const std::string& text) {
  if (text == "none") return {.wanted = false};
  return {.wanted = true, .target = Target::Parse(text)};
}

void AddAccuracyOptions(CLI::App* app, std::optional<ReferenceArgument>& reference, AccuracyBounds& bounds,
                        const std::string& group) {
  const auto grouped = [&group](CLI::Option* option) {
    if (!group.empty()) option->group(group);
  };
  grouped(AddParsed(app, "--reference", "TARGET", reference, ParseReference,
                    "what outputs are compared with, at optimisation level basic, not timed; 'none' leaves accuracy out "
                    "(default: cpu@onnxruntime)"));
  grouped(AddParsed(
      app, "--min-cosine", "C", bounds.min_cosine, [](const std::string& text) { return ParseBetween(text, -1, 1); },
      "exit code 5 for a lower cosine"));
  grouped(AddParsed(
      app, "--max-error", "E", bounds.max_error, [](const std::string& text) { return ParseBetween(text, 0, 1e30); },
      "exit code 5 for a larger error, as a share of the largest |reference|"));
}

void AddCompareOptions(CLI::App* app, CompareOptions& options) {
  AddModelOptions(app, options);
  app->get_option("--device")
      ->description("what to compare, comma separated, two targets at least; the first is the baseline");
  AddInputOptions(app, options);
  AddStateOption(app, options, "the input starts as zeros, as a stream's first call sees it; repeatable");
  AddMeasuringOptions(app, options);
  AddAccuracyOptions(app, options.reference, options.bounds, "");
  AddParsed(
      app, "--input-sets", "N", options.input_sets,
      [](const std::string& text) { return static_cast<int>(ParseInt(text, 1, kMaxInputSets)); },
      "sets of inputs for the accuracy, seeded one after the other (default: 8, with input files 1)");
  AddParsed(app, "--threads", "N", options.compile.threads, ParsePositive,
            "engine threads (default: one per core of the target)");
  AddEngineOptions(app, options);
  AddReportOption(app, options.report);
  AddFormatOption(app, options.format,
                  {OutputFormat::kTable, OutputFormat::kMarkdown, OutputFormat::kCsv, OutputFormat::kJson});
  AddPlanningOptions(app, options.planning, "a plan of 'consort plan', compared with the targets of --device");
  AddEmulationOptions(app, options.emulation);
  AddImageOptions(app, options.image);
}

}  // namespace consort
