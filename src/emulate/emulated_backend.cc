#include "emulate/emulated_backend.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "consort/error.h"
#include "device/isolated.h"
#include "emulate/device_names.h"
#include "emulate/device_options.h"
#include "emulate/emulated_device.h"
#include "emulate/jitter.h"

namespace consort {
namespace {

constexpr char kNull[] = "null";

// What the backends of a registry have in common.
struct Emulation {
  EmulationOptions options;
  std::shared_ptr<const Platform> platform;  // the one that is given, or nullptr
  ResourceTimes resources;
  MakeIntegerNumbers integers;
};

class EmulatedBackend : public Backend {
 public:
  EmulatedBackend(Backend& host, std::shared_ptr<Emulation> emulation)
      : host_(host), emulation_(std::move(emulation)) {}

  std::string_view name() const override { return host_.name(); }
  std::vector<std::string> devices() const override { return {"emulated"}; }

  std::vector<DeviceFinding> Find() override {
    std::vector<DeviceFinding> findings;
    if (emulation_->platform == nullptr) return findings;
    for (const PlatformDevice& device : emulation_->platform->devices) {
      const Target target{.device = "emulated", .unit = device.name, .backend = std::string(name())};
      findings.push_back({.info = EmulatedInfo(target, emulation_->platform->name, device)});
    }
    return findings;
  }

  std::vector<Diagnosis> Diagnose() override { return {}; }

  bool isolates_itself() const override { return true; }
  void CheckUnit(const Target& target) const override { Find(target); }

  std::shared_ptr<Device> Open(const Target& target, const OpenOptions& options) override {
    const NamedDevice named = Find(target);
    Clock& clock = options.clock == nullptr ? Clock::Real() : *options.clock;
    EmulatedDeviceOptions made = OptionsOf(named, target, clock, emulation_->resources);
    made.host = OpenHost(options);
    made.exact = host_.name() != kNull;
    made.integers = emulation_->integers;
    made.open = options;
    made.open.clock = nullptr;
    made.jitter = emulation_->options.jitter;
    made.jitter_seed = JitterSeedOf(emulation_->options.jitter_seed, named.device->name);
    return std::make_shared<EmulatedDevice>(std::move(made));
  }

 private:
  NamedDevice Find(const Target& target) const {
    if (!target.unit.empty()) return FindEmulatedDevice(target.unit, emulation_->platform);
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("which device? valid are emulated:{}",
                            Join(EmulatedDeviceNames(emulation_->platform.get()), ", emulated:")));
  }

  // The engine's first device, by real time whatever the emulated one lives by.
  std::shared_ptr<Device> OpenHost(const OpenOptions& options) const {
    const Target target{.device = host_.devices().front(), .backend = std::string(host_.name())};
    OpenOptions host_options = options;
    host_options.clock = nullptr;
    return options.isolated ? OpenIsolated(target, host_options) : host_.Open(target, host_options);
  }

  Backend& host_;
  std::shared_ptr<Emulation> emulation_;
};

std::vector<std::unique_ptr<Backend>> BackendsOf(const std::vector<Backend*>& hosts,
                                                 const std::shared_ptr<Emulation>& emulation) {
  std::vector<std::unique_ptr<Backend>> backends;
  for (Backend* host : hosts) backends.push_back(std::make_unique<EmulatedBackend>(*host, emulation));
  return backends;
}

}  // namespace

std::vector<std::unique_ptr<Backend>> MakeEmulatedBackends(const std::vector<Backend*>& hosts,
                                                           const EmulationOptions& options,
                                                           MakeIntegerNumbers integers) {
  auto emulation = std::make_shared<Emulation>();
  emulation->integers = std::move(integers);
  emulation->options = options;
  if (!options.platform.empty()) {
    Platform platform = LoadPlatform(options.platform, BuiltinCostSchemas());
    for (const std::string& setting : options.settings) platform.Set(setting);
    emulation->platform = std::make_shared<const Platform>(std::move(platform));
  } else if (!options.settings.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}': settings are of a platform, and none is given", options.settings.front()));
  }
  return BackendsOf(hosts, emulation);
}

std::vector<std::unique_ptr<Backend>> MakeEmulatedBackends(const std::vector<Backend*>& hosts,
                                                           std::shared_ptr<const Platform> platform, double jitter,
                                                           uint64_t jitter_seed) {
  auto emulation = std::make_shared<Emulation>();
  emulation->options.jitter = jitter;
  emulation->options.jitter_seed = jitter_seed;
  emulation->platform = std::move(platform);
  return BackendsOf(hosts, emulation);
}

}  // namespace consort
