#include "cli/report_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <set>

#include "base/strings.h"

namespace consort {
namespace {

constexpr PlacementState kStates[] = {PlacementState::kAsAsked, PlacementState::kEliminated, PlacementState::kElsewhere,
                                      PlacementState::kUnknown};

// As a shell takes it.
std::string ShellWord(const std::string& word) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("@%+=:,./-_").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string Machine(const Environment& environment) {
  std::vector<std::string> parts;
  if (environment.virtual_machine) parts.emplace_back("virtual machine");
  if (environment.container) parts.emplace_back("container");
  return parts.empty() ? "physical" : Join(parts);
}

report::Table PlacementTable(const LabelledPlacements& placements) {
  report::Table table{
      .id = "placement-ops",
      .caption = "Every operator of the source model: what was asked for, what the engine did, and why."};
  table.columns = {{.title = "target", .filters = true, .is_key = true},
                   {.title = "operator", .is_key = true},
                   {.title = "type", .filters = true},
                   {.title = "state", .filters = true},
                   {.title = "asked"},
                   {.title = "got", .filters = true},
                   {.title = "kernel"},
                   {.title = "why"}};
  for (const auto& [label, placement] : placements) {
    for (const OpPlacement& op : placement->ops)
      table.rows.push_back(
          {{label, op.name, op.type, std::string(ToString(op.state)), op.asked, op.got, op.kernel, op.why}});
  }
  return table;
}

report::Chart PlacementChart(const LabelledPlacements& placements) {
  report::Chart chart{.id = "placement-states",
                      .caption = "Operators of the source model by what became of them.",
                      .mark = report::Mark::kStackedBars};
  std::vector<std::string> names;
  for (const auto& [label, placement] : placements) names.push_back(label);
  chart.x = CategoryAxis("target", names);
  chart.y = NumberAxis("operators", "");
  for (const PlacementState state : kStates) {
    std::vector<double> counts;
    for (const auto& [label, placement] : placements) counts.push_back(placement->Count(state));
    if (std::any_of(counts.begin(), counts.end(), [](double count) { return count > 0; }))
      chart.series.push_back(BarSeries(std::string(ToString(state)), report::Origin::kNone, counts));
  }
  return chart;
}

std::vector<report::Cell> FiguresOf(const std::optional<Accuracy>& accuracy) {
  if (!accuracy) return {std::string("no numbers"), std::monostate()};
  return {NumberCell(accuracy->cosine), NumberCell(accuracy->error)};
}

}  // namespace

std::string ReproducingCommand() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<std::string> words = Split(text, '\0');
  if (!words.empty() && words.back().empty()) words.pop_back();
  if (words.empty()) return "";
  words.front() = "consort";
  for (std::string& word : words) word = ShellWord(word);
  return Join(words, " ");
}

report::Document StartDocument(const std::string& title, const Environment& environment) {
  report::Document document{.title = title, .date = environment.date, .command = ReproducingCommand()};
  document.environment = {{"processor", environment.processor},
                          {"logical cores", std::to_string(environment.logical_cores)},
                          {"SMT, governor", fmt::format("{}, {}", environment.smt, environment.governor)},
                          {"memory", FormatBytes(environment.memory_bytes)},
                          {"kernel", environment.kernel},
                          {"machine", Machine(environment)},
                          {"consort", CONSORT_VERSION}};
  return document;
}

report::Origin OriginOfWord(std::string_view word) {
  for (const report::Origin origin :
       {report::Origin::kModelled, report::Origin::kEmulated, report::Origin::kMeasured}) {
    if (word.find(report::ToString(origin)) != std::string_view::npos) return origin;
  }
  return report::Origin::kNone;
}

double ToMs(double ns) { return ns / 1e6; }

report::Cell NumberCell(double value) {
  if (!std::isfinite(value)) return std::monostate();
  return value;
}

report::Cell Known(double value, double factor) { return value > 0 ? report::Cell(value * factor) : report::Cell(); }

std::vector<report::Column> AccuracyColumns() {
  return {{.title = "cosine"},
          {.title = "error"},
          {.title = "SQNR", .unit = "dB"},
          {.title = "top-1 agreement", .unit = "%"}};
}

std::vector<report::Cell> AccuracyCells(const std::optional<Accuracy>& accuracy) {
  if (!accuracy) return std::vector<report::Cell>(AccuracyColumns().size());
  report::Cell sqnr = NumberCell(accuracy->sqnr_db);
  if (std::isinf(accuracy->sqnr_db)) sqnr = accuracy->sqnr_db > 0 ? "infinite: equal" : "-infinite";
  return {NumberCell(accuracy->cosine), NumberCell(accuracy->error), std::move(sqnr),
          accuracy->top1 ? report::Cell(100 * *accuracy->top1) : report::Cell()};
}

report::Table StageAccuracyTable(const PlanAccuracy& accuracy) {
  report::Table table{
      .id = "accuracy-stages",
      .caption = fmt::format("Accuracy of every stage against {}: alone, given the reference's own tensors; "
                             "so far, given what the stages before it made. Error: the largest "
                             "difference over the largest value.",
                             accuracy.reference)};
  table.columns = {{.title = "stage", .is_key = true},
                   {.title = "target", .filters = true, .is_key = true},
                   {.title = "cosine alone"},
                   {.title = "error alone"},
                   {.title = "cosine so far"},
                   {.title = "error so far"},
                   {.title = "verdict"}};
  for (const StageAccuracy& stage : accuracy.stages) {
    report::TableRow row{{static_cast<double>(stage.stage), stage.target}};
    for (const auto& figures : {stage.alone, stage.chained}) {
      for (report::Cell& cell : FiguresOf(figures)) row.cells.push_back(std::move(cell));
    }
    row.cells.emplace_back(stage.stage == accuracy.first_bad_stage ? "first to miss the bounds" : "");
    table.rows.push_back(std::move(row));
  }
  return table;
}

report::Section PlacementSection(const LabelledPlacements& placements) {
  report::Section section{.id = "placement", .title = "Where every operator ran"};
  for (const auto& [label, placement] : placements) {
    if (!placement->evidence.empty())
      section.blocks.push_back(report::Paragraph{fmt::format("{}: known from: {}.", label, placement->evidence)});
  }
  section.blocks.push_back(PlacementChart(placements));
  section.blocks.push_back(PlacementTable(placements));
  return section;
}

report::Axis CategoryAxis(const std::string& title, std::vector<std::string> names) {
  return {.title = title, .categories = std::move(names)};
}

report::Axis NumberAxis(const std::string& title, const std::string& unit) { return {.title = title, .unit = unit}; }

report::Series BarSeries(const std::string& name, report::Origin origin, const std::vector<double>& values) {
  report::Series series{.name = name, .origin = origin};
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    series.x.push_back(static_cast<double>(i));
    series.y.push_back(values[i]);
  }
  return series;
}

void AddBarsByOrigin(const std::string& name, const std::vector<report::Origin>& origins,
                     const std::vector<double>& values, report::Chart& chart) {
  for (const report::Origin origin : std::set<report::Origin>(origins.begin(), origins.end())) {
    std::vector<double> own = values;
    for (size_t i = 0; i < own.size(); ++i) {
      if (origins[i] != origin) own[i] = report::kNothing;
    }
    if (report::Series series = BarSeries(name, origin, own); !series.x.empty())
      chart.series.push_back(std::move(series));
  }
}

}  // namespace consort
