#include "tune/local_planner.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "consort/error.h"
#include "emulate/device_names.h"
#include "plan/fingerprint.h"
#include "plan/joined_costs.h"
#include "plan/modelled_costs.h"
#include "profile/measured_costs.h"
#include "tune/session_timer.h"

namespace consort {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

class LocalPlanner {
 public:
  LocalPlanner(const Registry& registry, const ModelAtBatch& model_at, const LocalPlanOptions& options,
               const InputSource& inputs, Profile& profile)
      : registry_(registry), model_at_(model_at), options_(options), inputs_(inputs), profile_(profile) {
    for (const Target& target : options.targets) (IsEmulated(target) ? emulated_ : real_).push_back(target);
    devices_ = FindLocalDevices(registry, real_, options.profiler.open);
  }

  LocalPlan Make() {
    const auto begin = std::chrono::steady_clock::now();
    if (!real_.empty()) MeasureProfile(registry_, model_at_, devices_, Profiling(), profile_);
    LocalPlan result{.profiling_s = SecondsSince(begin)};
    const auto planned = std::chrono::steady_clock::now();
    PlanAndTune(result);
    result.planning_s = SecondsSince(planned);
    Sign(result.plan);
    for (RankedPlan& ranked : result.list.plans) Sign(ranked.plan);
    return result;
  }

 private:
  bool Divides() const {
    if (options_.query.max_stages == 1) return false;
    return !options_.query.strategy || *options_.query.strategy == Strategy::kPipeline ||
           *options_.query.strategy == Strategy::kHybrid;
  }

  ProfilerOptions Profiling() const {
    ProfilerOptions profiling = options_.profiler;
    profiling.whole_only = !Divides();
    profiling.batches = Batches();
    profiling.inputs = inputs_;
    return profiling;
  }

  // A call that may be divided needs to be known at smaller batches, too.
  std::vector<int64_t> Batches() const {
    std::vector<int64_t> batches = {options_.query.batch};
    const bool split = !options_.query.strategy || *options_.query.strategy == Strategy::kSplit;
    for (const int64_t smaller : {options_.query.batch / 2, int64_t{1}}) {
      if (!split || smaller < 1 || smaller >= batches.back()) continue;
      try {
        model_at_(smaller);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kInvalidArgument) throw;
        return {options_.query.batch};  // the batch is fixed
      }
      batches.push_back(smaller);
    }
    return batches;
  }

  const Graph& GraphAt(int64_t batch) {
    auto found = models_.find(batch);
    if (found == models_.end()) found = models_.emplace(batch, model_at_(batch)).first;
    return found->second.graph();
  }

  void PlanAndTune(LocalPlan& result) {
    const Graph& graph = GraphAt(options_.query.batch);
    const GraphAtBatch graph_at = [this](int64_t batch) -> const Graph& { return GraphAt(batch); };
    const std::vector<OpId> positions = PositionsIn(graph);
    PlanQuery query = options_.query;
    std::vector<std::unique_ptr<CostSource>> sources;
    if (!real_.empty()) {
      auto measured = std::make_unique<MeasuredCosts>(profile_, devices_, positions, graph_at);
      query.units.divides_a_fusion = measured->NoBorders();
      query.units.most_units = static_cast<int>(positions.size());
      sources.push_back(std::move(measured));
    }
    AddEmulated(graph_at, query, sources);
    JoinedCosts costs(std::move(sources));
    if (!options_.run || query.objective == Objective::kEnergy) {
      result.list = MakePlans(graph, costs, query);
      result.plan = result.list.best().plan;
      return;
    }
    PrepareOptions prepare{.open = options_.profiler.open, .compile = options_.profiler.compile};
    prepare.compile.prove_placement = false;
    PlanLoader loader(registry_, graph, model_at_, prepare, inputs_);
    TuneResult tuned = Tune(graph, costs, query, devices_, profile_, TimerOf(loader, Cores()), options_.tune);
    result.list = std::move(tuned.list);
    result.plan = std::move(tuned.plan);
    result.runs = std::move(tuned.runs);
    result.unstable = std::move(tuned.unstable);
  }

  // Where plans may cut. Units that make no models were not measured: their model is planned as a whole.
  std::vector<OpId> PositionsIn(const Graph& graph) const {
    const std::vector<OpId> whole = {0, static_cast<OpId>(graph.ops().size())};
    if (!Divides()) return whole;
    std::vector<OpId> positions = ProfilePositions(graph, options_.profiler.units);
    const auto knows = [&](int device) {
      const PlanDevice& known = devices_.devices[device];
      const ProfileKey first_unit =
          KeyOf(graph, positions[0], positions[1], known.target.ToString(), known.threads, options_.query.batch);
      return profile_.Find(first_unit, devices_.infos[device].engine) != nullptr;
    };
    for (int device = 0; device < devices_.size(); ++device) {
      if (knows(device)) return positions;
    }
    return real_.empty() ? positions : whole;
  }

  // One source per platform. Without real devices the platform's own grain and fusions count.
  void AddEmulated(const GraphAtBatch& graph_at, PlanQuery& query, std::vector<std::unique_ptr<CostSource>>& sources) {
    std::map<std::string, std::vector<PlatformChoice>> choices;  // by platform
    for (const Target& target : emulated_) {
      const NamedDevice named = FindEmulatedDevice(target.unit, options_.platform);
      platforms_.emplace(named.platform->name, named.platform);
      choices[named.platform->name].push_back({named.device->name, target.precision, target});
    }
    for (const auto& [name, of_platform] : choices) {
      auto modelled = std::make_unique<ModelledCosts>(*platforms_.at(name), of_platform, graph_at);
      if (!query.units.divides_a_fusion) query.units.divides_a_fusion = modelled->Fusions(query.batch);
      sources.push_back(std::move(modelled));
    }
  }

  // What the noise gate watches: the cores of CPU targets; all, where something else computes.
  CoreSet Cores() const {
    std::vector<int> cores;
    for (const DeviceInfo& info : devices_.infos) {
      if (info.cores.empty()) return CoreSet();
      cores.insert(cores.end(), info.cores.cores().begin(), info.cores.cores().end());
    }
    return emulated_.empty() ? CoreSet(std::move(cores)) : CoreSet();
  }

  void Sign(Plan& plan) {
    const Model& model = models_.at(options_.query.batch);
    plan.model = model.name();
    plan.model_fingerprint = FingerprintOf(model.graph());
    if (options_.platform != nullptr && !emulated_.empty()) {
      plan.platform = options_.platform->name;
      plan.platform_fingerprint = FingerprintOf(*options_.platform);
    }
  }

  const Registry& registry_;
  const ModelAtBatch& model_at_;
  const LocalPlanOptions& options_;
  const InputSource& inputs_;
  Profile& profile_;
  std::vector<Target> real_;
  std::vector<Target> emulated_;
  LocalDevices devices_;
  std::map<int64_t, Model> models_;
  std::map<std::string, std::shared_ptr<const Platform>> platforms_;  // that costs refer to
};

}  // namespace

LocalPlan MakeLocalPlan(const Registry& registry, const ModelAtBatch& model_at, const LocalPlanOptions& options,
                        const InputSource& inputs, Profile& profile) {
  return LocalPlanner(registry, model_at, options, inputs, profile).Make();
}

std::vector<Target> DefaultTargets(const Registry& registry) {
  std::vector<Target> targets;
  for (const DeviceFinding& finding : registry.Find()) {
    const std::vector<ArtifactKind>& accepts = finding.info.accepts;
    const Target& target = finding.info.target;
    const bool takes_onnx = std::find(accepts.begin(), accepts.end(), ArtifactKind::kOnnx) != accepts.end();
    if (!finding.usable || !takes_onnx || IsEmulated(target) || target.device == "null") continue;
    if (std::find(targets.begin(), targets.end(), target) == targets.end()) targets.push_back(target);
  }
  return targets;
}

}  // namespace consort
