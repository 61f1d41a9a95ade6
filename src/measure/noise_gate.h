// Tells whether a block of timed work had its cores to itself.
#ifndef CONSORT_MEASURE_NOISE_GATE_H_
#define CONSORT_MEASURE_NOISE_GATE_H_

#include <memory>
#include <string>

#include "consort/clock.h"
#include "consort/target.h"

namespace consort {

// What a block may lose and still count.
struct NoiseLimits {
  double probe_excess =
      0.10;                   // a probe beside the block that took this share longer than the fastest probe of its core
  double delay_share = 0.01;  // share of the block that threads of this process waited for a core that others held
};

// What happened around and during one block.
struct NoiseReading {
  double probe_excess =
      0;  // of the worse probe beside the block, on the worst core that the work needs: time over the fastest, less one
  double delay_share = 0;  // waiting time of all threads of this process and its children, over the block's length
  bool clean = true;
};

// Brackets blocks of timed work between probes: a fixed piece of arithmetic on each core that the work uses, whose time
// is known. A host that takes a core away, or a neighbour on the same physical core, makes the probe slow; the guest's
// own counters hide both. What runs beside us in the same guest shows in the kernel's scheduler records
// (/proc/<pid>/task/*/schedstat), which are read too. One thread at a time; its own probe threads sleep while a block
// runs.
//
//   NoiseGate gate(device->info().cores, threads);
//   gate.Begin();
//   … work …
//   if (gate.End().clean) …
class NoiseGate {
 public:
  // `cores`: what the work may use (empty: all of the process); `threads`: how many of them it needs at once (0: all).
  // A core that is taken away does not matter while that many are left. Takes a few milliseconds: finds the fastest
  // probe.
  explicit NoiseGate(const CoreSet& cores, int threads = 0, const NoiseLimits& limits = {});
  ~NoiseGate();
  NoiseGate(const NoiseGate&) = delete;
  NoiseGate& operator=(const NoiseGate&) = delete;

  // Children that were started since the last call count from now on (isolated devices).
  void FindChildren();
  void Begin();
  NoiseReading End();

  // Time of the fastest recent probe, of the slowest core: the machine's speed, to compare runs by.
  TimeNs probe_ns() const;
  // How much slower the fastest recent probe is than the fastest of all, on the worst core: 0.1 when the clock fell by
  // a tenth.
  double clock_drift() const;
  const NoiseLimits& limits() const;
  // What the kernel does not tell here: empty, or one sentence.
  const std::string& blind_spot() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace consort

#endif  // CONSORT_MEASURE_NOISE_GATE_H_
