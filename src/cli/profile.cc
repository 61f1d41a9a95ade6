// `consort profile`: measures a model's units on the targets of this machine.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "base/files.h"
#include "cli/command.h"
#include "cli/profile_options.h"
#include "cli/profile_report.h"
#include "cli/progress.h"
#include "cli/shard_quantizer.h"
#include "consort/registry.h"
#include "profile/profile_json.h"
#include "tune/local_planner.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Measures what plans are made from: the whole model and its units (pieces of about equal work between fusions) on "
    "each target, compiled and run as a plan would run them, and what handing tensors over costs. A CPU counts several "
    "times: with all its cores, and with so many fewer threads that two, three or four calls fill them. With -o the "
    "figures are kept, and a run that was cut off goes on where it ended.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort profile net.onnx -d cpu@onnxruntime,cpu@openvino -o net.profile.json\n"
    "  consort profile zoo:resnet-50 -b 1,4,16 --units 16 -o resnet.profile.json\n"
    "  consort plan net.onnx --profile net.profile.json";

ExitCode RunProfile(const ProfileArguments& arguments) {
  CheckNetworkArguments(arguments);
  NetworkSource networks(arguments, NetworkWeights::kSeeded);
  const InputArguments inputs{.seed = arguments.seed};
  const ShardQuantizer quantizer([&] { return MeasureRanges(networks.At(0), inputs); });
  const Registry registry = MakeQuantizingRegistry({}, quantizer.quantizer());
  const std::vector<Target> targets =
      arguments.targets.empty() ? DefaultTargets(registry) : ResolveTargets(registry, arguments);
  for (const Target& target : targets) {
    if (IsEmulated(target))
      throw UsageError(fmt::format("--device: {} is emulated: its costs are modelled ('consort simulate'), there is "
                                   "nothing to measure",
                                   target.ToString()));
  }
  const Progress progress;
  ProfilerOptions options{.units = arguments.units,
                          .time_ns = static_cast<TimeNs>(arguments.time_s * 1e9),
                          .seed = arguments.seed,
                          .compile = arguments.compile,
                          .open = arguments.open()};
  options.batches.assign(arguments.batches.begin(), arguments.batches.end());
  if (options.batches.empty()) options.batches = {NetworkSource::BatchOf(networks.At(0).graph())};
  options.progress = [&progress](const std::string& what, int done, int all) {
    progress.Say(fmt::format("{} of {}: {}", done + 1, all, what));
  };
  options.keep = [&arguments](const Profile& profile) {
    if (!arguments.output.empty()) WriteFile(arguments.output, FormatProfile(profile));
  };
  const LocalDevices devices = FindLocalDevices(registry, targets, options.open);
  const Model& model = networks.At(options.batches.front());
  Profile profile = ReadProfile(arguments.output, EmptyProfile(model, options.compile, options.open));
  options.keep(profile);  // a file that cannot be written is told before an hour of measuring
  MeasureProfile(registry, [&networks](int64_t batch) { return networks.At(batch); }, devices, options, profile);
  progress.Say("");
  fmt::print("{}", arguments.format == OutputFormat::kJson
                       ? FormatProfile(profile)
                       : ProfileTables({profile, devices, model.graph(), options, arguments.output}));
  return ExitCode::kDone;
}

}  // namespace

Command AddProfileCommand(CLI::App& program) {
  auto arguments = std::make_shared<ProfileArguments>();
  CLI::App* app = program.add_subcommand("profile", kDescription);
  app->footer(kFooter);
  AddProfileOptions(app, *arguments);
  return {app, [arguments] { return RunProfile(*arguments); }};
}

}  // namespace consort
