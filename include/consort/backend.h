// For those who write a backend (docs/adding_a_backend.md). Users of devices need device.h and registry.h only.
#ifndef CONSORT_BACKEND_H_
#define CONSORT_BACKEND_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "consort/device.h"
#include "consort/registry.h"

namespace consort {

// An engine's adapter: finds its devices and opens them. Constructed cheaply: engine libraries are loaded at the first
// Find, Diagnose or Open, and a library that is missing is a finding, not an exception. Thread-safe.
class Backend {
 public:
  virtual ~Backend() = default;
  // "onnxruntime": the part after '@' in a target.
  virtual std::string_view name() const = 0;
  // Device names it serves, its default first: {"cpu", "cuda", "tensorrt"}.
  virtual std::vector<std::string> devices() const = 0;
  virtual std::vector<DeviceFinding> Find() = 0;
  virtual std::vector<Diagnosis> Diagnose() = 0;
  // `target` is resolved (backend filled in). Throws kUnsupported with the remedy when the device cannot be had.
  virtual std::shared_ptr<Device> Open(const Target& target, const OpenOptions& options) = 0;
  // Throws kInvalidArgument for a unit that does not exist, where that can be told without opening it.
  virtual void CheckUnit(const Target& /*target*/) const {}
  // True when Open sees to OpenOptions::isolated; else the whole device runs in a process of its own.
  virtual bool isolates_itself() const { return false; }
};

// A compiled artifact that runs on the thread which calls it: what most engines offer, and all that most backends write.
// MakeExecutable adds threads, deadlines and cancellation. Invoke is called by one thread at a time.
class Program {
 public:
  virtual ~Program() = default;
  virtual const Signature& signature() const = 0;
  virtual const Placement& placement() const = 0;
  // Computes the binding's outputs from its inputs; throws consort::Error. Must not keep the reference.
  virtual void Invoke(Binding& binding) = 0;
  // Called from another thread while Invoke(binding) runs and its result is not wanted any more; a hint.
  virtual void Interrupt(Binding& /*binding*/) {}
  // The executable is being destroyed while Invoke(binding) hangs past its deadline. True: Invoke now ends soon (its process was
  // killed), so its thread is waited for; false: the thread is left to itself.
  virtual bool Abandon(Binding& /*binding*/) { return false; }
};

struct ExecutableOptions {
  Execution execution = Execution::kCaller;
  CoreSet cores;                // the computing thread is confined to these (empty: left as it is)
  bool flush_denormals = true;  // set FTZ and DAZ in the computing thread
  int max_in_flight = 1;        // kWorker: queue depth
  Clock* clock = nullptr;       // nullptr: Clock::Real()
};

// Wraps a program. kCaller: Start runs it on the calling thread; if that thread may run outside `cores` it is confined to them
// for the call, and its mask and floating-point mode are as before afterwards. kWorker: a thread of the executable's own, pinned
// once, runs the calls in order.
std::unique_ptr<Executable> MakeExecutable(std::shared_ptr<Program> program, const ExecutableOptions& options);

}  // namespace consort

#endif  // CONSORT_BACKEND_H_
