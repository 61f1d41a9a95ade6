#include "cli/bench_options.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "bench/sweep.h"
#include "cli/command.h"
#include "cli/plan_options.h"

namespace consort {
namespace {

constexpr double kMaxSeconds = 1e6;

std::vector<double> ParsePercentiles(const std::string& text) {
  std::vector<double> percentiles;
  for (const std::string& part : Split(text, ',')) percentiles.push_back(ParseBetween(part, 0.001, 100));
  return percentiles;
}

void AddLoadOptions(CLI::App* app, BenchArguments& arguments) {
  std::vector<std::pair<std::string, std::optional<ScenarioKind>>> scenarios;
  for (const ScenarioInfo& info : Scenarios()) scenarios.emplace_back(info.name, info.kind);
  AddChoice<std::optional<ScenarioKind>>(
      app, "--scenario", arguments.scenario, scenarios,
      "how queries follow each other (default: single; concurrent with --concurrency, "
      "server with --qps)");
  AddParsed(app, "-b,--batch", "LIST", arguments.batches, ParseSweep,
            "size of axis 0 of every input: 1,2,4 or 1-8 or 1-64*2 (default: the model's own, 1 where it is open)");
  AddParsed(app, "--threads", "LIST", arguments.threads, ParseSweep,
            "engine threads of a replica (default: one per core that it gets)");
  AddParsed(app, "--concurrency", "LIST", arguments.concurrencies, ParseSweep,
            "replicas: executables that work at once, on cores of their own where there are enough (default: 1)");
  AddParsed(
      app, "--qps", "N", arguments.queries_per_s, [](const std::string& text) { return ParseBetween(text, 1e-3, 1e7); },
      "server: queries that arrive per second, at random times");
}

void AddMeasureOptions(CLI::App* app, BenchArguments& arguments) {
  const auto seconds = [](const std::string& text) { return ParseBetween(text, 0.01, kMaxSeconds); };
  AddParsed(app, "-t,--time", "SECONDS", arguments.time_s, seconds, "time to measure each row (default: 5)");
  AddParsed(app, "-n,--iterations", "N", arguments.iterations, ParsePositive, "queries to measure, instead of a time");
  AddParsed(
      app, "--loads", "N", arguments.loads,
      [](const std::string& text) { return static_cast<int>(ParseInt(text, 1, 1000)); },
      "times that the model is compiled anew within that (default: 5; fewer when compiling takes long)");
  AddParsed(
      app, "--patience", "X", arguments.patience, [](const std::string& text) { return ParseBetween(text, 1, 1000); },
      "give up after this many times the time that it would take without noise (default: 3)");
  AddParsed(
      app, "--max-discarded", "SHARE", arguments.max_discarded,
      [](const std::string& text) { return ParseBetween(text, 0, 1); },
      "share of the time that noise may spoil before the row is called unstable (default: 0.6)");
  AddParsed(
      app, "--between-runs", "SHARE", arguments.between_runs,
      [](const std::string& text) { return ParseBetween(text, 0, 1); },
      "what intervals hold of the differences between runs at different times (default: 0.04; 0: this run alone)");
  AddParsed(
      app, "--watts", "POWER", arguments.watts,
      [](const std::string& text) { return ParsePositiveQuantity(text, Dimension::kPower); },
      "the device draws this while it works, such as 35W: energy where no counter of this machine tells it");
  AddParsed(app, "--percentiles", "LIST", arguments.percentiles, ParsePercentiles,
            "percentiles of the latency (default: 50,90,95,99,99.9)");
  app->add_flag("--no-advice", arguments.no_advice, "skip the advice and the short measurements that it needs");
  app->add_flag("--strict", arguments.strict,
                "exit code 4 before the first inference unless every op is known to run where it was asked to");
}

// Threads and executables take memory whether or not they have cores.
void CheckMost(const char* option, const std::vector<int>& values) {
  constexpr int kMost = 1024;
  for (const int value : values) {
    if (value > kMost)
      throw UsageError(fmt::format("{}: {} is more than {}, the most there may be", option, value, kMost));
  }
}

void AddPrintOptions(CLI::App* app, BenchArguments& arguments) {
  AddParsed(
      app, "-o,--output", "FILE", arguments.output, [](const std::string& text) { return text; },
      "write to this file instead of the standard output");
  AddReportOption(app, arguments.report);
  AddFormatOption(
      app, arguments.format,
      {OutputFormat::kTable, OutputFormat::kMarkdown, OutputFormat::kCsv, OutputFormat::kJson, OutputFormat::kJsonl});
}

ScenarioKind Implied(const BenchArguments& arguments) {
  if (arguments.queries_per_s) return ScenarioKind::kServer;
  return arguments.concurrencies.empty() ? ScenarioKind::kSingle : ScenarioKind::kConcurrent;
}

}  // namespace

void AddBenchOptions(CLI::App* app, BenchArguments& arguments) {
  AddModelOptions(app, arguments);
  AddLoadOptions(app, arguments);
  AddMeasureOptions(app, arguments);
  AddInputOptions(app, arguments);
  AddStateOption(app, arguments, "an input that is a state: starts as zeros or as -i says, and stays so; repeatable");
  AddEngineOptions(app, arguments);
  AddPrintOptions(app, arguments);
  AddPlanningOptions(app, arguments.planning, "measure a plan of 'consort plan'");
  AddAccuracyOptions(app, arguments.reference, arguments.bounds, "Plans");
  AddEmulationOptions(app, arguments.emulation);
  AddClockOption(app, arguments.clock_kind, "real only: what is timed here takes real time (default: real)");
  AddImageOptions(app, arguments.image);
}

void CompleteBenchArguments(BenchArguments& arguments) {
  CheckModels(arguments);
  if (arguments.clock_kind == ClockKind::kVirtual) {
    throw UsageError(
        "--clock virtual: bench times calls, and under a virtual clock real work takes no time; for emulated "
        "targets take 'consort simulate -n', which needs no timing");
  }
  arguments.emulation.jitter_seed = arguments.seed;
  if (arguments.time_s && arguments.iterations) throw UsageError("--time and --iterations exclude each other");
  CheckMost("--concurrency", arguments.concurrencies);
  CheckMost("--threads", arguments.threads);
  const ScenarioKind scenario = arguments.scenario.value_or(Implied(arguments));
  arguments.scenario = scenario;
  const std::string_view name = InfoOf(scenario).name;
  if (scenario == ScenarioKind::kServer && !arguments.queries_per_s) {
    throw UsageError("--scenario server needs --qps: how many queries arrive per second");
  }
  if (scenario != ScenarioKind::kServer && arguments.queries_per_s) {
    throw UsageError(fmt::format("--qps is for --scenario server, not for {}", name));
  }
  if (scenario == ScenarioKind::kSingle && !arguments.concurrencies.empty()) {
    throw UsageError("--concurrency is not for --scenario single; leave --scenario out, or take concurrent");
  }
  if (scenario == ScenarioKind::kConcurrent && arguments.concurrencies.empty()) {
    throw UsageError("--scenario concurrent needs --concurrency: how many replicas work at once");
  }
  if (arguments.targets.empty()) arguments.targets = DefaultTargetsFor(arguments);
  if (arguments.concurrencies.empty()) arguments.concurrencies = {1};
  if (arguments.threads.empty()) arguments.threads = {0};
  if (arguments.batches.empty()) arguments.batches = {0};
}

}  // namespace consort
