// A compiled model with its inputs bound: what every measurement works on.
#ifndef CONSORT_BENCH_SUBJECT_H_
#define CONSORT_BENCH_SUBJECT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "consort/device.h"
#include "consort/emulation.h"
#include "consort/registry.h"

namespace consort {

// How subjects are made. The execution is always kCaller: a query runs on the thread that asks, with the least
// overhead.
struct SubjectOptions {
  CompileOptions compile;
  OpenOptions open;
  bool strict = false;  // kInfeasible naming the target unless every op is known to run where it was asked to
};

// The inputs for a signature, one per port, in host memory: from files or from a seed. Called once per subject; what it
// returns is copied. Throws kInvalidArgument where something does not fit.
using InputSource = std::function<std::vector<Buffer>(const Signature&)>;

// Every input from the seed (RandomInput). The source throws kInvalidArgument naming a port whose shape is open.
InputSource SeededInputs(uint64_t seed);

// The ports of a whole model.
Signature SignatureOf(const Graph& graph);

// How long each step took until queries could be measured.
struct SetupTimes {
  TimeNs open_ns = 0;
  TimeNs compile_ns = 0;
  TimeNs first_run_ns = 0;
};

// One model on one target, ready to be measured: opened, compiled, inputs bound, run once (which also tells the shapes
// of open outputs, so that all outputs are bound from then on). Every query gets the same inputs; states are not
// carried. Steady state allocates nothing in Consort. One thread at a time.
//
//   Subject subject(registry, target, artifact, {}, inputs);
//   const ThreadScope scope(subject.caller_cores(), subject.options().compile.flush_denormals);
//   Meter(gate).RunSegment(OneAtATime([&] { subject.Query(); }));
class Subject {
 public:
  // `target` is resolved. Throws what opening, compiling, `inputs` and the first run throw.
  Subject(const Registry& registry, const Target& target, const Artifact& artifact, const SubjectOptions& options,
          const InputSource& inputs);

  // One consort::Run with bound buffers, on the calling thread.
  void Query() { Run(*executable_, binding_); }
  // Copies the caller's inputs into the memory that the target computes from, and its results into the caller's memory.
  void CopyIn();
  void CopyOut();
  // The three in sequence: what a caller waits for.
  void EndToEnd() { CopyIn(), Query(), CopyOut(); }

  // Why the copies do not reach the device's memory, so that transfers lie within Query; empty when CopyIn and CopyOut
  // are all of them. No backend copies between host and device memory by itself yet: engines do it during the call.
  const std::string& transfers_hidden() const { return transfers_hidden_; }

  // An output as the last Query left it; host-readable.
  const Buffer& output(int port) const { return binding_->output(port); }
  // An input as the caller gave it.
  const Buffer& input(int port) const { return callers_inputs_.at(port); }

  const Target& target() const { return target_; }
  const DeviceInfo& info() const { return device_->info(); }
  const Signature& signature() const { return executable_->signature(); }
  const Placement& placement() const { return executable_->placement(); }
  const Executable& executable() const { return *executable_; }
  // What the times are made from; nothing on real hardware.
  const Emulated* emulated() const { return AsEmulated(*executable_); }
  const SubjectOptions& options() const { return options_; }
  const SetupTimes& setup() const { return setup_; }
  // Engine threads of one query.
  int threads() const;
  // The host cores that compute; empty when the device is not one of them.
  const CoreSet& cores() const { return device_->info().cores; }
  // What a thread that queries should be confined to while it measures: `cores`, or nothing when another process
  // computes (an isolated device, known by the memory that it shares): on the same core the two would wait for each
  // other.
  CoreSet caller_cores() const;
  int64_t input_bytes() const;
  int64_t output_bytes() const;

 private:
  void BindInputs(std::vector<Buffer> inputs);
  void BindOutputs();
  Buffer Allocate(const TensorSpec& spec);

  Target target_;
  SubjectOptions options_;
  std::shared_ptr<Device> device_;
  std::unique_ptr<Executable> executable_;
  std::shared_ptr<Binding> binding_;
  std::vector<Buffer> callers_inputs_;
  std::vector<Buffer> callers_outputs_;
  std::string transfers_hidden_;
  SetupTimes setup_;
};

}  // namespace consort

#endif  // CONSORT_BENCH_SUBJECT_H_
