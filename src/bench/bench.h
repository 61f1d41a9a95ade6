// Measures one model on one target: every phase, one scenario, and what it takes to trust the figures.
#ifndef CONSORT_BENCH_BENCH_H_
#define CONSORT_BENCH_BENCH_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/device_energy.h"
#include "bench/environment.h"
#include "bench/scenario.h"
#include "bench/subject.h"
#include "measure/meter.h"

namespace consort {

// A model, read and checked.
struct LoadedModel {
  Artifact artifact;
  TimeNs load_ns = 0;
  int64_t file_bytes = 0;
};

struct BenchOptions {
  ScenarioKind scenario = ScenarioKind::kSingle;
  int replicas = 1;
  double queries_per_s = 0;  // server
  int64_t batch = 0;         // samples per query; 0: not known, a query counts as one
  uint64_t seed = 0;
  SubjectOptions subject;  // threads in `compile` are those of each replica; 0: one per core that it gets
  MeterOptions meter;
  NoiseLimits noise;
  int loads =
      5;  // times that the model is compiled anew; down to three where that would take longer than the measuring
  bool advice = true;
  double watts = 0;  // power of the target's device while it works, as the user states it, for where no counter tells; 0: not
                     // known
  std::function<FoundMeter(const DeviceInfo&)> energy_meter = EnergyMeterFor;
  // Called between timed work with what happens next: "cpu@onnxruntime: load 2 of 5".
  std::function<void(const std::string&)> progress;
};

// A part of an inference, with a distribution of its own.
struct Phase {
  std::string
      name;  // "load", "open", "compile", "first_run", "host_to_device", "compute", "device_to_host", "end_to_end"
  Distribution times;
  Interval median_ns;        // absent intervals (one value per load) have no width
  std::string not_measured;  // why there are no times; empty when there are
  std::string unstable;      // why they are not to be trusted
};

// A finding, with the figure of this run that it rests on.
struct Advice {
  std::string name;  // "transfer_bound"
  std::string text;
};

// One line of a report. Plain data.
struct BenchRow {
  std::string model;
  std::string fingerprint;
  int64_t file_bytes = 0;
  Target target;
  std::string device;
  std::string engine;
  Provenance provenance = Provenance::kMeasured;
  std::optional<EmulationReport> emulation;  // of an emulated target; calls are those of the measurement
  std::string precision;
  bool isolated = false;
  SubjectOptions options;

  ScenarioKind scenario = ScenarioKind::kSingle;
  int64_t batch = 1;
  bool batch_known = false;
  int threads = 0;               // engine threads of one replica
  std::vector<Target> replicas;  // what each was compiled for
  bool shared_cores = false;     // replicas compete for the same cores
  CoreSet cores;
  uint64_t seed = 0;
  int64_t input_bytes = 0;  // of one query
  int64_t output_bytes = 0;
  double queries_per_s = 0;  // server: asked for
  std::optional<ServerFigures> server;

  MeterSummary measured;  // the scenario's own latencies and throughput
  std::vector<Phase> phases;
  int loads = 0;  // times that the model was compiled
  int loads_asked = 0;
  WarmUp warm_up;       // of the last load
  bool settled = true;  // of every load's warm-up

  int ops = 0;  // placement, in ops of the model
  int as_asked = 0, eliminated = 0, elsewhere = 0, unknown = 0;
  PeakMemory memory;
  double overhead_ns = 0;    // of the measurement, per query; scenario single only
  TimeNs probe_ns = 0;       // the noise gate's: the speed of the slowest core used
  double clock_drift = 0;    // how much slower it was at the end than at its fastest
  double foreign_share = 0;  // of the cores' time while measuring, that other processes used
  std::string blind_spot;    // what the noise gate cannot see here
  EnergyFigure energy;       // of the scenario's blocks, clean or not; modelled where the times are emulated
  std::vector<Advice> advice;

  // Empty when the latencies and the throughput are to be trusted.
  const std::string& unstable() const { return measured.unstable; }
  // Why there is no emulated time: calls ended later than the cost model says.
  std::string overrun() const { return emulation ? DescribeOverruns(*emulation) : ""; }
  // Latencies depend on how long one measures.
  bool overloaded() const { return server && server->overloaded; }
  // The word that stands in place of the throughput: "overrun", "unstable", or "" when there is one.
  std::string_view throughput_word() const;
  // Likewise of the latencies, which an overloaded server does not have either.
  std::string_view latency_word() const;
  const Phase* Find(const std::string& phase) const;
};

// False when fewer than five queries lie beyond the percentile: so few do not tell where it is.
bool HasPercentile(const Distribution& times, double percent);

// What a command found out.
struct BenchReport {
  Environment environment;
  std::vector<BenchRow> rows;
};

// `target` is resolved. Throws what making subjects and running them throws.
BenchRow MeasureRow(const Registry& registry, const Target& target, const LoadedModel& model,
                    const BenchOptions& options, const InputSource& inputs);

}  // namespace consort

#endif  // CONSORT_BENCH_BENCH_H_
