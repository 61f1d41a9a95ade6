#include "cli/planned_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/files.h"
#include "base/strings.h"
#include "cli/batch.h"
#include "cli/plan_rules.h"
#include "cli/profile_options.h"
#include "cli/progress.h"
#include "cli/run_inputs.h"
#include "cli/simulate_options.h"
#include "cost/cost_model.h"
#include "plan/describe_stage.h"
#include "plan/drawing.h"
#include "plan/plan_json.h"
#include "platform/platform.h"
#include "profile/profile_json.h"
#include "tune/local_planner.h"

namespace consort {
namespace {

bool AnyEmulated(const Plan& plan) {
  const std::vector<Target> targets = TargetsOf(plan);
  return std::any_of(targets.begin(), targets.end(), IsEmulated);
}

std::optional<Strategy> StrategyOf(StrategyChoice choice) {
  switch (choice) {
    case StrategyChoice::kSingle:
      return Strategy::kSingle;
    case StrategyChoice::kSplit:
      return Strategy::kSplit;
    case StrategyChoice::kPipeline:
      return Strategy::kPipeline;
    case StrategyChoice::kHybrid:
      return Strategy::kHybrid;
    default:
      return std::nullopt;
  }
}

}  // namespace

void AddPlanningOptions(CLI::App* app, PlanningArguments& arguments, const std::string& help) {
  const auto group = [](CLI::Option* option) { option->group("Plans"); };
  group(AddParsed(
      app, "--plan", "FILE", arguments.plan, [](const std::string& text) { return text; }, help));
  group(AddChoice<StrategyChoice>(app, "--strategy", arguments.strategy,
                                  {{"auto", StrategyChoice::kAny},
                                   {"single", StrategyChoice::kSingle},
                                   {"split", StrategyChoice::kSplit},
                                   {"pipeline", StrategyChoice::kPipeline},
                                   {"hybrid", StrategyChoice::kHybrid}},
                                  "make a plan over the targets of --device, as 'consort plan' does, and work with it"));
  group(AddChoice<std::optional<Objective>>(
      app, "--objective", arguments.objective,
      {{"throughput", Objective::kThroughput}, {"latency", Objective::kLatency}},
      "what the plan is made for and measured by (default: as the plan's file says, else throughput)"));
  group(AddParsed(
      app, "--profile", "FILE", arguments.profile, [](const std::string& text) { return text; },
      "with --strategy: a file of 'consort profile', read, and written with what was missing"));
}

void CheckPlanningUsage(const PlanningArguments& arguments) {
  if (!arguments.plan.empty() && arguments.strategy != StrategyChoice::kNone)
    throw UsageError("--plan and --strategy exclude each other: the plan is read, or it is made");
  if (!arguments.profile.empty() && arguments.strategy == StrategyChoice::kNone)
    throw UsageError("--profile goes with --strategy");
}

// --- ModelFile -------------------------------------------------------------------------------------------------------

ModelFile::ModelFile(const ModelArguments& models, const InputArguments& inputs) : models_(models), inputs_(inputs) {
  own_batch_ = NetworkSource::BatchOf(At(0).graph());
}

const Model& ModelFile::At(int64_t batch) {
  std::lock_guard lock(mutex_);
  const int64_t wanted = batch == own_batch_ ? 0 : batch;
  const auto known = cached_.find(wanted);
  return known != cached_.end() ? known->second : cached_.emplace(wanted, Read(wanted)).first->second;
}

Model ModelFile::Read(int64_t batch) const {
  const InputArguments states{.states = inputs_.states};
  const LoadedModel loaded = LoadWithBatch(models_, states, Target{}, batch);
  if (loaded.artifact.kind() != ArtifactKind::kOnnx) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("'{}' is no ONNX model: only these can be divided", models_.models.front().path.string()));
  }
  return loaded.artifact.model();
}

// --- PlannedModel ----------------------------------------------------------------------------------------------------

PlannedModel::PlannedModel(const ModelArguments& models, const InputArguments& inputs, const EngineArguments& engine,
                           const PlanningArguments& planning, Objective objective, int64_t batch)
    : models_(models),
      inputs_(inputs),
      engine_(engine),
      planning_(planning),
      file_(models, inputs),
      quantizer_([this, batch] { return MeasureRanges(file_.At(batch > 0 ? batch : file_.own_batch()), inputs_); }) {
  if (!planning.plan.empty()) ReadPlan();
  registry_ = MakeQuantizingRegistry(EmulationOf(), quantizer_.quantizer());
  if (planning.plan.empty()) MakePlan(planning.objective.value_or(objective), batch);
  if (planning.objective) plan_.objective = *planning.objective;
}

// The bytes between stages are those of the plan's batch, which is known once the plan was read.
void PlannedModel::ReadPlan() {
  const std::string file = planning_.plan.string();
  const std::string text = ReadFile(planning_.plan, kLargestPlanFile);
  plan_ = ParsePlan(text, file, file_.At(0).graph());
  plan_ = ParsePlan(text, file, file_.At(plan_.batch).graph());
  if (!plan_.ranges.empty()) quantizer_ = ShardQuantizer(plan_);
}

EmulationOptions PlannedModel::EmulationOf() const {
  EmulationOptions emulation = engine_.emulation;
  if (plan_.platform.empty() || !AnyEmulated(plan_)) return emulation;
  if (emulation.platform.empty()) {
    const std::vector<std::string> shipped = ShippedPlatforms();
    if (std::find(shipped.begin(), shipped.end(), plan_.platform) == shipped.end())
      throw UsageError(fmt::format("{}: the plan was made for the platform '{}', which is not one of those that are "
                                   "shipped: give its file with --platform",
                                   planning_.plan.string(), plan_.platform));
    emulation.platform = plan_.platform;
  }
  if (!plan_.platform_fingerprint.empty())
    CheckPlatform(plan_, planning_.plan.string(), LoadPlatform(emulation.platform, BuiltinCostSchemas()));
  return emulation;
}

void PlannedModel::MakePlan(Objective objective, int64_t batch) {
  const Model& model = file_.At(batch > 0 ? batch : file_.own_batch());
  LocalPlanOptions options{
      .query = {.objective = objective, .strategy = StrategyOf(planning_.strategy)},
      .targets = models_.targets.empty() ? DefaultTargets(registry_) : ResolveTargets(registry_, models_),
      .profiler = {.seed = inputs_.seed, .compile = engine_.compile, .open = engine_.open()},
      .tune = {.seed = inputs_.seed}};
  options.query.batch = batch > 0 ? batch : file_.own_batch();
  if (!engine_.emulation.platform.empty())
    options.platform =
        std::make_shared<const Platform>(LoadPlatform(engine_.emulation.platform, BuiltinCostSchemas()));
  Profile profile = ReadProfile(planning_.profile, EmptyProfile(model, engine_.compile, engine_.open()));
  const RunInputs files(inputs_);
  const InputSource source = [&files](const Signature& signature) { return files.BuffersFor(signature); };
  LocalPlan made =
      PlanAndKeep(registry_, model_at(), std::move(options), source, profile, planning_.profile, Progress());
  plan_ = std::move(made.plan);
  quantizer_.Sign(plan_);
  unstable_ = std::move(made.unstable);
}

LocalPlan PlanAndKeep(const Registry& registry, const ModelAtBatch& model_at, LocalPlanOptions options,
                      const InputSource& inputs, Profile& profile, const std::filesystem::path& file,
                      const Progress& progress) {
  options.profiler.progress = [&progress](const std::string& what, int done, int all) {
    progress.Say(fmt::format("measuring, {} of {}: {}", done + 1, all, what));
  };
  options.profiler.keep = [&file](const Profile& kept) {
    if (!file.empty()) WriteFile(file, FormatProfile(kept));
  };
  options.tune.progress = [&progress](const std::string& what) { progress.Say(what); };
  LocalPlan made = MakeLocalPlan(registry, model_at, options, inputs, profile);
  options.profiler.keep(profile);
  return made;
}

std::string PlannedModel::Describe() const {
  return fmt::format("{}{} on {}", planning_.plan.empty() ? "" : planning_.plan.filename().string() + ": ",
                     ToString(plan_.strategy), DevicesOf(plan_));
}

ExitCode PlannedModel::Conclude(ExitCode code) const {
  if (unstable_.empty()) return code;
  fmt::print(stderr, "consort: unstable: the plan was chosen by figures that are not to be trusted: {}\n", unstable_);
  return code == ExitCode::kDone ? ExitCode::kUnstable : code;
}

void RequireStrictPlan(PlannedModel& planned, const Plan& plan, PrepareOptions options) {
  options.compile.prove_placement = true;
  const ShardSource shards = ShardsOf(planned.model_at(), plan);
  RequireStrict(Prepare(plan, planned.model().graph(), shards, planned.registry(), options));
}

Plan SinglePlan(const Graph& graph, const Target& target, int threads, int64_t batch, Objective objective) {
  Plan plan{.objective = objective, .batch = batch};
  Stage& stage = plan.stages.emplace_back(Stage{.begin = 0, .end = static_cast<int>(graph.ops().size())});
  stage.replicas = {{.target = target, .threads = threads}};
  DescribeStage(graph, stage);
  return plan;
}

}  // namespace consort
