#include "measure/noise_gate.h"

#include <algorithm>
#include <array>
#include <vector>

#include "measure/probe.h"
#include "measure/scheduler_records.h"

namespace consort {
namespace {

constexpr int kCalibrationProbes = 40;
constexpr size_t kRecentProbes = 128;
// A thread that runs for a smaller share of a block is not what is measured.
constexpr double kWorking = 0.1;
// Probes as old as this say nothing about now.
constexpr TimeNs kProbeLifetimeNs = 2'000'000;

CoreSet OrAvailable(const CoreSet& cores) { return cores.empty() ? CoreSet::Available() : cores; }

}  // namespace

struct NoiseGate::State {
  State(const CoreSet& cores_in, const NoiseLimits& limits_in)
      : limits(limits_in),
        cores(cores_in),
        team(cores_in),
        recent(cores.cores().size()),
        fastest(cores.cores().size(), kNever) {}

  // Per core: how much longer the probe took than the fastest recent one.
  std::vector<double> Probe() {
    const std::vector<TimeNs>& times = team.Run();
    for (size_t core = 0; core < times.size(); ++core) {
      fastest[core] = std::min(fastest[core], times[core]);
      recent[core][probes % kRecentProbes] = times[core];
    }
    ++probes;
    std::vector<double> excess;
    for (size_t core = 0; core < times.size(); ++core) {
      excess.push_back(static_cast<double>(times[core]) / static_cast<double>(FastestRecent(core)) - 1);
    }
    return excess;
  }

  // Whether work ran on the core of that index; where nothing is known of the work's threads, every core counts.
  bool Used(size_t index, const std::vector<ThreadActivity>& threads, TimeNs length_ns) const {
    bool any = false;
    for (const ThreadActivity& thread : threads) {
      if (static_cast<double>(thread.did.ran_ns) < kWorking * static_cast<double>(length_ns)) continue;
      if (thread.core == cores.cores()[index]) return true;
      any = any || cores.Contains(CoreSet({std::max(0, thread.core)}));
    }
    return !any;
  }

  double WorstExcess(const std::vector<double>& after, const std::vector<ThreadActivity>& threads,
                     TimeNs length_ns) const {
    double worst = 0;
    for (size_t core = 0; core < after.size(); ++core) {
      if (Used(core, threads, length_ns)) worst = std::max({worst, before[core], after[core]});
    }
    return worst;
  }

  // After the first probe only.
  TimeNs FastestRecent(size_t core) const {
    const auto end = recent[core].begin() + static_cast<std::ptrdiff_t>(std::min(probes, kRecentProbes));
    return *std::min_element(recent[core].begin(), end);
  }

  NoiseLimits limits;
  CoreSet cores;
  ProbeTeam team;
  SchedulerRecords records;
  std::vector<std::array<TimeNs, kRecentProbes>> recent;  // per core, a ring
  size_t probes = 0;
  std::vector<TimeNs> fastest;  // per core, of all
  std::vector<double> before;   // excess of the probe before the block, per core
  TimeNs probed_ns = -kProbeLifetimeNs;
  TimeNs started_ns = 0;
  std::vector<ThreadRecord> threads_before;
  std::string blind_spot;
};

NoiseGate::NoiseGate(const CoreSet& cores, const NoiseLimits& limits)
    : state_(std::make_unique<State>(OrAvailable(cores), limits)) {
  for (int i = 0; i < kCalibrationProbes; ++i) state_->Probe();
  if (!state_->records.available()) {
    state_->blind_spot = "this kernel keeps no scheduler records: other work on the same cores shows in probes only";
  }
}

NoiseGate::~NoiseGate() = default;

void NoiseGate::FindChildren() { state_->records.FindChildren(); }

void NoiseGate::Begin() {
  // The probe behind one block is the probe before the next.
  if (Clock::Real().NowNs() - state_->probed_ns > kProbeLifetimeNs) state_->before = state_->Probe();
  state_->threads_before = state_->records.Read();
  state_->started_ns = Clock::Real().NowNs();
}

NoiseReading NoiseGate::End() {
  const TimeNs length_ns = std::max<TimeNs>(1, Clock::Real().NowNs() - state_->started_ns);
  const std::vector<ThreadActivity> threads = state_->records.Since(state_->threads_before);
  std::vector<double> after = state_->Probe();
  NoiseReading reading;
  TimeNs waited_ns = 0;
  for (const ThreadActivity& thread : threads) waited_ns = std::max(waited_ns, thread.did.waited_ns);
  reading.delay_share = static_cast<double>(waited_ns) / static_cast<double>(length_ns);
  reading.probe_excess = state_->WorstExcess(after, threads, length_ns);
  reading.clean =
      reading.probe_excess <= state_->limits.probe_excess && reading.delay_share <= state_->limits.delay_share;
  state_->before = std::move(after);
  state_->probed_ns = Clock::Real().NowNs();
  return reading;
}

TimeNs NoiseGate::probe_ns() const {
  TimeNs slowest = 0;
  for (size_t core = 0; core < state_->fastest.size(); ++core) slowest = std::max(slowest, state_->FastestRecent(core));
  return slowest;
}

double NoiseGate::clock_drift() const {
  double drift = 0;
  for (size_t core = 0; core < state_->fastest.size(); ++core) {
    drift = std::max(drift,
                     static_cast<double>(state_->FastestRecent(core)) / static_cast<double>(state_->fastest[core]) - 1);
  }
  return drift;
}

const NoiseLimits& NoiseGate::limits() const { return state_->limits; }

const std::string& NoiseGate::blind_spot() const { return state_->blind_spot; }

}  // namespace consort
