// `consort simulate`: what a platform's devices would do with a model, by formula.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "base/files.h"
#include "cli/command.h"
#include "cli/simulate_options.h"
#include "cli/simulate_report.h"
#include "cli/simulate_trace.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Says what devices that nobody here has to own would do with a model: latency with its error band, throughput, "
    "energy, "
    "bytes over the link, where the time goes. Every figure is modelled: it comes from the cost models of a platform "
    "file, "
    "not from a measurement.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort simulate zoo:resnet-50 --platform seed\n"
    "  consort simulate net.onnx --platform rtx2060 -d rtx2060/fp16 -b 1,8,32\n"
    "  consort simulate zoo:resnet-50 --platform coral-x4 --stages 4\n"
    "  consort simulate zoo:vgg-16 --platform coral-usb3 \\\n"
    "      --set coral-usb3.link.bandwidth=40,200,440MB/s --format csv\n"
    "  consort simulate zoo:mobilenet-v2 --platform coral-usb3 --per-layer";

// The platform as the command line changes it.
Platform PlatformWith(const Platform& platform, const PlatformSetting& setting) {
  Platform changed = platform;
  try {
    for (const auto& [path, value] : setting) changed.Set(path + "=" + value);
  } catch (const Error& error) {
    throw UsageError(fmt::format("--set: {}", error.what()));
  }
  return changed;
}

// Those asked for, or all; a name that does not exist is a UsageError.
std::vector<PlatformTarget> Targets(const Platform& platform, const std::vector<PlatformTarget>& asked) {
  std::vector<PlatformTarget> targets = asked;
  try {
    for (const PlatformTarget& target : targets) platform.device(target.device);
  } catch (const Error& error) {
    throw UsageError(fmt::format("--device: {}", error.what()));
  }
  if (!targets.empty()) return targets;
  for (const PlatformDevice& device : platform.devices) targets.push_back({.device = device.name});
  return targets;
}

class Simulation {
 public:
  explicit Simulation(const SimulateArguments& arguments)
      : arguments_(arguments),
        platform_(LoadPlatform(arguments.platform, BuiltinCostSchemas())),
        targets_(Targets(platform_, arguments.devices)),
        settings_(Combinations(arguments.sweeps)),
        networks_(arguments) {}

  SimulationReport Run() {
    const Graph& graph = networks_.At(FirstBatch()).graph();
    SimulationReport report{.model = networks_.At(FirstBatch()).name(),
                            .macs = graph.totals().macs,
                            .parameters = graph.totals().parameters,
                            .platform = platform_.name,
                            .platform_summary = platform_.summary,
                            .per_layer = arguments_.per_layer};
    for (size_t i = 0; i < settings_.size(); ++i) {
      const PlatformSetting& setting = settings_[i];
      const Platform platform = PlatformWith(platform_, setting);
      if (arguments_.stages) {
        report.stages.push_back(DivideModel(platform, setting));
      } else {
        AddRows(platform, i, report);
      }
    }
    RequireOne(report);
    if (arguments_.iterations) Trace(report);
    return report;
  }

 private:
  int64_t FirstBatch() const { return arguments_.batches.empty() ? 0 : arguments_.batches.front(); }

  std::vector<int64_t> Batches() {
    if (!arguments_.batches.empty()) return {arguments_.batches.begin(), arguments_.batches.end()};
    return {NetworkSource::BatchOf(networks_.At(0).graph())};
  }

  // The model as it is holds its own batch already.
  const Graph& GraphAt(int64_t batch) {
    const bool own = arguments_.batches.empty() && batch == NetworkSource::BatchOf(networks_.At(0).graph());
    return networks_.At(own ? 0 : batch).graph();
  }

  void AddRows(const Platform& platform, size_t setting, SimulationReport& report) {
    for (const PlatformTarget& target : targets_) {
      for (const int64_t batch : Batches()) {
        SimulationQuery query{.batch = batch, .cost = arguments_.cost};
        query.cost.precision = target.precision;
        const auto graph = [this](int64_t size) -> const Graph& { return GraphAt(size); };
        report.rows.push_back({.setting = settings_[setting],
                               .setting_number = static_cast<int>(setting) + 1,
                               .simulated = Simulate(platform, platform.device(target.device), graph, query)});
      }
    }
  }

  // Of the devices asked for, or of the largest group that is alike.
  std::vector<const PlatformDevice*> StageDevices(const Platform& platform) const {
    if (arguments_.devices.empty()) return AlikeDevices(platform, *arguments_.stages);
    Platform asked = platform;
    asked.devices.clear();
    for (const PlatformTarget& target : targets_) asked.devices.push_back(platform.device(target.device));
    std::vector<const PlatformDevice*> devices;
    for (const PlatformDevice* device : AlikeDevices(asked, *arguments_.stages))
      devices.push_back(&platform.device(device->name));
    return devices;
  }

  StagesRow DivideModel(const Platform& platform, const PlatformSetting& setting) {
    const std::vector<const PlatformDevice*> devices = StageDevices(platform);
    const Graph& graph = networks_.At(FirstBatch()).graph();
    StagesOptions options{
        .stages = *arguments_.stages, .sharing_a_link = SharingALink(platform, devices), .query = arguments_.cost};
    options.query.precision = targets_.front().precision;
    options.device = devices.front();
    StagesRow row{.setting = setting,
                  .warning = devices.front()->warning,
                  .division = DivideIntoStages(graph, *MakeCostModel(platform, *devices.front()), options)};
    for (const PlatformDevice* device : devices) row.devices.push_back(device->name);
    for (const Segment& stage : row.division.stages) Describe(graph, stage, row);
    return row;
  }

  static void Describe(const Graph& graph, const Segment& stage, StagesRow& row) {
    row.ops.push_back(0);
    row.first_ops.emplace_back();
    for (OpId id = stage.begin; id < stage.end; ++id) {
      const Op& op = graph.op(id);
      if (op.constant) continue;
      if (row.ops.back()++ == 0) row.first_ops.back() = fmt::format("{} ({})", op.name, op.type);
    }
  }

  // On the devices that can run the model.
  void Trace(SimulationReport& report) {
    std::vector<TracedDevice> devices;
    for (size_t i = 0; i < targets_.size(); ++i) {
      if (report.rows[i].simulated.refused.empty()) devices.push_back({targets_[i].device, targets_[i].precision});
    }
    const Model& model = networks_.At(FirstBatch());
    const Platform platform = PlatformWith(platform_, settings_.front());
    const std::vector<TracedRun> runs = RunOnVirtualClock(platform, devices, model, *arguments_.iterations);
    WriteFile(arguments_.trace, ChromeTrace(runs, model.name(), platform.name));
    report.trace = arguments_.trace.string();
    report.iterations = *arguments_.iterations;
  }

  // Throws when no device can run the model.
  static void RequireOne(const SimulationReport& report) {
    if (report.rows.empty()) return;
    for (const SimulationRow& row : report.rows) {
      if (row.simulated.refused.empty()) return;
    }
    throw Error(ErrorCode::kUnsupported, report.rows.front().simulated.refused);
  }

  const SimulateArguments& arguments_;
  Platform platform_;
  std::vector<PlatformTarget> targets_;
  std::vector<PlatformSetting> settings_;
  NetworkSource networks_;
};

ExitCode RunSimulate(const SimulateArguments& arguments) {
  CheckSimulateArguments(arguments);
  fmt::print("{}", FormatSimulation(Simulation(arguments).Run(), arguments.format));
  return ExitCode::kDone;
}

}  // namespace

Command AddSimulateCommand(CLI::App& program) {
  auto arguments = std::make_shared<SimulateArguments>();
  CLI::App* app = program.add_subcommand("simulate", kDescription);
  app->footer(kFooter);
  AddSimulateOptions(app, *arguments);
  return {app, [arguments] { return RunSimulate(*arguments); }};
}

}  // namespace consort
