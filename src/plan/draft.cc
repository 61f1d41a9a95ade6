#include "plan/draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/strings.h"

namespace consort {
namespace {

class Evaluator {
 public:
  Evaluator(CostSource& costs, const Draft& draft) : costs_(costs), draft_(draft), busy_(costs.resources().size()) {}

  Evaluation Take() {
    for (const DraftStage& stage : draft_.stages) AddStage(stage);
    CheckMemory();
    if (!result_.refused.empty()) return std::move(result_);
    Prediction& prediction = result_.prediction;
    prediction.joules_per_sample = joules_known_ ? joules_ : 0;
    const auto busiest = std::max_element(busy_.begin(), busy_.end());
    const double period_s = busiest == busy_.end() ? 0 : *busiest;
    prediction.samples_per_s = period_s > 0 ? 1 / period_s : 0;
    if (period_s > 0) prediction.bottleneck = costs_.resources()[busiest - busy_.begin()];
    AddUses();
    AddIdle(period_s);
    return std::move(result_);
  }

 private:
  void AddStage(const DraftStage& stage) {
    std::vector<RangeCost>& costs = result_.costs.emplace_back();
    double slowest_s = 0;
    std::map<int, double> during_a_call;  // where the replicas divide it: what those before have taken of it
    for (const DraftReplica& replica : stage.replicas) {
      const int64_t samples = replica.samples > 0 ? replica.samples : draft_.batch;
      RangeCost cost = costs_.Cost(replica.device, stage.begin, stage.end, samples);
      if (!cost.refused.empty() && result_.refused.empty()) result_.refused = cost.refused;
      // Of the stage's samples: whole calls by share, or a part of every call.
      const double calls = (replica.samples > 0 ? 1 : replica.share) / static_cast<double>(draft_.batch);
      for (const Busy& busy : cost.busy) busy_.at(busy.resource) += calls * busy.seconds;
      joules_ += calls * cost.joules;
      joules_known_ = joules_known_ && cost.joules > 0;
      memory_[replica.device] += cost.memory_bytes;
      own_busy_[replica.device] += calls * cost.call_s;
      const double waits_s = replica.samples > 0 ? TakeTurn(cost, during_a_call) : 0;
      slowest_s = std::max(slowest_s, waits_s + cost.call_s);
      costs.push_back(std::move(cost));
    }
    result_.prediction.latency_s += slowest_s;
  }

  // How long the call waits for what others took before it.
  static double TakeTurn(const RangeCost& cost, std::map<int, double>& taken) {
    double waits_s = 0;
    for (const Busy& busy : cost.busy) {
      waits_s = std::max(waits_s, taken[busy.resource]);
      taken[busy.resource] += busy.seconds;
    }
    return waits_s;
  }

  void CheckMemory() {
    for (const auto& [index, bytes] : memory_) {
      const PlanDevice& device = costs_.devices().at(index);
      result_.watts += device.active_watts;
      if (device.memory_bytes <= 0 || bytes <= device.memory_bytes || !result_.refused.empty()) continue;
      result_.refused = fmt::format("'{}' has {} of memory and would need {}", device.name,
                                    FormatBytes(device.memory_bytes), FormatBytes(bytes));
    }
  }

  void AddUses() {
    for (size_t i = 0; i < busy_.size(); ++i) {
      if (busy_[i] > 0) result_.uses.push_back({costs_.resources()[i], busy_[i]});
    }
    std::stable_sort(result_.uses.begin(), result_.uses.end(),
                     [](const ResourceUse& a, const ResourceUse& b) { return a.busy_s > b.busy_s; });
  }

  void AddIdle(double period_s) {
    for (const auto& [index, busy_s] : own_busy_) {
      result_.idle_joules_per_sample += costs_.devices()[index].idle_watts * std::max(0.0, period_s - busy_s);
    }
  }

  CostSource& costs_;
  const Draft& draft_;
  std::vector<double> busy_;  // per resource and sample
  std::map<int, int64_t> memory_;
  std::map<int, double> own_busy_;
  double joules_ = 0;
  bool joules_known_ = true;
  Evaluation result_;
};

}  // namespace

double Evaluation::Value(Objective objective) const {
  if (!refused.empty()) return kInfinite;
  switch (objective) {
    case Objective::kLatency:
      return prediction.latency_s;
    case Objective::kThroughput:
      return prediction.samples_per_s > 0 ? 1 / prediction.samples_per_s : 0;
    case Objective::kEnergy:
      return prediction.joules_per_sample > 0 ? prediction.joules_per_sample : kInfinite;
  }
  return kInfinite;
}

Evaluation Evaluate(CostSource& costs, const Draft& draft) { return Evaluator(costs, draft).Take(); }

std::vector<double> SharesByPace(const std::vector<double>& seconds) {
  double rates = 0;
  for (const double pace : seconds) rates += 1 / pace;
  std::vector<double> shares;
  for (const double pace : seconds) shares.push_back(1 / pace / rates);
  return shares;
}

double PaceOf(const RangeCost& cost) {
  double pace = 0;
  for (const Busy& busy : cost.busy) pace = std::max(pace, busy.seconds);
  return pace > 0 ? pace : cost.call_s;
}

}  // namespace consort
