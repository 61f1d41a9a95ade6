#include "plan/cost_table.h"

#include <algorithm>
#include <set>

namespace consort {
namespace {

constexpr int kSeveral = -2;

// The device that the ops of a range need: kNone where none is placed, kSeveral where two are.
int Needed(const OpDevices& placement, OpId begin, OpId end) {
  int needed = kNone;
  for (OpId op = begin; op < end && !placement.empty(); ++op) {
    if (placement[op] == kNone || placement[op] == needed) continue;
    needed = needed == kNone ? placement[op] : kSeveral;
  }
  return needed;
}

std::vector<int> SharedOf(const PlanDevice& device, const std::vector<bool>& shared) {
  std::vector<int> of_device;
  for (const int resource : device.resources) {
    if (shared[resource]) of_device.push_back(resource);
  }
  std::sort(of_device.begin(), of_device.end());
  return of_device;
}

}  // namespace

int ResourceNamed(const std::string& name, std::vector<std::string>& resources) {
  const auto found = std::find(resources.begin(), resources.end(), name);
  if (found != resources.end()) return static_cast<int>(found - resources.begin());
  resources.push_back(name);
  return static_cast<int>(resources.size()) - 1;
}

std::vector<bool> SharedResources(const CostSource& source) {
  std::vector<int> users(source.resources().size());
  for (const PlanDevice& device : source.devices()) {
    for (const int resource : std::set<int>(device.resources.begin(), device.resources.end())) ++users[resource];
  }
  std::vector<bool> shared;
  for (const int count : users) shared.push_back(count > 1);
  return shared;
}

CostTable::CostTable(CostSource& source, std::vector<OpId> positions, int64_t batch, const OpDevices& placement)
    : source_(source), positions_(std::move(positions)), batch_(batch) {
  FindClasses(placement);
  Fill(placement);
}

// A device that some op is placed on is a class of its own.
void CostTable::FindClasses(const OpDevices& placement) {
  const std::vector<bool> shared = SharedResources(source_);
  const std::set<int> placed(placement.begin(), placement.end());
  const std::vector<PlanDevice>& devices = source_.devices();
  for (int device = 0; device < static_cast<int>(devices.size()); ++device) {
    const auto same = [&](const DeviceClass& known) {
      const int first = known.devices.front();
      const int alike = devices[device].alike;
      return alike >= 0 && (alike == first || devices[first].alike == alike) && placed.count(device) == 0 &&
             placed.count(first) == 0 && SharedOf(devices[first], shared) == SharedOf(devices[device], shared) &&
             devices[first].memory_bytes == devices[device].memory_bytes &&
             devices[first].active_watts == devices[device].active_watts;
    };
    const auto found = std::find_if(classes_.begin(), classes_.end(), same);
    if (found == classes_.end()) {
      classes_.push_back({{device}});
    } else {
      found->devices.push_back(device);
    }
  }
}

size_t CostTable::Index(int device_class, int begin, int end) const {
  const auto n = static_cast<size_t>(units() + 1);
  const auto i = static_cast<size_t>(begin);
  const size_t ranges = n * (n - 1) / 2;
  return static_cast<size_t>(device_class) * ranges + i * (2 * n - i - 1) / 2 + static_cast<size_t>(end - begin - 1);
}

void CostTable::Fill(const OpDevices& placement) {
  const auto n = static_cast<size_t>(units() + 1);
  cells_.resize(classes_.size() * n * (n - 1) / 2);
  std::vector<std::vector<Busy>> busy(cells_.size());
  // Ranges with the same begin follow one another, each for all classes: a source may carry on from the one before.
  for (int begin = 0; begin < units(); ++begin) {
    for (int end = begin + 1; end <= units(); ++end) {
      const int needed = Needed(placement, positions_[begin], positions_[end]);
      for (size_t device_class = 0; device_class < classes_.size(); ++device_class) {
        const int device = classes_[device_class].devices.front();
        if (needed != kNone && needed != device) continue;
        RangeCost cost = source_.Cost(device, positions_[begin], positions_[end], batch_);
        const int64_t memory = source_.devices()[device].memory_bytes;
        if (!cost.refused.empty() || (memory > 0 && cost.memory_bytes > memory)) continue;
        const size_t index = Index(static_cast<int>(device_class), begin, end);
        cells_[index] = {.possible = true, .call_s = cost.call_s, .joules = cost.joules};
        busy[index] = std::move(cost.busy);
      }
    }
  }
  FindShared(busy);
}

// Shared is what the ranges of several devices do use, and not only might.
void CostTable::FindShared(const std::vector<std::vector<Busy>>& busy) {
  const std::vector<bool> possibly = SharedResources(source_);
  const size_t ranges = cells_.size() / std::max<size_t>(1, classes_.size());
  std::vector<int> users(possibly.size());
  for (size_t device_class = 0; device_class < classes_.size(); ++device_class) {
    std::set<int> used;
    for (size_t i = device_class * ranges; i < (device_class + 1) * ranges; ++i) {
      for (const Busy& of : busy[i]) used.insert(of.resource);
    }
    for (const int resource : used) {
      if (possibly[resource]) users[resource] += static_cast<int>(classes_[device_class].devices.size());
    }
  }
  std::vector<int> place(possibly.size(), kNone);
  for (size_t resource = 0; resource < users.size(); ++resource) {
    if (users[resource] < 2) continue;
    follows_all_ = follows_all_ && shared_count_ < kMostShared;
    place[resource] = std::min(shared_count_, kMostShared - 1);
    shared_count_ = std::min(shared_count_ + 1, kMostShared);
  }
  for (size_t i = 0; i < cells_.size(); ++i) {
    CostCell& cell = cells_[i];
    cell.pace_s = busy[i].empty() ? cell.call_s : 0;
    for (const Busy& of : busy[i]) {
      cell.pace_s = std::max(cell.pace_s, of.seconds);
      if (place[of.resource] == kNone) {
        cell.exclusive_s = std::max(cell.exclusive_s, of.seconds);
      } else {
        cell.shared_s[place[of.resource]] += of.seconds;
      }
    }
  }
}

}  // namespace consort
