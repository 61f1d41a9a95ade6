#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/gnuplot.h"

namespace consort::report {
namespace {

constexpr size_t kMostLabels = 200;  // cells that say their value

constexpr char kPalette[] =
    "set palette defined (0 '#fcfdbf', 0.2 '#fdae78', 0.4 '#ee605e', 0.6 '#b0357b', 0.8 '#641a80', 1 '#150e38')\n";

struct Range {
  double low = 0, high = 0;
};

Range RangeOf(const HeatMap& map) {
  Range range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const std::vector<double>& row : map.values) {
    for (const double value : row) {
      if (!std::isfinite(value) || (map.logarithmic && value <= 0)) continue;
      range = {std::min(range.low, value), std::max(range.high, value)};
    }
  }
  return range.low <= range.high ? range : Range{map.logarithmic ? 1.0 : 0.0, 1.0};
}

// Whether any cell has a colour.
bool HasFigures(const HeatMap& map) {
  for (const std::vector<double>& row : map.values) {
    for (const double value : row) {
      if (std::isfinite(value) && (!map.logarithmic || value > 0)) return true;
    }
  }
  return false;
}

// 0 for the lightest colour, 1 for the darkest.
double Darkness(const HeatMap& map, const Range& range, double value) {
  if (range.high <= range.low) return 0.5;
  if (map.logarithmic) return std::log(value / range.low) / std::log(range.high / range.low);
  return (value - range.low) / (range.high - range.low);
}

// x, y, value of every cell.
std::vector<std::vector<double>> Cells(const HeatMap& map) {
  std::vector<std::vector<double>> rows;
  for (size_t y = 0; y < map.values.size(); ++y) {
    for (size_t x = 0; x < map.values[y].size(); ++x)
      rows.push_back({static_cast<double>(x), static_cast<double>(y), map.values[y][x]});
  }
  return rows;
}

std::string Labels(const HeatMap& map, const Range& range) {
  if (map.x.categories.size() * map.y.categories.size() > kMostLabels) return "";
  std::string labels;
  for (size_t y = 0; y < map.values.size(); ++y) {
    for (size_t x = 0; x < map.values[y].size(); ++x) {
      const double value = map.values[y][x];
      if (!std::isfinite(value)) continue;
      const std::string text =
          map.texts.empty() || map.texts[y][x].empty() ? fmt::format("{:.4g}", value) : map.texts[y][x];
      const bool dark = Darkness(map, range, value) > 0.45;
      labels += fmt::format("set label {} at {},{} center front font ',8' tc rgb '{}'\n", Quoted(text, 16), x, y,
                            dark ? "#ffffff" : "#17212b");
    }
  }
  return labels;
}

std::string ValueTitle(const HeatMap& map) { return TitleOf({.title = map.value_title, .unit = map.value_unit}); }

std::string Caption(const HeatMap& map) {
  const std::string_view word = ToString(map.origin);
  return word.empty() ? map.caption : fmt::format("{} ({})", map.caption, word);
}

std::string Colours(const HeatMap& map, const Range& range) {
  const bool flat = range.high <= range.low;
  const double low = flat && !map.logarithmic ? range.low - 0.5 : flat ? range.low / 2 : range.low;
  const double high = flat && !map.logarithmic ? range.high + 0.5 : flat ? range.high * 2 : range.high;
  return fmt::format("{}{}set cbrange [{}:{}]\nset format cb '%g'\n", kPalette,
                     map.logarithmic ? "set logscale cb\n" : "", Number(low), Number(high));
}

}  // namespace

std::string GnuplotScript(const HeatMap& map) {
  const Range range = RangeOf(map);
  const int height = std::clamp(180 + 34 * static_cast<int>(map.y.categories.size()), 320, 1100);
  std::string script = Preamble(Caption(map), 900, height) + AxisLines("x", map.x) + AxisLines("y", map.y);
  script += Colours(map, range) + fmt::format("set cblabel {}\nunset key\n", Quoted(ValueTitle(map)));
  // Boxes rather than an image: gnuplot wants two rows and columns for one.
  std::vector<std::vector<double>> boxes;
  for (const std::vector<double>& cell : Cells(map)) {
    if (!std::isfinite(cell[2]) || (map.logarithmic && cell[2] <= 0)) continue;
    boxes.push_back({cell[0], cell[1], cell[0] - 0.5, cell[0] + 0.5, cell[1] - 0.5, cell[1] + 0.5, cell[2]});
  }
  if (boxes.empty()) return script + kEmptyPlot;
  script += Labels(map, range) + DataBlock("cells", boxes);
  return script + "plot $cells using 1:2:3:4:5:6:7 with boxxyerror fs solid 1.0 border lc rgb '#ffffff' lc palette\n";
}

std::string SurfaceScript(const HeatMap& map) {
  if (!HasFigures(map)) return Preamble(Caption(map), 900, 640) + kEmptyPlot;
  std::string script = Preamble(Caption(map), 900, 640) + AxisLines("x", map.x) + AxisLines("y", map.y);
  script += Colours(map, RangeOf(map)) + fmt::format("set zlabel {} rotate\nunset key\n", Quoted(ValueTitle(map)));
  if (map.logarithmic) script += "set logscale z\n";
  script += "set xyplane 0\nset view 55,40\nset ztics\nset border 4095 lc rgb '#9aa7b4'\nset xtics norotate\n";
  // A blank line ends each row of a surface.
  script += "$cells << EOD\n";
  for (size_t y = 0; y < map.values.size(); ++y) {
    for (size_t x = 0; x < map.values[y].size(); ++x)
      script += fmt::format("{} {} {}\n", x, y, Number(map.values[y][x]));
    script += "\n";
  }
  return script + "EOD\nsplot $cells using 1:2:3 with pm3d, $cells using 1:2:3 with lines lc rgb '#33414f' lw 0.5\n";
}

}  // namespace consort::report
