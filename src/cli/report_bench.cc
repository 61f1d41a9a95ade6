#include "cli/report_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "cli/bench_cells.h"
#include "cli/bench_report.h"
#include "cli/emulation_report.h"
#include "cli/report_parts.h"

namespace consort {
namespace {

using report::Cell;

// The columns that tell a row from the others, and their cells.
std::vector<report::Column> RowColumns() {
  return {{.title = "target", .filters = true, .is_key = true},
          {.title = "batch", .filters = true, .is_key = true},
          {.title = "threads", .filters = true, .is_key = true},
          {.title = "replicas", .filters = true, .is_key = true}};
}
std::vector<Cell> RowCells(const BenchRow& row) {
  return {row.target.ToString(), row.batch_known ? Cell(static_cast<double>(row.batch)) : Cell(),
          static_cast<double>(row.threads), static_cast<double>(row.replicas.size())};
}

// A latency, or the word that stands in its place.
Cell LatencyCell(const BenchRow& row, double ns) {
  if (const std::string_view word = row.latency_word(); !word.empty()) return std::string(word);
  return NumberCell(ToMs(ns));
}
Cell RateCell(const BenchRow& row, double rate) {
  if (const std::string_view word = row.throughput_word(); !word.empty()) return std::string(word);
  return NumberCell(rate);
}

report::Table ResultsTable(const BenchReport& bench) {
  report::Table table{.id = "results", .caption = "Latency of a query and throughput, with 95 % intervals."};
  table.columns = RowColumns();
  for (report::Column column : std::vector<report::Column>{{.title = "median", .unit = "ms"},
                                                           {.title = "low", .unit = "ms"},
                                                           {.title = "high", .unit = "ms"},
                                                           {.title = "throughput", .unit = "inferences/s"},
                                                           {.title = "precision", .filters = true},
                                                           {.title = "engine", .filters = true}})
    table.columns.push_back(std::move(column));
  for (const BenchRow& row : bench.rows) {
    report::TableRow cells{RowCells(row), report::OriginOf(row.provenance)};
    const Interval& median = row.measured.median_ns;
    for (const double ns : {median.estimate, median.low, median.high}) cells.cells.push_back(LatencyCell(row, ns));
    cells.cells.push_back(RateCell(row, row.measured.throughput.estimate));
    cells.cells.emplace_back(row.precision);
    cells.cells.emplace_back(row.engine);
    table.rows.push_back(std::move(cells));
  }
  return table;
}

report::Table PercentileTable(const BenchReport& bench, const std::vector<double>& percentiles) {
  report::Table table{.id = "percentiles", .caption = "Latency of queries: percentiles, mean and extremes."};
  table.columns = RowColumns();
  table.columns.push_back({.title = "mean", .unit = "ms"});
  for (const double percent : percentiles) table.columns.push_back({.title = FormatPercentile(percent), .unit = "ms"});
  table.columns.push_back({.title = "max", .unit = "ms"});
  table.columns.push_back({.title = "queries"});
  for (const BenchRow& row : bench.rows) {
    report::TableRow cells{RowCells(row), report::OriginOf(row.provenance)};
    const Distribution& times = row.measured.latencies;
    cells.cells.push_back(LatencyCell(row, times.mean_ns()));
    for (const double percent : percentiles) {
      const bool known = HasPercentile(times, percent);
      cells.cells.push_back(known ? LatencyCell(row, times.PercentileNs(percent)) : Cell("too few queries"));
    }
    cells.cells.push_back(LatencyCell(row, static_cast<double>(times.max_ns())));
    cells.cells.emplace_back(static_cast<double>(times.count()));
    table.rows.push_back(std::move(cells));
  }
  return table;
}

// Of every row that can be trusted: the whole distribution.
report::Chart DistributionChart(const BenchReport& bench) {
  constexpr double kPercents[] = {1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9};
  std::vector<std::string> names;
  for (const double percent : kPercents) names.push_back(FormatPercentile(percent));
  report::Chart chart{.id = "distribution", .caption = "Latency that so many per cent of the queries do not exceed."};
  chart.x = CategoryAxis("percentile", names);
  chart.y = NumberAxis("latency", "ms");
  for (const BenchRow& row : bench.rows) {
    if (!row.latency_word().empty()) continue;
    report::Series series{.name = NameOf(row), .origin = report::OriginOf(row.provenance)};
    for (size_t i = 0; i < std::size(kPercents); ++i) {
      if (!HasPercentile(row.measured.latencies, kPercents[i])) continue;
      series.x.push_back(static_cast<double>(i));
      series.y.push_back(ToMs(row.measured.latencies.PercentileNs(kPercents[i])));
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

// One bar per row with its interval; rows of one origin are a series.
report::Chart MedianChart(const BenchReport& bench) {
  std::vector<std::string> names;
  for (const BenchRow& row : bench.rows) names.push_back(NameOf(row));
  report::Chart chart{
      .id = "medians", .caption = "Median latency with its 95 % interval.", .mark = report::Mark::kBars};
  chart.x = CategoryAxis("", names);
  chart.y = NumberAxis("latency", "ms");
  for (const Provenance kind : {Provenance::kMeasured, Provenance::kEmulated, Provenance::kModelled}) {
    report::Series series{.name = "median", .origin = report::OriginOf(kind)};
    for (size_t i = 0; i < bench.rows.size(); ++i) {
      const BenchRow& row = bench.rows[i];
      if (row.provenance != kind || !row.latency_word().empty()) continue;
      series.x.push_back(static_cast<double>(i));
      series.y.push_back(ToMs(row.measured.median_ns.estimate));
      series.low.push_back(ToMs(row.measured.median_ns.low));
      series.high.push_back(ToMs(row.measured.median_ns.high));
    }
    if (!series.x.empty()) chart.series.push_back(std::move(series));
  }
  return chart;
}

// Against the batch, where there are several.
report::Chart ThroughputChart(const BenchReport& bench) {
  report::Chart chart{.id = "throughput",
                      .caption = "Throughput against the batch; each line a target with its threads and replicas."};
  chart.x = NumberAxis("batch", "");
  chart.y = NumberAxis("throughput", "inferences/s");
  chart.x.logarithmic = true;
  for (const BenchRow& row : bench.rows) {
    if (!row.throughput_word().empty() || !row.batch_known) continue;
    const std::string name =
        fmt::format("{}, {} threads, {} replicas", row.target.ToString(), row.threads, row.replicas.size());
    auto series = std::find_if(chart.series.begin(), chart.series.end(),
                               [&](const report::Series& one) { return one.name == name; });
    if (series == chart.series.end()) {
      chart.series.push_back({.name = name, .origin = report::OriginOf(row.provenance)});
      series = std::prev(chart.series.end());
    }
    series->x.push_back(static_cast<double>(row.batch));
    series->y.push_back(row.measured.throughput.estimate);
    series->low.push_back(row.measured.throughput.low);
    series->high.push_back(row.measured.throughput.high);
  }
  return chart;
}

report::Table PhaseTable(const BenchReport& bench) {
  report::Table table{
      .id = "phases",
      .caption = "Every phase of an inference, from reading the model to the results in the host's memory."};
  table.columns = RowColumns();
  for (report::Column column : std::vector<report::Column>{{.title = "phase", .filters = true, .is_key = true},
                                                           {.title = "median", .unit = "ms"},
                                                           {.title = "mean", .unit = "ms"},
                                                           {.title = "min", .unit = "ms"},
                                                           {.title = "max", .unit = "ms"},
                                                           {.title = "count"},
                                                           {.title = "note"}})
    table.columns.push_back(std::move(column));
  for (const BenchRow& row : bench.rows) {
    for (const Phase& phase : row.phases) {
      report::TableRow cells{RowCells(row), report::OriginOf(row.provenance)};
      cells.cells.emplace_back(phase.name);
      const Distribution& times = phase.times;
      const bool holds = phase.not_measured.empty() && phase.unstable.empty() && row.latency_word() != "overrun";
      for (const double ns : {phase.median_ns.estimate, times.mean_ns(), static_cast<double>(times.min_ns()),
                              static_cast<double>(times.max_ns())})
        cells.cells.push_back(holds ? NumberCell(ToMs(ns)) : Cell());
      cells.cells.push_back(phase.not_measured.empty() ? Cell(static_cast<double>(times.count())) : Cell());
      cells.cells.emplace_back(phase.not_measured.empty() ? phase.unstable : "not measured: " + phase.not_measured);
      if (!holds) cells.origin = report::Origin::kNone;
      table.rows.push_back(std::move(cells));
    }
  }
  return table;
}

report::Table PlacedTable(const BenchReport& bench) {
  report::Table table{
      .id = "placed",
      .caption = "Operators of the source model by what became of them; 'consort run --report' lists each."};
  table.columns = RowColumns();
  for (const char* title : {"operators", "as asked", "eliminated", "elsewhere", "unknown"})
    table.columns.push_back({.title = title});
  for (const BenchRow& row : bench.rows) {
    report::TableRow cells{RowCells(row)};
    for (const int count : {row.ops, row.as_asked, row.eliminated, row.elsewhere, row.unknown})
      cells.cells.emplace_back(static_cast<double>(count));
    table.rows.push_back(std::move(cells));
  }
  return table;
}

report::Table TrustTable(const BenchReport& bench) {
  report::Table table{.id = "trust",
                      .caption =
                          "How the figures came about: blocks of timings between probes of the cores; those that noise "
                          "spoiled are discarded."};
  table.columns = RowColumns();
  for (report::Column column : std::vector<report::Column>{{.title = "blocks kept"},
                                                           {.title = "discarded"},
                                                           {.title = "time discarded", .unit = "%"},
                                                           {.title = "loads of the model"},
                                                           {.title = "overhead per query", .unit = "µs"},
                                                           {.title = "peak memory", .unit = "MiB"},
                                                           {.title = "verdict"}})
    table.columns.push_back(std::move(column));
  constexpr double kMiB = 1 << 20;
  for (const BenchRow& row : bench.rows) {
    report::TableRow cells{RowCells(row)};
    const std::string verdict = !row.overrun().empty()   ? row.overrun()
                                : row.unstable().empty() ? "stable"
                                                         : "unstable: " + row.unstable();
    const bool real = !row.emulation;
    cells.cells.insert(
        cells.cells.end(),
        {static_cast<double>(row.measured.clean_blocks), static_cast<double>(row.measured.discarded_blocks),
         NumberCell(100 * row.measured.discarded_share()), static_cast<double>(row.loads),
         NumberCell(row.overhead_ns / 1e3),
         real ? NumberCell(static_cast<double>(row.memory.peak_bytes) / kMiB) : Cell(), verdict});
    table.rows.push_back(std::move(cells));
  }
  return table;
}

report::Table EnergyTable(const BenchReport& bench) {
  report::Table table{.id = "energy", .caption = "Energy of an inference, and what told it."};
  table.columns = RowColumns();
  table.columns.push_back({.title = "energy", .unit = "J"});
  table.columns.push_back({.title = "source"});
  for (const BenchRow& row : bench.rows) {
    const std::optional<double>& joules = row.energy.joules_per_inference;
    report::TableRow cells{RowCells(row), joules ? report::OriginOf(row.energy.provenance) : report::Origin::kNone};
    cells.cells.push_back(joules ? Cell(*joules) : Cell());
    cells.cells.emplace_back(row.energy.source);
    table.rows.push_back(std::move(cells));
  }
  return table;
}

// What there is to say of rows in words: emulation, blind spots, advice.
report::Section NotesSection(const BenchReport& bench) {
  report::Section section{.id = "notes", .title = "What else there is to know"};
  std::set<std::string> said;
  const auto say = [&](const std::string& text) {
    if (said.insert(text).second) section.blocks.push_back(report::Paragraph{text});
  };
  for (const BenchRow& row : bench.rows) {
    for (const Advice& advice : row.advice) say(fmt::format("{}: {}", NameOf(row), advice.text));
    if (row.emulation) {
      for (const auto& [title, note] : EmulationNotes(*row.emulation))
        say(fmt::format("{}, {}: {}", NameOf(row), title, note));
    }
    if (!row.blind_spot.empty()) say(row.blind_spot);
  }
  return section;
}

std::string Verdict(const BenchReport& bench) {
  const BenchRow* best = nullptr;
  for (const BenchRow& row : bench.rows) {
    if (!row.latency_word().empty()) continue;
    if (best == nullptr || row.measured.throughput.estimate > best->measured.throughput.estimate) best = &row;
  }
  if (best == nullptr) return "No row gives a figure that can be trusted: see how the figures came about.";
  return fmt::format("{} gives {} inferences per second at a median latency of {}{}, {}.", NameOf(*best),
                     FormatRate(best->measured.throughput.estimate), FormatTime(best->measured.median_ns.estimate),
                     bench.rows.size() > 1 ? fmt::format(", the most of {} rows", bench.rows.size()) : "",
                     ToString(best->provenance));
}

}  // namespace

report::Document BenchDocument(const BenchReport& bench, const std::vector<double>& percentiles) {
  report::Document document = StartDocument(fmt::format("How fast {} is", bench.rows.front().model), bench.environment);
  document.verdict = Verdict(bench);
  report::Section results{.id = "latency", .title = "Latency and throughput"};
  results.blocks = {MedianChart(bench), ResultsTable(bench)};
  std::set<int64_t> batches;
  for (const BenchRow& row : bench.rows) batches.insert(row.batch);
  if (batches.size() > 1) results.blocks.insert(results.blocks.begin() + 1, ThroughputChart(bench));
  document.sections.push_back(std::move(results));
  document.sections.push_back(
      {"latencies", "Percentiles", {DistributionChart(bench), PercentileTable(bench, percentiles)}});
  document.sections.push_back({"phase", "Phases of an inference", {PhaseTable(bench)}});
  document.sections.push_back({"joules", "Energy", {EnergyTable(bench)}});
  document.sections.push_back({"where", "Where operators ran", {PlacedTable(bench)}});
  document.sections.push_back({"method", "How the figures came about", {TrustTable(bench)}});
  if (report::Section notes = NotesSection(bench); !notes.blocks.empty()) document.sections.push_back(std::move(notes));
  return document;
}

}  // namespace consort
