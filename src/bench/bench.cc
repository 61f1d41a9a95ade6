#include "bench/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "base/thread.h"
#include "bench/advice.h"
#include "bench/foreign_time.h"

namespace consort {
namespace {

constexpr TimeNs kSecondNs = 1'000'000'000;
// A model that takes longer to compile than this is compiled once.
constexpr TimeNs kLongestRepeatedLoadNs = 60 * kSecondNs;
constexpr double kFewestLoads = 3;
constexpr TimeNs kCopyBlockNs = 5'000'000;
constexpr int kCopyBlocks = 5;
// More than this of the cores' time in other processes is noise.
constexpr double kForeignShare = 0.05;
constexpr char kOnlySingle[] = "measured in the scenario 'single'";
constexpr char kHosts[] = "the host's work, not the emulated device's";

// Copies and the whole of an inference get a tenth of the measuring time each.
MeterOptions SideOptions(const MeterOptions& options) {
  MeterOptions side = options;
  side.time_ns = std::min(kSecondNs, (options.queries > 0 ? kSecondNs : options.time_ns) / 10);
  side.queries = 0;
  side.block_ns = kCopyBlockNs;
  side.min_blocks = kCopyBlocks;
  return side;
}

Phase FromLoads(std::string name, const std::vector<TimeNs>& times) {
  Phase phase{.name = std::move(name)};
  std::vector<double> values;
  for (const TimeNs time : times) {
    phase.times.Add(time);
    values.push_back(static_cast<double>(time));
  }
  const double median = Median(values);
  phase.median_ns = {median, median, median};
  return phase;
}

Phase FromMeter(std::string name, const MeterSummary& summary) {
  return {.name = std::move(name),
          .times = summary.latencies,
          .median_ns = summary.median_ns,
          .unstable = summary.unstable};
}

Phase NotMeasured(std::string name, std::string why) {
  return {.name = std::move(name), .not_measured = std::move(why)};
}

double QueryNs(const WarmUp& warm_up) {
  return static_cast<double>(warm_up.took_ns) / static_cast<double>(std::max<int64_t>(1, warm_up.queries));
}

// What becomes of one BenchRow: loads one after the other, each with its segment of every measurement.
class Measurement {
 public:
  Measurement(const Registry& registry, const Target& target, const LoadedModel& model, const BenchOptions& options,
              const InputSource& inputs)
      : registry_(registry),
        target_(target),
        model_(model),
        options_(options),
        inputs_(inputs),
        plans_(DivideTarget(target, options.replicas, options.subject.compile.threads)),
        meter_options_(options.meter) {}

  BenchRow Run() {
    Load();
    Describe();
    row_.loads = PlanLoads();
    for (int load = 0; load < row_.loads; ++load) {
      if (load > 0) Load();
      Measure(load);
      memory_.Update();
      subjects_.clear();
      // More loads would say no more than that more queries arrive than are served.
      if (row_.overloaded()) row_.loads = load + 1;
    }
    Summarise();
    return std::move(row_);
  }

  NoiseGate& gate() { return *gate_; }

 private:
  void Load();
  void Describe();
  int PlanLoads() const;
  void SetUp(const WarmUp& warm_up);
  WarmUp WarmReplicas();
  void Measure(int load);
  void AddEmulation(int sign);
  void RunServer(Scenario& scenario, const BlockRunner& block, int load);
  void AddServer(const ServerFigures& figures);
  EnergyFigure Energy() const;
  void MeasureSides(Subject& subject);
  void Summarise();
  void ExplainNoise();
  void SummariseSetup();
  void SummariseSides();
  void Say(const std::string& what) const {
    if (options_.progress) options_.progress(fmt::format("{}: {}", target_.ToString(), what));
  }
  bool single() const { return options_.scenario == ScenarioKind::kSingle; }

  const Registry& registry_;
  const Target& target_;
  const LoadedModel& model_;
  const BenchOptions& options_;
  const InputSource& inputs_;
  ReplicaPlans plans_;
  MeterOptions meter_options_;
  BenchRow row_;
  PeakMemoryWatch memory_;
  std::vector<std::unique_ptr<Subject>> subjects_;
  std::unique_ptr<NoiseGate> gate_;
  std::optional<Meter> meter_;
  std::optional<ForeignTime> foreign_;
  std::optional<EnergyTally> energy_;
  std::optional<Meter> copy_in_, copy_out_, whole_;
  std::vector<TimeNs> open_ns_, compile_ns_, first_run_ns_;
  bool proven_ = false;
  std::string transfers_hidden_;
  int server_loads_ = 0;  // that have a block which counts
  int64_t server_queries_ = 0;
};

// Opens and compiles every replica anew. The first load proves where the ops run, which takes time of its own.
void Measurement::Load() {
  const size_t load = open_ns_.size() / plans_.replicas.size() + 1;
  Say(row_.loads == 0 ? "compiling" : fmt::format("compiling ({} of {})", load, row_.loads));
  for (const ReplicaPlan& plan : plans_.replicas) {
    SubjectOptions options = options_.subject;
    options.compile.threads = plan.threads;
    options.compile.prove_placement = !proven_;
    options.strict = options.strict && !proven_;
    proven_ = true;
    subjects_.push_back(std::make_unique<Subject>(registry_, plan.target, model_.artifact, options, inputs_));
    const SetupTimes& setup = subjects_.back()->setup();
    open_ns_.push_back(setup.open_ns);
    compile_ns_.push_back(setup.compile_ns);
    first_run_ns_.push_back(setup.first_run_ns);
  }
}

void Measurement::Describe() {
  const Subject& first = *subjects_.front();
  row_.model = model_.artifact.name();
  row_.fingerprint = model_.artifact.fingerprint();
  row_.file_bytes = model_.file_bytes;
  row_.target = target_;
  row_.device = first.info().name;
  row_.engine = first.info().engine;
  row_.provenance = first.info().provenance;
  if (first.emulated() != nullptr) row_.emulation = first.emulated()->emulation();
  if (row_.emulation) row_.emulation->calls = row_.emulation->overruns = 0;
  row_.isolated = options_.subject.open.isolated;
  row_.options = options_.subject;
  row_.scenario = options_.scenario;
  row_.batch = std::max<int64_t>(1, options_.batch);
  row_.batch_known = options_.batch > 0;
  row_.threads = first.threads();
  row_.shared_cores = plans_.shared;
  row_.seed = options_.seed;
  row_.input_bytes = first.input_bytes();
  row_.output_bytes = first.output_bytes();
  row_.queries_per_s = options_.queries_per_s;
  row_.loads_asked = options_.loads;
  std::vector<int> cores;
  for (const auto& subject : subjects_) {
    row_.replicas.push_back(subject->info().target);
    cores.insert(cores.end(), subject->cores().cores().begin(), subject->cores().cores().end());
  }
  row_.cores = CoreSet(std::move(cores));
  const Placement& placement = first.placement();
  row_.ops = static_cast<int>(placement.ops.size());
  row_.as_asked = placement.Count(PlacementState::kAsAsked);
  row_.eliminated = placement.Count(PlacementState::kEliminated);
  row_.elsewhere = placement.Count(PlacementState::kElsewhere);
  row_.unknown = placement.Count(PlacementState::kUnknown);
  transfers_hidden_ = first.transfers_hidden();
}

// As many loads as asked for, but not more than take as long as the measuring does, and three where that is bearable.
int Measurement::PlanLoads() const {
  double load_ns = 1;
  for (size_t i = 0; i < open_ns_.size(); ++i) {
    load_ns += static_cast<double>(open_ns_[i] + compile_ns_[i] + first_run_ns_[i]);
  }
  const auto queries = static_cast<double>(options_.meter.queries);
  const double querying_ns = queries * static_cast<double>(first_run_ns_.back()) / options_.replicas;
  const double measuring_ns = queries > 0 ? std::max<double>(kSecondNs, querying_ns) : options_.meter.time_ns;
  double loads = std::min<double>(options_.loads, std::max(kFewestLoads, measuring_ns / load_ns));
  if (load_ns > kLongestRepeatedLoadNs) loads = 1;
  if (queries > 0) loads = std::min(loads, queries);
  return static_cast<int>(std::max(1.0, loads));
}

// What the first warm-up tells is needed to divide the time into blocks.
void Measurement::SetUp(const WarmUp& warm_up) {
  NoiseLimits limits = options_.noise;
  // Replicas that share cores wait for each other: that is what is measured, not noise.
  if (plans_.shared) limits.delay_share = std::numeric_limits<double>::infinity();
  gate_ = std::make_unique<NoiseGate>(row_.cores, limits);
  meter_options_.block_ns = InfoOf(options_.scenario).block_ns(QueryNs(warm_up), options_.meter.time_ns);
  foreign_.emplace(row_.cores);
  energy_.emplace(options_.energy_meter(subjects_.front()->info()));
  meter_.emplace(*gate_, meter_options_);
  const MeterOptions side = SideOptions(meter_options_);
  copy_in_.emplace(*gate_, side);
  copy_out_.emplace(*gate_, side);
  whole_.emplace(*gate_, side);
}

// Warms the replicas one after the other. The result is the first one's.
WarmUp Measurement::WarmReplicas() {
  const TimeNs time_ns = options_.meter.queries > 0 ? kSecondNs : options_.meter.time_ns;
  const TimeNs share_ns = time_ns / row_.loads / options_.replicas;
  const TimeNs most_ns = std::clamp<TimeNs>(share_ns, kSecondNs / 20, 5 * kSecondNs);
  std::optional<WarmUp> first;
  for (const auto& subject : subjects_) {
    const ThreadScope scope(subject->caller_cores(), options_.subject.compile.flush_denormals);
    const WarmUp warm_up = Warm([&subject] { subject->Query(); }, std::min(kSecondNs / 10, most_ns / 5), most_ns);
    row_.settled = row_.settled && warm_up.settled;
    if (!first) first = warm_up;
  }
  return *first;
}

void Measurement::Measure(int load) {
  row_.warm_up = WarmReplicas();
  if (!meter_) SetUp(row_.warm_up);
  ScenarioSetup setup{.batch = row_.batch,
                      .queries_per_s = options_.queries_per_s,
                      .seed = options_.seed + static_cast<uint64_t>(load),
                      .query_ns = QueryNs(row_.warm_up),
                      .shared_cores = plans_.shared};
  for (const auto& subject : subjects_) {
    setup.replicas.push_back({.query = [one = subject.get()] { one->Query(); },
                              .cores = subject->caller_cores(),
                              .flush_denormals = options_.subject.compile.flush_denormals});
  }
  const std::unique_ptr<Scenario> scenario = MakeScenario(options_.scenario, setup);
  Say(fmt::format("measuring ({} of {})", load + 1, row_.loads));
  // A scenario with threads of its own is started from this one, which then only waits.
  const ThreadScope scope(single() ? subjects_.front()->caller_cores() : CoreSet(),
                          options_.subject.compile.flush_denormals);
  const bool server = options_.scenario == ScenarioKind::kServer;
  const BlockRunner run =
      energy_->Around([&scenario](TimeNs budget_ns, int64_t most, BlockSamples& samples) {
        scenario->RunBlock(budget_ns, most, samples);
      });
  AddEmulation(-1);
  foreign_->Begin();
  if (server) {
    RunServer(*scenario, run, load);
  } else {
    meter_->RunSegment(run, row_.loads);
  }
  foreign_->End();
  if (server) AddServer(scenario->server());
  if (single()) MeasureSides(*subjects_.front());
  AddEmulation(+1);
}

// Once before and once after: what was called in between counts, and what warmed up does not.
void Measurement::AddEmulation(int sign) {
  for (const auto& subject : subjects_) {
    if (subject->emulated() == nullptr) continue;
    const EmulationReport report = subject->emulated()->emulation();
    row_.emulation->modelled_s = report.modelled_s;
    row_.emulation->calls += sign * report.calls;
    row_.emulation->overruns += sign * report.overruns;
    row_.emulation->longest_host_ns = std::max(row_.emulation->longest_host_ns, report.longest_host_ns);
  }
}

// As Meter::RunSegment, but the server's figures are those of the blocks that the meter keeps, and the first of these
// that leaves queries unserved is the last.
void Measurement::RunServer(Scenario& scenario, const BlockRunner& block, int load) {
  const double share = 1.0 / row_.loads;
  TimeNs wall_ns = 0, clean_ns = 0, spent_ns = 0;
  int64_t queries = 0;
  const BlockRunner run = [&](TimeNs budget_ns, int64_t most, BlockSamples& samples) {
    block(budget_ns, most, samples);
    wall_ns = samples.wall_ns;
    queries = static_cast<int64_t>(samples.latencies_ns.size());
  };
  // Not a product of the two: the number of queries may be very large.
  const int64_t wanted = load + 1 == row_.loads
                             ? meter_options_.queries
                             : static_cast<int64_t>(static_cast<double>(meter_options_.queries) * share * (load + 1));
  meter_->BeginSegment();
  for (int blocks = 0;;) {
    const bool enough_time = static_cast<double>(clean_ns) >= static_cast<double>(meter_options_.time_ns) * share &&
                             blocks >= meter_options_.min_blocks * share;
    if (meter_options_.queries > 0 ? server_queries_ >= wanted : enough_time) return;
    const bool clean = meter_->RunBlock(run);
    spent_ns += wall_ns;
    if (clean) {
      scenario.KeepBlock();
      ++blocks;
      clean_ns += wall_ns;
      server_queries_ += queries;
      if (scenario.server().unserved > 0) return;
    }
    const auto block_ns = static_cast<double>(std::max(meter_options_.block_ns, wall_ns));
    const double without_noise_ns = meter_options_.queries > 0 ? static_cast<double>(clean_ns) + 10 * block_ns
                                                               : static_cast<double>(meter_options_.time_ns) * share;
    const double bearable_ns = std::max(without_noise_ns, meter_options_.min_blocks * block_ns * share);
    if (static_cast<double>(spent_ns) > meter_options_.patience * bearable_ns) return;
  }
}

// The mean over the loads that have figures; overloaded when any of them was.
void Measurement::AddServer(const ServerFigures& figures) {
  ServerFigures& mean = row_.server ? *row_.server : row_.server.emplace();
  if (figures.arrivals_per_s <= 0) return;
  const int load = server_loads_++;
  mean.unserved += figures.unserved;
  mean.arrivals_per_s += (figures.arrivals_per_s - mean.arrivals_per_s) / (load + 1);
  mean.busy_share += (figures.busy_share - mean.busy_share) / (load + 1);
  mean.overloaded = mean.overloaded || figures.overloaded;
}

void Measurement::MeasureSides(Subject& subject) {
  if (transfers_hidden_.empty()) {
    copy_in_->RunSegment(OneAtATime([&subject] { subject.CopyIn(); }), row_.loads);
    copy_out_->RunSegment(OneAtATime([&subject] { subject.CopyOut(); }), row_.loads);
  }
  whole_->RunSegment(OneAtATime([&subject] { subject.EndToEnd(); }), row_.loads);
}

void Measurement::Summarise() {
  row_.measured = meter_->Summarise();
  // Latencies of an overloaded server grow with the measuring time; that they spread is no news.
  const bool noisy = row_.measured.clean_blocks == 0 || row_.measured.discarded_share() > meter_options_.max_discarded;
  if (row_.overloaded() && !noisy) row_.measured.unstable.clear();
  row_.foreign_share = foreign_->share();
  ExplainNoise();
  SummariseSetup();
  SummariseSides();
  row_.memory = memory_.peak();
  static const double overhead_ns = OverheadPerQueryNs();
  if (single()) row_.overhead_ns = overhead_ns;
  row_.probe_ns = gate_->probe_ns();
  row_.clock_drift = gate_->clock_drift();
  row_.blind_spot = gate_->blind_spot();
  row_.energy = Energy();
}

// A counter where there is one; else the power that is known of the device, for the time that it was busy.
EnergyFigure Measurement::Energy() const {
  if (row_.emulation) return ModelledEnergy(*row_.emulation, row_.batch);
  EnergyFigure counted = energy_->Summarise();
  const double per_s = row_.measured.throughput.estimate;
  if (counted.joules_per_inference || options_.watts <= 0 || per_s <= 0) return counted;
  return StatedEnergy(options_.watts, (row_.server ? row_.server->busy_share : 1) / per_s);
}

// Replicas that share cores wait for each other as they would for others, so blocks do not tell: the cores' time does.
void Measurement::ExplainNoise() {
  std::string& unstable = row_.measured.unstable;
  const std::string others =
      fmt::format("other processes used {:.0f} % of the time of the cores", 100 * row_.foreign_share);
  if (unstable.empty() && plans_.shared && row_.foreign_share > kForeignShare) {
    unstable = others + ", and replicas that share cores cannot tell that from waiting for each other";
  } else if (!unstable.empty() && row_.foreign_share > kForeignShare) {
    unstable += "; " + others;
  }
}

void Measurement::SummariseSetup() {
  if (row_.emulation) {
    for (const char* name : {"load", "open", "compile", "first_run"}) row_.phases.push_back(NotMeasured(name, kHosts));
    return;
  }
  row_.phases.push_back(FromLoads("load", {model_.load_ns}));
  row_.phases.push_back(FromLoads("open", open_ns_));
  // The first compiling proved the placement as well; without another it has to do.
  if (compile_ns_.size() > 1) compile_ns_.erase(compile_ns_.begin());
  row_.phases.push_back(FromLoads("compile", compile_ns_));
  row_.phases.push_back(FromLoads("first_run", first_run_ns_));
}

void Measurement::SummariseSides() {
  if (!single()) {
    for (const char* name : {"host_to_device", "compute", "device_to_host", "end_to_end"}) {
      row_.phases.push_back(NotMeasured(name, kOnlySingle));
    }
    return;
  }
  const bool hidden = !transfers_hidden_.empty();
  row_.phases.push_back(hidden ? NotMeasured("host_to_device", transfers_hidden_)
                               : FromMeter("host_to_device", copy_in_->Summarise()));
  row_.phases.push_back(FromMeter("compute", row_.measured));
  row_.phases.push_back(hidden ? NotMeasured("device_to_host", transfers_hidden_)
                               : FromMeter("device_to_host", copy_out_->Summarise()));
  row_.phases.push_back(FromMeter("end_to_end", whole_->Summarise()));
}

}  // namespace

bool HasPercentile(const Distribution& times, double percent) {
  constexpr double kFewestBeyond = 5;
  // A little less, because 99.5 % and the like are no binary fractions.
  return static_cast<double>(times.count()) * (100 - percent) >= 100 * kFewestBeyond - 1e-6;
}

std::string_view BenchRow::throughput_word() const {
  if (emulation && emulation->overruns > 0) return "overrun";
  return unstable().empty() ? "" : "unstable";
}

std::string_view BenchRow::latency_word() const {
  const std::string_view word = throughput_word();
  return word.empty() && overloaded() ? "overloaded" : word;
}

const Phase* BenchRow::Find(const std::string& phase) const {
  const auto found =
      std::find_if(phases.begin(), phases.end(), [&phase](const Phase& one) { return one.name == phase; });
  return found == phases.end() ? nullptr : &*found;
}

BenchRow MeasureRow(const Registry& registry, const Target& target, const LoadedModel& model,
                    const BenchOptions& options, const InputSource& inputs) {
  Measurement measurement(registry, target, model, options, inputs);
  BenchRow row = measurement.Run();
  if (options.advice && !row.emulation)
    row.advice = Advise({registry, target, model, options, inputs, measurement.gate()}, row);
  return row;
}

}  // namespace consort
