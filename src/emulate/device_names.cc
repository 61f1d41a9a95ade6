#include "emulate/device_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "consort/error.h"
#include "cost/cost_model.h"

namespace consort {
namespace {

NamedDevice Named(std::shared_ptr<const Platform> platform, const PlatformDevice& device) {
  return {std::move(platform), &device};
}

std::optional<NamedDevice> DeviceOf(const std::shared_ptr<const Platform>& platform, const std::string& name) {
  for (const PlatformDevice& device : platform->devices) {
    if (device.name == name) return Named(platform, device);
  }
  return std::nullopt;
}

std::shared_ptr<const Platform> Shipped(const std::string& name) {
  return std::make_shared<const Platform>(LoadPlatform(name, BuiltinCostSchemas()));
}

std::vector<std::string> NamesIn(const Platform& platform, const std::string& prefix) {
  std::vector<std::string> names;
  for (const PlatformDevice& device : platform.devices) names.push_back(prefix + device.name);
  return names;
}

// Platform names may hold dots: every dot may be the one that ends the platform's.
std::optional<NamedDevice> OfShipped(const std::string& name, const std::vector<std::string>& shipped) {
  for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
    const std::string platform_name = name.substr(0, dot);
    if (std::find(shipped.begin(), shipped.end(), platform_name) == shipped.end()) continue;
    const auto platform = Shipped(platform_name);
    if (std::optional<NamedDevice> found = DeviceOf(platform, name.substr(dot + 1))) return found;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("emulated:{}: platform {} has no device '{}'; valid are {}", name, platform_name,
                            name.substr(dot + 1), Join(NamesIn(*platform, "emulated:" + platform_name + "."))));
  }
  return std::nullopt;
}

}  // namespace

NamedDevice FindEmulatedDevice(const std::string& name, const std::shared_ptr<const Platform>& given) {
  if (given != nullptr) {
    if (std::optional<NamedDevice> found = DeviceOf(given, name)) return *found;
  }
  const std::vector<std::string> shipped = ShippedPlatforms();
  if (std::find(shipped.begin(), shipped.end(), name) != shipped.end()) {
    const auto platform = Shipped(name);
    if (platform->devices.size() == 1) return Named(platform, platform->devices.front());
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("emulated:{}: platform {} has {} devices; say which one: {}", name, name,
                            platform->devices.size(), Join(NamesIn(*platform, "emulated:" + name + "."))));
  }
  if (std::optional<NamedDevice> found = OfShipped(name, shipped)) return *found;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("emulated:{}: no such device; valid are {}{}", name, Join(EmulatedDeviceNames(given.get())),
                          given == nullptr ? ", or devices of a platform given by --platform" : ""));
}

std::vector<std::string> EmulatedDeviceNames(const Platform* given) {
  std::vector<std::string> names;
  if (given != nullptr) names = NamesIn(*given, "");
  for (const std::string& name : ShippedPlatforms()) {
    const auto platform = Shipped(name);
    const std::vector<std::string> inside =
        platform->devices.size() == 1 ? std::vector<std::string>{name} : NamesIn(*platform, name + ".");
    for (const std::string& one : inside) {
      if (std::find(names.begin(), names.end(), one) == names.end()) names.push_back(one);
    }
  }
  return names;
}

}  // namespace consort
