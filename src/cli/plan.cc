// `consort plan`: which device runs which part of a model, and which share of the samples.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "base/files.h"
#include "cli/command.h"
#include "cli/plan_local.h"
#include "cli/plan_options.h"
#include "cli/plan_report.h"
#include "plan/drawing.h"
#include "plan/fingerprint.h"
#include "plan/modelled_costs.h"
#include "plan/plan_json.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Finds which device runs which part of a model, and which share of the samples: one device alone, all on shares, a "
    "pipeline of stages, or stages with several replicas. Plans are ranked with reasons; the best single device is "
    "always among them, and several are chosen only when they gain more than 2 %. On targets of this machine the model's "
    "units are measured, the best plans are run, and the choice rests on that; on a platform every figure is modelled.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort plan net.onnx -d cpu@onnxruntime,cpu@openvino -o plan.json\n"
    "  consort plan net.onnx -d cpu@openvino,emulated:coral-usb3@null --no-run\n"
    "  consort plan zoo:resnet-50 --platform seed\n"
    "  consort plan net.onnx --platform coral-x4 --objective latency -o plan.json\n"
    "  consort plan zoo:resnet-50 --platform seed --strategy pipeline --svg plan.svg\n"
    "  consort plan zoo:resnet-50 --platform seed --place '^Dense=gtx1650'\n"
    "  consort plan zoo:vgg-16 --platform seed --max-latency 20ms --max-watts 80W\n"
    "  consort plan zoo:resnet-50 --platform seed --set gtx1650.cost.peak_fp32=6TFLOPS";

// A device that does not exist or stands there twice is a UsageError.
ModelledCosts CostsOf(const Platform& platform, const PlanArguments& arguments, const GraphAtBatch& graph) {
  std::vector<PlatformChoice> choices;
  for (const std::string& text : arguments.devices) {
    const PlatformTarget target = ParsePlatformTarget(text);
    choices.push_back({target.device, target.precision});
  }
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
    report.written = WritePlan(report, arguments_);
    WritePlanReports(report, arguments_);
    return arguments_.format == OutputFormat::kJson ? PlanReportJson(report) : PlanTables(report);
  }

 private:
  const Graph& GraphAt(int64_t batch) { return networks_.At(batch == own_batch_ ? 0 : batch).graph(); }

  PlanList Plans(const Graph& graph) {
    ModelledCosts costs =
        CostsOf(platform_, arguments_, [this](int64_t batch) -> const Graph& { return GraphAt(batch); });
    PlanQuery query = arguments_.query;
    query.batch = batch_;
    if (arguments_.most_units) query.units.most_units = *arguments_.most_units;
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

  const PlanArguments& arguments_;
  const Platform platform_;
  NetworkSource networks_;
  int64_t own_batch_ = 0;  // the model's own, where no other was asked for
  int64_t batch_ = 1;
};

// True where every device is one of the platform's: nothing is measured then.
bool IsModelled(const PlanArguments& arguments) {
  if (arguments.platform.empty()) return false;
  const Platform platform = PlatformOf(arguments);
  const bool any_target = std::any_of(arguments.devices.begin(), arguments.devices.end(), [&](const std::string& text) {
    return !HasDevice(platform, text) && LooksLikeTarget(text);
  });
  return !any_target;
}

ExitCode RunPlan(const PlanArguments& arguments) {
  CheckPlanArguments(arguments);
  if (!IsModelled(arguments)) return RunLocalPlan(arguments);
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
