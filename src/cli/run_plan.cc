#include "cli/run_plan.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "base/files.h"
#include "bench/device_energy.h"
#include "bench/plan_check.h"
#include "bench/plan_subject.h"
#include "cli/input_sets.h"
#include "cli/plan_rules.h"
#include "cli/report_run.h"
#include "cli/run_inputs.h"
#include "cli/run_plan_energy.h"
#include "cli/run_plan_flow.h"
#include "cli/run_plan_replan.h"
#include "cli/run_plan_report.h"
#include "cli/run_plan_setup.h"
#include "cli/run_plan_watch.h"
#include "plan/describe_stage.h"
#include "plan/drawing.h"
#include "run/ensemble.h"
#include "run/session.h"

namespace consort {
namespace {

constexpr size_t kLeastTrace = size_t{1} << 14;
constexpr size_t kMostTrace = size_t{1} << 20;

Clock& ClockOf(const RunOptions& options) { return options.clock == nullptr ? Clock::Real() : *options.clock; }

// --- Numbers ---------------------------------------------------------------------------------------------------------

PlanAccuracy CheckNumbers(const PlanSetup& setup, const RunOptions& options) {
  const InputSets inputs(options, options.input_sets.value_or(options.inputs.empty() ? kPlanInputSets : 1));
  const PlanCheckOptions check = CheckOptionsOf(inputs, setup.signature(), options.reference, BoundsOf(options.bounds),
                                                setup.prepare_options());
  PlanAccuracy accuracy = CheckPrepared(setup.prepared(), setup.registry(), setup.plan(), setup.model_at(), check);
  HoldToBounds(accuracy, options.bounds);
  return accuracy;
}

// --- The run ---------------------------------------------------------------------------------------------------------

// What replicas and queues hold, and as many as keep every replica busy: more where replicas share calls and no figure
// tells how unlike they are.
int InFlightFor(const Plan& plan) {
  constexpr int kUnknownRatio = 4;
  int held = 1;
  for (const Stage& stage : plan.stages) {
    const auto replicas = static_cast<int>(stage.replicas.size());
    const bool unknown = std::any_of(stage.replicas.begin(), stage.replicas.end(), [](const Replica& replica) {
      return replica.samples == 0 && replica.call_s == 0;
    });
    held += replicas + stage.queue_depth + (unknown && replicas > 1 ? kUnknownRatio * replicas : 0);
  }
  return std::max(held, InFlightOf(plan));
}

SessionOptions SessionOptionsOf(const PlanSetup& setup, const RunOptions& options, int64_t calls) {
  SessionOptions session{
      .max_in_flight = InFlightFor(setup.plan()), .states = options.states, .clock = options.clock};
  if (options.stage_timeout_s) session.stage_deadline_ns = static_cast<TimeNs>(*options.stage_timeout_s * 1e9);
  if (options.timeout_s) session.sample_deadline_ns = static_cast<TimeNs>(*options.timeout_s * 1e9);
  if (options.verify_every) session.verify = {*options.verify_every, options.verify_tolerance};
  // A wait, a run, a check, conversions for each stage; copies in and out.
  const size_t events = static_cast<size_t>(calls) * (5 * setup.plan().stages.size() + 2);
  session.trace_capacity = std::clamp(events, kLeastTrace, kMostTrace);
  return session;
}

// Executables are the session's; these see them as long as it uses them.
using Executables = std::vector<std::vector<std::weak_ptr<Executable>>>;

Executables ExecutablesOf(const PreparedPlan& prepared) {
  Executables executables;
  for (const PreparedStage& stage : prepared.stages) {
    executables.emplace_back();
    for (const PreparedReplica& replica : stage.replicas) executables.back().push_back(replica.executable);
    for (const PreparedReplica& replica : stage.spares) executables.back().push_back(replica.executable);
  }
  return executables;
}

std::optional<EmulationReport> EmulationOf(const std::weak_ptr<Executable>& executable) {
  const std::shared_ptr<Executable> used = executable.lock();
  if (used == nullptr) return std::nullopt;
  const Emulated* emulated = AsEmulated(*used);
  return emulated == nullptr ? std::nullopt : std::optional(emulated->emulation());
}

// What is known of a plan's replicas before they run.
std::vector<StageRun> DescribeStages(const PlanSetup& setup, const Plan& plan, const PreparedPlan& compiled) {
  const Graph& graph = setup.graph();
  std::vector<StageRun> stages;
  for (size_t index = 0; index < plan.stages.size(); ++index) {
    const Stage& stage = plan.stages[index];
    const PreparedStage& prepared = compiled.stages[index];
    StageRun& run = stages.emplace_back();
    const auto [first, last] = EndsOf(graph, stage.begin, stage.end);
    run.first_op = graph.op(first).name;
    run.last_op = graph.op(last).name;
    const auto add = [&](const Replica& planned, const PreparedReplica& replica, bool spare) {
      ReplicaRun& added = run.replicas.emplace_back(ReplicaRun{.planned = planned, .spare = spare});
      added.session.name = replica.name;
      added.session.state = spare ? ReplicaState::kSpare : ReplicaState::kActive;
      added.placement = replica.executable->placement();
      added.emulation = EmulationOf(replica.executable);
      if (added.emulation) {
        added.provenance = Provenance::kEmulated;
        added.overruns = -added.emulation->overruns;  // those of the check do not count
      }
    };
    for (size_t i = 0; i < stage.replicas.size(); ++i) add(stage.replicas[i], prepared.replicas[i], false);
    for (size_t i = 0; i < prepared.spares.size(); ++i)
      add({.target = setup.spares()[index][i]}, prepared.spares[i], true);
  }
  return stages;
}

// Medians of the calls of each replica, in seconds, from the newest events.
std::map<std::pair<int, int>, double> MedianTimes(const Trace& trace) {
  std::map<std::pair<int, int>, std::vector<TimeNs>> times;
  for (const TraceEvent& event : trace.Read()) {
    if (event.kind == TraceKind::kRun) times[{event.stage, event.replica}].push_back(event.end_ns - event.start_ns);
  }
  std::map<std::pair<int, int>, double> medians;
  for (auto& [replica, all] : times) {
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::nth_element(all.begin(), middle, all.end());
    medians[replica] = static_cast<double>(*middle) / 1e9;
  }
  return medians;
}

// Means, in seconds, where no events are kept.
std::map<std::pair<int, int>, double> MeanTimes(const SessionReport& session) {
  std::map<std::pair<int, int>, double> means;
  for (size_t stage = 0; stage < session.stages.size(); ++stage) {
    for (size_t i = 0; i < session.stages[stage].size(); ++i) {
      const ReplicaReport& replica = session.stages[stage][i];
      if (replica.calls > 0)
        means[{static_cast<int>(stage), static_cast<int>(i)}] = replica.mean_call_s();
    }
  }
  return means;
}

// What report.session tells of the replicas, which ran for `wall_ns`.
void DescribeReplicas(const std::map<std::pair<int, int>, double>& times, const Executables& executables,
                      TimeNs wall_ns, PlanRunReport& report) {
  std::vector<uint64_t>& suspects = report.session.suspects;  // those of several replicas may be the same
  suspects.erase(std::unique(suspects.begin(), suspects.end()), suspects.end());
  for (size_t stage = 0; stage < report.stages.size(); ++stage) {
    for (size_t i = 0; i < report.stages[stage].replicas.size(); ++i) {
      ReplicaRun& replica = report.stages[stage].replicas[i];
      replica.session = report.session.stages.at(stage).at(i);
      if (wall_ns > 0) replica.busy = static_cast<double>(replica.session.busy_ns) / static_cast<double>(wall_ns);
      const auto time = times.find({static_cast<int>(stage), static_cast<int>(i)});
      if (time != times.end() && time->second > 0) replica.call_s = time->second;
      if (const auto emulation = EmulationOf(executables[stage][i])) replica.emulation = emulation;
      if (replica.emulation) replica.overruns += replica.emulation->overruns;
    }
  }
}

void WriteTrace(const Session& session, const RunOptions& options, PlanRunReport& report) {
  if (options.trace.empty()) return;
  WriteFile(options.trace, session.TraceAsJson());
  report.trace_file = options.trace.string();
  report.trace_whole = session.trace().Read().size() == session.trace().recorded();
}

std::vector<OutputReport> OutputsOf(const std::vector<Port>& ports, std::vector<Buffer> tensors) {
  std::vector<OutputReport> outputs;
  for (size_t port = 0; port < tensors.size(); ++port)
    outputs.push_back({.port = ports[port], .tensor = std::move(tensors[port])});
  return outputs;
}

// What is expected holds for every result: each output's verdict is that of the one that is farthest from it.
void JudgeResults(const std::vector<Port>& ports, const std::vector<Expected>& expected, const RunOptions& options,
                  PlanRunReport& report) {
  const auto farther = [](const Verdict& a, const Verdict& b) {
    if (a.passed() != b.passed()) return !a.passed();
    return a.comparison && b.comparison && a.comparison->relative() > b.comparison->relative();
  };
  report.outputs = OutputsOf(ports, std::move(report.flow.last));
  JudgeExpected(report.outputs, expected, options);
  for (std::vector<Buffer>& result : report.flow.results) {
    std::vector<OutputReport> outputs = OutputsOf(ports, std::move(result));
    JudgeExpected(outputs, expected, options);
    for (size_t port = 0; port < outputs.size(); ++port) {
      const Verdict difference = Judge(outputs[port].tensor, report.outputs[port].tensor, std::nullopt);
      if (difference.comparison)
        report.largest_difference = std::max(report.largest_difference, difference.comparison->relative());
      if (outputs[port].expected && farther(*outputs[port].expected, *report.outputs[port].expected))
        report.outputs[port].expected = outputs[port].expected;
    }
  }
}

// Runs the calls through a Session or an Ensemble, watched where that is asked for.
template <typename Runner>
void SendCalls(Runner& runner, const std::function<SessionReport()>& watched, const FlowOptions& flow,
               const RunOptions& options, PlanRunReport& report) {
  report.ran = true;
  report.in_flight = runner.max_in_flight();
  report.begin_ns = flow.clock->NowNs();
  std::optional<LiveView> view;
  if (options.watch) {
    view.emplace(watched, WatchOptions{.title = report.model,
                                       .calls = flow.calls,
                                       .batch = report.plan.batch,
                                       .clock = flow.clock,
                                       .terminal = isatty(STDERR_FILENO) == 1});
  }
  report.flow = SendThrough(runner, report.inputs, flow);
}

// Returns the ports of the outputs.
std::vector<Port> RunSession(PlanSetup& setup, const RunOptions& options, const FlowOptions& flow,
                             PlanRunReport& report) {
  const Executables executables = ExecutablesOf(setup.prepared());
  Session session(setup.TakePrepared(), SessionOptionsOf(setup, options, flow.calls));
  SendCalls(session, [&session] { return session.report(); }, flow, options, report);
  report.session = session.report();
  DescribeReplicas(MedianTimes(session.trace()), executables, report.flow.wall_ns, report);
  WriteTrace(session, options, report);
  if (options.report.asked()) report.events = session.trace().Read();
  return session.outputs();
}

// What was compiled for plans. Thread-safe, but for Make.
class Compilations {
 public:
  explicit Compilations(PlanSetup& setup) : setup_(setup) {}

  // The setup's own first, then the others. One at a time.
  PreparedPlan Make(const Plan& plan) {
    PreparedPlan prepared = is_first_ ? setup_.TakePrepared() : setup_.Compile(plan);
    is_first_ = false;
    Compiled compiled{DevicesOf(plan), DescribeStages(setup_, plan, prepared), ExecutablesOf(prepared)};
    std::lock_guard lock(mutex_);
    all_.push_back(std::move(compiled));
    return prepared;
  }
  // The newest for such a plan, which was made.
  std::pair<std::vector<StageRun>, Executables> For(const Plan& plan) const {
    std::lock_guard lock(mutex_);
    const auto found = std::find_if(all_.rbegin(), all_.rend(), [&plan](const Compiled& compiled) {
      return compiled.devices == DevicesOf(plan) && compiled.stages.size() == plan.stages.size();
    });
    return {found->stages, found->executables};
  }

 private:
  struct Compiled {
    std::string devices;
    std::vector<StageRun> stages;
    Executables executables;
  };
  PlanSetup& setup_;
  bool is_first_ = true;
  mutable std::mutex mutex_;
  std::vector<Compiled> all_;
};

// With the counts of all plans.
SessionReport WatchedOf(const EnsembleReport& ensemble) {
  SessionReport session = ensemble.session;
  session.delivered = ensemble.delivered;
  session.failed = ensemble.failed;
  return session;
}

void DescribeEnsemble(const Compilations& compilations, const EnsembleReport& told, const RunOptions& options,
                      PlanRunReport& report) {
  TimeNs wall_ns = report.flow.wall_ns;
  if (!told.takeovers.empty())
    wall_ns -= told.takeovers.back().at_ns + told.takeovers.back().taken_over_ns - report.begin_ns;
  Executables executables;
  std::tie(report.stages, executables) = compilations.For(told.plan);
  report.session = told.session;
  DescribeReplicas(MeanTimes(told.session), executables, wall_ns, report);
  report.replanned = ReplannedRun{*options.replan, told.plan, told.takeovers, told.moved, told.problem};
}

std::vector<Port> RunEnsemble(PlanSetup& setup, const RunOptions& options, const FlowOptions& flow,
                              PlanRunReport& report) {
  Compilations compilations(setup);
  Ensemble ensemble(
      setup.plan(), [&compilations](const Plan& plan) { return compilations.Make(plan); },
      {.session = SessionOptionsOf(setup, options, flow.calls),
       .replan = [&setup](const Plan&, const std::vector<std::string>& lost) { return PlanWithout(setup, lost); },
       .replanning = *options.replan});
  SendCalls(ensemble, [&ensemble] { return WatchedOf(ensemble.report()); }, flow, options, report);
  DescribeEnsemble(compilations, ensemble.report(), options, report);
  return ensemble.outputs();
}

void RunCalls(PlanSetup& setup, const RunOptions& options, PlanRunReport& report) {
  const std::vector<Expected> expected = ReadExpected(options, setup.signature());
  const int64_t steps = CountSteps(report.inputs);
  FlowOptions flow{.calls = steps > 0 ? steps : options.iterations, .clock = &ClockOf(options)};
  for (const auto& [input, output] : options.states) flow.states.insert(output);
  EnergyTally energy(EnergyMeterOfPlan(setup.plan()));
  energy.Begin();
  const std::vector<Port> ports =
      options.replan ? RunEnsemble(setup, options, flow, report) : RunSession(setup, options, flow, report);
  energy.End(static_cast<int64_t>(report.samples()));
  report.energy = EnergyOf(report, energy);
  if (report.flow.delivered > 0) JudgeResults(ports, expected, options, report);
  if (!options.output_folder.empty() && !report.outputs.empty()) WriteOutputs(report.outputs, options.output_folder);
}

// --- The end ---------------------------------------------------------------------------------------------------------

ExitCode Conclude(const PlanRunReport& report) {
  std::fflush(stdout);
  if (report.accuracy && !report.accuracy->misses.empty()) return SayMisses(*report.accuracy, report.plan_file + ": ");
  const FlowResult& flow = report.flow;
  if (flow.failed + flow.given_up > 0) {
    fmt::print(stderr, "consort: {} of {} calls failed{}; the first: {}\n", flow.failed, flow.started,
               flow.given_up > 0 ? fmt::format(", {} were not started", flow.given_up) : "",
               flow.failures.front().message);
    return flow.lost ? ExitCode::kDeviceLost : ExitCodeFor(flow.failures.front().code);
  }
  if (Passed(report.outputs)) return ExitCode::kDone;
  fmt::print(stderr, "consort: an output differs by more than the tolerance\n");
  return ExitCode::kAccuracyMissed;
}

// A call that hangs in this process, past its deadline, still uses what the end of the program would destroy.
bool MayHang(const PlanRunReport& report, const RunOptions& options) {
  return options.stage_timeout_s && !options.isolated &&
         (!report.session.losses.empty() || report.has_changed_plans());
}

}  // namespace

ExitCode RunPlan(const RunOptions& options) {
  PlanSetup setup(options);
  PlanRunReport report{.plan = setup.plan(),
                       .plan_file = options.planning.plan.empty() ? "a plan made for this run"
                                                                  : options.planning.plan.string(),
                       .model = setup.model_name(),
                       .fingerprint = setup.model_fingerprint(),
                       .virtual_clock = options.clock != nullptr,
                       .bounds = BoundsOf(options.bounds),
                       .ports = setup.signature().inputs,
                       .inputs = RunInputs(options).For(setup.signature())};
  if (!options.reference || options.reference->wanted) report.accuracy = CheckNumbers(setup, options);
  report.stages = DescribeStages(setup, setup.plan(), setup.prepared());
  if (!report.accuracy || report.accuracy->misses.empty()) RunCalls(setup, options, report);
  fmt::print("{}", FormatPlanRun(report, options));
  if (options.report.asked()) WriteReports(PlanRunDocument(report, setup.graph()), options.report);
  const ExitCode code = setup.Conclude(Conclude(report));
  if (MayHang(report, options)) {
    std::fflush(stdout);
    std::_Exit(static_cast<int>(code));
  }
  return code;
}

}  // namespace consort
