#include "cli/bench_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/files.h"
#include "bench/device_energy.h"
#include "bench/plan_check.h"
#include "bench/plan_subject.h"
#include "cli/bench_plan_report.h"
#include "cli/emulation_report.h"
#include "cli/input_sets.h"
#include "cli/plan_rules.h"
#include "cli/progress.h"
#include "cli/report_bench.h"
#include "tune/session_timer.h"

namespace consort {
namespace {

constexpr double kSecondsDefault = 5;

// What a plan leaves no room for.
void CheckUsage(const BenchArguments& arguments) {
  if (arguments.scenario || arguments.queries_per_s || !arguments.concurrencies.empty() || !arguments.threads.empty())
    throw UsageError(
        "--scenario, --qps, --concurrency and --threads are not for plans: a plan says how many replicas work with how "
        "many threads, and is measured with one call at a time and with all replicas busy");
  if (!arguments.planning.plan.empty() && !arguments.targets.empty())
    throw UsageError("--device is not for --plan: the targets are the plan's ('consort compare --plan' takes both)");
  if (!arguments.planning.plan.empty() && !arguments.batches.empty())
    throw UsageError("--batch is not for --plan: the batch is the plan's");
  if (arguments.time_s && arguments.iterations) throw UsageError("--time and --iterations exclude each other");
  CheckBoundsUsage(arguments.reference, arguments.bounds);
  if (arguments.batches.size() > 1) throw UsageError("--strategy takes one --batch");
  if (arguments.clock_kind == ClockKind::kVirtual) throw UsageError("--clock virtual: bench times calls in real time");
  if (arguments.format != OutputFormat::kTable && arguments.format != OutputFormat::kJson)
    throw UsageError("--format: plans are reported as table or json");
}

// Blocks that tell the mean time between results, with one time for each call.
BlockRunner ByCall(BlockRunner run, int64_t batch) {
  return [run = std::move(run), batch](TimeNs budget_ns, int64_t max_queries, BlockSamples& samples) {
    run(budget_ns, max_queries, samples);
    if (samples.latencies_ns.size() == 1)
      samples.latencies_ns.resize(static_cast<size_t>(samples.inferences / batch), samples.latencies_ns.front());
  };
}

// What counters say; of a plan of emulated devices alone, what it predicts.
EnergyFigure EnergyOf(const Plan& plan, const EnergyTally& counted) {
  const std::vector<Target> targets = TargetsOf(plan);
  if (!std::all_of(targets.begin(), targets.end(), IsEmulated)) return counted.Summarise();
  const double joules = plan.predicted.joules_per_sample;
  if (joules <= 0) return {std::nullopt, "not known: the plan predicts none"};
  return {joules, "modelled: active power × busy time, as the plan predicts"};
}

class PlanBench {
 public:
  explicit PlanBench(const BenchArguments& arguments)
      : arguments_(arguments),
        planned_(arguments, arguments, arguments, arguments.planning, Objective::kThroughput,
                 arguments.batches.empty() ? 0 : arguments.batches.front()),
        model_(planned_.model()),
        inputs_(arguments, arguments.inputs.empty() ? kPlanInputSets : 1) {}

  // Nothing is measured of a plan that misses its bounds.
  PlanBenchReport Run() {
    if (arguments_.strict) RequireStrictPlan(planned_, planned_.plan(), Preparing());
    PlanBenchReport report{.environment = ReadEnvironment(),
                           .model = model_,
                           .plan = planned_.plan(),
                           .name = planned_.Describe(),
                           .loads = arguments_.loads,
                           .seed = arguments_.seed};
    if (!arguments_.reference || arguments_.reference->wanted) report.accuracy = Check();
    if (!report.missed()) Measure(report);
    return report;
  }

  // PlannedModel::Conclude.
  ExitCode Conclude(ExitCode code) const { return planned_.Conclude(code); }

 private:
  PrepareOptions Preparing() const { return {.open = arguments_.open(), .compile = arguments_.compile}; }

  PlanAccuracy Check() {
    progress_.Say("comparing with the reference");
    const PlanCheckOptions check = CheckOptionsOf(inputs_, SignatureOf(model_.graph()), arguments_.reference,
                                                  BoundsOf(arguments_.bounds), Preparing());
    PlanAccuracy accuracy = CheckPlan(planned_.registry(), planned_.plan(), planned_.model_at(), check);
    HoldToBounds(accuracy, arguments_.bounds);
    return accuracy;
  }

  MeterOptions Metering() const {
    MeterOptions meter{.time_ns = static_cast<TimeNs>(arguments_.time_s.value_or(kSecondsDefault) * 1e9),
                       .queries = arguments_.iterations.value_or(0),
                       .patience = arguments_.patience,
                       .max_discarded = arguments_.max_discarded,
                       .between_runs = arguments_.between_runs};
    return meter;
  }

  void Measure(PlanBenchReport& report) {
    NoiseGate gate{CoreSet()};
    NoiseGate busy_gate(CoreSet(), LimitsFor(Objective::kThroughput));
    MeterOptions options = Metering();
    Meter latency(gate, options);
    options.block_ns = BlockLengthNs(Objective::kThroughput);
    Meter throughput(busy_gate, options);
    EnergyTally energy(EnergyMeterOfPlan(report.plan));
    const InputSource source = [this](const Signature& signature) { return inputs_.Get(0, signature); };
    for (int load = 0; load < arguments_.loads; ++load) {
      progress_.Say(fmt::format("load {} of {}", load + 1, arguments_.loads));
      const TimeNs start_ns = Clock::Real().NowNs();
      PlanSubject subject(planned_.registry(), planned_.plan(), model_.graph(), planned_.model_at(), Preparing(),
                          source);
      report.load_ns.push_back(Clock::Real().NowNs() - start_ns);
      gate.FindChildren();
      busy_gate.FindChildren();
      Warm([&subject] { subject.Query(); });
      subject.BeginCounting();
      latency.RunSegment(subject.Latency(), arguments_.loads);
      throughput.RunSegment(energy.Around(ByCall(subject.Throughput(), report.plan.batch)), arguments_.loads);
      report.session = subject.Counted();
      report.placement = subject.placement();
      AddCalls(report.emulation, subject.Emulation());
    }
    progress_.Say("");
    report.latency = latency.Summarise();
    report.throughput = throughput.Summarise();
    report.blind_spot = gate.blind_spot();
    report.energy = EnergyOf(report.plan, energy);
  }

  const BenchArguments& arguments_;
  PlannedModel planned_;
  const Model model_;
  const InputSets inputs_;
  const Progress progress_;
};

ExitCode Conclude(const PlanBenchReport& report) {
  std::fflush(stdout);
  const std::string overrun = report.overrun();
  if (!overrun.empty()) {
    fmt::print(stderr, "consort: {}\n", overrun);
    return ExitCode::kUnstable;
  }
  const std::string& unstable = report.unstable();
  if (unstable.empty()) return ExitCode::kDone;
  fmt::print(stderr, "consort: unstable: {}\n", unstable);
  return ExitCode::kUnstable;
}

}  // namespace

ExitCode RunBenchPlan(const BenchArguments& arguments) {
  CheckModelsOfPlan(arguments);
  CheckUsage(arguments);
  PlanBench bench(arguments);
  const PlanBenchReport report = bench.Run();
  if (report.missed()) return SayMisses(*report.accuracy, "");
  const std::string text = arguments.format == OutputFormat::kJson ? PlanBenchJson(report, arguments.percentiles)
                                                                   : PlanBenchTables(report, arguments.percentiles);
  if (arguments.output.empty()) {
    fmt::print("{}", text);
  } else {
    WriteFile(arguments.output, text);
  }
  if (arguments.report.asked()) WriteReports(PlanBenchDocument(report, arguments.percentiles), arguments.report);
  return bench.Conclude(Conclude(report));
}

}  // namespace consort
