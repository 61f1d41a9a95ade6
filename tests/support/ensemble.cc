#include "support/ensemble.h"

#include <utility>

#include "backends/null/null_backend.h"
#include "consort/backend.h"
#include "emulate/emulated_backend.h"

namespace consort::test {
namespace {

Platform Changed(const EnsembleOptions& options) {
  Platform platform = LoadPlatform(options.platform, BuiltinCostSchemas());
  for (const std::string& setting : options.settings) platform.Set(setting);
  return platform;
}

// Emulated devices over the null backend and no engine.
Registry EmulationOf(const EnsembleOptions& options) {
  Registry registry;
  std::unique_ptr<Backend> host = MakeNullBackend();
  auto emulated = MakeEmulatedBackends({host.get()}, {.platform = options.platform, .settings = options.settings});
  registry.Add(std::move(host));
  for (std::unique_ptr<Backend>& backend : emulated) registry.Add(std::move(backend));
  return registry;
}

}  // namespace

Ensemble::Ensemble(const EnsembleOptions& options)
    : make_(options.make),
      network_(options.network),
      platform_(Changed(options)),
      registry_(EmulationOf(options)),
      costs_(platform_, {}, [this](int64_t batch) -> const Graph& { return ModelAt(batch).graph(); }) {
  query_.batch = batch();
  query_.units.op_weights = costs_.OpWeights(batch());
  query_.units.divides_a_fusion = costs_.Fusions(batch());
}

const Model& Ensemble::ModelAt(int64_t batch) {
  const auto known = models_.find(batch);
  if (known != models_.end()) return known->second;
  zoo::MakeOptions make = make_;
  make.batch = batch;
  return models_.emplace(batch, zoo::Structure(network_, make)).first->second;
}

std::vector<OpId> Ensemble::CutPlaces() const { return CutPositions(models_.at(batch()).graph(), query_.units); }

PlanList Ensemble::Plans(std::optional<Strategy> strategy) {
  query_.strategy = strategy;
  return MakePlans(graph(), costs_, query_);
}

std::optional<Plan> Ensemble::PlanOf(const Draft& draft) {
  const Evaluation evaluation = Evaluate(costs_, draft);
  if (!evaluation.refused.empty()) return std::nullopt;
  return ToPlan(graph(), costs_, draft, evaluation);
}

PreparedPlan Ensemble::Compiled(Plan plan, Clock& clock) {
  for (Stage& stage : plan.stages) {
    for (Replica& replica : stage.replicas) replica.target.backend = "null";
  }
  const ShardSource shards = ShardsOf([this](int64_t batch) { return ModelAt(batch); }, plan);
  return Prepare(plan, graph(), shards, registry_, {.open = {.clock = &clock}});
}

}  // namespace consort::test
