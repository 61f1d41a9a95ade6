// `consort calibrate`: the link and the fixed cost of a device, from two measurements on it.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/strings.h"
#include "bench/bench.h"
#include "cli/calibrate_report.h"
#include "cli/command.h"
#include "cli/model_options.h"
#include "cli/run_inputs.h"
#include "consort/model.h"
#include "cost/calibration.h"
#include "emulate/device_names.h"
#include "model/model_rep.h"
#include "zoo/layers.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Re-anchors a device of a platform: measures a model with a tiny and one with a large input on the device itself, "
    "and solves "
    "for the fixed cost of a call and the bandwidth of the link. Everything else of the platform stays.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort calibrate -d edgetpu:0 -o my-coral.toml\n"
    "  consort calibrate -d cpu@onnxruntime --platform xeon-2.2ghz\n"
    "  consort calibrate -d emulated:coral-usb2 --platform coral-usb3";

// Channels and sides of the two inputs: 64 elements and a million. Averaging them is little work and gives 4 elements.
constexpr int64_t kChannels = 4;
constexpr int64_t kSmallSide = 4;
constexpr int64_t kLargeSide = 512;
constexpr int kLoads = 3;

struct CalibrateArguments {
  std::optional<Target> target;
  std::string platform;  // "": that of the target
  std::string device;    // of the platform; "": its only one, or the one that is named like the target's unit
  std::string emulated_from;
  double time_s = 3;
  std::filesystem::path output;
  OutputFormat format = OutputFormat::kTable;
};

onnx::ModelProto AveragingNetwork(int64_t side) {
  zoo::LayerWriter net("calibration");
  net.Output("mean", net.GlobalAveragePool(net.Input("image", {1, kChannels, side, side})));
  return std::move(net).Finish();
}

Model ProbeModel(int64_t side) {
  return ModelOf(AveragingNetwork(side), fmt::format("calibration-{}", side));
}

// What the command is about: the description that is corrected.
struct Described {
  Platform platform;
  std::string device;
};

std::string DeviceNamed(const Platform& platform, const CalibrateArguments& arguments) {
  if (!arguments.device.empty()) return platform.device(arguments.device).name;
  if (platform.devices.size() == 1) return platform.devices.front().name;
  std::vector<std::string> names;
  for (const PlatformDevice& device : platform.devices) {
    if (device.name == arguments.target->unit) return device.name;
    names.push_back(device.name);
  }
  throw UsageError(fmt::format("platform '{}' has several devices: say which one is calibrated: --as {}", platform.name,
                               Join(names, "|")));
}

Described FindDescription(const CalibrateArguments& arguments) {
  const Target& target = *arguments.target;
  std::string name = arguments.platform;
  if (name.empty() && target.device == "edgetpu") name = "coral-usb3";
  if (name.empty() && IsEmulated(target)) {
    const NamedDevice named = FindEmulatedDevice(target.unit, nullptr);
    return {*named.platform, arguments.device.empty() ? named.device->name : DeviceNamed(*named.platform, arguments)};
  }
  if (name.empty())
    throw UsageError(fmt::format("say which description of {} is calibrated: --platform NAME, one of {}",
                                 target.ToString(), Join(ShippedPlatforms())));
  Described described{LoadPlatform(name, BuiltinCostSchemas()), ""};
  described.device = DeviceNamed(described.platform, arguments);
  return described;
}

// The measuring part: which target, by which registry.
class Measurer {
 public:
  explicit Measurer(const CalibrateArguments& arguments)
      : arguments_(arguments),
        registry_(MakeBuiltinRegistry({.platform = arguments.emulated_from})),
        target_(Resolve()) {}

  BenchRow Measure(int64_t side) const {
    BenchOptions options;
    options.batch = 1;
    options.meter.time_ns = static_cast<TimeNs>(arguments_.time_s * 1e9);
    options.loads = kLoads;
    options.advice = false;
    const InputArguments seeded;
    const RunInputs inputs(seeded);
    const InputSource source = [&inputs](const Signature& signature) { return inputs.BuffersFor(signature); };
    BenchRow row = MeasureRow(registry_, target_, {.artifact = Artifact(ProbeModel(side))}, options, source);
    if (!row.overrun().empty()) throw Error(ErrorCode::kUnsupported, row.overrun());
    return row;
  }

  const Target& target() const { return target_; }

 private:
  Target Resolve() const {
    if (arguments_.target->device == "edgetpu") {
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format("{}: an Edge TPU takes models that edgetpu_compiler has been through, and this command's probe "
                      "networks have not; 'consort doctor' says what the host has, and any other device of 'consort "
                      "devices' can be calibrated",
                      arguments_.target->ToString()));
    }
    try {
      return registry_.Resolve(*arguments_.target);
    } catch (const Error& error) {
      throw UsageError(fmt::format("--device: {}", error.what()));
    }
  }

  const CalibrateArguments& arguments_;
  Registry registry_;
  Target target_;
};

double Figure(const Platform& platform, const PlatformDevice& device, const std::string& path) {
  const std::string key = path.substr(path.rfind('.') + 1);
  if (key == "bandwidth") return platform.link(path.substr(0, path.rfind('.'))).bandwidth.value;
  const auto found = device.cost.parameters.find(key);
  return found == device.cost.parameters.end() ? 0 : found->second.value;
}

CalibrationMeasurement Describe(int64_t side, const BenchRow& row) {
  return {kChannels * side * side, row.measured.median_ns};
}

// A name that a platform may have, from the file's.
std::string PlatformNameFor(const std::filesystem::path& path) {
  std::string name = path.stem().string();
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_' && c != '.') c = '-';
  }
  return name;
}

void CheckOutput(const CalibrateArguments& arguments, const Platform& platform) {
  if (arguments.output.empty()) return;
  const std::vector<std::string> shipped = ShippedPlatforms();
  if (std::find(shipped.begin(), shipped.end(), platform.name) != shipped.end()) return;
  throw UsageError(
      fmt::format("--output writes what is built on a platform of 'consort platforms'; '{}' is a file of its own: "
                  "leave -o out and set the figures there",
                  platform.name));
}

void WritePlatform(const CalibrateArguments& arguments, CalibrationReport& report) {
  const std::string text = CalibratedPlatform(report, PlatformNameFor(arguments.output));
  ParsePlatform(text, arguments.output.string(), BuiltinCostSchemas());  // what is written can be read
  WriteFile(arguments.output, text);
  report.file = arguments.output.string();
}

ExitCode RefuseUnstable(const BenchRow& row) {
  fmt::print(stderr, "consort: unstable: {}\n", row.unstable());
  return ExitCode::kUnstable;
}

ExitCode RunCalibrate(const CalibrateArguments& arguments) {
  const Measurer meter(arguments);
  Described described = FindDescription(arguments);
  CheckOutput(arguments, described.platform);
  const PlatformDevice& device = described.platform.device(described.device);
  const Anchors anchors = AnchorsOf(described.platform, device);
  const BenchRow small = meter.Measure(kSmallSide);
  if (!small.unstable().empty()) return RefuseUnstable(small);
  const BenchRow large = meter.Measure(kLargeSide);
  if (!large.unstable().empty()) return RefuseUnstable(large);
  const Model small_model = ProbeModel(kSmallSide);
  const Model large_model = ProbeModel(kLargeSide);
  CalibrationReport report{
      .target = meter.target().ToString(),
      .provenance = small.emulation ? "emulated" : "measured",
      .device = device.name,
      .platform = described.platform,
      .anchors = anchors,
      .before = {Figure(described.platform, device, anchors.fixed), Figure(described.platform, device, anchors.rate)},
      .small = Describe(kSmallSide, small),
      .large = Describe(kLargeSide, large)};
  report.after = Calibrate(described.platform, device.name, {.precision = meter.target().precision},
                           {WorkOf(small_model.graph()), small.measured.median_ns.estimate * 1e-9},
                           {WorkOf(large_model.graph()), large.measured.median_ns.estimate * 1e-9});
  if (!arguments.output.empty()) WritePlatform(arguments, report);
  const bool json = arguments.format == OutputFormat::kJson;
  fmt::print("{}", json ? CalibrationJson(report) : CalibrationText(report));
  return ExitCode::kDone;
}

}  // namespace

Command AddCalibrateCommand(CLI::App& program) {
  auto arguments = std::make_shared<CalibrateArguments>();
  CLI::App* app = program.add_subcommand("calibrate", kDescription);
  app->footer(kFooter);
  const auto text = [](const std::string& value) { return value; };
  AddParsed(
      app, "-d,--device", "TARGET", arguments->target,
      [](const std::string& value) { return std::optional(Target::Parse(value)); },
      "the device to measure, such as edgetpu:0")
      ->required();
  AddParsed(app, "--platform", "NAME|FILE", arguments->platform, text,
            "the platform that describes it (default: coral-usb3 for an Edge TPU, its own for an emulated device)");
  AddParsed(app, "--as", "DEVICE", arguments->device, text, "the platform's device that it is (default: the only one)");
  AddParsed(app, "--emulated-from", "NAME|FILE", arguments->emulated_from, text,
            "the platform whose devices emulated:DEVICE names");
  AddParsed(
      app, "-t,--time", "SECONDS", arguments->time_s,
      [](const std::string& value) { return ParseBetween(value, 0.01, 1e4); },
      "time to measure each of the two models (default: 3)");
  AddParsed(app, "-o,--output", "FILE", arguments->output, text, "write the platform with these figures");
  AddFormatOption(app, arguments->format);
  return {app, [arguments] { return RunCalibrate(*arguments); }};
}

}  // namespace consort
