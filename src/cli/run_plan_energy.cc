#include "cli/run_plan_energy.h"

#include <algorithm>

#include "bench/device_energy.h"

namespace consort {
namespace {

bool IsAllEmulated(const Plan& plan) {
  return std::all_of(plan.stages.begin(), plan.stages.end(), [](const Stage& stage) {
    return std::all_of(stage.replicas.begin(), stage.replicas.end(),
                       [](const Replica& replica) { return IsEmulated(replica.target); });
  });
}

// Of emulated replicas, per call; a spare's calls count as well.
EnergyFigure ModelledEnergyOf(const PlanRunReport& report) {
  double joules = 0;
  for (const StageRun& stage : report.stages) {
    for (const ReplicaRun& replica : stage.replicas) {
      if (replica.session.calls == 0) continue;
      if (!replica.emulation) return {std::nullopt, "not known: a replica that ran is not emulated"};
      const EnergyFigure call = ModelledEnergy(*replica.emulation, 1);
      if (!call.joules_per_inference) return call;
      joules += *call.joules_per_inference * static_cast<double>(replica.session.calls);
    }
  }
  if (joules <= 0 || report.samples() <= 0) return {std::nullopt, "not known: nothing was computed"};
  return {joules / report.samples(), "modelled: active power × busy time of the platform's devices"};
}

}  // namespace

EnergyFigure EnergyOf(const PlanRunReport& report, const EnergyTally& counted) {
  if (report.has_changed_plans()) return {std::nullopt, "not known: several plans ran, one after the other"};
  return IsAllEmulated(report.plan) ? ModelledEnergyOf(report) : counted.Summarise();
}

}  // namespace consort
