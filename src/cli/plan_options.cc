#include "cli/plan_options.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/command.h"

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

double ParsePositiveQuantity(const std::string& text, Dimension dimension) {
  const double value = ParseQuantity(text, dimension);
  if (value <= 0) throw Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is not above zero", text));
  return value;
}

void AddPlatformOptions(CLI::App* app, PlanArguments& arguments) {
  AddParsed(
      app, "--platform", "NAME|FILE", arguments.platform, [](const std::string& text) { return text; },
      "a platform of 'consort platforms', or a platform file");
  AddEach(
      app, "-d,--device", "DEVICES",
      [&arguments](const std::string& text) {
        for (const std::string& part : Split(text, ',')) arguments.devices.push_back(ParsePlatformTarget(part));
      },
      "devices that may be used, comma separated, such as gtx1650/fp16 (default: all of the platform)");
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
      app, "--units", "N", query.units.most_units,
      [](const std::string& text) { return static_cast<int>(ParseInt(text, 2, kMostUnits)); },
      "finest grain: the model is planned in at most so many units (default: 96)");
}

}  // namespace

void AddPlanOptions(CLI::App* app, PlanArguments& arguments) {
  AddNetworkOptions(app, arguments);
  AddPlatformOptions(app, arguments);
  AddGoalOptions(app, arguments);
  AddBoundOptions(app, arguments);
  AddParsed(
      app, "-o,--output", "FILE", arguments.output, [](const std::string& text) { return text; },
      "write the chosen plan as JSON");
  AddParsed(
      app, "--svg", "FILE", arguments.svg, [](const std::string& text) { return text; },
      "write a drawing of the chosen plan");
  app->add_flag("--dry-run", arguments.dry_run, "plan and print, but write no file");
  AddFormatOption(app, arguments.format);
}

void CheckPlanArguments(const PlanArguments& arguments) {
  CheckNetworkArguments(arguments);
  if (!arguments.platform.empty()) return;
  throw UsageError(
      "--platform is needed: plans are made from the cost models of a platform; devices of this machine would have to "
      "be measured first, "
      "which this version does not do. Take one of 'consort platforms', or describe yours in a file "
      "(docs/platforms.md)");
}

}  // namespace consort
