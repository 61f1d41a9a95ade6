#include "profile/local_devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace consort {
namespace {

// Cores of all CPU targets, as resources: one each, or neighbours together where there are many.
class CoreResources {
 public:
  explicit CoreResources(const std::vector<DeviceInfo>& infos) {
    std::set<int> all;
    for (const DeviceInfo& info : infos) {
      if (info.target.device == "cpu") all.insert(info.cores.cores().begin(), info.cores.cores().end());
    }
    cores_.assign(all.begin(), all.end());
    groups_ = std::min<int>(kMostThreadGroups, static_cast<int>(cores_.size()));
  }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (int group = 0; group < groups_; ++group) {
      std::vector<int> members;
      for (const int core : cores_) {
        if (GroupOf(core) == group) members.push_back(core);
      }
      const bool one = members.size() == 1;
      names.push_back(fmt::format("core{} {}", one ? "" : "s", CoreSet(std::move(members)).ToString()));
    }
    return names;
  }

  // Each core is a resource of its own.
  bool OneEach() const { return groups_ == static_cast<int>(cores_.size()); }

  std::vector<int> Of(const std::vector<int>& cores) const {
    std::set<int> groups;
    for (const int core : cores) groups.insert(GroupOf(core));
    return {groups.begin(), groups.end()};
  }

 private:
  int GroupOf(int core) const {
    const auto place = std::lower_bound(cores_.begin(), cores_.end(), core) - cores_.begin();
    return static_cast<int>(place) * groups_ / static_cast<int>(cores_.size());
  }

  std::vector<int> cores_;
  int groups_ = 0;
};

class Finder {
 public:
  explicit Finder(const std::vector<DeviceInfo>& infos) : cores_(infos) { found_.resources = cores_.Names(); }

  void Add(const Target& target, const DeviceInfo& info) {
    PlanDevice device{.name = target.ToString(), .target = target, .memory_bytes = info.memory_bytes};
    if (target.device != "cpu") {
      device.resources = {ResourceNamed(info.resource.empty() ? device.name : info.resource, found_.resources)};
      return Push(device, info);
    }
    const std::vector<int>& cores = info.cores.cores();
    const int count = static_cast<int>(cores.size());
    for (int groups = 1; groups <= std::min(kMostThreadGroups, std::max(1, count)); ++groups) {
      // Three groups would overlap the four resources that many cores count as.
      const bool fits = groups != 3 || cores_.OneEach();
      if ((count % groups == 0 && fits) || count == 0) AddGroups(device, info, groups);
    }
  }

  LocalDevices Take() { return std::move(found_); }

 private:
  // The target that many times, each with its part of the threads.
  void AddGroups(PlanDevice device, const DeviceInfo& info, int groups) {
    const std::vector<int>& cores = info.cores.cores();
    const int threads = static_cast<int>(cores.size()) / groups;
    const std::string name = device.name;
    const int first = found_.size();
    for (int group = 0; group < groups; ++group) {
      const auto begin = cores.begin() + group * threads;
      device.resources = cores_.Of({begin, begin + threads});
      if (groups > 1) {
        device.name = fmt::format("{}:{}t", name, threads) + (group > 0 ? fmt::format("#{}", group + 1) : "");
        device.threads = threads;
        device.alike = group > 0 ? first : -1;
      }
      Push(device, info);
    }
  }

  void Push(const PlanDevice& device, const DeviceInfo& info) {
    found_.devices.push_back(device);
    found_.infos.push_back(info);
  }

  CoreResources cores_;
  LocalDevices found_;
};

}  // namespace

LocalDevices FindLocalDevices(const Registry& registry, const std::vector<Target>& targets, const OpenOptions& open) {
  std::vector<DeviceInfo> infos;
  for (const Target& target : targets) infos.push_back(registry.Open(target, open)->info());
  Finder finder(infos);
  for (size_t i = 0; i < targets.size(); ++i) finder.Add(targets[i], infos[i]);
  return finder.Take();
}

}  // namespace consort
