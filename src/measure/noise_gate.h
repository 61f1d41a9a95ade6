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
  // A probe beside the block may take this share longer than the fastest recent probe of its core.
  double probe_excess = 0.05;
  // Each thread of this process and its children may wait for a core that others hold for this share of the block.
  double delay_share = 0.01;
};

// What happened around and during one block.
struct NoiseReading {
  // Time of the worse probe beside the block over the fastest recent one, less one; of the worst core that threads ran
  // on for a tenth of the block or more (of all cores where there is no such thread, as when an accelerator computes).
  double probe_excess = 0;
  // What the thread that waited longest did, over the block's length: threads of one inference wait for each other.
  double delay_share = 0;
  bool clean = true;
};

// Brackets blocks of timed work between probes: a fixed piece of arithmetic on each core that the work uses, whose time
// is known. A host that takes a core away makes the probe slow, which the guest's own counters hide. Probes are
// compared with the last few seconds' fastest, so that a clock which falls for good becomes the new norm (`clock_drift`
// tells). What runs beside us in the same guest shows in the kernel's scheduler records (/proc/<pid>/task/*/schedstat),
// which are read too. One thread at a time; its own probe threads sleep while a block runs.
//
//   NoiseGate gate(device->info().cores);
//   gate.Begin();
//   … work …
//   if (gate.End().clean) …
class NoiseGate {
 public:
  // `cores`: what the work may use (empty: all of the process). Takes a few milliseconds: finds the fastest probe.
  explicit NoiseGate(const CoreSet& cores, const NoiseLimits& limits = {});
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
