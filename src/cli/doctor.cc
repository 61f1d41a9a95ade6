// consort doctor: what is wrong with devices, engines and their surroundings, and the command that mends it.
#include "doctor/doctor.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/options.h"
#include "consort/registry.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Checks engines, drivers, permissions and devices, and names the command that fixes what is wrong.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort doctor\n"
    "  consort doctor --format json\n"
    "\n"
    "The exit code is 0 whatever was found. docs/devices.md explains containers, WSL\n"
    "and Windows hosts.";

struct DoctorOptions {
  OutputFormat format = OutputFormat::kTable;
  std::string sysroot = "/";
};

const char* ToString(Diagnosis::Level level) {
  switch (level) {
    case Diagnosis::Level::kOk:
      return "ok";
    case Diagnosis::Level::kNote:
      return "note";
    case Diagnosis::Level::kProblem:
      break;
  }
  return "problem";
}

void PrintLines(const std::vector<Diagnosis>& diagnoses) {
  for (const Diagnosis& line : diagnoses) {
    fmt::print("{:<8} {}: {}\n", ToString(line.level), line.subject, line.message);
    if (!line.remedy.empty()) fmt::print("         fix: {}\n", line.remedy);
  }
}

void PrintJson(const std::vector<Diagnosis>& diagnoses) {
  nlohmann::ordered_json json;
  json["findings"] = nlohmann::ordered_json::array();
  for (const Diagnosis& line : diagnoses) {
    json["findings"].push_back({{"level", ToString(line.level)},
                                {"subject", line.subject},
                                {"message", line.message},
                                {"remedy", line.remedy}});
  }
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

Command AddDoctorCommand(CLI::App& program) {
  CLI::App* app = program.add_subcommand("doctor", kDescription);
  app->footer(kFooter);
  const auto options = std::make_shared<DoctorOptions>();
  AddFormatOption(app, options->format);
  app->add_option("--sysroot", options->sysroot, "check the files below this folder instead of those of the host")
      ->group("");
  return {app, [options] {
            std::vector<Diagnosis> diagnoses = DiagnoseHost(Host(options->sysroot));
            for (Diagnosis& line : MakeBuiltinRegistry().Diagnose()) diagnoses.push_back(std::move(line));
            options->format == OutputFormat::kJson ? PrintJson(diagnoses) : PrintLines(diagnoses);
            return ExitCode::kDone;
          }};
}

}  // namespace consort
