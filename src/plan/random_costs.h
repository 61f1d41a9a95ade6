// Random cost tables and the best plans for them, found by trying every one: for tests.
#ifndef CONSORT_PLAN_RANDOM_COSTS_H_
#define CONSORT_PLAN_RANDOM_COSTS_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "plan/draft.h"
#include "plan/written_costs.h"

namespace consort::test {

// Deterministic on every platform.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  int Below(int limit) { return static_cast<int>(engine_() % static_cast<uint64_t>(limit)); }
  double Between(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_() >> 11) * 0x1p-53;
  }

 private:
  std::mt19937_64 engine_;
};

// Up to 3 devices, of which two may be alike, may hang on one link, or use one resource; one range in ten is refused.
// Costs of ranges follow no law.
inline std::unique_ptr<WrittenCosts> RandomCosts(uint64_t seed, int& units) {
  Random random(seed);
  units = 2 + random.Below(9);
  const int count = 2 + random.Below(2);
  const bool hub = random.Below(3) == 0;
  const bool same_cores = random.Below(4) == 0;
  const bool alike = random.Below(3) == 0;
  std::vector<std::string> resources = {"d0", "d1", "d2", "link0", "link1", "link2"};
  std::vector<PlanDevice> devices;
  for (int i = 0; i < count; ++i) {
    PlanDevice device{.name = "d" + std::to_string(i), .target = {.device = "null", .unit = std::to_string(i)}};
    device.resources = {same_cores && i < 2 ? 0 : i, hub ? 3 : 3 + i};
    if (alike && i == 1) device.alike = 0;
    device.active_watts = 1 + random.Below(5);
    if (alike && i == 1) device.active_watts = devices[0].active_watts;
    devices.push_back(device);
  }
  auto costs = std::make_shared<std::map<std::vector<int>, RangeCost>>();
  for (int device = 0; device < count; ++device) {
    for (int begin = 0; begin < units; ++begin) {
      for (int end = begin + 1; end <= units; ++end) {
        RangeCost cost = alike && device == 1 ? costs->at({0, begin, end}) : RangeCost{};
        if (!(alike && device == 1)) {
          cost.call_s = random.Between(0.1, 1.0 + 0.5 * (end - begin));
          cost.joules = cost.call_s * devices[device].active_watts;
          cost.link_s = cost.call_s * random.Between(0, 0.9);
          const bool whole = begin == 0 && end == units;
          if (random.Below(10) == 0 && !whole) cost.refused = "refused";
        }
        cost.busy = {{devices[device].resources[0], cost.call_s}, {devices[device].resources[1], cost.link_s}};
        (*costs)[{device, begin, end}] = cost;
      }
    }
  }
  return std::make_unique<WrittenCosts>(devices, resources, [costs](int device, OpId begin, OpId end, int64_t) {
    return costs->at({device, begin, end});
  });
}

struct Bounds {
  bool replicas = false;
  int max_stages = 0;
  double max_latency_s = kInfinite;
  double max_watts = kInfinite;
};

// The best value of an objective over every chain of at least two stages, each tried; kInfinite where there is none.
inline double BestOfAll(CostSource& costs, int units, Objective objective, const Bounds& bounds) {
  double best = kInfinite;
  Draft draft;
  const int all = 1 << costs.devices().size();
  std::function<void(int, int)> extend = [&](int begin, int used) {
    if (begin == units) {
      if (draft.stages.size() < 2) return;
      const Evaluation evaluation = Evaluate(costs, draft);
      if (evaluation.prediction.latency_s <= bounds.max_latency_s && evaluation.watts <= bounds.max_watts)
        best = std::min(best, evaluation.Value(objective));
      return;
    }
    if (bounds.max_stages > 0 && static_cast<int>(draft.stages.size()) == bounds.max_stages) return;
    for (int end = begin + 1; end <= units; ++end) {
      for (int added = 1; added < all; ++added) {
        const bool several = (added & (added - 1)) != 0;
        if ((added & used) != 0 || (several && !bounds.replicas)) continue;
        DraftStage stage{begin, end, {}};
        std::vector<double> paces;
        bool refused = false;
        for (int device = 0; device < static_cast<int>(costs.devices().size()); ++device) {
          if ((added >> device & 1) == 0) continue;
          const RangeCost cost = costs.Cost(device, begin, end, 1);
          refused = refused || !cost.refused.empty();
          stage.replicas.push_back({.device = device});
          paces.push_back(std::max(cost.call_s, cost.link_s));
        }
        if (refused) continue;
        double rates = 0;
        for (const double pace : paces) rates += 1 / pace;
        for (size_t i = 0; i < paces.size(); ++i) stage.replicas[i].share = 1 / paces[i] / rates;
        draft.stages.push_back(stage);
        extend(end, used | added);
        draft.stages.pop_back();
      }
    }
  };
  extend(0, 0);
  return best;
}

}  // namespace consort::test

#endif  // CONSORT_PLAN_RANDOM_COSTS_H_
