// `consort plan`: which device runs which part of a model, and which share of the samples.
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>

#include "base/files.h"
#include "cli/command.h"
#include "cli/plan_options.h"
#include "cli/plan_report.h"
#include "plan/drawing.h"
#include "plan/fingerprint.h"
#include "plan/modelled_costs.h"
#include "plan/plan_json.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Finds which device of a platform runs which part of a model, and which share of the samples: one device alone, "
    "all on shares, a "
    "pipeline of stages, or stages with several replicas. Plans are ranked with reasons; the best single device is "
    "always among them, and "
    "several are chosen only when they gain more than 2 %. Every figure is modelled.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort plan zoo:resnet-50 --platform seed\n"
    "  consort plan net.onnx --platform coral-x4 --objective latency -o plan.json\n"
    "  consort plan zoo:resnet-50 --platform seed --strategy pipeline --svg plan.svg\n"
    "  consort plan zoo:resnet-50 --platform seed --place '^Dense=gtx1650'\n"
    "  consort plan zoo:vgg-16 --platform seed --max-latency 20ms --max-watts 80W\n"
    "  consort plan zoo:resnet-50 --platform seed --set gtx1650.cost.peak_fp32=6TFLOPS";

// The platform as the command line changes it.
Platform PlatformOf(const PlanArguments& arguments) {
  Platform platform = LoadPlatform(arguments.platform, BuiltinCostSchemas());
  try {
    for (const std::string& assignment : arguments.assignments) platform.Set(assignment);
  } catch (const Error& error) {
    throw UsageError(fmt::format("--set: {}", error.what()));
  }
  return platform;
}

// A device that does not exist or stands there twice is a UsageError.
ModelledCosts CostsOf(const Platform& platform, const PlanArguments& arguments, const GraphAtBatch& graph) {
  std::vector<PlatformChoice> choices;
  for (const PlatformTarget& target : arguments.devices) choices.push_back({target.device, target.precision});
  try {
    return {platform, choices, graph};
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInvalidArgument && !choices.empty())
      throw UsageError(fmt::format("--device: {}", error.what()));
    throw;
  }
}

class Planning {
 public:
  explicit Planning(const PlanArguments& arguments)
      : arguments_(arguments), platform_(PlatformOf(arguments)), networks_(arguments) {
    if (arguments.batch) {
      batch_ = *arguments.batch;
    } else {
      own_batch_ = NetworkSource::BatchOf(networks_.At(0).graph());
      batch_ = own_batch_;
    }
  }

  std::string Run() {
    const Model& model = networks_.At(own_batch_ == batch_ ? 0 : batch_);
    const auto begin = std::chrono::steady_clock::now();
    PlanList list = Plans(model.graph());
    PlanReport report{.graph = model.graph(),
                      .list = list,
                      .model = model.name(),
                      .platform = platform_.name,
                      .platform_summary = platform_.summary,
                      .planning_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
                      .batch = batch_};
    for (RankedPlan& ranked : list.plans) Sign(model, ranked.plan);
    report.written = Write(report);
    return arguments_.format == OutputFormat::kJson ? PlanReportJson(report) : PlanTables(report);
  }

 private:
  const Graph& GraphAt(int64_t batch) { return networks_.At(batch == own_batch_ ? 0 : batch).graph(); }

  PlanList Plans(const Graph& graph) {
    ModelledCosts costs =
        CostsOf(platform_, arguments_, [this](int64_t batch) -> const Graph& { return GraphAt(batch); });
    PlanQuery query = arguments_.query;
    query.batch = batch_;
    query.units.op_weights = costs.OpWeights(batch_);
    query.units.divides_a_fusion = costs.Fusions(batch_);
    try {
      return MakePlans(graph, costs, query);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInvalidArgument && !query.placings.empty())
        throw UsageError(fmt::format("--place: {}", error.what()));
      throw;
    }
  }

  void Sign(const Model& model, Plan& plan) const {
    plan.model = model.name();
    plan.model_fingerprint = FingerprintOf(model.graph());
    plan.platform = platform_.name;
    plan.platform_fingerprint = FingerprintOf(platform_);
  }

  std::vector<std::string> Write(const PlanReport& report) const {
    std::vector<std::string> written;
    if (arguments_.dry_run) return written;
    const RankedPlan& best = report.list.best();
    const auto write = [&written](const std::filesystem::path& path, const std::string& content) {
      if (path.empty()) return;
      WriteFile(path, content);
      written.push_back(path.string());
    };
    write(arguments_.output, FormatPlan(best.plan, report.graph));
    write(arguments_.svg, DrawSvg(best.plan, report.graph, best.evaluation.uses));
    return written;
  }

  const PlanArguments& arguments_;
  Platform platform_;
  NetworkSource networks_;
  int64_t own_batch_ = 0;  // the model's own, where no other was asked for
  int64_t batch_ = 1;
};

ExitCode RunPlan(const PlanArguments& arguments) {
  CheckPlanArguments(arguments);
  fmt::print("{}", Planning(arguments).Run());
  return ExitCode::kDone;
}

}  // namespace

Command AddPlanCommand(CLI::App& program) {
  auto arguments = std::make_shared<PlanArguments>();
  CLI::App* app = program.add_subcommand("plan", kDescription);
  app->footer(kFooter);
  AddPlanOptions(app, *arguments);
  return {app, [arguments] { return RunPlan(*arguments); }};
}

}  // namespace consort
