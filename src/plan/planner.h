// The planner: every strategy's best plan, ranked, with reasons.
#ifndef CONSORT_PLAN_PLANNER_H_
#define CONSORT_PLAN_PLANNER_H_

#include <optional>
#include <string>
#include <vector>

#include "consort/graph.h"
#include "plan/cost_source.h"
#include "plan/draft.h"
#include "plan/plan.h"
#include "plan/units.h"

namespace consort {

// Ops whose names match a regular expression (ECMAScript, anywhere in the name) run on one device.
struct Placing {
  std::string pattern;
  std::string device;  // PlanDevice::name
};

struct PlanQuery {
  Objective objective = Objective::kThroughput;
  std::optional<Strategy> strategy;  // absent: the best of all
  int64_t batch = 1;                 // samples of one call; the graph's own
  int max_stages = 0;                // 0: not bounded
  double max_latency_s = kInfinite;
  double max_watts = kInfinite;  // active power of all devices used
  std::vector<Placing> placings;
  UnitsOptions units;
};

struct RankedPlan {
  Plan plan;
  Draft draft;
  Evaluation evaluation;
  bool exact = true;  // the optimum of its strategy
  std::string note;   // what was done where it is not
};

// A plan that was thought of and cannot be.
struct RefusedPlan {
  std::string name;  // "coral-usb3 alone", "pipeline"
  std::string reason;
};

struct PlanList {
  std::vector<RankedPlan> plans;  // best first
  std::vector<RefusedPlan> refused;
  int chosen = 0;
  int best_single = -1;   // index of the best single target; -1: none is possible
  int cut_positions = 0;  // places where the graph may be cut,
  int units = 0;          // and the units it was planned in

  const RankedPlan& best() const { return plans.at(chosen); }
};

// A plan of several devices is chosen only when its predicted gain over the best single target exceeds this.
inline constexpr double kLeastGain = 1.02;

// Every single target; the best split, pipeline and hybrid; or those of one strategy and the best single target.
// Without a strategy the best is chosen, under the rule of kLeastGain; with one, its best. `graph` is the model at the
// query's batch. Throws kInfeasible saying which op, placing or bound stands in the way; kInvalidArgument for a placing
// that names no op or no device.
PlanList MakePlans(const Graph& graph, CostSource& costs, const PlanQuery& query);

// A draft as a plan: tensors, bytes, predictions. What does not follow from it (model, platform, reason) stays empty.
Plan ToPlan(const Graph& graph, const CostSource& costs, const Draft& draft, const Evaluation& evaluation);
Strategy StrategyOf(const Draft& draft);
// "gtx1650 > coral-usb3", replicas as "coral-0 + coral-1".
std::string DevicesOf(const CostSource& costs, const Draft& draft);

}  // namespace consort

#endif  // CONSORT_PLAN_PLANNER_H_
