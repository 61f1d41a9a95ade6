#include "cost/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/strings.h"
#include "consort/error.h"
#include "cost/fits.h"

namespace consort {
namespace {

constexpr size_t kMostCombinations = 10'000;

[[noreturn]] void ThrowInvalid(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

// What stands behind the number: "GB/s" of "24 GB/s".
std::string UnitOf(const std::string& value) {
  const size_t end = value.find_first_not_of("+-0123456789.eE");
  return end == std::string::npos ? "" : value.substr(end);
}

bool SameQuantities(const std::map<std::string, Quantity>& a, const std::map<std::string, Quantity>& b) {
  const auto same = [](const auto& x, const auto& y) { return x.first == y.first && x.second.value == y.second.value; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

bool SameRows(const CostDescription& a, const CostDescription& b) {
  return std::equal(a.rows.begin(), a.rows.end(), b.rows.begin(), b.rows.end(), SameQuantities);
}

bool SamePath(const Platform& platform, const PlatformDevice& a, const PlatformDevice& b) {
  const auto same = [](const Link* x, const Link* y) {
    return x->bandwidth.value == y->bandwidth.value && x->bandwidth_back.value == y->bandwidth_back.value &&
           x->latency.value == y->latency.value;
  };
  const std::vector<const Link*> path_a = platform.PathTo(a);
  const std::vector<const Link*> path_b = platform.PathTo(b);
  return std::equal(path_a.begin(), path_a.end(), path_b.begin(), path_b.end(), same);
}

// Those like the device at `first`, in order, one per resource.
std::vector<const PlatformDevice*> Like(const Platform& platform, size_t first) {
  std::vector<const PlatformDevice*> group;
  std::set<std::string> resources;
  for (size_t i = first; i < platform.devices.size(); ++i) {
    const PlatformDevice& device = platform.devices[i];
    if (!AreAlike(platform, platform.devices[first], device)) continue;
    if (resources.insert(device.resource.empty() ? device.name : device.resource).second) group.push_back(&device);
  }
  return group;
}

}  // namespace

PlatformSweep ParsePlatformSweep(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size())
    ThrowInvalid(fmt::format("'{}' is not PATH=VALUE, such as gtx1650.link.bandwidth=24GB/s", text));
  PlatformSweep sweep{text.substr(0, equals), Split(text.substr(equals + 1), ',')};
  const std::string unit = UnitOf(sweep.values.back());
  for (std::string& value : sweep.values) {
    if (value.empty()) ThrowInvalid(fmt::format("'{}' has an empty value", text));
    if (UnitOf(value).empty()) value += unit;
  }
  return sweep;
}

std::vector<PlatformSetting> Combinations(const std::vector<PlatformSweep>& sweeps) {
  std::vector<PlatformSetting> settings(1);
  std::set<std::string> paths;
  for (const PlatformSweep& sweep : sweeps) {
    if (!paths.insert(sweep.path).second)
      ThrowInvalid(fmt::format("'{}' is set twice: give its values as one list", sweep.path));
    if (settings.size() * sweep.values.size() > kMostCombinations)
      ThrowInvalid(fmt::format("more than {} combinations of settings: give shorter lists", kMostCombinations));
    std::vector<PlatformSetting> longer;
    for (const PlatformSetting& setting : settings) {
      for (const std::string& value : sweep.values) {
        longer.push_back(setting);
        longer.back().emplace_back(sweep.path, value);
      }
    }
    settings = std::move(longer);
  }
  return settings;
}

Simulated Simulate(const Platform& platform, const PlatformDevice& device, const GraphAtBatch& graph,
                   const SimulationQuery& query) {
  Simulated simulated{.device = device.name, .batch = query.batch, .warning = device.warning};
  simulated.precision = PrecisionOn(device, query.cost.precision);
  const bool one_at_a_time = device.kind == DeviceKind::kEdgeTpu && query.batch > 1;
  if (one_at_a_time) simulated.calls = query.batch;
  const std::string who = fmt::format("'{}'", device.name);
  try {
    const Graph& model = graph(one_at_a_time ? 1 : query.batch);
    RequireOps(device, who, model);
    simulated.works = WorkOf(model);
    RequireMemory(device, who, simulated.works, simulated.precision);
    simulated.estimate = MakeCostModel(platform, device)->Cost(simulated.works, query.cost);
  } catch (const Error& error) {
    const bool refused = error.code() == ErrorCode::kUnsupported || error.code() == ErrorCode::kOutOfMemory;
    // A model whose batch is fixed cannot be taken one inference at a time.
    if (!refused && !(one_at_a_time && error.code() == ErrorCode::kInvalidArgument)) throw;
    simulated.refused = error.what();
  }
  return simulated;
}

bool AreAlike(const Platform& platform, const PlatformDevice& a, const PlatformDevice& b) {
  return a.kind == b.kind && a.precisions == b.precisions && a.missing_ops == b.missing_ops &&
         a.memory.value == b.memory.value && a.idle_power.value == b.idle_power.value &&
         a.active_power.value == b.active_power.value && a.cost.model == b.cost.model &&
         SameQuantities(a.cost.parameters, b.cost.parameters) && SameRows(a.cost, b.cost) && SamePath(platform, a, b);
}

std::vector<const PlatformDevice*> AlikeDevices(const Platform& platform, int count) {
  std::vector<const PlatformDevice*> largest;
  for (size_t first = 0; first < platform.devices.size(); ++first) {
    std::vector<const PlatformDevice*> group = Like(platform, first);
    if (group.size() > largest.size()) largest = std::move(group);
  }
  if (static_cast<int>(largest.size()) < count) {
    throw Error(
        ErrorCode::kInfeasible,
        fmt::format("{} stages need {} devices that are alike; platform '{}' has at most {}: take a platform with more "
                    "of them, such as coral-x4",
                    count, count, platform.name, largest.size()));
  }
  largest.resize(count);
  return largest;
}

std::vector<std::vector<int>> SharingALink(const Platform& platform,
                                           const std::vector<const PlatformDevice*>& devices) {
  std::map<std::string, std::vector<int>> by_link;
  for (size_t i = 0; i < devices.size(); ++i) {
    for (const Link* link : platform.PathTo(*devices[i])) by_link[link->name].push_back(static_cast<int>(i));
  }
  std::vector<std::vector<int>> groups;
  for (const auto& [link, group] : by_link) {
    if (group.size() > 1) groups.push_back(group);
  }
  return groups;
}

}  // namespace consort
