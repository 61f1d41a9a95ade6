#include "cli/run_plan_replan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cli/plan_rules.h"
#include "cost/cost_model.h"
#include "cost/work.h"
#include "plan/modelled_costs.h"
#include "plan/planner.h"
#include "platform/platform.h"

namespace consort {
namespace {

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// --- Emulated devices ------------------------------------------------------------------------------------------------

Platform PlatformOf(const EmulationOptions& emulation) {
  Platform platform = LoadPlatform(emulation.platform, BuiltinCostSchemas());
  for (const std::string& setting : emulation.settings) platform.Set(setting);
  return platform;
}

bool IsOfDevice(const Target& target, const Platform& platform, const std::string& device) {
  return target.unit == device || target.unit == platform.name + "." + device;
}

// The platform's devices but for the lost ones, in the precisions that the plan has them in.
std::vector<PlatformChoice> ChoicesWithout(const Platform& platform, const Plan& plan,
                                           const std::vector<std::string>& lost) {
  std::vector<PlatformChoice> choices;
  for (const PlatformDevice& device : platform.devices) {
    const bool is_lost = std::any_of(lost.begin(), lost.end(), [&](const std::string& name) {
      return IsOfDevice(Target::Parse(name), platform, device.name);
    });
    if (is_lost) continue;
    PlatformChoice& choice = choices.emplace_back(PlatformChoice{.device = device.name});
    for (const Stage& stage : plan.stages) {
      for (const Replica& replica : stage.replicas) {
        if (IsOfDevice(replica.target, platform, device.name)) choice.precision = replica.target.precision;
      }
    }
  }
  return choices;
}

std::optional<Plan> ModelledWithout(const PlanSetup& setup, const std::vector<std::string>& lost) {
  const Plan& plan = setup.plan();
  const Platform platform = PlatformOf(setup.emulation());
  const std::vector<PlatformChoice> choices = ChoicesWithout(platform, plan, lost);
  if (choices.empty()) return std::nullopt;
  const ModelAtBatch model_at = setup.model_at();
  std::map<int64_t, Model> models;
  ModelledCosts costs(platform, choices, [&](int64_t batch) -> const Graph& {
    const auto found = models.find(batch);
    return (found != models.end() ? found : models.emplace(batch, model_at(batch)).first)->second.graph();
  });
  PlanQuery query{.objective = plan.objective, .batch = plan.batch};
  query.units.op_weights = costs.OpWeights(plan.batch);
  query.units.divides_a_fusion = costs.Fusions(plan.batch);
  const std::string backend = plan.stages.front().replicas.front().target.backend;
  Plan made = MakePlans(setup.graph(), costs, query).best().plan;
  for (Stage& stage : made.stages) {
    for (Replica& replica : stage.replicas) replica.target.backend = backend;
  }
  return made;
}

// --- Other targets ---------------------------------------------------------------------------------------------------

// The same stages on what is left of their replicas; nothing where that does not do.
std::optional<Plan> SameStagesWithout(const Plan& plan, const std::vector<std::string>& lost) {
  Plan made = plan;
  for (Stage& stage : made.stages) {
    const size_t before = stage.replicas.size();
    std::erase_if(stage.replicas, [&](const Replica& replica) { return Contains(lost, replica.target.ToString()); });
    if (stage.replicas.empty() || (stage.replicas.size() < before && stage.replicas.front().samples > 0))
      return std::nullopt;
    double shares = 0;
    for (const Replica& replica : stage.replicas) shares += replica.share;
    for (Replica& replica : stage.replicas)
      replica.share = shares > 0 ? replica.share / shares : 1.0 / static_cast<double>(stage.replicas.size());
  }
  return made;
}

// Multiplications per second that the plan predicts of a replica; 0: it predicts none.
double SpeedOf(const Graph& graph, const Plan& plan, const Stage& stage, const Replica& replica) {
  if (replica.call_s <= 0) return 0;
  const double part = replica.samples > 0 ? static_cast<double>(replica.samples) / static_cast<double>(plan.batch) : 1;
  return part * static_cast<double>(WorkOf(graph, stage.begin, stage.end).macs) / replica.call_s;
}

std::optional<Plan> BestAloneWithout(const Graph& graph, const Plan& plan, const std::vector<std::string>& lost) {
  const Replica* best = nullptr;
  double best_speed = 0;
  for (const Stage& stage : plan.stages) {
    for (const Replica& replica : stage.replicas) {
      if (Contains(lost, replica.target.ToString())) continue;
      const double speed = SpeedOf(graph, plan, stage, replica);
      if (best != nullptr && speed <= best_speed) continue;
      best = &replica;
      best_speed = speed;
    }
  }
  if (best == nullptr) return std::nullopt;
  return SinglePlan(graph, best->target, best->threads, plan.batch, plan.objective);
}

}  // namespace

std::optional<Plan> PlanWithout(const PlanSetup& setup, const std::vector<std::string>& lost) {
  const Plan& plan = setup.plan();
  const std::vector<Target> targets = TargetsOf(plan);
  const bool is_modelled =
      !setup.emulation().platform.empty() && std::all_of(targets.begin(), targets.end(), IsEmulated);
  std::optional<Plan> made;
  if (is_modelled) {
    made = ModelledWithout(setup, lost);
  } else {
    made = SameStagesWithout(plan, lost);
    if (!made) made = BestAloneWithout(setup.graph(), plan, lost);
  }
  if (!made) return std::nullopt;
  made->model = plan.model;
  made->model_fingerprint = plan.model_fingerprint;
  made->platform = plan.platform;
  made->platform_fingerprint = plan.platform_fingerprint;
  return made;
}

}  // namespace consort
