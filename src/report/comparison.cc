#include "report/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace consort::report {
namespace {

std::string TextOf(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* number = std::get_if<double>(&cell)) return fmt::format("{:.12g}", *number);
  return "";
}

bool IsNumeric(const Table& table, size_t column) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [column](const TableRow& row) { return std::holds_alternative<double>(row.cells[column]); });
}

// The columns that name a row.
std::vector<size_t> KeysOf(const Table& table) {
  std::vector<size_t> keys;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].is_key) keys.push_back(i);
  }
  if (!keys.empty()) return keys;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (!IsNumeric(table, i)) keys.push_back(i);
  }
  return keys;
}

// Rows by their keys; the second of a kind has "(2)" behind its last key.
std::map<std::vector<std::string>, const TableRow*> RowsByKey(const Table& table, const std::vector<size_t>& keys,
                                                              std::vector<std::vector<std::string>>& order) {
  std::map<std::vector<std::string>, int> seen;
  std::map<std::vector<std::string>, const TableRow*> rows;
  for (const TableRow& row : table.rows) {
    std::vector<std::string> key;
    for (const size_t column : keys) key.push_back(TextOf(row.cells[column]));
    if (const int count = ++seen[key]; count > 1) {
      if (key.empty()) key.emplace_back();
      key.back() += fmt::format(" ({})", count);
    }
    if (rows.emplace(key, &row).second) order.push_back(key);
  }
  return rows;
}

double NumberAt(const TableRow* row, size_t column) {
  const auto* number = row == nullptr ? nullptr : std::get_if<double>(&row->cells[column]);
  return number == nullptr ? kNothing : *number;
}

// What stands where a number is looked for; "" for nothing.
std::string WordAt(const TableRow* row, size_t column) {
  const auto* word = row == nullptr ? nullptr : std::get_if<std::string>(&row->cells[column]);
  return word == nullptr ? "" : *word;
}

std::optional<size_t> ColumnNamed(const Table& table, const Column& wanted) {
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].title == wanted.title && table.columns[i].unit == wanted.unit) return i;
  }
  return std::nullopt;
}

// Columns of numbers that both have and that name no row: (in A, in B).
std::vector<std::pair<size_t, size_t>> Figures(const Table& a, const Table& b, const std::vector<size_t>& keys) {
  std::vector<std::pair<size_t, size_t>> figures;
  for (size_t i = 0; i < a.columns.size(); ++i) {
    if (std::find(keys.begin(), keys.end(), i) != keys.end()) continue;
    const std::optional<size_t> other = ColumnNamed(b, a.columns[i]);
    if (other && (IsNumeric(a, i) || IsNumeric(b, *other))) figures.emplace_back(i, *other);
  }
  return figures;
}

// The key columns of A as they stand in B; nothing where one is missing there.
std::optional<std::vector<size_t>> KeysIn(const Table& a, const std::vector<size_t>& keys, const Table& b) {
  std::vector<size_t> others;
  for (const size_t key : keys) {
    const std::optional<size_t> other = ColumnNamed(b, a.columns[key]);
    if (!other) return std::nullopt;
    others.push_back(*other);
  }
  return others;
}

std::string Suffixed(const Series& series, const char* which) { return fmt::format("{} ({})", series.name, which); }

// The place of each category of `axis` in `names`, which grows by those that are not there.
std::vector<double> PlacesIn(std::vector<std::string>& names, const Axis& axis) {
  std::vector<double> places;
  for (const std::string& category : axis.categories) {
    auto found = std::find(names.begin(), names.end(), category);
    if (found == names.end()) found = names.insert(names.end(), category);
    places.push_back(static_cast<double>(found - names.begin()));
  }
  return places;
}

}  // namespace

std::string ComparedFigure::verdict() const {
  if (!std::isfinite(b)) return word_b.empty() ? "only in A" : "no number in B";
  if (!std::isfinite(a)) return word_a.empty() ? "only in B" : "no number in A";
  if (a == b) return "same";
  const double quotient = ratio();
  if (!std::isfinite(quotient)) return "A is 0";
  if (std::abs(quotient - 1) <= kSameWithin * (1 + 1e-9)) return "same";
  return fmt::format("B is {:.3g} of A", quotient);
}

ComparedTable CompareTables(const Table& a, const Table& b) {
  ComparedTable compared{.id = a.id, .caption = a.caption};
  const std::vector<size_t> keys = KeysOf(a);
  const auto other_keys = KeysIn(a, keys, b);
  if (!other_keys) return compared;
  for (const size_t key : keys) compared.key_titles.push_back(a.columns[key].title);
  std::vector<std::vector<std::string>> order;
  const auto rows_a = RowsByKey(a, keys, order);
  const auto rows_b = RowsByKey(b, *other_keys, order);
  std::stable_sort(order.begin(), order.end());
  order.erase(std::unique(order.begin(), order.end()), order.end());
  for (const std::vector<std::string>& key : order) {
    const auto in_a = rows_a.find(key), in_b = rows_b.find(key);
    const TableRow* row_a = in_a == rows_a.end() ? nullptr : in_a->second;
    const TableRow* row_b = in_b == rows_b.end() ? nullptr : in_b->second;
    for (const auto& [column_a, column_b] : Figures(a, b, keys)) {
      ComparedFigure figure{key, a.columns[column_a].title, a.columns[column_a].unit};
      figure.a = NumberAt(row_a, column_a);
      figure.b = NumberAt(row_b, column_b);
      figure.word_a = WordAt(row_a, column_a);
      figure.word_b = WordAt(row_b, column_b);
      if (row_a != nullptr) figure.origin_a = row_a->origin;
      if (row_b != nullptr) figure.origin_b = row_b->origin;
      if (std::isfinite(figure.a) || std::isfinite(figure.b)) compared.figures.push_back(std::move(figure));
    }
  }
  return compared;
}

Chart OverlaidCharts(const Chart& a, const Chart& b) {
  Chart overlaid = a;
  overlaid.series.clear();
  const auto add = [&overlaid](const Chart& chart, const char* which) {
    const std::vector<double> places = PlacesIn(overlaid.x.categories, chart.x);
    for (Series series : chart.series) {
      series.name = Suffixed(series, which);
      for (double& x : series.x) {
        if (!places.empty() && x >= 0 && x < static_cast<double>(places.size())) x = places[static_cast<size_t>(x)];
      }
      overlaid.series.push_back(std::move(series));
    }
  };
  add(a, "A");
  add(b, "B");
  return overlaid;
}

std::optional<HeatMap> RatioMap(const HeatMap& a, const HeatMap& b) {
  if (a.x.categories != b.x.categories || a.y.categories != b.y.categories) return std::nullopt;
  HeatMap map = a;
  map.caption = "B over A: " + a.caption;
  map.value_title = "B / A";
  map.value_unit = "";
  map.surface = false;
  map.logarithmic = false;
  map.texts.clear();
  map.origin = a.origin == b.origin ? a.origin : Origin::kNone;
  for (size_t y = 0; y < map.values.size(); ++y) {
    for (size_t x = 0; x < map.values[y].size(); ++x) {
      const double ratio = b.values[y][x] / a.values[y][x];
      map.values[y][x] = std::isfinite(ratio) ? ratio : kNothing;
    }
  }
  return map;
}

}  // namespace consort::report
