// MeasuredCosts: what a profile says of the devices of this machine.
#ifndef CONSORT_PROFILE_MEASURED_COSTS_H_
#define CONSORT_PROFILE_MEASURED_COSTS_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cost/simulation.h"
#include "plan/cost_source.h"
#include "profile/local_devices.h"
#include "profile/profile.h"

namespace consort {

// A range that was measured costs what was measured. Of others the costs are worked out, and called modelled:
//   several units   the sum of the units', less what the units together take more than the whole model (call overhead,
//                   fusions across their borders, cold caches), in equal parts for each border inside the range
//   other batches   on the straight line between the nearest two that were measured
// A range that is not the whole model pays for being handed over: the latency of the link probes to the device, and its
// input bytes over their bandwidth. Where nothing was measured of a device, it refuses.
class MeasuredCosts : public CostSource {
 public:
  // All must outlive it; the profile may grow meanwhile. `positions`: where units begin, begin and end of the graph
  // included, as the profile was measured.
  MeasuredCosts(const Profile& profile, const LocalDevices& devices, std::vector<OpId> positions, GraphAtBatch graph);

  const std::vector<PlanDevice>& devices() const override { return devices_.devices; }
  const std::vector<std::string>& resources() const override { return devices_.resources; }
  RangeCost Cost(int device, OpId begin, OpId end, int64_t batch) override;
  bool HasBatch(int64_t batch) override;

  // True for the positions that are no border of units: no plan cuts there.
  std::function<bool(int)> NoBorders() const;

 private:
  struct Found {
    double seconds = 0;
    bool measured = true;
    std::string refused;
    double convert_in_s = 0;
    double convert_out_s = 0;
  };
  // Nothing: no part of it was measured.
  std::optional<Found> Seconds(int device, OpId begin, OpId end, int64_t batch) const;
  std::optional<Found> Exactly(int device, OpId begin, OpId end, int64_t batch) const;
  std::optional<Found> SumOfUnits(int device, OpId begin, OpId end, int64_t batch) const;
  Found BetweenBatches(int device, OpId begin, OpId end, int64_t batch) const;
  std::vector<int64_t> BatchesOf(int device) const;
  double HandOver(int device, OpId begin, int64_t batch);

  const Profile& profile_;
  const LocalDevices& devices_;
  std::vector<OpId> positions_;
  GraphAtBatch graph_;
};

}  // namespace consort

#endif  // CONSORT_PROFILE_MEASURED_COSTS_H_
