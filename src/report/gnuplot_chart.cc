#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "report/gnuplot.h"

namespace consort::report {
namespace {

constexpr double kGroupWidth = 0.76;  // of the distance between two places

// How an origin is told apart: dash and point type of lines, pattern of areas (numbers of gnuplot's cairo terminals).
struct OriginStyle {
  int dash, point;
  const char* fill;
};
OriginStyle StyleOf(Origin origin) {
  switch (origin) {
    case Origin::kModelled:
      return {2, 8, "pattern 4"};
    case Origin::kEmulated:
      return {3, 4, "pattern 6"};
    case Origin::kPublished:
      return {4, 12, "pattern 2"};
    case Origin::kNone:
    case Origin::kMeasured:
      break;
  }
  return {1, 7, "solid 0.85"};
}

std::string NameOf(const Series& series) {
  const std::string_view word = ToString(series.origin);
  return word.empty() ? series.name : fmt::format("{} ({})", series.name, word);
}

bool IsBars(const Chart& chart) { return chart.mark == Mark::kBars || chart.mark == Mark::kStackedBars; }

// Series of one name share a colour; their origins differ in dash and shape.
std::vector<const char*> ColoursOf(const Chart& chart) {
  std::map<std::string, size_t> numbers;
  std::vector<const char*> colours;
  for (const Series& series : chart.series)
    colours.push_back(PlotColour(numbers.emplace(series.name, numbers.size()).first->second));
  return colours;
}

// x, y, low, high.
std::vector<std::vector<double>> LineRows(const Series& series) {
  std::vector<std::vector<double>> rows;
  for (size_t i = 0; i < series.x.size(); ++i) {
    const bool bounded = !series.low.empty() && std::isfinite(series.low[i]) && std::isfinite(series.high[i]);
    rows.push_back(
        {series.x[i], series.y[i], bounded ? series.low[i] : series.y[i], bounded ? series.high[i] : series.y[i]});
  }
  return rows;
}

// Shapes tell origins apart; where all series are of one origin, which their dashes and names say, they tell the
// series.
int PointOf(const Chart& chart, size_t index) {
  constexpr int kOpen[] = {6, 4, 12, 8, 10, 14};  // a filled shape's number is one more
  const Origin origin = chart.series[index].origin;
  const auto differs = [origin](const Series& series) { return series.origin != origin; };
  const bool several = std::any_of(chart.series.begin(), chart.series.end(), differs);
  if (several || chart.series.size() == 1) return StyleOf(origin).point;
  return kOpen[index % std::size(kOpen)] + (origin == Origin::kMeasured || origin == Origin::kNone ? 1 : 0);
}

std::string LinePlot(const Chart& chart, size_t index, const char* colour) {
  const Series& series = chart.series[index];
  const OriginStyle style = StyleOf(series.origin);
  const bool points = chart.mark == Mark::kPoints, bounded = !series.low.empty();
  const char* with = points ? (bounded ? "yerrorbars" : "points") : (bounded ? "yerrorlines" : "linespoints");
  return fmt::format("$s{} using {} with {} lc rgb '{}' {} pt {} ps 1.1 title {}", index, bounded ? "1:2:3:4" : "1:2",
                     with, colour, points ? "" : fmt::format("dt {} lw 1.6", style.dash), PointOf(chart, index),
                     Quoted(NameOf(series)));
}

// The smallest distance between two places of the chart; 1 where there is one place.
double Spacing(const Chart& chart) {
  std::set<double> places;
  for (const Series& series : chart.series) {
    for (const double x : series.x) {
      if (std::isfinite(x)) places.insert(x);
    }
  }
  double least = 0;
  for (auto at = places.begin(); at != places.end() && std::next(at) != places.end(); ++at)
    least = least == 0 ? *std::next(at) - *at : std::min(least, *std::next(at) - *at);
  return least == 0 ? 1 : least;
}

// Where bars begin: 0, or what a logarithmic axis has instead.
double Floor(const Chart& chart) {
  if (!chart.y.logarithmic) return 0;
  double least = 1;
  for (const Series& series : chart.series) {
    for (const double y : series.y) {
      if (y > 0) least = std::min(least, y);
    }
  }
  return least / 10;
}

// Boxes of one series: middle, top, left, right, bottom, top. `tops` holds the heights of a stack so far.
std::vector<std::vector<double>> BarRows(const Chart& chart, size_t index, std::map<double, double>& tops) {
  const bool stacked = chart.mark == Mark::kStackedBars;
  const double group = kGroupWidth * Spacing(chart);
  const double width = stacked ? group : group / static_cast<double>(chart.series.size());
  const double offset = stacked ? 0 : -group / 2 + (static_cast<double>(index) + 0.5) * width;
  std::vector<std::vector<double>> rows;
  const Series& series = chart.series[index];
  for (size_t i = 0; i < series.x.size(); ++i) {
    if (!std::isfinite(series.x[i]) || !std::isfinite(series.y[i])) continue;
    double bottom = Floor(chart);
    if (stacked) bottom = tops.emplace(series.x[i], bottom).first->second;
    const double top = stacked ? bottom + series.y[i] : series.y[i];
    if (stacked) tops[series.x[i]] = top;
    const double middle = series.x[i] + offset;
    rows.push_back({middle, top, middle - width / 2, middle + width / 2, bottom, top});
  }
  return rows;
}

std::string BarPlot(const Series& series, size_t index, const char* colour) {
  return fmt::format("$s{} using 1:2:3:4:5:6 with boxxyerror fs {} border lc rgb '{}' lc rgb '{}' title {}", index,
                     StyleOf(series.origin).fill, colour, colour, Quoted(NameOf(series)));
}

// Series that have a point, on their axes.
std::vector<Series> DrawnSeries(const Chart& chart) {
  const auto shows = [](const Axis& axis, double value) {
    return std::isfinite(value) && (!axis.logarithmic || !axis.categories.empty() || value > 0);
  };
  std::vector<Series> drawn;
  for (const Series& series : chart.series) {
    bool any = false;
    for (size_t i = 0; i < series.x.size(); ++i)
      any = any || (shows(chart.x, series.x[i]) && shows(chart.y, series.y[i]));
    if (any) drawn.push_back(series);
  }
  return drawn;
}

std::string ScriptOf(const Chart& chart) {
  const int height = 460 + 18 * static_cast<int>(std::min<size_t>(chart.series.size(), 20));
  std::string script = Preamble(chart.caption, 900, height) + AxisLines("x", chart.x) + AxisLines("y", chart.y);
  const std::vector<const char*> colours = ColoursOf(chart);
  std::map<double, double> tops;
  std::string plots;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    std::vector<std::vector<double>> rows = IsBars(chart) ? BarRows(chart, i, tops) : LineRows(chart.series[i]);
    script += DataBlock(fmt::format("s{}", i), rows);
    plots += plots.empty() ? "plot " : ", ";
    plots += IsBars(chart) ? BarPlot(chart.series[i], i, colours[i]) : LinePlot(chart, i, colours[i]);
  }
  return script + plots + "\n";
}

}  // namespace

std::string GnuplotScript(const Chart& chart) {
  const std::vector<Series> drawn = DrawnSeries(chart);
  if (drawn.empty()) return Preamble(chart.caption, 900, 460) + kEmptyPlot;
  Chart shown = chart;
  shown.series = drawn;
  return ScriptOf(shown);
}

}  // namespace consort::report
