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
// Probes as old as this say nothing about now.
constexpr TimeNs kProbeLifetimeNs = 2'000'000;

CoreSet OrAvailable(const CoreSet& cores) { return cores.empty() ? CoreSet::Available() : cores; }

}  // namespace

struct NoiseGate::State {
  State(const CoreSet& cores, int threads, const NoiseLimits& limits_in)
      : limits(limits_in),
        needed(threads > 0 ? std::min(threads, cores.size()) : cores.size()),
        team(cores),
        recent(cores.cores().size()),
        fastest(cores.cores().size(), kNever) {}

  // Excess of the slowest core among the `needed` best ones.
  double Probe() {
    const std::vector<TimeNs>& times = team.Run();
    std::vector<double> excess;
    for (size_t core = 0; core < times.size(); ++core) {
      fastest[core] = std::min(fastest[core], times[core]);
      recent[core][probes % kRecentProbes] = times[core];
    }
    ++probes;
    for (size_t core = 0; core < times.size(); ++core) {
      excess.push_back(static_cast<double>(times[core]) / static_cast<double>(FastestRecent(core)) - 1);
    }
    std::sort(excess.begin(), excess.end());
    return excess[static_cast<size_t>(needed) - 1];
  }

  // After the first probe only.
  TimeNs FastestRecent(size_t core) const {
    const auto end = recent[core].begin() + static_cast<std::ptrdiff_t>(std::min(probes, kRecentProbes));
    return *std::min_element(recent[core].begin(), end);
  }

  NoiseLimits limits;
  int needed;
  ProbeTeam team;
  SchedulerRecords records;
  std::vector<std::array<TimeNs, kRecentProbes>> recent;  // per core, a ring
  size_t probes = 0;
  std::vector<TimeNs> fastest;  // per core, of all
  double before = 0;            // excess of the probe before the block
  TimeNs probed_ns = -kProbeLifetimeNs;
  TimeNs started_ns = 0;
  TimeNs waited_ns = 0;
  std::string blind_spot;
};

NoiseGate::NoiseGate(const CoreSet& cores, int threads, const NoiseLimits& limits)
    : state_(std::make_unique<State>(OrAvailable(cores), threads, limits)) {
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
  state_->waited_ns = state_->records.WaitedNs();
  state_->started_ns = Clock::Real().NowNs();
}

NoiseReading NoiseGate::End() {
  const TimeNs length_ns = std::max<TimeNs>(1, Clock::Real().NowNs() - state_->started_ns);
  const TimeNs waited_ns = state_->records.WaitedNs() - state_->waited_ns;
  const double after = state_->Probe();
  NoiseReading reading;
  reading.probe_excess = std::max(state_->before, after);
  reading.delay_share = static_cast<double>(waited_ns) / static_cast<double>(length_ns) / state_->needed;
  reading.clean =
      reading.probe_excess <= state_->limits.probe_excess && reading.delay_share <= state_->limits.delay_share;
  state_->before = after;
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
