#include "experiment/roles.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "consort/error.h"
#include "plan/fingerprint.h"

namespace consort::experiment {
namespace {

bool IsOfKind(const TestDevice& device, DeviceKind kind) { return device.kind == ToString(kind); }

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

// Cost models say what devices of one platform take together, over its links. Beside a target of this machine everything
// runs by the real clock, and no model is asked.
void RequireOnePlatform(const std::vector<TestDevice>& devices) {
  const auto is_real = [](const TestDevice& device) { return !device.emulated(); };
  if (std::any_of(devices.begin(), devices.end(), is_real)) return;
  const TestDevice& first = devices.front();
  for (const TestDevice& other : devices) {
    if (other.platform == first.platform || FingerprintOf(*other.platform) == FingerprintOf(*first.platform)) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} is of platform {} and {} of platform {}: what they take together is not known; --platform "
                            "gives one that has both (seed has xeon-2.2ghz, gtx1650, coral-usb3)",
                            first.name, first.platform->name, other.name, other.platform->name));
  }
}

Pair NamedPair(const Testbed& testbed, const std::string& text) {
  const std::vector<std::string> names = Split(text, ',');
  if (names.size() == 2 && names[0] != names[1]) return {testbed.Find(names[0]), testbed.Find(names[1])};
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("pair '{}' is not A,B: two different devices of the testbed", text));
}

}  // namespace

std::string PartOf(const TestDevice& device) { return StandsForEdgeTpu(device) ? "edgetpu" : device.kind; }

Pair UsualPair(const std::vector<TestDevice>& devices) {
  const auto tpu = std::find_if(devices.begin(), devices.end(), StandsForEdgeTpu);
  const auto gpu = std::find_if(devices.begin(), devices.end(),
                                [](const TestDevice& device) { return IsOfKind(device, DeviceKind::kGpu); });
  const auto a = tpu != devices.end() ? tpu : devices.begin() + (gpu == devices.begin() + 1 ? 0 : 1);
  const auto b = gpu != devices.end() ? gpu : devices.begin() + (a == devices.begin() ? 1 : 0);
  return {*a, *b};
}

Pair PairOf(const Testbed& testbed, const std::string& text) {
  if (text.empty()) RequireSeveral(testbed, "an experiment on a pair");
  Pair pair = text.empty() ? UsualPair(testbed.devices()) : NamedPair(testbed, text);
  RequireOnePlatform({pair.a, pair.b});
  return pair;
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
  RequireOnePlatform(chosen);
  return chosen;
}

}  // namespace consort::experiment
