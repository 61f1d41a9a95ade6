#include "report/markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "report/check.h"

namespace consort::report {
namespace {

constexpr std::string_view kPunctuation = "\\`*_[]#|~!$";

std::string CellText(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return EscapedForMarkdown(*text);
  if (const auto* number = std::get_if<double>(&cell)) return FormatNumber(*number);
  return "";
}

bool IsNumeric(const Table& table, size_t column) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [column](const TableRow& row) { return std::holds_alternative<double>(row.cells[column]); });
}

bool HasOrigins(const Table& table) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [](const TableRow& row) { return row.origin != Origin::kNone; });
}

std::string Line(const std::vector<std::string>& cells) { return "| " + Join(cells, " | ") + " |\n"; }

std::string TableText(const Table& table) {
  const bool origins = HasOrigins(table);
  std::vector<std::string> titles, rules;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    titles.push_back(EscapedForMarkdown(column.unit.empty() ? column.title : column.title + " (" + column.unit + ")"));
    rules.emplace_back(IsNumeric(table, i) ? "--:" : "---");
  }
  if (origins) titles.emplace_back("origin"), rules.emplace_back("---");
  std::string text = EscapedForMarkdown(table.caption) + "\n\n" + Line(titles) + Line(rules);
  for (const TableRow& row : table.rows) {
    std::vector<std::string> cells;
    for (const Cell& cell : row.cells) cells.push_back(CellText(cell));
    if (origins) cells.emplace_back(ToString(row.origin));
    text += Line(cells);
  }
  return text;
}

// A fence that the text cannot close.
std::string Fenced(const std::string& text) {
  std::string fence = "```";
  while (text.find(fence) != std::string::npos) fence += '`';
  return fmt::format("{}text\n{}{}{}\n", fence, text, text.ends_with('\n') ? "" : "\n", fence);
}

std::string BlockText(const Block& block, const PlotText& plot_text) {
  if (const auto* paragraph = std::get_if<Paragraph>(&block)) return EscapedForMarkdown(paragraph->text) + "\n";
  if (const auto* table = std::get_if<Table>(&block)) return TableText(*table);
  if (const auto* drawing = std::get_if<Drawing>(&block))
    return EscapedForMarkdown(drawing->caption) + "\n\n" + Fenced(drawing->text);
  return plot_text(block);
}

}  // namespace

std::string EscapedForMarkdown(std::string_view text) {
  std::string escaped;
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (code < 0x20 || code == 0x7F) {
      escaped += ' ';
    } else if (byte == '<') {
      escaped += "&lt;";
    } else if (byte == '>') {
      escaped += "&gt;";
    } else if (byte == '&') {
      escaped += "&amp;";
    } else {
      if (kPunctuation.find(byte) != std::string_view::npos) escaped += '\\';
      escaped += byte;
    }
  }
  return escaped;
}

std::string FormatNumber(double value) {
  if (!std::isfinite(value)) return "";
  const double size = std::abs(value);
  if (size != 0 && (size < 1e-4 || size >= 1e12)) return fmt::format("{:.2e}", value);
  if (size < 1000) return fmt::format("{:.4g}", value);
  std::string digits = fmt::format("{:.0f}", value);
  for (auto at = static_cast<int>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

std::string FormatMarkdown(const Document& document, const PlotText& plot_text) {
  Check(document);
  std::string text = fmt::format("# {}\n\n", EscapedForMarkdown(document.title));
  if (!document.verdict.empty()) text += fmt::format("**{}**\n\n", EscapedForMarkdown(document.verdict));
  if (!document.date.empty()) text += EscapedForMarkdown(document.date) + "\n\n";
  if (!document.command.empty()) text += "Made by:\n\n" + Fenced(document.command) + "\n";
  if (!document.environment.empty()) {
    for (const auto& [name, value] : document.environment)
      text += fmt::format("- {}: {}\n", EscapedForMarkdown(name), EscapedForMarkdown(value));
    text += "\n";
  }
  for (const Section& section : document.sections) {
    text += fmt::format("## {}\n\n", EscapedForMarkdown(section.title));
    for (const Block& block : section.blocks) text += BlockText(block, plot_text) + "\n";
  }
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

}  // namespace consort::report
