#include "experiment/present.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/strings.h"

namespace consort::experiment {
namespace {

constexpr char kRefused[] = "refused";

bool Matches(const Row& row, const Wanted& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&row](const auto& one) { return Shown(row, one.first) == one.second; });
}

std::vector<report::Column> ColumnsOf(const std::vector<Field>& keys) {
  std::vector<report::Column> columns;
  for (const Field& key : keys) columns.push_back({.title = key.title, .unit = key.unit, .filters = true, .is_key = true});
  return columns;
}

// The figure that says how the row is to be taken.
report::Cell FigureOf(const Row* row, const std::string& field) {
  if (row == nullptr) return {};
  if (!TextOf(*row, kRefused).empty()) return kRefused;
  const double value = NumberOf(*row, field);
  return TextOf(*row, "unstable").empty() || std::isnan(value) ? CellOf(*row, field) : "~" + FormatNumber(value);
}

bool IsRefused(const Row& row) { return !TextOf(row, kRefused).empty(); }

// "a, b, c and 4 more".
std::string Some(const std::vector<std::string>& names) {
  constexpr size_t kMost = 3;
  std::string text = Join({names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(kMost, names.size()))});
  return names.size() <= kMost ? text : fmt::format("{} and {} more", text, names.size() - kMost);
}

}  // namespace

report::Origin OriginOf(const Row& row) {
  const std::string provenance = TextOf(row, "provenance");
  for (const Provenance one : {Provenance::kMeasured, Provenance::kModelled, Provenance::kEmulated}) {
    if (provenance == ToString(one)) return report::OriginOf(one);
  }
  return report::Origin::kNone;
}

report::Origin LeastReal(const std::vector<Row>& rows) {
  const bool all_refused = std::all_of(rows.begin(), rows.end(), IsRefused);
  for (const auto origin : {report::Origin::kModelled, report::Origin::kEmulated, report::Origin::kMeasured}) {
    const auto has_it = [&](const Row& row) { return (all_refused || !IsRefused(row)) && OriginOf(row) == origin; };
    if (std::any_of(rows.begin(), rows.end(), has_it)) return origin;
  }
  return report::Origin::kNone;
}

std::string MixedOrigins(const std::vector<Row>& rows) {
  std::map<std::string, int> counts;
  for (const Row& row : rows) {
    if (!IsRefused(row) && OriginOf(row) != report::Origin::kNone) ++counts[TextOf(row, "provenance")];
  }
  if (counts.size() < 2) return "";
  std::vector<std::string> parts;
  for (const auto& [origin, count] : counts) parts.push_back(fmt::format("{} {}", count, origin));
  return fmt::format(" Cells: {}.", Join(parts));
}

std::string Shown(const Row& row, const std::string& field) {
  const auto found = row.find(field);
  if (found == row.end() || found->is_null()) return "";
  if (found->is_string()) return found->get<std::string>();
  return found->is_number_float() ? fmt::format("{}", found->get<double>()) : found->dump();
}

std::vector<std::string> ValuesOf(const std::vector<Row>& rows, const std::string& field) {
  std::vector<std::string> values;
  for (const Row& row : rows) {
    const std::string value = Shown(row, field);
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
  }
  return values;
}

std::vector<const Row*> Select(const std::vector<Row>& rows, const Wanted& wanted) {
  std::vector<const Row*> found;
  for (const Row& row : rows) {
    if (Matches(row, wanted)) found.push_back(&row);
  }
  return found;
}

const Row* FindRow(const std::vector<Row>& rows, const Wanted& wanted) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&wanted](const Row& row) { return Matches(row, wanted); });
  return found == rows.end() ? nullptr : &*found;
}

report::Cell CellOf(const Row& row, const std::string& field) {
  const auto found = row.find(field);
  if (found == row.end() || found->is_null()) return {};
  if (found->is_number()) return found->get<double>();
  return Shown(row, field);
}

report::Table LongTable(const std::string& id, const std::string& caption, const std::vector<Row>& rows,
                        const std::vector<Field>& keys, const std::vector<Field>& figures) {
  report::Table table{.id = id, .caption = caption, .columns = ColumnsOf(keys)};
  for (const Field& figure : figures) table.columns.push_back({.title = figure.title, .unit = figure.unit});
  for (const Row& row : rows) {
    report::TableRow line{.origin = OriginOf(row)};
    for (const Field& key : keys) line.cells.push_back(CellOf(row, key.name));
    const bool refused = !TextOf(row, kRefused).empty();
    for (const Field& figure : figures) {
      const bool first = &figure == &figures.front();
      line.cells.push_back(first ? FigureOf(&row, figure.name) : refused ? report::Cell() : CellOf(row, figure.name));
    }
    table.rows.push_back(std::move(line));
  }
  return table;
}

report::Table PivotTable(const std::string& id, const std::string& caption, const std::vector<Row>& rows,
                         const std::vector<Field>& keys, const std::string& across, const Field& value) {
  report::Table table{.id = id, .caption = caption, .columns = ColumnsOf(keys)};
  const std::vector<std::string> columns = ValuesOf(rows, across);
  for (const std::string& column : columns) table.columns.push_back({.title = column, .unit = value.unit});
  std::vector<Wanted> seen;
  for (const Row& row : rows) {
    Wanted wanted;
    for (const Field& key : keys) wanted.emplace_back(key.name, Shown(row, key.name));
    if (std::find(seen.begin(), seen.end(), wanted) != seen.end()) continue;
    seen.push_back(wanted);
    report::TableRow line;
    for (const Field& key : keys) line.cells.push_back(CellOf(row, key.name));
    std::vector<Row> group;
    for (const std::string& column : columns) {
      Wanted of_column = wanted;
      of_column.emplace_back(across, column);
      const Row* found = FindRow(rows, of_column);
      line.cells.push_back(FigureOf(found, value.name));
      if (found != nullptr) group.push_back(*found);
    }
    line.origin = LeastReal(group);
    table.rows.push_back(std::move(line));
  }
  return table;
}

void AddRemarks(const std::vector<Row>& rows, std::vector<report::Block>& blocks) {
  std::map<std::string, std::vector<std::string>> refused;  // cells by reason
  std::map<std::string, int> energy;  // cells by source
  std::vector<std::string> unstable;
  for (const Row& row : rows) {
    if (!TextOf(row, kRefused).empty()) refused[TextOf(row, kRefused)].push_back(TextOf(row, "cell"));
    if (!TextOf(row, "energy_source").empty()) ++energy[TextOf(row, "energy_source")];
    if (!TextOf(row, "unstable").empty()) unstable.push_back(TextOf(row, "cell"));
  }
  for (const auto& [why, cells] : refused) blocks.push_back(report::Paragraph{fmt::format("Refused: {}: {}.", Some(cells), why)});
  if (!energy.empty()) {
    std::vector<std::string> sources;
    for (const auto& [source, count] : energy) sources.push_back(fmt::format("{} ({} cells)", source, count));
    blocks.push_back(report::Paragraph{fmt::format("Where energy comes from: {}.", Join(sources, "; "))});
  }
  if (unstable.empty()) return;
  blocks.push_back(report::Paragraph{fmt::format(
      "~ Unstable, not to be trusted, because the cores were not free: {} of {} cells ({}).", unstable.size(), rows.size(),
      Some(unstable))});
}

report::Series SeriesOf(const std::string& name, const std::vector<const Row*>& rows, const std::string& x,
                        const std::string& y) {
  report::Series series{.name = name, .origin = report::Origin::kNone};
  for (const Row* row : rows) {
    const double at = NumberOf(*row, x);
    const double value = NumberOf(*row, y);
    if (std::isnan(at) || std::isnan(value)) continue;
    series.origin = OriginOf(*row);
    series.x.push_back(at);
    series.y.push_back(value);
  }
  return series;
}

std::string FormatMs(double milliseconds) {
  if (std::isnan(milliseconds)) return "-";
  if (milliseconds >= 1e3) return fmt::format("{:.3g} s", milliseconds / 1e3);
  return milliseconds >= 0.1 ? fmt::format("{:.3g} ms", milliseconds) : fmt::format("{:.3g} µs", milliseconds * 1e3);
}

std::string FormatNumber(double value) { return std::isnan(value) ? "-" : fmt::format("{:.4g}", value); }

}  // namespace consort::experiment
