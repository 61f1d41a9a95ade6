#include "experiment/copies.h"

#include <fmt/format.h>

#include <utility>

namespace consort::experiment {
namespace {

constexpr char kHub[] = "hub";

// The way to the device, again for one copy; its last link's name.
std::string AddOwnWay(const Platform& platform, const PlatformDevice& device, int copy, Platform& made) {
  std::string via;
  for (const Link* link : platform.PathTo(device)) {
    made.links.push_back(*link);
    made.links.back().name = fmt::format("{}-{}", link->name, copy);
    made.links.back().via = via;
    via = made.links.back().name;
  }
  return via;
}

std::string AddPort(const Link& link, int copy, Platform& made) {
  made.links.push_back(link);
  made.links.back().name = fmt::format("port-{}", copy);
  made.links.back().via = kHub;
  return made.links.back().name;
}

void AddHub(const Link& link, Platform& made) {
  made.links.push_back(link);
  made.links.back().name = kHub;
  made.links.back().via.clear();
}

TestbedOptions OptionsLike(const Testbed& testbed) {
  return {.seed = testbed.seed(),
          .jitter = testbed.options().jitter,
          .quick = testbed.quick(),
          .progress = testbed.options().progress};
}

std::vector<std::string> CoresOf(const TestDevice& device, int count) {
  const std::vector<int>& cores = CoreSet::Available().cores();
  if (device.target.device != "cpu" || count > static_cast<int>(cores.size()))
    throw Error(ErrorCode::kInfeasible,
                fmt::format("{} of {}: there {}", count, device.name,
                            device.target.device != "cpu" ? "is one" : fmt::format("are {} cores", cores.size())));
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) {
    Target target = device.target;
    target.unit = std::to_string(cores[static_cast<size_t>(i)]);
    names.push_back(target.ToString());
  }
  return names;
}

}  // namespace

Platform CopiesOf(const Platform& platform, const PlatformDevice& device, int count, Wiring wiring) {
  Platform made{.name = fmt::format("{} x {}", count, device.name)};
  const std::vector<const Link*> way = platform.PathTo(device);
  const bool shared = wiring == Wiring::kShared && !way.empty();
  if (shared) AddHub(*way.back(), made);
  for (int copy = 1; copy <= count; ++copy) {
    PlatformDevice& one = made.devices.emplace_back(device);
    one.name = fmt::format("{}-{}", device.name, copy);
    one.resource.clear();
    one.link = shared ? AddPort(*way.back(), copy, made) : AddOwnWay(platform, device, copy, made);
  }
  for (const PlatformDevice& other : platform.devices) {
    if (other.kind != DeviceKind::kCpu || other.name == device.name || !other.link.empty()) continue;
    made.devices.push_back(other);
  }
  return made;
}

std::unique_ptr<Testbed> CopiesBed(const Testbed& testbed, const TestDevice& device, int count, Wiring wiring) {
  TestbedOptions options = OptionsLike(testbed);
  if (!device.emulated()) {
    options.devices = CoresOf(device, count);
    return std::make_unique<Testbed>(std::move(options));
  }
  options.made = std::make_shared<const Platform>(CopiesOf(*device.platform, *device.described, count, wiring));
  const std::string precision = device.target.precision ? fmt::format("/{}", ToString(device.precision)) : "";
  for (int copy = 1; copy <= count; ++copy) {
    options.devices.push_back(fmt::format("{}-{}{}", device.described->name, copy, precision));
  }
  return std::make_unique<Testbed>(std::move(options));
}

}  // namespace consort::experiment
