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

// The first link from the host to the device that other devices hang on too; "" when it has its links to itself.
std::string SharedLink(const NamedDevice& named) {
  for (const Link* link : named.platform->PathTo(*named.device)) {
    for (const PlatformDevice& other : named.platform->devices) {
      const std::vector<const Link*> path = named.platform->PathTo(other);
      if (&other != named.device && std::find(path.begin(), path.end(), link) != path.end()) return link->name;
    }
  }
  return "";
}

}  // namespace

EmulatedDeviceOptions OptionsOf(const NamedDevice& named, const Target& target, Clock& clock, ResourceTimes& times) {
  const std::string& platform = named.platform->name;
  const std::string link = SharedLink(named);
  return {.target = target,
          .platform = platform,
          .device = *named.device,
          .cost = CostModelOf(named),
          .resource = times.Find(clock, EmulatedInfo(target, platform, *named.device).resource),
          .link = link.empty() ? nullptr : times.Find(clock, fmt::format("emulated:{}.link.{}", platform, link)),
          .clock = &clock};
}

}  // namespace consort
