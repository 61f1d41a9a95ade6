#include "report/gnuplot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace consort::report {
namespace {

constexpr size_t kTitleColumns = 96;
constexpr size_t kMostTitleLines = 3;
constexpr size_t kMostTics = 24;
constexpr size_t kLongestRow = 100;  // of labels beside one another

// Whole UTF-8 characters, at most `most` of them; an ellipsis where some are left out.
std::string CutTo(std::string_view text, size_t most) {
  std::string cut;
  size_t characters = 0;
  for (const char byte : text) {
    const bool begins = (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
    if (begins && ++characters > most) return cut + "…";
    cut += byte;
  }
  return cut;
}

// Lines of at most kTitleColumns bytes, broken at spaces.
std::vector<std::string> TitleLines(std::string_view text) {
  std::vector<std::string> lines;
  while (text.size() > kTitleColumns && lines.size() + 1 < kMostTitleLines) {
    const size_t space = text.substr(0, kTitleColumns).rfind(' ');
    if (space == std::string_view::npos) break;
    lines.emplace_back(text.substr(0, space));
    text.remove_prefix(space + 1);
  }
  lines.push_back(CutTo(text, kTitleColumns));
  return lines;
}

// Places 0, 1, … with their names; of many every nth.
std::string CategoryTics(const char* name, const std::vector<std::string>& categories) {
  const size_t step = (categories.size() + kMostTics - 1) / kMostTics;
  std::string tics;
  size_t length = 0;
  for (size_t i = 0; i < categories.size(); i += step) {
    const std::string label = QuotedLabel(categories[i]);
    length += label.size();
    tics += fmt::format("{}{} {}", tics.empty() ? "" : ", ", label, i);
  }
  const bool tilted = name[0] == 'x' && length > kLongestRow;
  return fmt::format("set {}tics {} ({}) nomirror\nset {}range [-0.6:{}]\n", name,
                     tilted ? "rotate by -35" : "norotate", tics, name, static_cast<double>(categories.size()) - 0.4);
}

}  // namespace

std::string Quoted(std::string_view text, size_t most) {
  std::string quoted = "'";
  for (const char byte : CutTo(text, most)) {
    if (byte == '\'') quoted += '\'';
    const auto code = static_cast<unsigned char>(byte);
    quoted += code < 0x20 || code == 0x7F ? ' ' : byte;
  }
  return quoted + "'";
}

std::string QuotedLabel(std::string_view text) {
  std::string label;
  for (const char byte : CutTo(text, 28)) {
    if (byte == '%') label += '%';
    label += byte;
  }
  return Quoted(label, 2 * 28);
}

std::string Number(double value) { return std::isfinite(value) ? fmt::format("{:.9g}", value) : "NaN"; }

std::string TitleOf(const Axis& axis) { return axis.unit.empty() ? axis.title : axis.title + " (" + axis.unit + ")"; }

std::string Preamble(std::string_view caption, int width, int height) {
  std::string title;
  for (const std::string& line : TitleLines(caption)) title += (title.empty() ? "" : ".\"\\n\".") + Quoted(line, 400);
  const std::string size = fmt::format("size {},{} noenhanced background rgb '#ffffff'", width, height);
  return fmt::format(
      "set encoding utf8\n"
      "if (strstrt(GPVAL_TERMINALS, 'pngcairo') > 0) {{ set terminal pngcairo {0} font 'DejaVu Sans,10' linewidth 1.4 "
      "}} "
      "else {{ set terminal png {0} }}\n"
      "set output '{1}'\nset title {2}\nset border 3 lc rgb '#55626f'\nset grid lc rgb '#d9e0e7' dt 1\n"
      "set tics nomirror\nset key below left Left reverse samplen 4\nset style fill solid 0.85 border\n",
      size, kPlotFile, title);
}

std::string AxisLines(const char* name, const Axis& axis) {
  std::string lines =
      fmt::format("set {}label {}{}\n", name, Quoted(TitleOf(axis)), name[0] == 'x' ? " offset 0,0.4" : "");
  if (!axis.categories.empty()) return lines + CategoryTics(name, axis.categories);
  if (axis.logarithmic) lines += fmt::format("set logscale {}\n", name);
  return lines + fmt::format("set format {} '%g'\n", name);
}

std::string DataBlock(std::string_view name, const std::vector<std::vector<double>>& rows) {
  std::string block = fmt::format("${} << EOD\n", name);
  for (const std::vector<double>& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) block += (i == 0 ? "" : " ") + Number(row[i]);
    block += "\n";
  }
  return block + "EOD\n";
}

const char* PlotColour(size_t index) {
  static constexpr std::array<const char*, 8> kColours = {"#2567b0", "#c2500f", "#1d7f57", "#7d46a8",
                                                          "#9a7400", "#b32d5c", "#1f7f92", "#5d656e"};
  return kColours[index % kColours.size()];
}

}  // namespace consort::report
