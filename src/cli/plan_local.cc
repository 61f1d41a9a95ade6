#include "cli/plan_local.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "base/files.h"
#include "base/strings.h"
#include "cli/input_sets.h"
#include "cli/plan_rules.h"
#include "cli/planned_model.h"
#include "cli/profile_options.h"
#include "cli/progress.h"
#include "cli/report_plan.h"
#include "cli/run_inputs.h"
#include "cli/shard_quantizer.h"
#include "cost/cost_model.h"
#include "plan/drawing.h"
#include "plan/plan_json.h"
#include "profile/profile_json.h"
#include "tune/local_planner.h"

namespace consort {
namespace {

// Device names of the built-in backends that take no unit.
const std::set<std::string>& DeviceWords() {
  static const std::set<std::string> words = {"cpu", "cuda", "gpu", "npu", "edgetpu", "null", "emulated"};
  return words;
}

class LocalPlanning {
 public:
  explicit LocalPlanning(const PlanArguments& arguments)
      : arguments_(arguments),
        platform_(arguments.platform.empty() ? nullptr : std::make_shared<const Platform>(PlatformOf(arguments))),
        quantizer_([this] { return MeasureRanges(ModelAt(batch_), arguments_); }),
        registry_(MakeQuantizingRegistry({.platform = arguments.platform, .settings = arguments.assignments},
                                         quantizer_.quantizer())),
        files_(arguments),
        targets_(Targets()),
        networks_(arguments, NetworkWeights::kSeeded),
        batch_(arguments.batch ? *arguments.batch : NetworkSource::BatchOf(networks_.At(0).graph())) {
    CheckOptions();
  }

  ExitCode Run() {
    const ModelAtBatch model_at = [this](int64_t batch) { return ModelAt(batch); };
    const Model& model = ModelAt(batch_);
    Profile profile = ReadProfile(arguments_.profile, EmptyProfile(model, arguments_.compile, arguments_.open()));
    const InputSource inputs = [this](const Signature& signature) { return files_.BuffersFor(signature); };
    std::vector<std::string> left_out = LeaveOutInaccurate(model_at);
    if (targets_.empty()) {
      progress_.Say("");
      fmt::print(stderr, "consort: no target keeps the bounds: {}\n", Join(left_out, "; "));
      return ExitCode::kAccuracyMissed;
    }
    LocalPlan made = Make(model_at, inputs, profile);
    quantizer_.Sign(made.plan);
    std::optional<PlanAccuracy> accuracy;
    if (Checks()) accuracy = Check(Prepared(made.plan, model_at), made.plan, model_at);
    progress_.Say("");
    PlanReport report{.graph = model.graph(),
                      .list = made.list,
                      .model = model.name(),
                      .planning_s = made.planning_s,
                      .batch = batch_,
                      .runs = made.runs,
                      .chosen = made.plan,
                      .unstable = made.unstable,
                      .profiling_s = made.profiling_s,
                      .accuracy = accuracy,
                      .left_out = std::move(left_out)};
    report.targets = targets_;
    const bool missed = accuracy && !accuracy->misses.empty();
    if (!missed) report.written = WritePlan(report, arguments_);
    if (!arguments_.profile.empty() && !arguments_.dry_run) report.written.push_back(arguments_.profile.string());
    fmt::print("{}", arguments_.format == OutputFormat::kJson ? PlanReportJson(report) : PlanTables(report));
    std::fflush(stdout);
    WritePlanReports(report, arguments_);
    if (missed) return SayMisses(*accuracy, "");
    if (made.unstable.empty()) return ExitCode::kDone;
    fmt::print(stderr, "consort: unstable: {}\n", made.unstable);
    return ExitCode::kUnstable;
  }

 private:
  const Model& ModelAt(int64_t batch) { return networks_.At(arguments_.batch ? batch : batch == batch_ ? 0 : batch); }

  // What holds for emulated targets only: their power is known, and their units are as fine as one likes.
  void CheckOptions() const {
    if (std::all_of(targets_.begin(), targets_.end(), IsEmulated)) return;
    if (arguments_.most_units)
      throw UsageError("--units is for devices that are modelled; --profile-units says how finely targets of this "
                       "machine are measured and divided");
    if (arguments_.query.max_watts < kInfinite)
      throw UsageError("--max-watts: the power of targets of this machine is not known; it bounds plans for the "
                       "devices of a platform");
  }

  // Whether numbers are compared: where nothing is run only for bounds that were asked for.
  bool Checks() const {
    if (arguments_.reference && !arguments_.reference->wanted) return false;
    return !arguments_.no_run || IsBounded(arguments_.bounds);
  }

  PrepareOptions Preparing() const { return {.open = arguments_.open(), .compile = arguments_.compile}; }

  PreparedPlan Prepared(const Plan& plan, const ModelAtBatch& model_at) const {
    return Prepare(plan, model_at(plan.batch).graph(), ShardsOf(model_at, plan), registry_, Preparing());
  }

  PlanAccuracy Check(const PreparedPlan& prepared, const Plan& plan, const ModelAtBatch& model_at) const {
    progress_.Say("comparing with the reference");
    const InputSets sets(arguments_, arguments_.inputs.empty() ? kPlanInputSets : 1);
    const PlanCheckOptions check = CheckOptionsOf(sets, SignatureOf(model_at(plan.batch).graph()), arguments_.reference,
                                                  BoundsOf(arguments_.bounds), Preparing());
    PlanAccuracy accuracy = CheckPrepared(prepared, registry_, plan, model_at, check);
    HoldToBounds(accuracy, arguments_.bounds);
    return accuracy;
  }

  // Nothing where the target cannot run the whole model: planning says what it can run.
  std::vector<std::string> MissesAlone(const Plan& plan, const ModelAtBatch& model_at) const {
    std::optional<PreparedPlan> prepared;
    try {
      prepared = Prepared(plan, model_at);
    } catch (const Error&) {
      return {};
    }
    try {
      return Check(*prepared, plan, model_at).misses;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kDeviceLost) throw;
      return {error.what()};
    }
  }

  // Targets whose numbers miss the bounds by themselves take part in no plan; how each does.
  std::vector<std::string> LeaveOutInaccurate(const ModelAtBatch& model_at) {
    std::vector<std::string> left_out;
    if (!Checks()) return left_out;
    std::vector<Target> kept;
    for (const Target& target : targets_) {
      const Plan alone = SinglePlan(model_at(batch_).graph(), target, 0, batch_, arguments_.query.objective);
      const std::vector<std::string> misses = MissesAlone(alone, model_at);
      if (misses.empty()) {
        kept.push_back(target);
      } else {
        left_out.push_back(fmt::format("{}: {}", target.ToString(), Join(misses)));
      }
    }
    targets_ = std::move(kept);
    return left_out;
  }

  LocalPlan Make(const ModelAtBatch& model_at, const InputSource& inputs, Profile& profile) {
    LocalPlanOptions options{.query = arguments_.query,
                             .targets = targets_,
                             .platform = platform_,
                             .profiler = {.units = arguments_.profile_units,
                                          .seed = arguments_.seed,
                                          .compile = arguments_.compile,
                                          .open = arguments_.open()},
                             .tune = {.time_ns = static_cast<TimeNs>(arguments_.time_s * 1e9), .seed = arguments_.seed},
                             .run = !arguments_.no_run};
    options.query.batch = batch_;
    if (arguments_.most_units) options.query.units.most_units = *arguments_.most_units;
    try {
      const std::filesystem::path kept = arguments_.dry_run ? std::filesystem::path() : arguments_.profile;
      return PlanAndKeep(registry_, model_at, std::move(options), inputs, profile, kept, progress_);
    } catch (const UsageError&) {
      throw;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInvalidArgument && !arguments_.query.placings.empty())
        throw UsageError(fmt::format("--place: {}", error.what()));
      throw;
    }
  }

  std::vector<Target> Targets() const {
    if (arguments_.devices.empty()) return DefaultTargets(registry_);
    ModelArguments resolved;
    for (const std::string& text : arguments_.devices) {
      try {
        if (platform_ != nullptr && HasDevice(*platform_, text)) {
          const PlatformTarget named = ParsePlatformTarget(text);
          resolved.targets.push_back({.device = "emulated", .unit = named.device, .precision = named.precision});
        } else {
          resolved.targets.push_back(Target::Parse(text));
        }
      } catch (const Error& error) {
        throw UsageError(fmt::format("--device: {}", error.what()));
      }
    }
    return ResolveTargets(registry_, resolved);
  }

  const PlanArguments& arguments_;
  const std::shared_ptr<const Platform> platform_;
  const ShardQuantizer quantizer_;
  const Registry registry_;
  const RunInputs files_;
  std::vector<Target> targets_;
  NetworkSource networks_;
  const int64_t batch_;
  const Progress progress_;
};

}  // namespace

ExitCode RunLocalPlan(const PlanArguments& arguments) { return LocalPlanning(arguments).Run(); }

Platform PlatformOf(const PlanArguments& arguments) {
  Platform platform = LoadPlatform(arguments.platform, BuiltinCostSchemas());
  try {
    for (const std::string& assignment : arguments.assignments) platform.Set(assignment);
  } catch (const Error& error) {
    throw UsageError(fmt::format("--set: {}", error.what()));
  }
  return platform;
}

bool HasDevice(const Platform& platform, const std::string& text) {
  const std::string name = text.substr(0, text.find('/'));
  return std::any_of(platform.devices.begin(), platform.devices.end(),
                     [&name](const PlatformDevice& device) { return device.name == name; });
}

bool LooksLikeTarget(const std::string& text) {
  if (text.find_first_of("@:") != std::string::npos) return true;
  return DeviceWords().count(text.substr(0, text.find('/'))) > 0;
}

void WritePlanReports(const PlanReport& report, const PlanArguments& arguments) {
  if (arguments.report.asked() && !arguments.dry_run) WriteReports(PlanDocument(report), arguments.report);
}

std::vector<std::string> WritePlan(const PlanReport& report, const PlanArguments& arguments) {
  std::vector<std::string> written;
  if (arguments.dry_run) return written;
  const auto write = [&written](const std::filesystem::path& path, const std::string& content) {
    if (path.empty()) return;
    WriteFile(path, content);
    written.push_back(path.string());
  };
  write(arguments.output, FormatPlan(report.best(), report.graph));
  write(arguments.svg, DrawSvg(report.best(), report.graph, report.list.best().evaluation.uses));
  return written;
}

}  // namespace consort
