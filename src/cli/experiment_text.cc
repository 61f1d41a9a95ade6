#include "cli/experiment_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "cli/help.h"
#include "cli/table.h"

namespace consort {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kWidestCell = 36;

std::string Wrapped(const std::string& text) { return WrapText(Fit(text, text.size()), static_cast<int>(kWidth), 0) + "\n"; }

std::string NumberText(double value) {
  if (std::isnan(value)) return "-";
  if (value == std::floor(value) && std::abs(value) < 1e6) return fmt::format("{:.0f}", value);
  const double size = std::abs(value);
  return size >= 1e3 && size < 1e6 ? fmt::format("{:.0f}", value) : fmt::format("{:.4g}", value);
}

std::string CellText(const report::Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return Fit(*text, kWidestCell);
  if (const auto* number = std::get_if<double>(&cell)) return NumberText(*number);
  return "-";
}

// "a (b)", each part where it is there.
std::string TitleText(const std::string& title, const std::string& unit) {
  if (unit.empty()) return title;
  return title.empty() ? unit : fmt::format("{}, {}", title, unit);
}

std::string OriginText(report::Origin origin) {
  return origin == report::Origin::kNone ? "" : fmt::format(" [{}]", report::ToString(origin));
}

bool IsText(const report::Table& table, size_t column) {
  return std::any_of(table.rows.begin(), table.rows.end(), [column](const report::TableRow& row) {
    return column < row.cells.size() && std::holds_alternative<std::string>(row.cells[column]);
  });
}

// That of all rows, or kNone.
report::Origin OriginOf(const report::Table& table) {
  const auto differs = [&table](const report::TableRow& row) { return row.origin != table.rows.front().origin; };
  if (table.rows.empty() || std::any_of(table.rows.begin(), table.rows.end(), differs)) return report::Origin::kNone;
  return table.rows.front().origin;
}

std::string Text(const report::Paragraph& paragraph) { return Wrapped(paragraph.text); }

// These columns of the table; with a column of origins behind them where rows differ in it.
std::string Rendered(const report::Table& table, const std::vector<size_t>& shown, bool says_each) {
  std::vector<Table::Column> columns;
  for (const size_t i : shown) {
    const report::Column& column = table.columns[i];
    const bool left = column.is_key && IsText(table, i);
    columns.push_back({TitleText(column.title, column.unit), left ? Align::kLeft : Align::kRight});
  }
  if (says_each) columns.push_back({"kind"});
  Table text(columns);
  for (size_t k = 0; k < std::min(table.rows.size(), kMostTextRows); ++k) {
    const report::TableRow& row = table.rows[k];
    std::vector<std::string> cells;
    for (const size_t i : shown) cells.push_back(i < row.cells.size() ? CellText(row.cells[i]) : "");
    if (says_each) cells.emplace_back(report::ToString(row.origin));
    text.AddRow(std::move(cells));
  }
  return text.ToString();
}

// Characters of the longest line.
size_t WidthOf(const std::string& text) {
  size_t widest = 0;
  size_t width = 0;
  for (const char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;  // of a character in UTF-8
    width = c == '\n' ? 0 : width + (begins ? 1 : 0);
    widest = std::max(widest, width);
  }
  return widest;
}

std::vector<size_t> KeysOf(const report::Table& table) {
  std::vector<size_t> keys;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].is_key) keys.push_back(i);
  }
  return keys;
}

// The keys and as many of the other columns, from `next` on, as fit the terminal, one at least; `next` moves behind them.
std::string Part(const report::Table& table, bool says_each, size_t& next) {
  std::vector<size_t> shown = KeysOf(table);
  const size_t keys = shown.size();
  std::string part = Rendered(table, shown, says_each);
  for (; next < table.columns.size(); ++next) {
    if (table.columns[next].is_key) continue;
    shown.push_back(next);
    std::string wider = Rendered(table, shown, says_each);
    if (shown.size() > keys + 1 && WidthOf(wider) > kWidth) break;
    part = std::move(wider);
  }
  return part;
}

// Columns that do not fit beside the others stand below, behind the keys; of a table whose rows are not all shown they are
// left out.
std::string Text(const report::Table& table) {
  const report::Origin origin = OriginOf(table);
  const bool says_each = origin == report::Origin::kNone &&
                         std::any_of(table.rows.begin(), table.rows.end(),
                                     [](const auto& row) { return row.origin != report::Origin::kNone; });
  const bool whole = table.rows.size() <= kMostTextRows;
  size_t next = 0;
  std::string text = Wrapped(table.caption + OriginText(origin)) + Part(table, says_each, next);
  while (whole && next < table.columns.size()) text += "\n" + Part(table, says_each, next);
  if (whole) return text;
  std::string more = fmt::format("{} more rows", table.rows.size() - kMostTextRows);
  for (; next < table.columns.size(); ++next) {
    if (!table.columns[next].is_key) more += ", " + table.columns[next].title;
  }
  return text + Wrapped(fmt::format("… {}: --format json", more));
}

// As a table: a line per place of y, a column per place of x.
std::string Text(const report::HeatMap& map) {
  const std::string value = TitleText(map.value_title, map.value_unit);
  report::Table table{.caption = fmt::format("{} Shown: {}.", map.caption, value)};
  table.columns.push_back({.title = fmt::format("{} \\ {}", map.y.title, map.x.title), .is_key = true});
  for (const std::string& place : map.x.categories) table.columns.push_back({.title = place});
  for (size_t y = 0; y < map.values.size(); ++y) {
    report::TableRow row{.origin = map.origin};
    row.cells.emplace_back(y < map.y.categories.size() ? map.y.categories[y] : "");
    for (size_t x = 0; x < map.values[y].size(); ++x) {
      const bool told = y < map.texts.size() && x < map.texts[y].size();
      row.cells.push_back(told ? report::Cell(map.texts[y][x]) : report::Cell(map.values[y][x]));
    }
    table.rows.push_back(std::move(row));
  }
  return Text(table);
}

// Plots are for eyes.
std::string Text(const report::Chart&) { return ""; }
std::string Text(const report::TimeLine&) { return ""; }
std::string Text(const report::Drawing& drawing) {
  return drawing.text.empty() ? "" : Wrapped(drawing.caption) + drawing.text + "\n";
}

}  // namespace

std::string SectionText(const report::Section& section) {
  std::string text = fmt::format("{}\n{}\n", section.title, std::string(section.title.size(), '='));
  for (const report::Block& block : section.blocks) {
    const std::string part = std::visit([](const auto& one) { return Text(one); }, block);
    if (!part.empty()) text += "\n" + part;
  }
  return text;
}

}  // namespace consort
