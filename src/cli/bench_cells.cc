#include "cli/bench_cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/strings.h"
#include "cli/emulation_report.h"

namespace consort {
namespace {

// Three digits or four.
std::string FormatDigits(double value) {
  if (value < 10) return fmt::format("{:.3f}", value);
  if (value < 100) return fmt::format("{:.2f}", value);
  return value < 1000 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

// A column of the flat forms.
struct Column {
  std::string title;
  std::function<std::string(const BenchRow&)> cell;
};

std::string Milliseconds(const BenchRow& row, double ns) {
  const std::string_view word = row.latency_word();
  return word.empty() ? fmt::format("{:.6g}", ns / 1e6) : std::string(word);
}

std::string PhaseMilliseconds(const BenchRow& row, const char* name) {
  const Phase* phase = row.Find(name);
  if (phase == nullptr || !phase->not_measured.empty()) return "";
  if (row.latency_word() == "overrun") return "overrun";
  return phase->unstable.empty() ? fmt::format("{:.6g}", phase->median_ns.estimate / 1e6) : "unstable";
}

void AddLatencyColumns(const std::vector<double>& percentiles, std::vector<Column>& columns) {
  const auto add = [&columns](const std::string& title, auto figure) {
    columns.push_back({title, [figure](const BenchRow& row) { return Milliseconds(row, figure(row.measured)); }});
  };
  add("median_ms", [](const MeterSummary& m) { return m.median_ns.estimate; });
  add("median_low_ms", [](const MeterSummary& m) { return m.median_ns.low; });
  add("median_high_ms", [](const MeterSummary& m) { return m.median_ns.high; });
  add("mean_ms", [](const MeterSummary& m) { return m.latencies.mean_ns(); });
  add("min_ms", [](const MeterSummary& m) { return static_cast<double>(m.latencies.min_ns()); });
  add("max_ms", [](const MeterSummary& m) { return static_cast<double>(m.latencies.max_ns()); });
  add("deviation_ms", [](const MeterSummary& m) { return m.latencies.deviation_ns(); });
  for (const double percent : percentiles) {
    columns.push_back({FormatPercentile(percent) + "_ms", [percent](const BenchRow& row) {
                         const Distribution& latencies = row.measured.latencies;
                         const std::string text = Milliseconds(row, latencies.PercentileNs(percent));
                         return row.latency_word().empty() && !HasPercentile(latencies, percent) ? "" : text;
                       }});
  }
}

std::vector<Column> Columns(const std::vector<double>& percentiles) {
  std::vector<Column> columns = {
      {"target", [](const BenchRow& row) { return row.target.ToString(); }},
      {"provenance", [](const BenchRow& row) { return std::string(ToString(row.provenance)); }},
      {"model", [](const BenchRow& row) { return row.model; }},
      {"precision", [](const BenchRow& row) { return row.precision; }},
      {"scenario", [](const BenchRow& row) { return std::string(InfoOf(row.scenario).name); }},
      {"batch", [](const BenchRow& row) { return row.batch_known ? std::to_string(row.batch) : ""; }},
      {"threads", [](const BenchRow& row) { return std::to_string(row.threads); }},
      {"concurrency", [](const BenchRow& row) { return std::to_string(row.replicas.size()); }},
      {"qps", [](const BenchRow& row) { return row.server ? fmt::format("{:g}", row.queries_per_s) : ""; }}};
  AddLatencyColumns(percentiles, columns);
  columns.push_back({"count", [](const BenchRow& row) { return std::to_string(row.measured.queries); }});
  columns.push_back({"throughput_per_s", [](const BenchRow& row) {
                       const std::string_view word = row.throughput_word();
                       return word.empty() ? fmt::format("{:.6g}", row.measured.throughput.estimate)
                                           : std::string(word);
                     }});
  for (const char* phase : {"load", "open", "compile", "first_run", "host_to_device", "device_to_host", "end_to_end"}) {
    columns.push_back(
        {fmt::format("{}_ms", phase), [phase](const BenchRow& row) { return PhaseMilliseconds(row, phase); }});
  }
  columns.push_back(
      {"peak_bytes", [](const BenchRow& row) { return row.emulation ? "" : std::to_string(row.memory.peak_bytes); }});
  columns.push_back(
      {"discarded_share", [](const BenchRow& row) { return fmt::format("{:.3g}", row.measured.discarded_share()); }});
  columns.push_back({"joules_per_inference", [](const BenchRow& row) {
                       const std::optional<double>& joules = row.energy.joules_per_inference;
                       return joules ? fmt::format("{:.6g}", *joules) : "";
                     }});
  columns.push_back({"energy_source", [](const BenchRow& row) { return row.energy.source; }});
  columns.push_back({"unstable", [](const BenchRow& row) { return row.unstable(); }});
  columns.push_back({"overrun", [](const BenchRow& row) { return row.overrun(); }});
  return columns;
}

// RFC 4180: quoted where a comma, a quote or a line end stands in it.
std::string MarkdownRow(const std::vector<std::string>& cells) { return "| " + Join(cells, " | ") + " |\n"; }

}  // namespace

std::string CsvCell(std::string text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  for (size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2) text.insert(at, 1, '"');
  return '"' + text + '"';
}

std::string FormatTime(double nanoseconds) {
  if (nanoseconds < 999'950) return FormatDigits(nanoseconds / 1e3) + " µs";
  if (nanoseconds < 999'950'000) return FormatDigits(nanoseconds / 1e6) + " ms";
  return FormatDigits(nanoseconds / 1e9) + " s";
}

std::string FormatRate(double per_second) { return FormatDigits(per_second); }

std::string FormatKinds(const std::vector<BenchRow>& rows) {
  bool measured = false, emulated = false;
  for (const BenchRow& row : rows) (row.emulation ? emulated : measured) = true;
  return measured && emulated ? "Measured and emulated" : emulated ? "Emulated" : "Measured";
}

std::string NameOf(const BenchRow& row) {
  std::string name = row.target.ToString();
  if (row.batch_known) name += fmt::format(", batch {}", row.batch);
  name += fmt::format(", {} thread{}", row.threads, row.threads == 1 ? "" : "s");
  if (row.replicas.size() > 1) name += fmt::format(", {} replicas", row.replicas.size());
  return name;
}

std::string FormatPercentile(double percent) { return fmt::format("p{:g}", percent); }

// Half the width of the interval, "±1.2 %".
std::string FormatSpread(const Interval& interval) {
  if (interval.high <= interval.low) return "";
  return fmt::format("±{:.2g} %", std::max(0.01, 100 * interval.relative_half_width()));
}

std::string LatencyOr(const BenchRow& row, double nanoseconds) {
  const std::string_view word = row.latency_word();
  return word.empty() ? FormatTime(nanoseconds) : std::string(word);
}

std::string PercentileOr(const BenchRow& row, double percent) {
  const Distribution& latencies = row.measured.latencies;
  const bool holds = row.latency_word().empty();
  return holds && !HasPercentile(latencies, percent) ? "-" : LatencyOr(row, latencies.PercentileNs(percent));
}

std::string ThroughputOr(const BenchRow& row) {
  const std::string_view word = row.throughput_word();
  return word.empty() ? FormatRate(row.measured.throughput.estimate) : std::string(word);
}

std::string FormatJoules(double joules) {
  if (joules < 999.95e-6) return FormatDigits(joules * 1e6) + " µJ";
  return joules < 0.99995 ? FormatDigits(joules * 1e3) + " mJ" : FormatDigits(joules) + " J";
}

std::string JoulesOr(const BenchRow& row) {
  return row.energy.joules_per_inference ? FormatJoules(*row.energy.joules_per_inference) : "-";
}

std::string FormatBenchCsv(const BenchReport& report, const std::vector<double>& percentiles) {
  const std::vector<Column> columns = Columns(percentiles);
  std::vector<std::string> cells;
  for (const Column& column : columns) cells.push_back(CsvCell(column.title));
  std::string text = Join(cells, ",") + "\n";
  for (const BenchRow& row : report.rows) {
    cells.clear();
    for (const Column& column : columns) cells.push_back(CsvCell(column.cell(row)));
    text += Join(cells, ",") + "\n";
  }
  return text;
}

std::string FormatBenchMarkdown(const BenchReport& report, const std::vector<double>& percentiles) {
  std::vector<std::string> titles = {"target", "kind", "batch", "threads", "replicas", "median", "95 %", "mean"};
  for (const double percent : percentiles) titles.push_back(FormatPercentile(percent));
  titles.emplace_back("max");
  titles.emplace_back("inferences/s");
  titles.emplace_back("energy per inference");
  std::string text = MarkdownRow(titles) + MarkdownRow(std::vector<std::string>(titles.size(), "---"));
  for (const BenchRow& row : report.rows) {
    const Distribution& latencies = row.measured.latencies;
    const bool holds = row.latency_word().empty();
    std::vector<std::string> cells = {row.target.ToString(),
                                      std::string(ToString(row.provenance)),
                                      row.batch_known ? std::to_string(row.batch) : "",
                                      std::to_string(row.threads),
                                      std::to_string(row.replicas.size()),
                                      LatencyOr(row, row.measured.median_ns.estimate),
                                      holds ? FormatSpread(row.measured.median_ns) : "",
                                      LatencyOr(row, latencies.mean_ns())};
    for (const double percent : percentiles) cells.push_back(PercentileOr(row, percent));
    cells.push_back(LatencyOr(row, static_cast<double>(latencies.max_ns())));
    cells.push_back(ThroughputOr(row));
    cells.push_back(JoulesOr(row));
    text += MarkdownRow(cells);
  }
  text += fmt::format("\n{}: {} on {} ({}), scenario {}, {}.\n", FormatKinds(report.rows), report.rows.front().model,
                      report.environment.processor, report.environment.kernel,
                      InfoOf(report.rows.front().scenario).name, report.environment.date);
  for (const BenchRow& row : report.rows) {
    if (row.emulation) {
      for (const auto& [title, note] : EmulationNotes(*row.emulation)) {
        text += fmt::format("\n{}: {}: {}.\n", NameOf(row), title, note);
      }
    }
    text += fmt::format("\n{}: energy {}.\n", NameOf(row), row.energy.source);
    if (!row.unstable().empty()) text += fmt::format("\nUnstable: {}: {}.\n", NameOf(row), row.unstable());
    for (const Advice& advice : row.advice) text += fmt::format("\n{}: {}.\n", NameOf(row), advice.text);
  }
  return text;
}

}  // namespace consort
