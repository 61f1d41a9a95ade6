// A device with the numbers of one that is there and the times of one that is not.
#ifndef CONSORT_EMULATE_EMULATED_DEVICE_H_
#define CONSORT_EMULATE_EMULATED_DEVICE_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "consort/device.h"
#include "consort/emulation.h"
#include "cost/cost_model.h"
#include "device/quantizes_itself.h"
#include "emulate/emulated_placement.h"
#include "emulate/integer_numbers.h"
#include "emulate/modelled_time.h"
#include "emulate/resource_time.h"
#include "platform/platform.h"

namespace consort {

struct EmulatedDeviceOptions {
  Target target;         // resolved; what the device is called
  std::string platform;  // name of the one that `device` is part of
  PlatformDevice device;
  std::shared_ptr<const CostModel> cost;   // of the device
  std::shared_ptr<Device> host;            // computes the numbers, by real time
  bool exact = true;                       // false: the host computes none (the null device)
  MakeIntegerNumbers integers;             // of an Edge TPU, in the host's place; empty: the host computes in float
  OpenOptions open;                        // of what `integers` opens
  std::shared_ptr<ResourceTime> resource;  // shared by the devices that share time; absent: its own
  std::vector<SharedResource> shared;      // what its calls take time of besides
  Clock* clock = nullptr;                  // nullptr: Clock::Real()
  double jitter = 0;                       // relative spread of the times
  uint64_t jitter_seed = 0;                // each executable counts on from it
  bool weights_resident = true;            // false: every call loads all parameters onto the device
};

// A decorator over any device: outputs come from the host device, bit for bit, or, where the device is an Edge TPU
// and the model is a float one, from the integer form of it (IntegerNumbers); and a call ends when the cost model
// says. By a clock of its own time (emulate/virtual_clock.h) the host's time does not count at all; by the real clock a
// call whose numbers take longer than the modelled time is an overrun (consort/emulation.h). Compile refuses what the
// device could not run: ops that it lacks, weights beyond its memory. Its executables are Emulated. Thread-safe.
class EmulatedDevice : public Device, public QuantizesItself {
 public:
  // Throws kUnsupported for a precision that the device does not have.
  explicit EmulatedDevice(EmulatedDeviceOptions options);

  const DeviceInfo& info() const override { return info_; }
  std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) override;
  Buffer Allocate(const TensorSpec& spec, MemorySpace space) override { return options_.host->Allocate(spec, space); }
  bool quantizes_itself() const override;

 private:
  Precision precision() const;
  // What computes the numbers, and where they come from.
  IntegerNumbers CompileForHost(const Artifact& artifact, bool quantized, CompileOptions options) const;
  ModelledTime TimeOf(const Model& model) const;
  EmulationReport Describe(const ModelledTime& time, std::string numbers) const;
  PlacementTexts TextsOf(const EmulationReport& report) const;

  EmulatedDeviceOptions options_;
  DeviceInfo info_;
  std::atomic<uint64_t> executables_{0};
};

// What `consort devices` shows of one, without its host's part.
DeviceInfo EmulatedInfo(const Target& target, const std::string& platform, const PlatformDevice& device);

}  // namespace consort

#endif  // CONSORT_EMULATE_EMULATED_DEVICE_H_
