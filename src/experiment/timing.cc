#include "experiment/timing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/clock_thread.h"
#include "base/strings.h"
#include "base/thread.h"
#include "bench/bench.h"
#include "consort/emulation.h"
#include "cost/simulation.h"
#include "emulate/device_options.h"
#include "emulate/emulated_device.h"
#include "emulate/jitter.h"
#include "emulate/virtual_clock.h"
#include "experiment/numbers.h"

namespace consort::experiment {
namespace {

constexpr double kNotKnown = std::numeric_limits<double>::quiet_NaN();
constexpr double kSPerNs = 1e-9;
constexpr double kMsPerS = 1e3;
constexpr double kQuickShare = 0.2;
constexpr int64_t kLargestEmulated = int64_t{1} << 30;

// --- By formula and by the virtual clock -----------------------------------------------------------------------------

Simulated SimulatedCall(Testbed& testbed, const TestDevice& device, const Network& network, Weights weights) {
  std::map<int64_t, Model> models;  // an Edge TPU is asked for one sample
  const auto graph = [&](int64_t batch) -> const Graph& {
    Network at = network;
    at.make.batch = batch;
    return models.try_emplace(batch, testbed.StructureOf(at)).first->second.graph();
  };
  return Simulate(*device.platform, *device.described, graph,
                  {.batch = network.make.batch,
                   .cost = {.precision = device.precision, .weights_resident = weights == Weights::kResident}});
}

void AddEnergy(const Simulated& simulated, CallTiming& timing) {
  const double joules = simulated.joules();
  timing.joules = joules > 0 ? joules : kNotKnown;
  timing.energy_source = joules > 0 ? "modelled: active power × busy time" : "not known: the platform gives no power";
}

int64_t BytesOf(const Graph& graph) {
  int64_t bytes = 0;
  for (const auto& ids : {graph.inputs(), graph.outputs()}) {
    for (const TensorId id : ids) bytes += ByteSize(graph.tensor(id).spec);
  }
  return bytes;
}

double NearestRank(const std::vector<double>& sorted, double percent) {
  const auto count = static_cast<double>(sorted.size());
  const auto rank = static_cast<size_t>(std::max(1.0, std::ceil(count * percent / 100 - 1e-9)));
  return sorted[rank - 1];
}

void Fill(std::vector<double> seconds, CallTiming& timing) {
  std::sort(seconds.begin(), seconds.end());
  timing.trials = static_cast<int64_t>(seconds.size());
  // Of equal times the sum's rounding would make another mean.
  timing.mean_s = seconds.front() == seconds.back()
                      ? seconds.front()
                      : std::accumulate(seconds.begin(), seconds.end(), 0.0) / static_cast<double>(seconds.size());
  timing.median_s = NearestRank(seconds, 50);
  timing.p90_s = NearestRank(seconds, 90);
  timing.p99_s = NearestRank(seconds, 99);
  timing.least_s = seconds.front();
  timing.most_s = seconds.back();
}

// The device's executable, called by itself.
std::vector<double> EmulatedSeconds(Testbed& testbed, const TestDevice& device, const Network& network,
                                    const TimingOptions& options) {
  VirtualClock clock;
  const ClockMember member(clock, "experiment");
  ResourceTimes times;
  EmulatedDeviceOptions made = OptionsOf({device.platform, device.described}, device.target, clock, times);
  made.host = testbed.registry().Open(testbed.registry().Resolve(Target::Parse("null")));
  made.exact = false;
  made.jitter = testbed.options().jitter;
  made.jitter_seed = JitterSeedOf(testbed.seed(), device.described->name);
  made.weights_resident = options.weights == Weights::kResident;
  EmulatedDevice emulated(std::move(made));
  const Artifact artifact(testbed.StructureOf(network));
  const auto executable = emulated.Compile(artifact, {.prove_placement = false});
  const auto binding = std::make_shared<Binding>(executable->signature());
  for (int port = 0; port < binding->input_count(); ++port) {
    binding->SetInput(port, emulated.Allocate(executable->signature().inputs[port].spec, emulated.info().spaces.front()));
  }
  std::vector<double> seconds;
  for (int trial = 0; trial < options.trials; ++trial) {
    const TimeNs start_ns = clock.NowNs();
    consort::Run(*executable, binding);
    seconds.push_back(kSPerNs * static_cast<double>(clock.NowNs() - start_ns));
  }
  return seconds;
}

CallTiming Emulate(Testbed& testbed, const TestDevice& device, const Network& network, const TimingOptions& options) {
  const Simulated simulated = SimulatedCall(testbed, device, network, options.weights);
  CallTiming timing{.provenance = Provenance::kEmulated, .refused = simulated.refused, .notes = simulated.estimate.notes};
  if (!simulated.refused.empty()) return timing;
  if (!device.described->warning.empty()) timing.notes.push_back(device.described->warning);
  if (BytesOf(testbed.StructureOf(network).graph()) > kLargestEmulated) {
    timing.provenance = Provenance::kModelled;
    Fill({simulated.latency_s()}, timing);
  } else {
    Fill(EmulatedSeconds(testbed, device, network, options), timing);
  }
  timing.low_s = timing.mean_s * simulated.estimate.low;
  timing.high_s = timing.mean_s * simulated.estimate.high;
  AddEnergy(simulated, timing);
  return timing;
}

// --- Measured --------------------------------------------------------------------------------------------------------

MeterOptions MeterFor(const Testbed& testbed, const TimingOptions& options) {
  MeterOptions meter;
  meter.time_ns = static_cast<TimeNs>(1e9 * options.time_s * (testbed.quick() ? kQuickShare : 1));
  if (testbed.quick()) meter.min_blocks = 5;
  return meter;
}

// Where no block was clean, those that noise spoiled are told, and that they are not to be trusted.
void Fill(const MeterSummary& measured, CallTiming& timing) {
  const bool clean = measured.latencies.count() > 0;
  const Distribution& times = clean ? measured.latencies : measured.everything;
  const auto percentile = [&times](double percent) {
    return HasPercentile(times, percent) ? kSPerNs * times.PercentileNs(percent) : kNotKnown;
  };
  timing.trials = times.count();
  timing.mean_s = kSPerNs * times.mean_ns();
  timing.median_s = kSPerNs * (clean ? measured.median_ns.estimate : times.PercentileNs(50));
  timing.low_s = clean ? kSPerNs * measured.median_ns.low : kNotKnown;
  timing.high_s = clean ? kSPerNs * measured.median_ns.high : kNotKnown;
  timing.p90_s = percentile(90);
  timing.p99_s = percentile(99);
  timing.least_s = kSPerNs * static_cast<double>(times.min_ns());
  timing.most_s = kSPerNs * static_cast<double>(times.max_ns());
  timing.unstable = measured.unstable;
}

void MeasureInference(const Registry& registry, const TestDevice& device, const Artifact& artifact,
                      const BenchOptions& options, CallTiming& timing) {
  const BenchRow row = MeasureRow(registry, device.target, {.artifact = artifact}, options, SeededInputs(options.seed));
  Fill(row.measured, timing);
  if (row.elsewhere > 0) timing.notes.push_back(fmt::format("{} of {} ops ran elsewhere", row.elsewhere, row.ops));
  timing.joules = row.energy.joules_per_inference.value_or(kNotKnown);
  timing.energy_source = row.energy.source;
}

// Compiling and the first run, again and again on one opened device.
void MeasureLoading(const Registry& registry, const TestDevice& device, const Artifact& artifact,
                    const BenchOptions& options, CallTiming& timing) {
  SubjectOptions subject = options.subject;
  subject.compile.prove_placement = false;
  const InputSource inputs = SeededInputs(options.seed);
  const Subject first(registry, device.target, artifact, subject, inputs);  // engines set up what they do once
  NoiseGate gate(first.cores());
  Meter meter(gate, options.meter);
  const ThreadScope scope(first.caller_cores(), subject.compile.flush_denormals);
  meter.RunSegment(OneAtATime([&] { const Subject anew(registry, device.target, artifact, subject, inputs); }));
  Fill(meter.Summarise(), timing);
  timing.joules = kNotKnown;
  timing.energy_source = "not known: loading is not metered";
}

CallTiming Measure(Testbed& testbed, const TestDevice& device, const Network& network, const TimingOptions& options) {
  CallTiming timing{.provenance = Provenance::kMeasured};
  BenchOptions bench{.batch = network.make.batch, .seed = testbed.seed(), .meter = MeterFor(testbed, options), .loads = 3};
  bench.advice = false;
  bench.progress = [&testbed](const std::string& what) { testbed.Say(what); };
  const Registry quantizing = QuantizingRegistry(testbed, network);
  const Artifact artifact(testbed.ModelOf(network));
  const auto measure = options.weights == Weights::kResident ? MeasureInference : MeasureLoading;
  measure(quantizing, device, artifact, bench, timing);
  return timing;
}

}  // namespace

CallTiming TimeCalls(Testbed& testbed, const TestDevice& device, const Network& network, const TimingOptions& options) {
  testbed.Say(fmt::format("{}: {}", device.name, Describe(network)));
  try {
    return device.emulated() ? Emulate(testbed, device, network, options) : Measure(testbed, device, network, options);
  } catch (const Error& error) {
    if (!IsRefusal(error)) throw;
    return {.provenance = device.emulated() ? Provenance::kEmulated : Provenance::kMeasured,
            .refused = error.what(),
            .may_pass = MayPass(error)};
  }
}

Json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json ToJson(const CallTiming& timing) {
  Json row = {{"provenance", ToString(timing.provenance)}};
  if (!timing.refused.empty()) {
    row["refused"] = timing.refused;
    if (timing.may_pass) row["may_pass"] = true;
    return row;
  }
  row["trials"] = timing.trials;
  const auto milliseconds = [&row](const char* name, double seconds) { row[name] = NumberOrNull(kMsPerS * seconds); };
  milliseconds("mean_ms", timing.mean_s);
  milliseconds("median_ms", timing.median_s);
  milliseconds("p90_ms", timing.p90_s);
  milliseconds("p99_ms", timing.p99_s);
  milliseconds("least_ms", timing.least_s);
  milliseconds("most_ms", timing.most_s);
  milliseconds("low_ms", timing.low_s);
  milliseconds("high_ms", timing.high_s);
  row["joules"] = NumberOrNull(timing.joules);
  row["energy_source"] = timing.energy_source;
  if (!timing.unstable.empty()) row["unstable"] = timing.unstable;
  if (!timing.notes.empty()) row["note"] = Join(timing.notes, "; ");
  return row;
}

}  // namespace consort::experiment
