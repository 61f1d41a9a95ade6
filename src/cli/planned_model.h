// A model and a plan for it: read from a file, or made for the targets of a command.
#ifndef CONSORT_CLI_PLANNED_MODEL_H_
#define CONSORT_CLI_PLANNED_MODEL_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "bench/subject.h"
#include "cli/model_options.h"
#include "cli/progress.h"
#include "cli/shard_quantizer.h"
#include "consort/model.h"
#include "consort/registry.h"
#include "plan/plan.h"
#include "profile/profiler.h"
#include "run/prepare.h"
#include "tune/local_planner.h"

namespace consort {

// --strategy auto is kAny.
enum class StrategyChoice : uint8_t { kNone, kAny, kSingle, kSplit, kPipeline, kHybrid };

// Which plan a command works with.
struct PlanningArguments {
  std::filesystem::path plan;                       // empty: none is read
  StrategyChoice strategy = StrategyChoice::kNone;  // kNone: none is made
  std::optional<Objective> objective;               // absent: that of the plan's file, else the command's own
  std::filesystem::path profile;                    // of the plan that is made; empty: none is kept

  bool any() const { return !plan.empty() || strategy != StrategyChoice::kNone; }
};

// --strategy, --objective and --profile; --plan with `help`.
void AddPlanningOptions(CLI::App* app, PlanningArguments& arguments, const std::string& help);
// Throws UsageError for options that do not go together.
void CheckPlanningUsage(const PlanningArguments& arguments);

// A model file at the batches that are asked for, each read once. Thread-safe.
class ModelFile {
 public:
  // The arguments outlive it; states of the inputs have no batch.
  ModelFile(const ModelArguments& models, const InputArguments& inputs);
  // Throws what reading throws, kUnsupported for what is no ONNX model, kInvalidArgument for a batch that the file does
  // not take.
  const Model& At(int64_t batch);
  int64_t own_batch() const { return own_batch_; }

 private:
  Model Read(int64_t batch) const;

  const ModelArguments& models_;
  const InputArguments& inputs_;
  std::mutex mutex_;
  std::map<int64_t, Model> cached_;
  int64_t own_batch_ = 0;
};

// The plan of a command with its model and the registry that knows its targets. The arguments outlive it.
class PlannedModel {
 public:
  // Reads the plan's file, or measures, plans and runs the targets of `models` (MakeLocalPlan) with inputs of
  // `inputs`' seed. `objective` holds where the arguments say none. Throws what reading and planning throw (a plan for
  // another model or platform is refused), UsageError for platforms that cannot be told.
  PlannedModel(const ModelArguments& models, const InputArguments& inputs, const EngineArguments& engine,
               const PlanningArguments& planning, Objective objective, int64_t batch = 0);

  const Plan& plan() const { return plan_; }
  Plan& plan() { return plan_; }
  const Registry& registry() const { return registry_; }
  const Model& model() { return file_.At(plan_.batch); }
  ModelAtBatch model_at() {
    return [this](int64_t batch) { return file_.At(batch); };
  }
  // Of the platform whose devices the targets name: the one that is given, else the plan's.
  EmulationOptions EmulationOf() const;
  // "plan.json: pipeline on a > b", or without the file where it was made.
  std::string Describe() const;
  // Why the runs that the plan was chosen by are not to be trusted; empty when they are, or where it was read.
  const std::string& unstable() const { return unstable_; }
  // Says so on the standard error; then kUnstable in place of kDone, else `code`.
  ExitCode Conclude(ExitCode code) const;

 private:
  void ReadPlan();
  void MakePlan(Objective objective, int64_t batch);

  const ModelArguments& models_;
  const InputArguments& inputs_;
  const EngineArguments& engine_;
  const PlanningArguments& planning_;
  ModelFile file_;
  Plan plan_;
  std::string unstable_;
  ShardQuantizer quantizer_;
  Registry registry_;
};

// Compiles the plan's stages and throws kInfeasible, naming the stage, unless every op is known to run where it was
// asked to.
void RequireStrictPlan(PlannedModel& planned, const Plan& plan, PrepareOptions options);
// MakeLocalPlan, with what it does shown and the profile kept in a file (empty: not kept), also what was measured when it
// throws.
LocalPlan PlanAndKeep(const Registry& registry, const ModelAtBatch& model_at, LocalPlanOptions options,
                      const InputSource& inputs, Profile& profile, const std::filesystem::path& file,
                      const Progress& progress);
// The model on one target as a plan.
Plan SinglePlan(const Graph& graph, const Target& target, int threads, int64_t batch, Objective objective);

}  // namespace consort

#endif  // CONSORT_CLI_PLANNED_MODEL_H_
