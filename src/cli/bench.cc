// consort bench: how fast a model is on one target or several, and how far that can be trusted.
#include "bench/bench.h"

#include <fmt/format.h>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>

#include "base/files.h"
#include "cli/batch.h"
#include "cli/bench_options.h"
#include "cli/bench_plan.h"
#include "cli/bench_report.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/report_bench.h"
#include "cli/run_inputs.h"
#include "cli/shard_quantizer.h"
#include "consort/registry.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Measures a model: every phase of an inference, latencies with all percentiles, throughput, memory. Blocks of "
    "timings "
    "that noise on the machine spoiled are discarded and counted; a row that cannot be trusted says unstable (exit "
    "code 7). "
    "Several targets are measured one after the other: for the ratio of two take 'consort compare'.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort bench -m net.onnx\n"
    "  consort bench -m net.onnx -d cpu:0@openvino/bf16 -b 1-16*2 --format md\n"
    "  consort bench -m net.onnx --concurrency 1,2 --threads 1 -t 10\n"
    "  consort bench -m net.onnx --qps 200 --format json -o server.json\n"
    "  consort bench -m net.onnx --plan plan.json\n"
    "  consort bench -m net.onnx -d cpu@onnxruntime,cpu@openvino --strategy auto";

BenchOptions OptionsFor(const BenchArguments& arguments) {
  BenchOptions options;
  options.scenario = *arguments.scenario;
  options.queries_per_s = arguments.queries_per_s.value_or(0);
  options.seed = arguments.seed;
  options.subject = {.compile = arguments.compile, .open = arguments.open(), .strict = arguments.strict};
  if (arguments.time_s) options.meter.time_ns = static_cast<TimeNs>(*arguments.time_s * 1e9);
  options.meter.queries = arguments.iterations.value_or(0);
  options.meter.patience = arguments.patience;
  options.meter.between_runs = arguments.between_runs;
  options.meter.max_discarded = arguments.max_discarded;
  options.loads = arguments.loads;
  options.watts = arguments.watts;
  options.advice = !arguments.no_advice;
  return options;
}

// Throws kInvalidArgument unless WriteFile can be expected to succeed.
void CheckWritable(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (std::filesystem::is_directory(folder) && access(folder.c_str(), W_OK | X_OK) == 0 &&
      !std::filesystem::is_directory(path)) {
    return;
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: cannot be written; --output takes a file in a folder that exists and may be written to",
                          path.string()));
}

// All rows of a command.
class Bench {
 public:
  explicit Bench(const BenchArguments& arguments)
      : arguments_(arguments),
        registry_(RegistryFor(arguments, arguments, arguments.emulation)),
        targets_(ResolveTargets(registry_, arguments)),
        inputs_(arguments),
        options_(OptionsFor(arguments)) {
    options_.progress = [this](const std::string& text) { progress_.Say(text); };
  }

  // Adds the rows. What a row throws ends the run and is returned: the rows before it stand.
  std::exception_ptr Run(BenchReport& report) {
    Check();
    try {
      ForEachModel([&](const Target& target, int batch) { AddRows(target, batch, report); });
    } catch (...) {
      return std::current_exception();
    }
    return nullptr;
  }

 private:
  void ForEachModel(const std::function<void(const Target&, int)>& work) const {
    for (const Target& target : targets_) {
      for (const int batch : arguments_.batches) work(target, batch);
    }
  }

  // What can be wrong without measuring is told before.
  void Check() const {
    if (!arguments_.output.empty()) CheckWritable(arguments_.output);
    ForEachModel([this](const Target& target, int batch) { LoadWithBatch(arguments_, arguments_, target, batch); });
  }

  void AddRows(const Target& target, int batch, BenchReport& report) {
    const LoadedModel model = LoadWithBatch(arguments_, arguments_, target, batch);
    const InputSource inputs = [this, batch, &model](const Signature& signature) {
      CheckBatch(signature, arguments_, batch, model.artifact.name());
      return inputs_.BuffersFor(signature);
    };
    options_.batch = batch;
    for (const int threads : arguments_.threads) {
      for (const int replicas : arguments_.concurrencies) {
        options_.subject.compile.threads = threads;
        options_.replicas = replicas;
        report.rows.push_back(MeasureRow(registry_, target, model, options_, inputs));
        report.rows.back().precision = DescribePrecision(target, model.artifact, report.rows.back().emulation);
      }
    }
  }

  const BenchArguments& arguments_;
  Registry registry_;
  std::vector<Target> targets_;
  RunInputs inputs_;
  BenchOptions options_;
  Progress progress_;
};

ExitCode Conclude(const BenchReport& report) {
  ExitCode code = ExitCode::kDone;
  for (const BenchRow& row : report.rows) {
    const std::string overrun = row.overrun();
    if (overrun.empty() && row.unstable().empty()) continue;
    code = ExitCode::kUnstable;
    if (!overrun.empty()) {
      fmt::print(stderr, "consort: {}: {}\n", NameOf(row), overrun);
      continue;
    }
    fmt::print(stderr, "consort: unstable: {}: {}\n", NameOf(row), row.unstable());
  }
  return code;
}

ExitCode RunBench(BenchArguments& arguments) {
  CheckPlanningUsage(arguments.planning);
  if (arguments.planning.any()) {
    arguments.emulation.jitter_seed = arguments.seed;
    return RunBenchPlan(arguments);
  }
  CompleteBenchArguments(arguments);
  BenchReport report{.environment = ReadEnvironment()};
  const std::exception_ptr failure = Bench(arguments).Run(report);
  if (failure != nullptr && report.rows.empty()) std::rethrow_exception(failure);
  const std::string text = FormatBenchReport(report, arguments.percentiles, arguments.format);
  if (arguments.output.empty()) {
    fmt::print("{}", text);
    std::fflush(stdout);
  } else {
    WriteFile(arguments.output, text);
  }
  if (arguments.report.asked()) WriteReports(BenchDocument(report, arguments.percentiles), arguments.report);
  const ExitCode code = Conclude(report);
  if (failure != nullptr) std::rethrow_exception(failure);
  return code;
}

}  // namespace

Command AddBenchCommand(CLI::App& program) {
  CLI::App* app = program.add_subcommand("bench", kDescription);
  app->footer(kFooter);
  const auto arguments = std::make_shared<BenchArguments>();
  AddBenchOptions(app, *arguments);
  app->get_option("--model")->required();
  return {app, [arguments] { return RunBench(*arguments); }};
}

}  // namespace consort
