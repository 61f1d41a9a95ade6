// ModelledCosts: what cost models say of the devices of a platform.
#ifndef CONSORT_PLAN_MODELLED_COSTS_H_
#define CONSORT_PLAN_MODELLED_COSTS_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cost/simulation.h"
#include "plan/cost_source.h"
#include "plan/range_works.h"
#include "platform/platform.h"

namespace consort {

// A device of the platform, as the user names it: "gtx1650/fp16".
struct PlatformChoice {
  std::string device;
  std::optional<Precision> precision;  // absent: the device's default
  std::optional<Target> target;        // as the user wrote it: "emulated:seed.gtx1650@null"; absent: emulated:DEVICE
};

// Every figure is modelled. A call holds its device for its whole latency; each link on the way is busy while the bytes
// pass it; ops that an Edge TPU leaves to the platform's CPU take that CPU's time as well. A device of kind Edge TPU
// takes one sample at a time.
class ModelledCosts : public CostSource {
 public:
  // The platform, and the graphs that `graph` returns, must outlive it. No choices: every device. Throws
  // kInvalidArgument for a device that the platform does not have or that is chosen twice.
  ModelledCosts(const Platform& platform, const std::vector<PlatformChoice>& choices, GraphAtBatch graph);

  const std::vector<PlanDevice>& devices() const override { return devices_; }
  const std::vector<std::string>& resources() const override { return resources_; }
  RangeCost Cost(int device, OpId begin, OpId end, int64_t batch) override;
  bool HasBatch(int64_t batch) override;

  // Seconds of each op, summed over the devices that can run the whole model, each scaled to sum up to 1: for the grain
  // of units.
  std::vector<double> OpWeights(int64_t batch);
  // Tells the positions between two ops that engines fuse. Holds as long as these costs.
  std::function<bool(int)> Fusions(int64_t batch);

 private:
  struct Modelled {
    const PlatformDevice* device = nullptr;
    std::unique_ptr<CostModel> model;
    CostQuery query;
    std::vector<const Link*> links;
    int64_t element_bytes = 4;
    bool one_at_a_time = false;
  };
  // What alike devices have in common, of the range asked for last.
  struct Remembered {
    const WorkList* works = nullptr;
    OpId begin = kNone;
    OpId end = kNone;
    int64_t batch = 0;
    std::optional<Estimate> estimate;
    std::string refused;
  };

  void Add(const Platform& platform, const PlatformChoice& choice);
  RangeWorks& WorksAt(int64_t batch);
  const Remembered& Estimated(int device, OpId begin, OpId end, int64_t batch);
  void AddBusy(int device, const Estimate& estimate, double calls, RangeCost& cost);

  GraphAtBatch graph_;
  std::vector<PlanDevice> devices_;
  std::vector<Modelled> modelled_;
  std::vector<Remembered> remembered_;
  std::vector<std::string> resources_;
  const PlatformDevice* host_ = nullptr;  // the CPU that runs what an Edge TPU cannot
  int host_resource_ = kNone;
  std::map<int64_t, RangeWorks> works_;
};

}  // namespace consort

#endif  // CONSORT_PLAN_MODELLED_COSTS_H_
