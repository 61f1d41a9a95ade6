// consort report: a saved report in another form.
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "base/files.h"
#include "cli/command.h"
#include "cli/options.h"
#include "report/json.h"
#include "report/write.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Shows a report that '--report FILE.json' saved: as a page, as text or as images.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort plan zoo:resnet-50 --platform seed --report plan.json\n"
    "  consort report plan.json -o plan.html";

struct ReportArguments {
  std::filesystem::path file;
  std::vector<std::filesystem::path> outputs;
};

report::Document ReadReport(const std::filesystem::path& path) {
  return report::ParseJson(ReadFile(path, report::kMostBytes), path.string());
}

ExitCode RunReport(const ReportArguments& arguments) {
  for (const std::filesystem::path& output : arguments.outputs) report::CheckWritable(output);
  const report::Document document = ReadReport(arguments.file);
  for (const std::filesystem::path& output : arguments.outputs) {
    for (const std::filesystem::path& written : report::Write(document, output)) fmt::print("{}\n", written.string());
  }
  return ExitCode::kDone;
}

}  // namespace

Command AddReportCommand(CLI::App& program) {
  CLI::App* app = program.add_subcommand("report", kDescription);
  app->footer(kFooter);
  const auto arguments = std::make_shared<ReportArguments>();
  AddParsed(
      app, "report", "A.json", arguments->file, [](const std::string& text) { return text; }, "the saved report")
      ->required();
  AddEach(
      app, "-o,--output", "FILE", [arguments](const std::string& text) { arguments->outputs.emplace_back(text); },
      "where to; by its ending a page (.html), text (.md), data (.json) or an image of each plot (.png); repeatable")
      ->required();
  return {app, [arguments] { return RunReport(*arguments); }};
}

}  // namespace consort
