#include "cli/run_plan_setup.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/command.h"
#include "cli/plan_rules.h"

namespace consort {
namespace {

constexpr char kChecker[] = "cpu@onnxruntime";

}  // namespace

PlanSetup::PlanSetup(const RunOptions& options)
    : options_(options), planned_(options, options, options, options.planning, Objective::kThroughput) {
  CheckTargets();
  signature_ = SignatureOf(graph());
  prepare_ = {.open = options_.open(), .compile = options_.compile, .spares = ChooseSpares()};
  prepare_.compile.prove_placement = options_.strict || options_.placement != PlacementDetail::kNone;
  if (options_.verify_every) CheckVerify();
  prepared_ = Prepare(plan(), graph(), ShardsOf(model_at(), plan()), registry(), prepare_);
  if (options_.strict) RequireStrict(prepared_);
}

PreparedPlan PlanSetup::Compile(const Plan& plan) const {
  PrepareOptions options = prepare_;
  options.spares.clear();
  PreparedPlan prepared = Prepare(plan, graph(), ShardsOf(model_at(), plan), registry(), options);
  if (options_.strict) RequireStrict(prepared);
  return prepared;
}

void PlanSetup::CheckTargets() {
  for (size_t stage = 0; stage < plan().stages.size(); ++stage) {
    for (Replica& replica : planned_.plan().stages[stage].replicas) {
      if (IsEmulated(replica.target) && options_.numbers == Numbers::kNone) replica.target.backend = "null";
      try {
        registry().Resolve(replica.target);
      } catch (const Error& error) {
        throw Error(error.code(), fmt::format("{}: stages[{}]: target '{}': {}", options_.planning.plan.string(), stage,
                                              replica.target.ToString(), error.what()));
      }
    }
  }
}

std::vector<std::vector<Target>> PlanSetup::ChooseSpares() const {
  std::vector<std::vector<Target>> spares;
  for (size_t stage = 0; stage < plan().stages.size(); ++stage) spares.push_back(SparesOf(stage));
  return spares;
}

// What is asked for, or what checks, unless the stage runs on it anyway.
std::vector<Target> PlanSetup::SparesOf(size_t stage) const {
  std::vector<Target> asked = options_.spares;
  if (asked.empty() && options_.verify_every) asked.push_back(Target::Parse(kChecker));
  std::vector<Target> taken;
  for (const Replica& replica : plan().stages[stage].replicas) taken.push_back(registry().Resolve(replica.target));
  std::vector<Target> spares;
  for (Target& target : asked) {
    try {
      target = registry().Resolve(target);
    } catch (const Error& error) {
      throw UsageError(fmt::format("--spare {}: {}", target.ToString(), error.what()));
    }
    if (std::find(taken.begin(), taken.end(), target) != taken.end()) continue;
    taken.push_back(target);
    spares.push_back(target);
  }
  return spares;
}

// Calls can be compared where two targets with numbers can make them.
void PlanSetup::CheckVerify() const {
  for (size_t index = 0; index < plan().stages.size(); ++index) {
    const Stage& stage = plan().stages[index];
    for (const Replica& replica : stage.replicas) {
      const bool is_null = IsEmulated(replica.target) && replica.target.backend == "null";
      if (is_null)
        throw UsageError(fmt::format("--verify: stage {} on {} has no numbers", index, replica.target.ToString()));
      if (replica.samples != stage.replicas.front().samples) {
        throw UsageError(fmt::format(
            "--verify: the replicas of stage {} divide each call into unequal parts, which no spare fits", index));
      }
    }
    const bool same = std::all_of(stage.replicas.begin(), stage.replicas.end(), [&](const Replica& replica) {
      return registry().Resolve(replica.target) == registry().Resolve(stage.replicas.front().target);
    });
    if (!same || !prepare_.spares[index].empty()) continue;
    throw UsageError(fmt::format("--verify: stage {} runs on {} only; name another target to check it with --spare",
                                 index, stage.replicas.front().target.ToString()));
  }
}

}  // namespace consort
