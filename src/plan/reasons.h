// Why a plan ranks where it does, in a sentence.
#ifndef CONSORT_PLAN_REASONS_H_
#define CONSORT_PLAN_REASONS_H_

#include <string>

#include "plan/cost_table.h"
#include "plan/planner.h"

namespace consort {

// Against the best single target, which may be the plan itself; nullptr: there is none.
//   "2.1x gtx1650 alone: gtx1650 sets the pace, coral-usb3 is busy 98 % of it"
//   "slower than gtx1650 alone (0.71x): its links carry 1.2 MiB per sample, 2.9 ms of 4.1 ms"
std::string ReasonOf(const RankedPlan& plan, const RankedPlan* best_single, Objective objective);

// "7.13 ms", "140 /s", "0.53 J".
std::string FormatSeconds(double seconds);
std::string FormatValue(const Prediction& prediction, Objective objective);

// Why nothing at all is possible: names the op that no device runs, the placings that contradict each other, or the
// bound.
std::string WhyInfeasible(const Graph& graph, CostSource& costs, const PlanQuery& query, const OpDevices& placement,
                          const std::vector<OpId>& positions, const std::vector<RefusedPlan>& refused);

}  // namespace consort

#endif  // CONSORT_PLAN_REASONS_H_
