#include "experiment/roles.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "consort/error.h"

namespace consort::experiment {
namespace {

bool IsOfKind(const TestDevice& device, DeviceKind kind) { return device.emulated() && device.described->kind == kind; }

bool StandsForEdgeTpu(const TestDevice& device) {
  return IsOfKind(device, DeviceKind::kEdgeTpu) || device.name.starts_with("edgetpu");
}

// CPUs first, then GPUs, as the seed's files have them.
int RankOf(const TestDevice& device) {
  if (StandsForEdgeTpu(device)) return 2;
  return IsOfKind(device, DeviceKind::kCpu) ? 0 : 1;
}

void RequireSeveral(const Testbed& testbed, const std::string& what) {
  if (testbed.devices().size() >= 2) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} needs two devices, and there is '{}' alone; -d names more", what,
                          testbed.devices().front().name));
}

}  // namespace

Pair PairOf(const Testbed& testbed, const std::string& text) {
  if (!text.empty()) {
    const std::vector<std::string> names = Split(text, ',');
    if (names.size() == 2 && names[0] != names[1]) return {testbed.Find(names[0]), testbed.Find(names[1])};
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("pair '{}' is not A,B: two different devices of the testbed", text));
  }
  RequireSeveral(testbed, "an experiment on a pair");
  const std::vector<TestDevice>& devices = testbed.devices();
  const auto tpu = std::find_if(devices.begin(), devices.end(), StandsForEdgeTpu);
  const auto gpu = std::find_if(devices.begin(), devices.end(),
                                [](const TestDevice& device) { return IsOfKind(device, DeviceKind::kGpu); });
  const auto a = tpu != devices.end() ? tpu : devices.begin() + (gpu == devices.begin() + 1 ? 0 : 1);
  const auto b = gpu != devices.end() ? gpu : devices.begin() + (a == devices.begin() ? 1 : 0);
  return {*a, *b};
}

std::vector<TestDevice> DevicesFor(const Testbed& testbed, const std::string& text, size_t most) {
  std::vector<TestDevice> chosen;
  if (text.empty()) {
    chosen = testbed.devices();
    std::stable_sort(chosen.begin(), chosen.end(),
                     [](const TestDevice& a, const TestDevice& b) { return RankOf(a) < RankOf(b); });
    if (chosen.size() > most) chosen.resize(most);
  } else {
    for (const std::string& name : Split(text, ',')) chosen.push_back(testbed.Find(name));
  }
  if (chosen.size() < 2) RequireSeveral(testbed, "sharing samples");
  if (chosen.size() < 2)
    throw Error(ErrorCode::kInvalidArgument, fmt::format("devices '{}': sharing samples needs two or more", text));
  return chosen;
}

}  // namespace consort::experiment
