#include "experiment/plan_timing.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <set>

#include "base/clock_thread.h"
#include "base/strings.h"
#include "bench/device_energy.h"
#include "bench/plan_subject.h"
#include "emulate/virtual_clock.h"
#include "experiment/numbers.h"
#include "experiment/timing.h"
#include "measure/statistics.h"
#include "run/session.h"
#include "tune/session_timer.h"

namespace consort::experiment {
namespace {

constexpr double kNotKnown = std::numeric_limits<double>::quiet_NaN();
constexpr double kSPerNs = 1e-9;
constexpr double kMsPerS = 1e3;
constexpr double kQuickShare = 0.2;
constexpr int kLoads = 2;
constexpr int kTrials = 3;          // by the virtual clock, where every call takes the same
constexpr int64_t kMostBytes = int64_t{1} << 30;
constexpr int kSteadyCalls = 12;
constexpr int kFillingCalls = 4;

std::vector<ReplicaTime> ReplicasOf(const DividedNetwork& network, const Planned& planned) {
  std::vector<ReplicaTime> replicas;
  for (size_t stage = 0; stage < planned.plan.stages.size(); ++stage) {
    const std::vector<Replica>& of_stage = planned.plan.stages[stage].replicas;
    for (size_t i = 0; i < of_stage.size(); ++i) {
      ReplicaTime& time = replicas.emplace_back(ReplicaTime{.stage = static_cast<int>(stage),
                                                            .call_s = of_stage[i].call_s,
                                                            .link_s = kNotKnown,
                                                            .host_s = kNotKnown});
      for (const TestDevice& device : network.devices()) {
        if (device.target == of_stage[i].target) time.device = device.name;
      }
      if (replicas.size() > planned.parts.size()) continue;
      time.link_s = planned.parts[replicas.size() - 1].link_s;
      time.host_s = planned.parts[replicas.size() - 1].host_s;
    }
  }
  return replicas;
}

void AddCalls(const SessionReport& session, std::vector<ReplicaTime>& replicas) {
  auto replica = replicas.begin();
  for (const std::vector<ReplicaReport>& stage : session.stages) {
    for (const ReplicaReport& one : stage) {
      if (replica == replicas.end()) return;
      (replica++)->call_s = one.calls > 0 ? one.mean_call_s() : kNotKnown;
    }
  }
}

// What the platforms say against the plan's emulated devices.
void AddWarnings(const DividedNetwork& network, const Plan& plan, PlanTiming& timing) {
  std::set<std::string> warnings;
  for (const TestDevice& device : network.DevicesOf(plan)) {
    if (device.emulated() && !device.described->warning.empty()) warnings.insert(device.described->warning);
  }
  timing.notes.insert(timing.notes.end(), warnings.begin(), warnings.end());
}

// Tensors that cross into, between and out of stages, of one call.
int64_t BytesOfCall(const Plan& plan) {
  int64_t bytes = 0;
  for (const Stage& stage : plan.stages) bytes += stage.input_bytes + stage.output_bytes;
  return bytes;
}

// --- By formula and by the virtual clock -----------------------------------------------------------------------------

void FillByFormula(const Planned& planned, PlanTiming& timing) {
  timing.provenance = Provenance::kModelled;
  timing.call_s = planned.evaluation->prediction.latency_s;
  timing.between_s = static_cast<double>(planned.plan.batch) / planned.evaluation->prediction.samples_per_s;
}

// Tensors of zeros.
std::vector<Buffer> InputsOf(const std::vector<Port>& ports) {
  std::vector<Buffer> inputs;
  for (const Port& port : ports) {
    inputs.push_back(Buffer::Allocate(port.spec));
    std::memset(inputs.back().data(), 0, inputs.back().size_bytes());
  }
  return inputs;
}

// Calls one at a time, the first left out.
std::vector<double> CallSeconds(Session& session, const std::vector<Buffer>& inputs, Clock& clock) {
  std::vector<Buffer> outputs(session.outputs().size());
  std::vector<double> seconds;
  for (int trial = 0; trial <= kTrials; ++trial) {
    const TimeNs start_ns = clock.NowNs();
    session.Run(inputs, outputs);
    if (trial > 0) seconds.push_back(kSPerNs * static_cast<double>(clock.NowNs() - start_ns));
  }
  return seconds;
}

// Between results, as many calls under way as the session takes.
double SecondsBetween(Session& session, const std::vector<Buffer>& inputs, Clock& clock) {
  std::vector<Buffer> outputs(session.outputs().size());
  std::vector<Ticket> under_way;
  std::vector<double> ends_s;
  int started = 0;
  while (static_cast<int>(ends_s.size()) < kSteadyCalls + kFillingCalls) {
    while (started < kSteadyCalls + kFillingCalls && static_cast<int>(under_way.size()) < session.max_in_flight()) {
      under_way.push_back(session.Submit(inputs));
      ++started;
    }
    session.Wait(under_way.front(), outputs);
    under_way.erase(under_way.begin());
    ends_s.push_back(kSPerNs * static_cast<double>(clock.NowNs()));
  }
  const std::ptrdiff_t last = static_cast<std::ptrdiff_t>(ends_s.size()) - kFillingCalls / 2;
  return MeanStep({ends_s.begin() + kFillingCalls / 2, ends_s.begin() + last});
}

void Emulate(DividedNetwork& network, const Planned& planned, const PlanTimingOptions& options, PlanTiming& timing) {
  VirtualClock clock;
  const ClockMember member(clock, "experiment");
  const ModelAtBatch model_at = [&network](int64_t batch) { return network.ModelAt(batch); };
  PreparedPlan prepared =
      Prepare(planned.plan, network.graph(), ShardsOf(model_at, planned.plan), network.testbed().registry(),
              {.open = {.clock = &clock}, .compile = {.prove_placement = false}});
  Session session(std::move(prepared),
                  {.max_in_flight = InFlightOf(planned.plan), .trace_capacity = 0, .clock = &clock});
  const std::vector<Buffer> inputs = InputsOf(session.inputs());
  const std::vector<double> seconds = CallSeconds(session, inputs, clock);
  AddCalls(session.report(), timing.replicas);
  timing.trials = static_cast<int64_t>(seconds.size());
  timing.call_s = Median(seconds);
  if (options.steady) timing.between_s = SecondsBetween(session, inputs, clock);
}

void AddModelledEnergy(const Planned& planned, PlanTiming& timing) {
  const double joules = planned.evaluation->prediction.joules_per_sample;
  timing.joules = joules > 0 ? joules : kNotKnown;
  timing.energy_source = joules > 0 ? "modelled: active power × busy time" : "not known: the platform gives no power";
}

PlanTiming TimeEmulated(DividedNetwork& network, const Planned& planned, const PlanTimingOptions& options) {
  PlanTiming timing{.low_s = kNotKnown, .high_s = kNotKnown, .between_s = kNotKnown};
  timing.replicas = ReplicasOf(network, planned);
  if (BytesOfCall(planned.plan) * InFlightOf(planned.plan) > kMostBytes) {
    FillByFormula(planned, timing);
  } else {
    Emulate(network, planned, options, timing);
  }
  AddModelledEnergy(planned, timing);
  AddWarnings(network, planned.plan, timing);
  return timing;
}

// --- Measured --------------------------------------------------------------------------------------------------------

MeterOptions MeterFor(const Testbed& testbed, const PlanTimingOptions& options) {
  const double time_s = options.time_s * (testbed.quick() ? kQuickShare : 1);
  return {.time_ns = static_cast<TimeNs>(time_s * 1e9), .min_blocks = 5};
}

// Where noise spoiled every block, the median of all of them: `unstable` says so.
void Fill(const MeterSummary& summary, PlanTiming& timing) {
  timing.unstable = summary.unstable;
  timing.trials = summary.latencies.count();
  if (timing.trials > 0) {
    timing.call_s = kSPerNs * summary.median_ns.estimate;
    timing.low_s = kSPerNs * summary.median_ns.low;
    timing.high_s = kSPerNs * summary.median_ns.high;
  } else {
    timing.trials = summary.everything.count();
    timing.call_s = kSPerNs * summary.everything.PercentileNs(50);
    timing.low_s = timing.high_s = kNotKnown;
  }
}

PlanTiming Measure(DividedNetwork& network, const Planned& planned, const PlanTimingOptions& options) {
  PlanTiming timing{.provenance = ProvenanceOf(network.DevicesOf(planned.plan)), .between_s = kNotKnown};
  timing.replicas = ReplicasOf(network, planned);
  AddWarnings(network, planned.plan, timing);
  Testbed& testbed = network.testbed();
  const Registry registry = QuantizingRegistry(testbed, network.network());
  const ModelAtBatch model_at = [&network](int64_t batch) { return network.ModelAt(batch); };
  NoiseGate gate{CoreSet()};
  NoiseGate busy_gate(CoreSet(), LimitsFor(Objective::kThroughput));
  MeterOptions metering = MeterFor(testbed, options);
  Meter latency(gate, metering);
  metering.block_ns = BlockLengthNs(Objective::kThroughput);
  Meter throughput(busy_gate, metering);
  EnergyTally energy(EnergyMeterOfPlan(planned.plan));
  for (int load = 0; load < kLoads; ++load) {
    PlanSubject subject(registry, planned.plan, network.graph(), model_at, {.compile = {.prove_placement = false}},
                        SeededInputs(testbed.seed()));
    gate.FindChildren();
    Warm([&subject] { subject.Query(); }, 20'000'000, 500'000'000);
    subject.BeginCounting();
    latency.RunSegment(energy.Around(subject.Latency()), kLoads);
    AddCalls(subject.Counted(), timing.replicas);
    if (options.steady) throughput.RunSegment(subject.Throughput(), kLoads);
    for (const EmulationReport& report : subject.Emulation()) {
      if (report.overruns > 0) timing.unstable = DescribeOverruns(report);
    }
  }
  const std::string overrun = timing.unstable;
  Fill(latency.Summarise(), timing);
  if (!overrun.empty()) timing.unstable = overrun;
  const MeterSummary streamed = throughput.Summarise();
  if (streamed.clean_blocks > 0)
    timing.between_s = static_cast<double>(planned.plan.batch) / streamed.throughput.estimate;
  const EnergyFigure figure = energy.Summarise();
  timing.joules = figure.joules_per_inference.value_or(kNotKnown);
  timing.energy_source = figure.source;
  return timing;
}

}  // namespace

double PlanTiming::SumOfCalls() const {
  return std::accumulate(replicas.begin(), replicas.end(), 0.0,
                         [](double sum, const ReplicaTime& one) { return sum + one.call_s; });
}

double PlanTiming::SlowestCall() const {
  double slowest_s = 0;
  for (const ReplicaTime& one : replicas) slowest_s = std::max(slowest_s, one.call_s);
  return slowest_s;
}

PlanTiming TimePlan(DividedNetwork& network, const Planned& planned, const PlanTimingOptions& options) {
  network.testbed().Say(Describe(network.network()) + " on " + network.Describe(planned.plan));
  return planned.evaluation ? TimeEmulated(network, planned, options) : Measure(network, planned, options);
}

Json ToJson(const PlanTiming& timing) {
  Json row = {{"provenance", ToString(timing.provenance)}};
  const auto milliseconds = [&row](const char* name, double seconds) { row[name] = NumberOrNull(kMsPerS * seconds); };
  milliseconds("call_ms", timing.call_s);
  milliseconds("between_ms", timing.between_s);
  milliseconds("low_ms", timing.low_s);
  milliseconds("high_ms", timing.high_s);
  row["joules"] = NumberOrNull(timing.joules);
  row["energy_source"] = timing.energy_source;
  if (!timing.unstable.empty()) row["unstable"] = timing.unstable;
  if (!timing.notes.empty()) row["note"] = Join(timing.notes, "; ");
  return row;
}

}  // namespace consort::experiment
