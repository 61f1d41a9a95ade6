#include "cli/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/bench_cells.h"
#include "cli/emulation_report.h"
#include "cli/help.h"
#include "cli/table.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kDriftWorthSaying = 0.03;
constexpr int kWidth = 80;
constexpr int kIndent = 11;
// More rows than this have a line each and no more.
constexpr size_t kDetailedRows = 4;

// "label      text", wrapped, with the text in a column of its own.
std::string Line(const std::string& label, const std::string& text) {
  return fmt::format("{:<{}}{}\n", label, kIndent, WrapText(text, kWidth - kIndent, kIndent));
}

std::string Conditions(const BenchRow& row) {
  std::vector<std::string> parts = {row.precision,
                                    row.threads == 1 ? "1 thread" : fmt::format("{} threads", row.threads)};
  if (row.emulation) parts.back() = row.emulation->exact ? parts.back() + " for the numbers" : "no numbers";
  if (row.replicas.size() > 1) parts.back() += fmt::format(" in each of {} replicas", row.replicas.size());
  if (!row.cores.empty()) parts.push_back((row.cores.size() == 1 ? "core " : "cores ") + row.cores.ToString());
  if (row.shared_cores) parts.emplace_back("shared by the replicas");
  if (row.batch_known) parts.push_back(fmt::format("batch {}", row.batch));
  parts.emplace_back(row.options.compile.flush_denormals ? "denormals flushed" : "denormals kept");
  if (row.options.compile.optimization != Optimization::kFull) parts.emplace_back("less than full optimisation");
  if (row.isolated) parts.emplace_back("isolated");
  parts.push_back(fmt::format("seed {}", row.seed));
  return Join(parts);
}

std::string Placed(const BenchRow& row) {
  return fmt::format("{} ops: {} as-asked, {} eliminated, {} elsewhere, {} unknown", row.ops, row.as_asked,
                     row.eliminated, row.elsewhere, row.unknown);
}

std::string Method(const BenchRow& row) {
  const MeterSummary& m = row.measured;
  std::string text =
      fmt::format("{}: latency is {}; {} queries in {} blocks, {} load{}", InfoOf(row.scenario).name,
                  InfoOf(row.scenario).latency, m.queries, m.clean_blocks, row.loads, row.loads == 1 ? "" : "s");
  if (m.discarded_blocks > 0) {
    text += fmt::format("; {} blocks discarded ({:.0f} % of the time): {} by a probe, {} by waiting for a core",
                        m.discarded_blocks, 100 * m.discarded_share(), m.discarded_by_probe,
                        m.discarded_blocks - m.discarded_by_probe);
  }
  if (!row.settled) text += "; medians had not settled when the warm-up ended";
  return text;
}

std::string ServerLine(const BenchRow& row) {
  std::string text =
      fmt::format("{} queries per second asked, {} arrived, replicas busy {:.0f} % of the time",
                  FormatRate(row.queries_per_s), FormatRate(row.server->arrivals_per_s), 100 * row.server->busy_share);
  if (row.overloaded())
    text += "; overloaded: more arrive than can be served, so latencies grow for as long as one measures";
  return text;
}

std::string MemoryLine(const PeakMemory& memory) {
  std::string text =
      fmt::format("{} at the start, {} at most{}", FormatBytes(memory.before_bytes), FormatBytes(memory.peak_bytes),
                  memory.whole_life ? " (of the process's whole life)" : "");
  if (memory.children_bytes > 0) text += fmt::format(", and {} in child processes", FormatBytes(memory.children_bytes));
  return text;
}

std::string EnergyLine(const BenchRow& row) {
  if (!row.energy.joules_per_inference) return row.energy.source;
  return fmt::format("{} per inference ({})", JoulesOr(row), row.energy.source);
}

std::string OverheadLine(const BenchRow& row) {
  std::string text;
  if (row.scenario == ScenarioKind::kSingle) {
    text = FormatTime(row.overhead_ns) + " of measuring in every query";
    const double share = row.overhead_ns / row.measured.median_ns.estimate;
    if (row.unstable().empty() && share >= 0.01) text += fmt::format(" ({:.0f} % of the median)", 100 * share);
    text += "; ";
  }
  text += fmt::format("a probe takes {}", FormatTime(static_cast<double>(row.probe_ns)));
  if (row.clock_drift > kDriftWorthSaying) text += fmt::format("; the clock fell by {:.0f} %", 100 * row.clock_drift);
  return text;
}

// The phases of one row, one line each.
std::string PhaseTable(const BenchRow& row) {
  Table table({{"phase"},
               {"median", Align::kRight},
               {"95 %", Align::kRight},
               {"mean", Align::kRight},
               {"min", Align::kRight},
               {"max", Align::kRight},
               {"count", Align::kRight}});
  std::string missing;
  for (const Phase& phase : row.phases) {
    if (!phase.not_measured.empty()) {
      if (!row.emulation && row.scenario == ScenarioKind::kSingle)
        missing += Line(phase.name, "not measured: " + phase.not_measured);
      continue;
    }
    const bool overrun = row.latency_word() == "overrun";
    const bool holds = phase.unstable.empty() && !overrun;
    const auto time = [holds, overrun](double ns) { return holds ? FormatTime(ns) : overrun ? "overrun" : "unstable"; };
    const Distribution& times = phase.times;
    table.AddRow({phase.name + (row.emulation ? " (emulated)" : ""), time(phase.median_ns.estimate),
                  holds ? FormatSpread(phase.median_ns) : "", time(times.mean_ns()),
                  time(static_cast<double>(times.min_ns())), time(static_cast<double>(times.max_ns())),
                  std::to_string(times.count())});
  }
  return table.ToString() + missing;
}

std::string PercentileLine(const BenchRow& row, const std::vector<double>& percentiles) {
  std::vector<std::string> parts = {(row.emulation ? "emulated: mean " : "mean ") +
                                    LatencyOr(row, row.measured.latencies.mean_ns())};
  for (const double percent : percentiles) {
    parts.push_back(FormatPercentile(percent) + " " + PercentileOr(row, percent));
  }
  parts.push_back("max " + LatencyOr(row, static_cast<double>(row.measured.latencies.max_ns())));
  return Join(parts);
}

std::string Details(const BenchRow& row, const std::vector<double>& percentiles) {
  std::string text = Line("target", fmt::format("{}: {}, {}", row.target.ToString(), row.engine, row.device));
  text += Line("model", fmt::format("{} ({}), {}", row.model, row.fingerprint, FormatBytes(row.file_bytes)));
  text += Line("ran with", Conditions(row));
  text += Line("placement", Placed(row));
  if (row.emulation) {
    for (const auto& [title, note] : EmulationNotes(*row.emulation)) text += Line(title, note);
  }
  text += Line(row.emulation ? "timed" : "measured", Method(row));
  if (row.server) text += Line("server", ServerLine(row));
  text += Line("latency", PercentileLine(row, percentiles));
  if (row.throughput_word().empty()) {
    text += Line("throughput",
                 fmt::format("{}{} inferences per second (95 %: {} to {})", row.emulation ? "emulated: " : "",
                             FormatRate(row.measured.throughput.estimate), FormatRate(row.measured.throughput.low),
                             FormatRate(row.measured.throughput.high)));
  }
  text += Line("energy", EnergyLine(row));
  if (!row.emulation) text += Line("memory", MemoryLine(row.memory));
  text += Line("overhead", OverheadLine(row));
  if (!row.blind_spot.empty()) text += Line("blind spot", row.blind_spot);
  text += PhaseTable(row);
  if (!row.unstable().empty()) text += Line("unstable", row.unstable());
  for (const Advice& advice : row.advice) text += Line("advice", advice.text);
  return text;
}

// The rows, one line each.
std::string RowTable(const std::vector<BenchRow>& rows) {
  std::vector<Table::Column> columns = {{"target"}};
  const bool all_measured = FormatKinds(rows) == "Measured";
  if (!all_measured) columns.push_back({"kind"});
  for (const char* title : {"batch", "threads", "repl", "median", "95 %", "p99", "inf/s"}) {
    columns.push_back({title, Align::kRight});
  }
  // Few rows tell it in their details.
  const bool energy = rows.size() > kDetailedRows && std::any_of(rows.begin(), rows.end(), [](const BenchRow& row) {
    return row.energy.joules_per_inference.has_value();
  });
  if (energy) columns.push_back({"energy", Align::kRight});
  Table table(std::move(columns));
  for (const BenchRow& row : rows) {
    const bool holds = row.latency_word().empty();
    std::vector<std::string> cells = {row.target.ToString()};
    if (!all_measured) cells.emplace_back(ToString(row.provenance));
    for (std::string& cell : std::vector<std::string>{
             row.batch_known ? std::to_string(row.batch) : "", std::to_string(row.threads),
             std::to_string(row.replicas.size()), LatencyOr(row, row.measured.median_ns.estimate),
             holds ? FormatSpread(row.measured.median_ns) : "", PercentileOr(row, 99), ThroughputOr(row)}) {
      cells.push_back(std::move(cell));
    }
    if (energy) cells.push_back(JoulesOr(row));
    table.AddRow(std::move(cells));
  }
  return table.ToString();
}

std::string EnvironmentLine(const Environment& e) {
  return fmt::format("{}, {} logical core{} (SMT {}, governor {}), {}, {}{}{}, {}, consort {}", e.processor,
                     e.logical_cores, e.logical_cores == 1 ? "" : "s", e.smt, e.governor, FormatBytes(e.memory_bytes),
                     e.kernel, e.virtual_machine ? ", virtual machine" : "", e.container ? ", container" : "", e.date,
                     CONSORT_VERSION);
}

std::string ShortNotes(const BenchRow& row) {
  std::string text;
  if (row.emulation) {
    for (const auto& [title, note] : EmulationNotes(*row.emulation))
      text += WrapText(fmt::format("{}: {}: {}", NameOf(row), title, note), kWidth, 2) + "\n";
  }
  if (!row.unstable().empty())
    text += WrapText(fmt::format("unstable: {}: {}", NameOf(row), row.unstable()), kWidth, 2) + "\n";
  if (row.shared_cores) text += WrapText(fmt::format("{}: the replicas share cores", NameOf(row)), kWidth, 2) + "\n";
  for (const Advice& advice : row.advice)
    text += WrapText(fmt::format("{}: {}", NameOf(row), advice.text), kWidth, 2) + "\n";
  return text;
}

std::string FormatTable(const BenchReport& report, const std::vector<double>& percentiles) {
  std::string text = Line("machine", EnvironmentLine(report.environment)) + "\n";
  const bool detailed = report.rows.size() <= kDetailedRows;
  for (const BenchRow& row : report.rows) text += detailed ? Details(row, percentiles) + "\n" : "";
  std::string kinds = FormatKinds(report.rows);
  kinds.front() = static_cast<char>(std::tolower(kinds.front()));
  text += fmt::format("{}, {}:\n", kinds, InfoOf(report.rows.front().scenario).name) + RowTable(report.rows);
  for (const BenchRow& row : report.rows) text += detailed ? "" : ShortNotes(row);
  if (!detailed) text += "Percentiles, phases and conditions of every row: --format json.\n";
  return text;
}

std::string Dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string FormatJson(const BenchReport& report, const std::vector<double>& percentiles) {
  Json json = {{"environment", EnvironmentJson(report.environment)}, {"rows", Json::array()}};
  for (const BenchRow& row : report.rows) json["rows"].push_back(RowJson(row, percentiles));
  return Dump(json, 2);
}

// Each line stands by itself: the environment is in all of them.
std::string FormatJsonLines(const BenchReport& report, const std::vector<double>& percentiles) {
  std::string text;
  for (const BenchRow& row : report.rows) {
    Json json = RowJson(row, percentiles);
    json["environment"] = EnvironmentJson(report.environment);
    text += Dump(json, -1);
  }
  return text;
}

}  // namespace

std::string FormatBenchReport(const BenchReport& report, const std::vector<double>& percentiles, OutputFormat format) {
  switch (format) {
    case OutputFormat::kTable:
      return FormatTable(report, percentiles);
    case OutputFormat::kMarkdown:
      return FormatBenchMarkdown(report, percentiles);
    case OutputFormat::kCsv:
      return FormatBenchCsv(report, percentiles);
    case OutputFormat::kJson:
      return FormatJson(report, percentiles);
    case OutputFormat::kJsonl:
      break;
  }
  return FormatJsonLines(report, percentiles);
}

}  // namespace consort
