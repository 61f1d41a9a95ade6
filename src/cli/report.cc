// consort report: a saved report in another form, or two against each other.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report_parts.h"
#include "cli/table.h"
#include "report/comparison.h"
#include "report/json.h"
#include "report/markdown.h"
#include "report/write.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Shows a report that '--report FILE.json' saved: as a page, as text or as images. Of two, what they have in common "
    "is compared: tables joined by their keys, charts over each other.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort plan zoo:resnet-50 --platform seed --report plan.json\n"
    "  consort report plan.json -o plan.html\n"
    "  consort report before.json after.json -o difference.html";

constexpr size_t kMostRows = 60;  // of a table on the terminal
constexpr size_t kWidest = 26;    // of its cells

struct ReportArguments {
  std::vector<std::filesystem::path> files;
  std::vector<std::filesystem::path> outputs;
};

report::Document ReadReport(const std::filesystem::path& path) {
  return report::ParseJson(ReadFile(path, report::kMostBytes), path.string());
}

void WriteAll(const report::Document& document, const ReportArguments& arguments) {
  for (const std::filesystem::path& output : arguments.outputs) {
    for (const std::filesystem::path& written : report::Write(document, output))
      fmt::print("wrote {}\n", written.string());
  }
}

// The figures that differ; the first of them where there are very many.
std::string DifferencesOf(const report::ComparedTable& compared) {
  std::vector<Table::Column> columns;
  for (const std::string& title : compared.key_titles) columns.push_back({Fit(title, kWidest)});
  columns.push_back({"figure"});
  for (const char* title : {"A", "B", "B / A"}) columns.push_back({title, Align::kRight});
  columns.push_back({"verdict"});
  Table table(std::move(columns));
  size_t differ = 0;
  for (const report::ComparedFigure& figure : compared.figures) {
    if (figure.verdict() == "same" || ++differ > kMostRows) continue;
    std::vector<std::string> cells;
    for (const std::string& key : figure.key) cells.push_back(Fit(key, kWidest));
    cells.resize(compared.key_titles.size());
    cells.push_back(Fit(figure.unit.empty() ? figure.figure : figure.figure + " (" + figure.unit + ")", kWidest));
    cells.push_back(figure.word_a.empty() ? report::FormatNumber(figure.a) : Fit(figure.word_a, kWidest));
    cells.push_back(figure.word_b.empty() ? report::FormatNumber(figure.b) : Fit(figure.word_b, kWidest));
    cells.push_back(report::FormatNumber(figure.ratio()));
    cells.push_back(figure.verdict());
    table.AddRow(std::move(cells));
  }
  std::string text = fmt::format("{}: {} of {} figures differ by more than {:.0f} %\n", compared.id, differ,
                                 compared.figures.size(), 100 * report::kSameWithin);
  if (differ > 0) text += table.ToString();
  if (differ > kMostRows) text += fmt::format("… and {} more; a report (-o) has all\n", differ - kMostRows);
  return text + "\n";
}

ExitCode RunComparison(const ReportArguments& arguments) {
  const std::string name_a = arguments.files[0].string(), name_b = arguments.files[1].string();
  report::Comparison comparison = report::Compare(ReadReport(name_a), ReadReport(name_b), name_a, name_b);
  comparison.document.command = ReproducingCommand();
  fmt::print("{}\n\n", comparison.document.verdict);
  for (const report::ComparedTable& compared : comparison.tables) fmt::print("{}", DifferencesOf(compared));
  WriteAll(comparison.document, arguments);
  return ExitCode::kDone;
}

ExitCode RunReport(const ReportArguments& arguments) {
  if (arguments.files.size() > 2) throw UsageError("one report is shown, or two are compared; there are more here");
  if (arguments.files.size() == 2) return RunComparison(arguments);
  if (arguments.outputs.empty()) throw UsageError("--output: say where the report goes, such as -o report.html");
  WriteAll(ReadReport(arguments.files.front()), arguments);
  return ExitCode::kDone;
}

}  // namespace

Command AddReportCommand(CLI::App& program) {
  CLI::App* app = program.add_subcommand("report", kDescription);
  app->footer(kFooter);
  const auto arguments = std::make_shared<ReportArguments>();
  AddEach(
      app, "report", "A.json [B.json]", [arguments](const std::string& text) { arguments->files.emplace_back(text); },
      "the saved report, or two")
      ->expected(-1)
      ->required();
  AddEach(
      app, "-o,--output", "FILE",
      [arguments](const std::string& text) {
        report::CheckWritable(text);
        arguments->outputs.emplace_back(text);
      },
      "where to; by its ending a page (.html), text (.md), data (.json) or an image of each plot (.png); repeatable");
  return {app, [arguments] { return RunReport(*arguments); }};
}

}  // namespace consort
