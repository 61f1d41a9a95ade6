// What `emulated:NAME` means.
#ifndef CONSORT_EMULATE_DEVICE_NAMES_H_
#define CONSORT_EMULATE_DEVICE_NAMES_H_

#include <memory>
#include <string>
#include <vector>

#include "platform/platform.h"

namespace consort {

// A device and the platform that it is part of, which lives as long.
struct NamedDevice {
  std::shared_ptr<const Platform> platform;
  const PlatformDevice* device = nullptr;
};

// A device of `given` (may be nullptr), a shipped platform that has one device, or "PLATFORM.DEVICE" of a shipped one;
// in this order. Throws kInvalidArgument listing the names that there are.
NamedDevice FindEmulatedDevice(const std::string& name, const std::shared_ptr<const Platform>& given);

// Every name that FindEmulatedDevice takes.
std::vector<std::string> EmulatedDeviceNames(const Platform* given);

}  // namespace consort

#endif  // CONSORT_EMULATE_DEVICE_NAMES_H_
