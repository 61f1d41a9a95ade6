// The devices of this machine as plans may use them.
#ifndef CONSORT_PROFILE_LOCAL_DEVICES_H_
#define CONSORT_PROFILE_LOCAL_DEVICES_H_

#include <string>
#include <vector>

#include "consort/registry.h"
#include "plan/cost_source.h"

namespace consort {

// What plans may choose from, by index. Plain data.
struct LocalDevices {
  std::vector<PlanDevice> devices;
  std::vector<DeviceInfo> infos;       // of each device's target
  std::vector<std::string> resources;  // what devices share: cores, and what DeviceInfo::resource names

  int size() const { return static_cast<int>(devices.size()); }
};

// Parts that the cores of a CPU target are divided into at most.
inline constexpr int kMostThreadGroups = 4;

// Opens each target (resolved, none twice) to see what it is. A CPU target counts several times: with a thread per core,
// and with so many fewer threads that two, three or four of it fill its cores ("cpu@openvino:1t", and a second
// "cpu@openvino:1t#2" that costs the same). Which cores these use is not told to the engine: the operating system keeps
// them apart. All CPU targets share the cores; of more than four cores neighbours count as one resource. Throws what
// opening throws.
LocalDevices FindLocalDevices(const Registry& registry, const std::vector<Target>& targets, const OpenOptions& open);

}  // namespace consort

#endif  // CONSORT_PROFILE_LOCAL_DEVICES_H_
