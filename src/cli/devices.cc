// consort devices: every device that a backend knows of, usable or not.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/table.h"
#include "consort/registry.h"

namespace consort {
namespace {

constexpr char kDescription[] = "Lists the devices that can be targets, and those that cannot yet, with the reason.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort devices\n"
    "  consort devices --format json | jq -r '.devices[] | select(.usable).target'\n"
    "\n"
    "'consort doctor' looks deeper when a device is missing.";

template <typename T>
std::vector<std::string> Names(const std::vector<T>& values) {
  std::vector<std::string> names;
  for (const T& value : values) names.emplace_back(ToString(value));
  return names;
}

void PrintTable(const std::vector<DeviceFinding>& findings) {
  Table table(
      {{"target"}, {"name"}, {"engine"}, {"cores"}, {"memory", Align::kRight}, {"precisions"}, {"takes"}, {"usable"}});
  std::string problems;
  for (const DeviceFinding& finding : findings) {
    const DeviceInfo& info = finding.info;
    table.AddRow({info.target.ToString(), info.name, info.engine, info.cores.ToString(),
                  info.memory_bytes > 0 ? FormatBytes(info.memory_bytes) : "", Join(Names(info.precisions), ","),
                  Join(Names(info.accepts), ","), finding.usable ? "yes" : "no"});
    if (finding.usable) continue;
    problems += fmt::format("\n{}: {}\n", info.target.ToString(), finding.problem);
    if (!finding.remedy.empty()) problems += fmt::format("  fix: {}\n", finding.remedy);
  }
  fmt::print("{}{}", table.ToString(), problems);
}

void PrintJson(const std::vector<DeviceFinding>& findings) {
  nlohmann::ordered_json json;
  json["devices"] = nlohmann::ordered_json::array();
  for (const DeviceFinding& finding : findings) {
    const DeviceInfo& info = finding.info;
    json["devices"].push_back({{"target", info.target.ToString()},
                               {"name", info.name},
                               {"engine", info.engine},
                               {"driver", info.driver},
                               {"resource", info.resource},
                               {"cores", info.cores.cores()},
                               {"memory_bytes", info.memory_bytes},
                               {"precisions", Names(info.precisions)},
                               {"accepts", Names(info.accepts)},
                               {"max_in_flight", info.max_in_flight},
                               {"usable", finding.usable},
                               {"problem", finding.problem},
                               {"remedy", finding.remedy}});
  }
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

Command AddDevicesCommand(CLI::App& program) {
  CLI::App* app = program.add_subcommand("devices", kDescription);
  app->footer(kFooter);
  const auto format = std::make_shared<OutputFormat>(OutputFormat::kTable);
  AddFormatOption(app, *format);
  return {app, [format] {
            const std::vector<DeviceFinding> findings = MakeBuiltinRegistry().Find();
            *format == OutputFormat::kJson ? PrintJson(findings) : PrintTable(findings);
            return ExitCode::kDone;
          }};
}

}  // namespace consort
