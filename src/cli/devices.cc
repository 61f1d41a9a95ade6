// consort devices: every device that a backend knows of, usable or not.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/model_options.h"
#include "cli/options.h"
#include "cli/table.h"
#include "consort/registry.h"
#include "emulate/device_names.h"

namespace consort {
namespace {

constexpr char kDescription[] = "Lists the devices that can be targets, and those that cannot yet, with the reason.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort devices\n"
    "  consort devices --platform seed\n"
    "  consort devices --format json | jq -r '.devices[] | select(.usable).target'\n"
    "\n"
    "'consort doctor' looks deeper when a device is missing.";

constexpr int kTextColumns = 100;

template <typename T>
std::vector<std::string> Names(const std::vector<T>& values) {
  std::vector<std::string> names;
  for (const T& value : values) names.emplace_back(ToString(value));
  return names;
}

bool IsEmulated(const DeviceFinding& finding) { return finding.info.provenance == Provenance::kEmulated; }

// `names`: what may stand behind "emulated:".
void PrintTable(const std::vector<DeviceFinding>& findings, const std::vector<std::string>& names) {
  const bool emulated = std::any_of(findings.begin(), findings.end(), IsEmulated);
  std::vector<Table::Column> columns = {{"target"},     {"name"},  {"engine"}, {"cores"}, {"memory", Align::kRight},
                                        {"precisions"}, {"takes"}, {"usable"}};
  if (emulated) columns.insert(columns.begin() + 1, Table::Column{"times"});
  Table table(std::move(columns));
  std::string problems;
  for (const DeviceFinding& finding : findings) {
    const DeviceInfo& info = finding.info;
    std::vector<std::string> cells = {info.target.ToString(),
                                      info.name,
                                      info.engine,
                                      info.cores.ToString(),
                                      info.memory_bytes > 0 ? FormatBytes(info.memory_bytes) : "",
                                      Join(Names(info.precisions), ","),
                                      Join(Names(info.accepts), ","),
                                      finding.usable ? "yes" : "no"};
    if (emulated) cells.insert(cells.begin() + 1, std::string(ToString(info.provenance)));
    table.AddRow(std::move(cells));
    const std::string warning =
        info.warning.empty() ? "" : fmt::format("\n{}:{}: {}\n", info.target.device, info.target.unit, info.warning);
    // Said once, not for every engine that can compute the numbers.
    if (problems.find(warning) == std::string::npos) problems += warning;
    if (finding.usable) continue;
    problems += fmt::format("\n{}: {}\n", info.target.ToString(), finding.problem);
    if (!finding.remedy.empty()) problems += fmt::format("  fix: {}\n", finding.remedy);
  }
  fmt::print("{}{}\n{}\n", table.ToString(), problems,
             WrapText("emulated:NAME is a target too: " + Join(names), kTextColumns, 2));
}

void PrintJson(const std::vector<DeviceFinding>& findings, const std::vector<std::string>& names) {
  nlohmann::ordered_json json;
  json["devices"] = nlohmann::ordered_json::array();
  for (const DeviceFinding& finding : findings) {
    const DeviceInfo& info = finding.info;
    json["devices"].push_back({{"target", info.target.ToString()},
                               {"name", info.name},
                               {"provenance", ToString(info.provenance)},
                               {"warning", info.warning},
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
  json["emulated"] = names;
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

Command AddDevicesCommand(CLI::App& program) {
  CLI::App* app = program.add_subcommand("devices", kDescription);
  app->footer(kFooter);
  const auto format = std::make_shared<OutputFormat>(OutputFormat::kTable);
  AddFormatOption(app, *format);
  const auto emulation = std::make_shared<EmulationOptions>();
  AddPlatformOption(app, *emulation);
  return {app, [format, emulation] {
            const std::vector<DeviceFinding> findings = MakeBuiltinRegistry(*emulation).Find();
            const std::vector<std::string> names = EmulatedDeviceNames(nullptr);
            *format == OutputFormat::kJson ? PrintJson(findings, names) : PrintTable(findings, names);
            return ExitCode::kDone;
          }};
}

}  // namespace consort
