#include "cli/plan_options.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/command.h"
#include "cli/plan_rules.h"
#include "cli/profile_options.h"

namespace consort {
namespace {

constexpr int kMostUnits = 512;

// "stage3=gtx1650"; the pattern may hold '='.
Placing ParsePlacing(const std::string& text) {
  const auto [pattern, device] = SplitName(text, '=');
  if (pattern.empty() || device.empty())
    throw Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is not REGEX=DEVICE, such as '^stage3/=gtx1650'", text));
  return {pattern, device};
}

void AddPlatformOptions(CLI::App* app, PlanArguments& arguments) {
  AddParsed(
      app, "--platform", "NAME|FILE", arguments.platform, [](const std::string& text) { return text; },
      "plan for the devices of a platform of 'consort platforms', or of a platform file, by their cost models");
  AddEach(
      app, "-d,--device", "DEVICES",
      [&arguments](const std::string& text) {
        for (const std::string& part : Split(text, ',')) arguments.devices.push_back(part);
      },
      "what may be used, comma separated: devices of the platform, such as gtx1650/fp16; targets of this machine, such "
      "as cpu@openvino; emulated:coral-usb3 (default: all of the platform, or all targets of this machine)");
  AddEach(
      app, "--set", "PATH=VALUE", [&arguments](const std::string& text) { arguments.assignments.push_back(text); },
      "what if: gtx1650.link.bandwidth=24GB/s; repeatable");
}

void AddGoalOptions(CLI::App* app, PlanArguments& arguments) {
  PlanQuery& query = arguments.query;
  AddChoice<Objective>(
      app, "--objective", query.objective,
      {{"throughput", Objective::kThroughput}, {"latency", Objective::kLatency}, {"energy", Objective::kEnergy}},
      "what the plan is to be good at: samples per second, the time of one, joules of one (default: throughput)");
  AddChoice<std::optional<Strategy>>(app, "--strategy", query.strategy,
                                     {{"auto", std::nullopt},
                                      {"single", Strategy::kSingle},
                                      {"split", Strategy::kSplit},
                                      {"pipeline", Strategy::kPipeline},
                                      {"hybrid", Strategy::kHybrid}},
                                     "how the work is divided (default: auto, the best of all)");
  AddParsed(
      app, "-b,--batch", "N", arguments.batch,
      [](const std::string& text) { return static_cast<int>(ParseInt(text, 1, zoo::kLargestNumber)); },
      "samples of one call: size of axis 0 of every input (default: the model's own, 1 where it is open)");
}

void AddMeasuringOptions(CLI::App* app, PlanArguments& arguments) {
  const auto group = [](CLI::Option* option) { option->group("Targets that are measured"); };
  group(AddParsed(
      app, "--profile", "FILE", arguments.profile, [](const std::string& text) { return text; },
      "a file of 'consort profile', which is read, and written with what was missing"));
  group(AddParsed(
      app, "--profile-units", "N", arguments.profile_units,
      [](const std::string& text) { return static_cast<int>(ParseInt(text, 1, kMostProfileUnits)); },
      "finest grain of what is measured (default: 8)"));
  group(app->add_flag("--no-run", arguments.no_run, "choose by the profile alone: no plan is run"));
  group(AddParsed(
      app, "-t,--time", "SECONDS", arguments.time_s, [](const std::string& text) { return ParseBetween(text, 0.1, 3600); },
      "clean time of each comparison of plans that run (default: 4)"));
  AddInputOptions(app, arguments);
  for (const char* name : {"--input", "--seed", "--allow-nan"}) group(app->get_option(name));
  AddAccuracyOptions(app, arguments.reference, arguments.bounds, "Targets that are measured");
  AddEngineOptions(app, arguments);
}

void AddBoundOptions(CLI::App* app, PlanArguments& arguments) {
  PlanQuery& query = arguments.query;
  AddParsed(
      app, "--max-latency", "TIME", query.max_latency_s,
      [](const std::string& text) { return ParsePositiveQuantity(text, Dimension::kTime); },
      "a sample may take no longer than this, such as 20ms");
  AddParsed(
      app, "--max-watts", "POWER", query.max_watts,
      [](const std::string& text) { return ParsePositiveQuantity(text, Dimension::kPower); },
      "the devices of the plan may together draw no more than this while they work, such as 15W");
  AddParsed(app, "--max-stages", "N", query.max_stages, ParsePositive, "no more stages than this");
  AddEach(
      app, "--place", "REGEX=DEVICE",
      [&query](const std::string& text) { query.placings.push_back(ParsePlacing(text)); },
      "operators whose names match run on this device; repeatable");
  AddParsed(
      app, "--units", "N", arguments.most_units,
      [](const std::string& text) { return static_cast<int>(ParseInt(text, 2, kMostUnits)); },
      "finest grain of what is modelled: at most so many units (default: 96)");
}

}  // namespace

double ParsePositiveQuantity(const std::string& text, Dimension dimension) {
  const double value = ParseQuantity(text, dimension);
  if (value <= 0) throw Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is not above zero", text));
  return value;
}

void AddPlanOptions(CLI::App* app, PlanArguments& arguments) {
  AddNetworkOptions(app, arguments);
  AddPlatformOptions(app, arguments);
  AddGoalOptions(app, arguments);
  AddBoundOptions(app, arguments);
  AddMeasuringOptions(app, arguments);
  AddParsed(
      app, "-o,--output", "FILE", arguments.output, [](const std::string& text) { return text; },
      "write the chosen plan as JSON");
  AddParsed(
      app, "--svg", "FILE", arguments.svg, [](const std::string& text) { return text; },
      "write a drawing of the chosen plan");
  AddReportOption(app, arguments.report);
  app->add_flag("--dry-run", arguments.dry_run, "plan and print, but write no file");
  AddFormatOption(app, arguments.format);
}

void CheckPlanArguments(const PlanArguments& arguments) {
  CheckNetworkArguments(arguments);
  CheckBoundsUsage(arguments.reference, arguments.bounds);
  if (arguments.platform.empty() && !arguments.assignments.empty())
    throw UsageError("--set changes figures of a platform: give --platform as well");
}

}  // namespace consort
