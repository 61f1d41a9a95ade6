#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "consort/error.h"
#include "report/check.h"
#include "report/comparison.h"

namespace consort::report {
namespace {

bool IsInBoth(const ComparedFigure& figure) { return std::isfinite(figure.a) && std::isfinite(figure.b); }

std::string Origins(const ComparedFigure& figure) {
  if (figure.origin_a == figure.origin_b || !IsInBoth(figure)) return "";
  return fmt::format("A {}, B {}", ToString(figure.origin_a), ToString(figure.origin_b));
}

Cell CellOf(double value, const std::string& word = "") {
  if (std::isfinite(value)) return value;
  return word.empty() ? Cell() : Cell(word);
}

// One row per figure.
Table TableOf(const ComparedTable& compared) {
  Table table{.id = compared.id, .caption = compared.caption};
  for (const std::string& title : compared.key_titles)
    table.columns.push_back({.title = title, .filters = true, .is_key = true});
  for (Column column : std::vector<Column>{{.title = "figure", .filters = true, .is_key = true},
                                           {.title = "unit"},
                                           {.title = "A"},
                                           {.title = "B"},
                                           {.title = "B / A"},
                                           {.title = "verdict"},
                                           {.title = "origins that differ", .filters = true}})
    table.columns.push_back(std::move(column));
  for (const ComparedFigure& figure : compared.figures) {
    TableRow row;
    row.cells.assign(figure.key.begin(), figure.key.end());
    row.cells.resize(compared.key_titles.size());
    for (Cell cell : std::vector<Cell>{figure.figure, figure.unit, CellOf(figure.a, figure.word_a),
                                       CellOf(figure.b, figure.word_b), CellOf(figure.ratio()), figure.verdict(),
                                       Origins(figure)})
      row.cells.push_back(std::move(cell));
    if (figure.origin_a == figure.origin_b || !std::isfinite(figure.b)) row.origin = figure.origin_a;
    if (!std::isfinite(figure.a)) row.origin = figure.origin_b;
    table.rows.push_back(std::move(row));
  }
  return table;
}

// What of two environments differs, of what either has.
Table EnvironmentTable(const Document& a, const Document& b) {
  Table table{.id = "environments", .caption = "Where the environments differ."};
  table.columns = {{.title = "what", .is_key = true}, {.title = "A"}, {.title = "B"}};
  const auto value_in = [](const Document& document, const std::string& name) {
    for (const auto& [other, value] : document.environment) {
      if (other == name) return value;
    }
    return std::string();
  };
  std::vector<std::string> names;
  for (const Document* document : {&a, &b}) {
    for (const auto& [name, value] : document->environment) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  for (const std::string& name : names) {
    if (value_in(a, name) != value_in(b, name)) table.rows.push_back({{name, value_in(a, name), value_in(b, name)}});
  }
  if (a.command != b.command) table.rows.push_back({{"command", a.command, b.command}});
  if (a.date != b.date) table.rows.push_back({{"date", a.date, b.date}});
  return table;
}

const Block* BlockNamed(const Document& document, std::string_view id) {
  for (const Section& section : document.sections) {
    for (const Block& block : section.blocks) {
      if (!id.empty() && IdOf(block) == id) return &block;
    }
  }
  return nullptr;
}

// Takes part of B into the comparison of a block of A.
struct Joiner {
  const Block& other;
  Comparison& comparison;
  std::vector<Block>& blocks;

  void operator()(const Table& table) const {
    const auto* second = std::get_if<Table>(&other);
    if (second == nullptr) return;
    ComparedTable compared = CompareTables(table, *second);
    if (compared.figures.empty()) return;
    blocks.push_back(TableOf(compared));
    comparison.tables.push_back(std::move(compared));
  }
  void operator()(const Chart& chart) const {
    const auto* second = std::get_if<Chart>(&other);
    const bool fits = second != nullptr && second->mark == chart.mark && second->y.unit == chart.y.unit &&
                      second->y.categories == chart.y.categories &&
                      second->x.categories.empty() == chart.x.categories.empty();
    if (fits) blocks.push_back(OverlaidCharts(chart, *second));
  }
  void operator()(const HeatMap& map) const {
    const auto* second = std::get_if<HeatMap>(&other);
    if (second == nullptr) return;
    if (auto ratios = RatioMap(map, *second)) blocks.push_back(std::move(*ratios));
  }
  template <typename Other>
  void operator()(const Other&) const {}
};

std::string VerdictOf(const Comparison& comparison, const std::string& name_a, const std::string& name_b) {
  size_t all = 0, same = 0, missing = 0;
  for (const ComparedTable& table : comparison.tables) {
    for (const ComparedFigure& figure : table.figures) {
      const bool both = IsInBoth(figure);
      missing += both ? 0 : 1;
      all += both ? 1 : 0;
      same += both && figure.verdict() == "same" ? 1 : 0;
    }
  }
  std::string text = fmt::format(
      "Of {} figures that {} (A) and {} (B) have in common, {} are the same within {:.0f} %, {} "
      "differ",
      all, name_a, name_b, same, 100 * kSameWithin, all - same);
  if (missing > 0) text += fmt::format("; {} are numbers in one of them only", missing);
  return text + ".";
}

}  // namespace

Comparison Compare(const Document& a, const Document& b, const std::string& name_a, const std::string& name_b) {
  Check(a);
  Check(b);
  Comparison comparison;
  Document& document = comparison.document;
  document.title = a.title == b.title ? a.title + ": A against B" : fmt::format("{} against {}", a.title, b.title);
  document.date = b.date;
  document.environment = {{"A", name_a}, {"B", name_b}};
  for (const auto& entry : a.environment) {
    if (std::find(b.environment.begin(), b.environment.end(), entry) != b.environment.end())
      document.environment.push_back(entry);
  }
  if (Table differing = EnvironmentTable(a, b); !differing.rows.empty())
    document.sections.push_back({"what-differs", "What differs around them", {std::move(differing)}});
  const size_t before = document.sections.size();
  for (const Section& section : a.sections) {
    Section joined{.id = section.id, .title = section.title};
    for (const Block& block : section.blocks) {
      const Block* other = BlockNamed(b, IdOf(block));
      if (other != nullptr) std::visit(Joiner{*other, comparison, joined.blocks}, block);
    }
    if (!joined.blocks.empty()) document.sections.push_back(std::move(joined));
  }
  if (document.sections.size() == before) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} and {} have no table, chart or map in common: take two reports of the same command",
                            name_a, name_b));
  }
  document.verdict = VerdictOf(comparison, name_a, name_b);
  return comparison;
}

}  // namespace consort::report
