#include "cli/run_options.h"

namespace consort {
namespace {

constexpr double kMaxTimeoutSeconds = 1e6;

void AddRunInputOptions(CLI::App* app, RunOptions& options) {
  AddInputOptions(app, options);
  AddStateOption(app, options,
                 "carry an output of each call to an input of the next; starts as zeros or as -i says; repeatable");
  AddEach(
      app, "--sequence", "INPUT", [&options](const std::string& text) { options.sequences.push_back(text); },
      "one call per step of axis 0 of that input's file; outputs are stacked; repeatable");
}

void AddCheckOptions(CLI::App* app, RunOptions& options) {
  AddFiles(app, "--expect", "[NAME=]FILE", options.expected,
           "expected output, or an .npz of several; a difference beyond --tolerance ends in exit code 5; repeatable");
  AddParsed(
      app, "--tolerance", "T", options.tolerance, [](const std::string& text) { return ParseBetween(text, 0, 1e30); },
      "largest difference allowed, times the largest |expected| (default: 1e-5); without --expect it bounds the "
      "differences from the first target");
  app->add_flag("--strict", options.strict,
                "exit code 4 before the first inference unless every op is known to run where it was asked to");
}

void AddCallOptions(CLI::App* app, RunOptions& options) {
  AddParsed(app, "--threads", "N", options.compile.threads, ParsePositive,
            "engine threads (default: one per core of the target)");
  AddEngineOptions(app, options);
  AddParsed(app, "-n,--iterations", "N", options.iterations, ParsePositive,
            "calls with the same inputs (default: 1)");
  AddParsed(
      app, "--timeout", "SECONDS", options.timeout_s,
      [](const std::string& text) { return ParseBetween(text, 1e-6, kMaxTimeoutSeconds); },
      "longest time of one inference, with --plan of one sample from its start, waiting included (default: none)");
}

void AddPrintOptions(CLI::App* app, RunOptions& options) {
  AddParsed(
      app, "-o,--output", "FOLDER", options.output_folder, [](const std::string& text) { return text; },
      "write each output as .npy; one folder per target when there are several");
  app->add_flag("--dequantize", options.dequantize,
                "outputs that the model holds as integers with a scale are shown and written as the real numbers that they stand for");
  AddChoice<PlacementDetail>(
      app, "--placement", options.placement,
      {{"summary", PlacementDetail::kSummary}, {"ops", PlacementDetail::kOps}, {"none", PlacementDetail::kNone}},
      "where the ops ran: counts, op by op, or not at all (default: summary)");
  AddReportOption(app, options.report);
  AddFormatOption(app, options.format);
}

}  // namespace

void AddRunOptions(CLI::App* app, RunOptions& options) {
  AddModelOptions(app, options);
  AddRunInputOptions(app, options);
  AddCheckOptions(app, options);
  AddCallOptions(app, options);
  AddPrintOptions(app, options);
  AddPlanRunOptions(app, options);
  AddEmulationOptions(app, options.emulation);
  AddClockOption(app, options.clock_kind,
                 "virtual: calls of emulated targets end at once, and time passes as modelled (default: real)");
  AddImageOptions(app, options.image);
}

}  // namespace consort
