// consort platforms: the platforms that are built in, and every figure of one.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/platform_report.h"
#include "cost/cost_model.h"
#include "platform/platform.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Lists the platforms that are built in; with the name of one, or a file, shows its devices, its links and every "
    "figure with its source. docs/platforms.md says how to write a file.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort platforms\n"
    "  consort platforms seed\n"
    "  consort platforms my-machine.toml\n"
    "  consort platforms seed --format json | jq '.devices[].figures'";

struct PlatformsArguments {
  std::string platform;  // name or path; empty: all that are built in
  OutputFormat format = OutputFormat::kTable;
};

std::vector<Platform> LoadAll() {
  std::vector<Platform> platforms;
  for (const std::string& name : ShippedPlatforms()) platforms.push_back(LoadPlatform(name, BuiltinCostSchemas()));
  return platforms;
}

void PrintList(const std::vector<Platform>& platforms) {
  constexpr int kNameWidth = 18;
  constexpr int kSummaryWidth = 80 - kNameWidth - 1;
  for (const Platform& platform : platforms)
    fmt::print("{:{}} {}\n", platform.name, kNameWidth, WrapText(platform.summary, kSummaryWidth, kNameWidth + 1));
}

void PrintListJson(const std::vector<Platform>& platforms) {
  nlohmann::ordered_json json;
  json["platforms"] = nlohmann::ordered_json::array();
  for (const Platform& platform : platforms) {
    std::vector<std::string> devices;
    for (const PlatformDevice& device : platform.devices) devices.push_back(device.name);
    json["platforms"].push_back({{"name", platform.name}, {"summary", platform.summary}, {"devices", devices}});
  }
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void Run(const PlatformsArguments& arguments) {
  const bool as_json = arguments.format == OutputFormat::kJson;
  if (arguments.platform.empty()) {
    as_json ? PrintListJson(LoadAll()) : PrintList(LoadAll());
    return;
  }
  const Platform platform = LoadPlatform(arguments.platform, BuiltinCostSchemas());
  fmt::print("{}", as_json ? PlatformJson(platform) : PlatformTable(platform));
}

}  // namespace

Command AddPlatformsCommand(CLI::App& program) {
  CLI::App* app = program.add_subcommand("platforms", kDescription);
  app->footer(kFooter);
  const auto arguments = std::make_shared<PlatformsArguments>();
  app->add_option("PLATFORM", arguments->platform, "a built-in platform, or the path of a file")->type_name("");
  AddFormatOption(app, arguments->format);
  return {app, [arguments] {
            Run(*arguments);
            return ExitCode::kDone;
          }};
}

}  // namespace consort
