// WrittenCosts: a cost source written by hand, for tests and for what-ifs without a model.
#ifndef CONSORT_PLAN_WRITTEN_COSTS_H_
#define CONSORT_PLAN_WRITTEN_COSTS_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "plan/cost_source.h"

namespace consort {

// Devices, resources and a function for the costs; every batch can be costed.
class WrittenCosts : public CostSource {
 public:
  using CostFunction = std::function<RangeCost(int device, OpId begin, OpId end, int64_t batch)>;

  WrittenCosts(std::vector<PlanDevice> devices, std::vector<std::string> resources, CostFunction cost)
      : devices_(std::move(devices)), resources_(std::move(resources)), cost_(std::move(cost)) {}

  const std::vector<PlanDevice>& devices() const override { return devices_; }
  const std::vector<std::string>& resources() const override { return resources_; }
  RangeCost Cost(int device, OpId begin, OpId end, int64_t batch) override { return cost_(device, begin, end, batch); }
  bool HasBatch(int64_t) override { return true; }

 private:
  std::vector<PlanDevice> devices_;
  std::vector<std::string> resources_;
  CostFunction cost_;
};

}  // namespace consort

#endif  // CONSORT_PLAN_WRITTEN_COSTS_H_
