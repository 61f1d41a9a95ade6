// JoinedCosts: several cost sources as one, so that a plan may mix devices that are costed in different ways.
#ifndef CONSORT_PLAN_JOINED_COSTS_H_
#define CONSORT_PLAN_JOINED_COSTS_H_

#include <memory>
#include <string>
#include <vector>

#include "plan/cost_source.h"

namespace consort {

// The devices and resources of the first source, then those of the second, and so on. Resources of one name are one.
class JoinedCosts : public CostSource {
 public:
  // Throws kInvalidArgument for devices of the same name.
  explicit JoinedCosts(std::vector<std::unique_ptr<CostSource>> sources);

  const std::vector<PlanDevice>& devices() const override { return devices_; }
  const std::vector<std::string>& resources() const override { return resources_; }
  RangeCost Cost(int device, OpId begin, OpId end, int64_t batch) override;
  // True where a source has it: the devices of the others refuse it.
  bool HasBatch(int64_t batch) override;

 private:
  struct Place {
    int source = 0;
    int device = 0;  // in the source
  };

  std::vector<std::unique_ptr<CostSource>> sources_;
  std::vector<PlanDevice> devices_;
  std::vector<Place> places_;                      // by device
  std::vector<std::string> resources_;
  std::vector<std::vector<int>> resource_of_;      // [source][its resource] → ours
};

}  // namespace consort

#endif  // CONSORT_PLAN_JOINED_COSTS_H_
