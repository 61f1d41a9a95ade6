#include "plan/joined_costs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "consort/error.h"

namespace consort {

JoinedCosts::JoinedCosts(std::vector<std::unique_ptr<CostSource>> sources) : sources_(std::move(sources)) {
  for (size_t i = 0; i < sources_.size(); ++i) {
    std::vector<int>& mapped = resource_of_.emplace_back();
    for (const std::string& name : sources_[i]->resources()) mapped.push_back(ResourceNamed(name, resources_));
    const int first = static_cast<int>(devices_.size());
    for (size_t j = 0; j < sources_[i]->devices().size(); ++j) {
      PlanDevice device = sources_[i]->devices()[j];
      for (int& resource : device.resources) resource = mapped.at(resource);
      if (device.alike >= 0) device.alike += first;
      const auto same = [&device](const PlanDevice& known) { return known.name == device.name; };
      if (std::any_of(devices_.begin(), devices_.end(), same))
        throw Error(ErrorCode::kInvalidArgument, fmt::format("device '{}' is given twice", device.name));
      devices_.push_back(std::move(device));
      places_.push_back({static_cast<int>(i), static_cast<int>(j)});
    }
  }
}

RangeCost JoinedCosts::Cost(int device, OpId begin, OpId end, int64_t batch) {
  const Place& place = places_.at(device);
  CostSource& source = *sources_[place.source];
  if (!source.HasBatch(batch)) return {.refused = fmt::format("calls of {} samples cannot be costed", batch)};
  RangeCost cost = source.Cost(place.device, begin, end, batch);
  for (Busy& busy : cost.busy) busy.resource = resource_of_[place.source].at(busy.resource);
  return cost;
}

bool JoinedCosts::HasBatch(int64_t batch) {
  return std::any_of(sources_.begin(), sources_.end(), [batch](const auto& source) { return source->HasBatch(batch); });
}

}  // namespace consort
