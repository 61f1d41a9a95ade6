// Plans that go on without lost targets.
#ifndef CONSORT_CLI_RUN_PLAN_REPLAN_H_
#define CONSORT_CLI_RUN_PLAN_REPLAN_H_

#include <optional>
#include <string>
#include <vector>

#include "cli/run_plan_setup.h"

namespace consort {

// The best plan for the setup's model without these targets, given by name. Of a plan whose targets are all devices of
// a known platform: what the planner makes for its other devices, by modelled times. Of others: the same stages where
// each has a whole replica left; else the whole model on the target whose predicted calls are the fastest for what they
// compute, or on the first, where the plan predicts none. Nothing: no target is left. Throws kInfeasible where the
// platform's other devices do not do.
std::optional<Plan> PlanWithout(const PlanSetup& setup, const std::vector<std::string>& lost);

}  // namespace consort

#endif  // CONSORT_CLI_RUN_PLAN_REPLAN_H_
