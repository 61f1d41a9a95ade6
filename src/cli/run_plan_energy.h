// The energy of `consort run --plan`.
#ifndef CONSORT_CLI_RUN_PLAN_ENERGY_H_
#define CONSORT_CLI_RUN_PLAN_ENERGY_H_

#include "cli/run_plan_report.h"
#include "measure/energy.h"

namespace consort {

// Per sample: what `counted` says, or, of a plan of emulated devices, their active power × busy time of the report's
// calls.
EnergyFigure EnergyOf(const PlanRunReport& report, const EnergyTally& counted);

}  // namespace consort

#endif  // CONSORT_CLI_RUN_PLAN_ENERGY_H_
