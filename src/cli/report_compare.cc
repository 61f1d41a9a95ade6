#include "cli/report_compare.h"

#include <fmt/format.h>

#include <set>

#include "bench/bench.h"
#include "cli/bench_cells.h"
#include "cli/bench_report.h"
#include "cli/emulation_report.h"
#include "cli/report_parts.h"

namespace consort {
namespace {

using report::Cell;

constexpr double kPercents[] = {50, 90, 95, 99, 99.9};

bool Holds(const CompareReport& compared, size_t index) {
  const CompareRow& row = compared.rows[index];
  return row.measured_at_all() && compared.paired.unstable.empty() && row.overrun().empty();
}

std::string WordOf(const CompareReport& compared, size_t index) {
  return compared.paired.unstable.empty() ? VerdictWord(compared, index) : "unstable";
}

report::Origin OriginOf(const CompareRow& row) { return OriginOfWord(row.provenance()); }

report::Table ResultsTable(const CompareReport& compared) {
  report::Table table{.id = "results"};
  table.caption =
      "Every target against the first: time over the first one's, paired round by round, with its 95 % interval. Less "
      "than 5 % is a tie.";
  table.columns = {{.title = "target", .is_key = true},
                   {.title = "median", .unit = "ms"},
                   {.title = "ratio"},
                   {.title = "ratio low"},
                   {.title = "ratio high"},
                   {.title = "verdict", .filters = true}};
  for (report::Column& column : AccuracyColumns()) table.columns.push_back(std::move(column));
  for (const char* title : {"precision", "engine"}) table.columns.push_back({.title = title, .filters = true});
  for (size_t i = 0; i < compared.rows.size(); ++i) {
    const CompareRow& row = compared.rows[i];
    const bool holds = Holds(compared, i), against = holds && !HasNoBaseline(compared);
    const Interval& ratio = row.measured.ratio;
    report::TableRow cells{{row.label, holds ? Cell(ToMs(row.measured.median_ns.estimate)) : Cell()}, OriginOf(row)};
    for (const double value : {ratio.estimate, ratio.low, ratio.high})
      cells.cells.push_back(against ? NumberCell(value) : Cell());
    cells.cells.emplace_back(WordOf(compared, i));
    for (Cell& cell : AccuracyCells(row.accuracy)) cells.cells.push_back(std::move(cell));
    cells.cells.emplace_back(row.precision);
    cells.cells.emplace_back(row.info.engine);
    table.rows.push_back(std::move(cells));
  }
  return table;
}

// A bar or a point per target with its interval; `values` gives estimate, low and high of a row.
template <typename Values>
void AddByTarget(const CompareReport& compared, const std::string& name, const Values& values, report::Chart& chart) {
  std::vector<std::string> labels;
  for (const CompareRow& row : compared.rows) labels.push_back(row.label);
  chart.x = CategoryAxis("", labels);
  for (const report::Origin origin : {report::Origin::kMeasured, report::Origin::kEmulated}) {
    report::Series series{.name = name, .origin = origin};
    for (size_t i = 0; i < compared.rows.size(); ++i) {
      if (!Holds(compared, i) || OriginOf(compared.rows[i]) != origin) continue;
      const Interval interval = values(compared.rows[i]);
      series.x.push_back(static_cast<double>(i));
      series.y.push_back(interval.estimate);
      series.low.push_back(interval.low);
      series.high.push_back(interval.high);
    }
    if (!series.x.empty()) chart.series.push_back(std::move(series));
  }
}

report::Chart MedianChart(const CompareReport& compared) {
  report::Chart chart{.id = "medians", .caption = "Median time with its 95 % interval.", .mark = report::Mark::kBars};
  chart.y = NumberAxis("time", "ms");
  const auto median = [](const CompareRow& row) {
    const Interval& ns = row.measured.median_ns;
    return Interval{ToMs(ns.estimate), ToMs(ns.low), ToMs(ns.high)};
  };
  AddByTarget(compared, "median", median, chart);
  return chart;
}

report::Chart RatioChart(const CompareReport& compared) {
  report::Chart chart{.id = "ratios",
                      .caption = "Time over the first target's, with its 95 % interval; above 1 is slower."};
  chart.mark = report::Mark::kPoints;
  chart.y = NumberAxis("ratio", "");
  AddByTarget(compared, "ratio", [](const CompareRow& row) { return row.measured.ratio; }, chart);
  return chart;
}

report::Table PercentileTable(const CompareReport& compared) {
  report::Table table{.id = "percentiles", .caption = "Latency of queries in the rounds that count."};
  table.columns = {{.title = "target", .is_key = true}, {.title = "mean", .unit = "ms"}};
  for (const double percent : kPercents) table.columns.push_back({.title = FormatPercentile(percent), .unit = "ms"});
  table.columns.push_back({.title = "max", .unit = "ms"});
  table.columns.push_back({.title = "queries"});
  for (size_t i = 0; i < compared.rows.size(); ++i) {
    const CompareRow& row = compared.rows[i];
    const Distribution& times = row.measured.latencies;
    const bool holds = Holds(compared, i);
    report::TableRow cells{{row.label, holds ? NumberCell(ToMs(times.mean_ns())) : Cell()}, OriginOf(row)};
    for (const double percent : kPercents) {
      const bool known = holds && HasPercentile(times, percent);
      cells.cells.push_back(known ? NumberCell(ToMs(times.PercentileNs(percent))) : Cell());
    }
    cells.cells.push_back(holds ? Cell(ToMs(static_cast<double>(times.max_ns()))) : Cell());
    cells.cells.emplace_back(static_cast<double>(times.count()));
    table.rows.push_back(std::move(cells));
  }
  return table;
}

report::Section MethodSection(const CompareReport& compared) {
  report::Section section{.id = "method", .title = "How the figures came about"};
  std::set<std::string> said;
  const auto say = [&](const std::string& text) {
    if (!text.empty() && said.insert(text).second) section.blocks.push_back(report::Paragraph{text});
  };
  say(fmt::format("{} rounds counted, {} discarded ({:.1f} % of the time), {} loads of every target.",
                  compared.paired.rounds, compared.paired.discarded_rounds, 100 * compared.paired.discarded_share(),
                  compared.loads));
  say(compared.paired.unstable);
  if (!compared.times.empty()) say("Times: " + compared.times);
  if (!compared.reference.empty()) say(fmt::format("Accuracy: {} against {}.", compared.inputs, compared.reference));
  say(compared.blind_spot);
  for (const CompareRow& row : compared.rows) {
    for (const EmulationReport& emulation : row.all_emulations()) {
      for (const auto& [title, text] : EmulationNotes(emulation))
        say(fmt::format("{}, {}: {}", row.label, title, text));
    }
    if (!row.accuracy_problem.empty()) say(fmt::format("{}: no accuracy: {}", row.label, row.accuracy_problem));
    for (const std::string& miss : row.misses) say(fmt::format("{}: misses its bound: {}", row.label, miss));
  }
  return section;
}

std::string Verdict(const CompareReport& compared) {
  if (!compared.paired.unstable.empty()) return "No figure can be trusted: " + compared.paired.unstable;
  if (HasNoBaseline(compared)) return "There is nothing to compare with: " + compared.rows.front().overrun();
  size_t best = 0;
  for (size_t i = 1; i < compared.rows.size(); ++i) {
    if (Holds(compared, i) && compared.rows[i].measured.ratio.estimate < compared.rows[best].measured.ratio.estimate)
      best = i;
  }
  const std::string& first = compared.rows.front().label;
  const CompareRow& row = compared.rows[best];
  if (best == 0)
    return fmt::format("Nothing is faster than {} ({}, {}).", first, FormatTime(row.measured.median_ns.estimate),
                       row.provenance());
  return fmt::format("{} against {}: {} ({}).", row.label, first, DescribeVerdict(row.measured, false),
                     row.provenance());
}

}  // namespace

report::Document CompareDocument(const CompareReport& compared) {
  report::Document document = StartDocument(
      fmt::format("{} on {} targets", compared.rows.front().model, compared.rows.size()), compared.environment);
  document.verdict = Verdict(compared);
  document.sections.push_back(
      {"times", "Times", {RatioChart(compared), MedianChart(compared), ResultsTable(compared)}});
  document.sections.push_back({"latencies", "Percentiles", {PercentileTable(compared)}});
  LabelledPlacements placements;
  for (const CompareRow& row : compared.rows) placements.emplace_back(row.label, &row.placement);
  document.sections.push_back(PlacementSection(placements));
  document.sections.push_back(MethodSection(compared));
  return document;
}

}  // namespace consort
