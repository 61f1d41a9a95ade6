#include "emulate/device_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace consort {
namespace {

// Keeps the platform that the cost model refers to.
std::shared_ptr<const CostModel> CostModelOf(const NamedDevice& named) {
  struct Owner {
    std::shared_ptr<const Platform> platform;
    std::unique_ptr<CostModel> model;
  };
  auto owner = std::make_shared<Owner>(Owner{named.platform, MakeCostModel(*named.platform, *named.device)});
  const CostModel* model = owner->model.get();
  return {std::move(owner), model};
}

bool IsShared(const NamedDevice& named, const Link* link) {
  for (const PlatformDevice& other : named.platform->devices) {
    const std::vector<const Link*> path = named.platform->PathTo(other);
    if (&other != named.device && std::find(path.begin(), path.end(), link) != path.end()) return true;
  }
  return false;
}

std::string ResourceName(const std::string& platform, const PlatformDevice& device) {
  return EmulatedInfo({}, platform, device).resource;
}

// The platform's first CPU, as the Edge TPU's cost model has it.
const PlatformDevice* CpuBeside(const NamedDevice& named) {
  if (named.device->kind != DeviceKind::kEdgeTpu) return nullptr;
  const std::vector<PlatformDevice>& devices = named.platform->devices;
  const auto cpu = std::find_if(devices.begin(), devices.end(),
                                [](const PlatformDevice& device) { return device.kind == DeviceKind::kCpu; });
  return cpu == devices.end() ? nullptr : &*cpu;
}

std::vector<SharedResource> SharedWithOthers(const NamedDevice& named, Clock& clock, ResourceTimes& times) {
  const std::string& platform = named.platform->name;
  std::vector<SharedResource> shared;
  for (const Link* link : named.platform->PathTo(*named.device)) {
    if (!IsShared(named, link)) continue;
    shared.push_back({times.Find(clock, fmt::format("emulated:{}.link.{}", platform, link->name)), *link});
  }
  if (const PlatformDevice* cpu = CpuBeside(named))
    shared.push_back({times.Find(clock, ResourceName(platform, *cpu)), std::nullopt});
  return shared;
}

}  // namespace

EmulatedDeviceOptions OptionsOf(const NamedDevice& named, const Target& target, Clock& clock, ResourceTimes& times) {
  const std::string& platform = named.platform->name;
  return {.target = target,
          .platform = platform,
          .device = *named.device,
          .cost = CostModelOf(named),
          .resource = times.Find(clock, ResourceName(platform, *named.device)),
          .shared = SharedWithOthers(named, clock, times),
          .clock = &clock};
}

}  // namespace consort
