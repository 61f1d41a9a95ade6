// CostTable: what every range of units costs on every class of devices, ready for a search.
#ifndef CONSORT_PLAN_COST_TABLE_H_
#define CONSORT_PLAN_COST_TABLE_H_

#include <array>
#include <string>
#include <vector>

#include "plan/cost_source.h"

namespace consort {

// Devices that a search need not tell apart: they cost the same and share the same resources with others.
struct DeviceClass {
  std::vector<int> devices;  // indices into CostSource::devices()
};

// Shared resources that a search follows one by one; of more, those beyond count as one, which is an upper bound.
inline constexpr int kMostShared = 4;

// A range on one device of a class, per call.
struct CostCell {
  bool possible = false;
  double call_s = 0;
  double pace_s = 0;                           // longest time on any resource
  double exclusive_s = 0;                      // longest time on a resource that no other device uses
  std::array<double, kMostShared> shared_s{};  // time on each shared resource
  double joules = 0;                           // 0: not known
};

// For each op the device that must run it, or kNone. Empty: no op is placed.
using OpDevices = std::vector<int>;

class CostTable {
 public:
  // Asks the source for every range between positions, once for each class. A range that holds ops placed elsewhere, or
  // does not fit the device's memory, is not possible.
  CostTable(CostSource& source, std::vector<OpId> positions, int64_t batch, const OpDevices& placement = {});

  CostSource& source() const { return source_; }
  const std::vector<OpId>& positions() const { return positions_; }
  int units() const { return static_cast<int>(positions_.size()) - 1; }
  int64_t batch() const { return batch_; }
  const std::vector<DeviceClass>& classes() const { return classes_; }
  int shared_count() const { return shared_count_; }
  // False: more resources are shared than a search follows one by one.
  bool follows_all() const { return follows_all_; }
  // Of the units from `begin` up to `end`.
  const CostCell& At(int device_class, int begin, int end) const { return cells_[Index(device_class, begin, end)]; }

 private:
  void FindClasses(const OpDevices& placement);
  void Fill(const OpDevices& placement);
  void FindShared(const std::vector<std::vector<Busy>>& busy);
  size_t Index(int device_class, int begin, int end) const;

  CostSource& source_;
  std::vector<OpId> positions_;
  int64_t batch_;
  std::vector<DeviceClass> classes_;
  std::vector<CostCell> cells_;
  int shared_count_ = 0;
  bool follows_all_ = true;
};

// Resources that several devices of a source may use: by resource.
std::vector<bool> SharedResources(const CostSource& source);

}  // namespace consort

#endif  // CONSORT_PLAN_COST_TABLE_H_
