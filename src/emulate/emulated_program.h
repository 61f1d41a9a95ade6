// What an emulated device compiles to.
#ifndef CONSORT_EMULATE_EMULATED_PROGRAM_H_
#define CONSORT_EMULATE_EMULATED_PROGRAM_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "consort/backend.h"
#include "consort/emulation.h"
#include "emulate/jitter.h"
#include "emulate/modelled_time.h"
#include "emulate/resource_time.h"

namespace consort {

struct EmulatedProgramOptions {
  std::shared_ptr<Executable> host;  // computes on the thread that starts it
  ModelledTime time;
  Placement placement;
  EmulationReport report;  // without what calls change
  Clock& clock;
  std::shared_ptr<ResourceTime> resource;
  std::vector<SharedResource> shared;  // those of `time`
  Jitter jitter;
};

// A call gets its outputs from the host and ends when the cost model says, counted from when the resource is free, and
// later where what it shares was busy for others. The host works on the binding's own buffers; nothing is copied.
class EmulatedProgram : public Program {
 public:
  explicit EmulatedProgram(EmulatedProgramOptions options) : options_(std::move(options)) {}

  const Signature& signature() const override { return options_.host->signature(); }
  const Placement& placement() const override { return options_.placement; }
  void Invoke(Binding& binding) override;
  // Ends the wait for the modelled end; the host's part cannot be interrupted.
  void Interrupt(Binding& binding) override;
  bool Abandon(Binding& binding) override;

  EmulationReport report() const;

 private:
  struct HostCall;
  HostCall& HostCallFor(Binding& binding) const;
  TimeNs EndOf(const CallTime& time, TimeNs start_ns);
  void Count(const CallTime& time, TimeNs host_ns, bool overrun);
  void AwaitEnd(TimeNs end_ns, const Binding& binding);

  EmulatedProgramOptions options_;
  mutable std::mutex mutex_;  // of what follows, and options_.report
  std::condition_variable interruption_;
  bool abandoned_ = false;  // its executable is gone
  bool waiting_ = false;
  const CallTime* counted_ = nullptr;  // the last call's
};

}  // namespace consort

#endif  // CONSORT_EMULATE_EMULATED_PROGRAM_H_
