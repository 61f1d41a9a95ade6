#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "report/gnuplot.h"

namespace consort::report {
namespace {

constexpr double kHalfHeight = 0.36;  // of a span, in lanes
constexpr std::array<const char*, 6> kFills = {"solid 0.85", "pattern 4", "pattern 2",
                                               "pattern 6",  "pattern 5", "pattern 7"};

struct Scale {
  const char* unit;
  double factor;
};
Scale ScaleFor(double seconds) {
  if (seconds >= 1) return {"s", 1};
  return seconds >= 1e-3 ? Scale{"ms", 1e3} : Scale{"µs", 1e6};
}

std::vector<std::string> KindsOf(const TimeLine& line) {
  std::vector<std::string> kinds;
  for (const TimeSpan& span : line.spans) {
    if (std::find(kinds.begin(), kinds.end(), span.kind) == kinds.end()) kinds.push_back(span.kind);
  }
  return kinds;
}

// Lanes from the top down, as numbers from the bottom up.
std::vector<double> BoxOf(const TimeSpan& span, size_t lanes, double begin, double factor) {
  const double y = static_cast<double>(lanes) - 1 - span.lane;
  const double from = (span.begin_s - begin) * factor, to = (span.end_s - begin) * factor;
  return {from, y, from, to, y - kHalfHeight, y + kHalfHeight};
}

}  // namespace

std::string GnuplotScript(const TimeLine& line) {
  const std::string_view word = ToString(line.origin);
  const std::string caption = word.empty() ? line.caption : fmt::format("{} ({})", line.caption, word);
  std::string script = Preamble(caption, 1000, 200 + 38 * static_cast<int>(std::min<size_t>(line.lanes.size(), 40)));
  double begin = std::numeric_limits<double>::infinity(), end = -begin;
  for (const TimeSpan& span : line.spans) begin = std::min(begin, span.begin_s), end = std::max(end, span.end_s);
  const Scale scale = ScaleFor(line.spans.empty() ? 1 : end - begin);
  std::vector<std::string> lanes(line.lanes.rbegin(), line.lanes.rend());
  script += AxisLines("x", {.title = "time", .unit = scale.unit}) + AxisLines("y", {.categories = std::move(lanes)});
  const std::vector<std::string> kinds = KindsOf(line);
  std::string plots;
  for (size_t i = 0; i < kinds.size(); ++i) {
    std::vector<std::vector<double>> rows;
    for (const TimeSpan& span : line.spans) {
      if (span.kind == kinds[i]) rows.push_back(BoxOf(span, line.lanes.size(), begin, scale.factor));
    }
    script += DataBlock(fmt::format("k{}", i), rows);
    plots += fmt::format("{}$k{} using 1:2:3:4:5:6 with boxxyerror fs {} border lc rgb '{}' lc rgb '{}' title {}",
                         plots.empty() ? "plot " : ", ", i, kFills[i % kFills.size()], PlotColour(i), PlotColour(i),
                         Quoted(kinds[i]));
  }
  return plots.empty() ? script + kEmptyPlot : script + plots + "\n";
}

}  // namespace consort::report
