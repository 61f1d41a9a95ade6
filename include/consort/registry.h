// The registry: which backends there are, which devices they find, and the way to open one.
#ifndef CONSORT_REGISTRY_H_
#define CONSORT_REGISTRY_H_

#include <memory>
#include <string>
#include <vector>

#include "consort/device.h"

namespace consort {

class Backend;  // consort/backend.h

struct OpenOptions {
  bool isolated = false;  // run the device in a child process: a crash or a hang there ends only that device
  Clock* clock = nullptr;  // nullptr: Clock::Real()
  // A library to load for this device instead of the one found: an engine build, or a plugin execution provider ("name=path").
  std::string plugin;
  // For an isolated device: opening or compiling that takes longer ends its process (kDeviceLost).
  TimeNs compile_timeout_ns = kNever;
};

// A device that a backend knows of, present or not.
struct DeviceFinding {
  DeviceInfo info;
  bool usable = true;
  std::string problem;  // why it is not usable
  std::string remedy;   // the command or the step that mends it
};

// One line of `consort doctor`.
struct Diagnosis {
  enum class Level : uint8_t { kOk, kNote, kProblem };
  Level level = Level::kOk;
  std::string subject;  // "onnxruntime", "edgetpu"
  std::string message;
  std::string remedy;   // the command that fixes it, or ""
};

// Owns the backends. Set up first, then used from any thread.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(Registry&&) noexcept;
  Registry& operator=(Registry&&) noexcept;

  // A later backend with a device name that is taken already is reached by its own name (`cpu@openvino`). Takes ownership.
  void Add(std::unique_ptr<Backend> backend);

  // Fills in the default backend and checks the names. Throws kInvalidArgument listing the valid ones.
  Target Resolve(const Target& target) const;
  // Opens the device of a target. Throws kInvalidArgument, kUnsupported (library missing, no such unit) with the remedy.
  std::shared_ptr<Device> Open(const Target& target, const OpenOptions& options = {}) const;

  std::vector<DeviceFinding> Find() const;
  std::vector<Diagnosis> Diagnose() const;

 private:
  Backend& BackendOf(const Target& target) const;

  std::vector<std::unique_ptr<Backend>> backends_;
};

// How `emulated:` targets are understood.
struct EmulationOptions {
  std::string platform;      // a shipped platform or a file, whose devices `emulated:DEVICE` names first; ""
  std::vector<std::string> settings;  // changes to it: "gtx1650.cost.peak_fp32=6TFLOPS" (docs/platforms.md, --set)
  double jitter = 0;         // relative spread (standard deviation over mean) of the modelled times; 0: always the same
  uint64_t jitter_seed = 0;
};

// A registry with every backend of this build. Throws what reading the platform throws.
Registry MakeBuiltinRegistry(const EmulationOptions& emulation = {});

}  // namespace consort

#endif  // CONSORT_REGISTRY_H_
