// The central interfaces: Device, Executable, Binding, Completion.
#ifndef CONSORT_DEVICE_H_
#define CONSORT_DEVICE_H_

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "consort/artifact.h"
#include "consort/buffer.h"
#include "consort/clock.h"
#include "consort/placement.h"
#include "consort/provenance.h"
#include "consort/target.h"

namespace consort {

// One input or output of an executable.
struct Port {
  std::string name;
  TensorSpec spec;                     // kDynamic axes are fixed by the bound input, or by the engine for outputs
  std::vector<std::string> dim_names;  // per axis, the symbolic name or ""
};

// The ports of an executable. Plain data.
struct Signature {
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  // (input, output) index pairs: the output of one call is the input of the next. Set by the caller: model files do not tell.
  std::vector<std::pair<int, int>> states;

  // -1 when there is no port of that name.
  int FindInput(const std::string& name) const;
  int FindOutput(const std::string& name) const;
};

// Who executes a Start.
enum class Execution : uint8_t {
  kCaller,  // the calling thread: Start returns when the work is done. No deadline, no cancel, least overhead
  kWorker,  // a thread of the executable's own, pinned to its cores: deadlines and cancellation work
};

// Graph optimisation of the engine. ONNX Runtime has these levels; other engines know kNone at most.
enum class Optimization : uint8_t { kNone, kBasic, kExtended, kFull };

struct CompileOptions {
  Execution execution = Execution::kCaller;
  Optimization optimization = Optimization::kFull;
  int threads = 0;                // engine threads of one call; 0: one per core of the target
  bool flush_denormals = true;    // FTZ and DAZ in every thread that computes
  bool prove_placement = true;    // false: every op is kUnknown, and compiling is cheaper
  int max_in_flight = 1;          // calls that may be queued or running at once (kWorker)
  // Passed to the engine as they are, (key, value); an unknown key is the engine's error. For what Consort has no option for.
  std::vector<std::pair<std::string, std::string>> engine_options;
};

class Program;  // consort/backend.h

// The buffers of one call, reusable call after call. Create it once per concurrent call, bind, start, read, start again:
// steady state allocates nothing. Shared with the executable until the call is complete, so an abandoned call never
// writes into freed memory. Not thread-safe; while in_flight() nothing but the Completion may be used (else kInvalidArgument).
class Binding {
 public:
  explicit Binding(const Signature& signature);

  // Shape and dtype must fit the port (kDynamic fits any size); else kInvalidArgument naming the port and both specs.
  void SetInput(int port, Buffer buffer);
  // Optional: without it the backend allocates (and re-uses) the output. Static, fitting shapes only.
  void SetOutput(int port, Buffer buffer);

  Buffer& input(int port) { return inputs_.at(port); }
  const Buffer& output(int port) const { return outputs_.at(port); }
  Buffer& output(int port) { return outputs_.at(port); }
  int input_count() const { return static_cast<int>(inputs_.size()); }
  int output_count() const { return static_cast<int>(outputs_.size()); }
  const Signature& signature() const { return signature_; }
  bool in_flight() const { return state_.load(std::memory_order_acquire) == State::kRunning; }

  // --- For backends -------------------------------------------------------------------------------------------------
  // True when the caller gave the output's buffer; a backend never replaces that one.
  bool output_is_callers(int port) const { return callers_output_.at(port); }
  // Sets an output that the backend allocated.
  void ProvideOutput(int port, Buffer buffer) { outputs_.at(port) = std::move(buffer); }
  // Grows whenever the caller binds another buffer: a backend rebuilds its engine-side binding when it changed.
  uint64_t version() const { return version_; }
  // One slot for the engine-side binding, owned here; `owner` tells whose it is. The value must keep `owner` alive, so that
  // its address is not taken by another.
  void SetSlot(const void* owner, std::shared_ptr<void> value) { slot_owner_ = owner, slot_ = std::move(value); }
  void* slot(const void* owner) const { return slot_owner_ == owner ? slot_.get() : nullptr; }
  // Marks the call as started; throws kInvalidArgument if it already is or an input is not bound.
  void Begin();
  // Marks it as executing on `program`, which Cancel may interrupt from now on; false when it was cancelled, or its
  // deadline passed, before.
  bool Enter(Program& program);
  // Marks it as done (nullptr) or failed and wakes whoever waits.
  void Finish(std::exception_ptr error);
  // True when somebody's deadline for the running call has passed.
  bool overdue() const { return overdue_.load(std::memory_order_acquire); }
  // True when the running call is not wanted any more (Completion::Cancel): set before Program::Interrupt is called.
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

 private:
  friend class Completion;
  enum class State : uint8_t { kIdle, kRunning, kDone };
  void CheckIdle() const;

  Signature signature_;
  std::vector<Buffer> inputs_;
  std::vector<Buffer> outputs_;
  std::vector<bool> callers_output_;
  uint64_t version_ = 0;
  const void* slot_owner_ = nullptr;
  std::shared_ptr<void> slot_;
  std::atomic<State> state_{State::kIdle};
  std::atomic<bool> overdue_{false};
  std::atomic<bool> cancelled_{false};
  Program* program_ = nullptr;    // while it executes; guarded by mutex_, as the following
  Clock* clock_ = nullptr;        // that the completion waits through
  std::exception_ptr error_;
  std::mutex mutex_;
  std::condition_variable condition_;
};

// A started call. A value; keeps the binding alive. Thread-safe as far as Wait, WaitUntil, Cancel and done are concerned.
class Completion {
 public:
  Completion(std::shared_ptr<Binding> binding, Clock& clock) : binding_(std::move(binding)), clock_(&clock) {}

  bool done() const { return !binding_->in_flight(); }
  // Blocks until the call is done; rethrows its error.
  void Wait();
  // As Wait, but false when the deadline passes first. The call then goes on; its binding stays in flight until it ends.
  bool WaitUntil(TimeNs deadline_ns);
  // Asks the call to stop: one that has not begun ends with kCancelled; a running one where the engine can be interrupted.
  void Cancel();

 private:
  std::shared_ptr<Binding> binding_;
  Clock* clock_;
};

// A compiled artifact on a device. Thread-safe: up to max_in_flight calls with different bindings may be under way.
// Destruction waits for calls that run normally and leaves a hung one (past its deadline) to itself.
class Executable {
 public:
  virtual ~Executable() = default;
  virtual const Signature& signature() const = 0;
  virtual const Placement& placement() const = 0;
  // Starts a call. Errors of the call reach Wait; kInvalidArgument (binding incomplete or in flight, too many calls) is thrown here.
  virtual Completion Start(std::shared_ptr<Binding> binding) = 0;
};

// Start and Wait.
void Run(Executable& executable, const std::shared_ptr<Binding>& binding);

// What is known of a device. Plain data: what planners, `consort devices` and reports see.
struct DeviceInfo {
  Target target;                      // fully spelled: device, unit, backend
  std::string name;                   // "AMD EPYC (2 cores)"
  std::string engine;                 // "ONNX Runtime 1.32.0"
  std::string driver;                 // driver version, or ""
  std::string resource;               // the physical resource it uses: "cpu", "cuda:0"; equal strings share time
  CoreSet cores;                      // host cores that compute (cpu) or serve the device
  int64_t memory_bytes = 0;           // 0: unknown
  std::vector<Precision> precisions;  // that can be asked for
  std::vector<ArtifactKind> accepts;  // what Compile takes
  std::vector<MemorySpace> spaces;    // first is preferred
  int max_in_flight = 1;              // calls that the device itself can overlap
  Provenance provenance = Provenance::kMeasured;
  std::string warning;                // said wherever a figure of this device is shown; usually ""
};

// One opened device. Thread-safe.
class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceInfo& info() const = 0;
  // Throws kInvalidModel, kUnsupported (op, dtype, precision, kind of artifact), kOutOfMemory; what an engine throws is converted.
  virtual std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) = 0;
  // Memory for a static spec in a space listed by info(); else kUnsupported.
  virtual Buffer Allocate(const TensorSpec& spec, MemorySpace space) = 0;
};

}  // namespace consort

#endif  // CONSORT_DEVICE_H_
