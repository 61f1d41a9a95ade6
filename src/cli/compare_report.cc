#include "cli/compare_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "cli/bench_cells.h"
#include "cli/emulation_report.h"
#include "cli/help.h"
#include "cli/table.h"

namespace consort {
namespace {

constexpr int kTerminalColumns = 80;
constexpr PlacementState kStates[] = {PlacementState::kAsAsked, PlacementState::kEliminated, PlacementState::kElsewhere,
                                      PlacementState::kUnknown};

std::string Digits(double value, int significant) {
  if (!std::isfinite(value) || value == 0) return fmt::format("{:g}", value);
  const int before = static_cast<int>(std::floor(std::log10(std::abs(value)))) + 1;
  return fmt::format("{:.{}f}", value, std::clamp(significant - before, 0, 9));
}

double Milliseconds(double ns) { return ns / 1e6; }

std::string FormatSqnr(double sqnr_db) {
  return std::isfinite(sqnr_db) ? fmt::format("{:.0f}", sqnr_db) : sqnr_db > 0 ? "inf" : "-inf";
}

// Rounded down to `step`, so that only what is 1 (but for rounding errors) looks like it.
double RoundDown(double share, double step) { return std::floor((share + 1e-9) / step) * step; }

// Cosine, error, SQNR and top-1 agreement as cells.
std::vector<std::string> AccuracyCells(const CompareRow& row) {
  if (!row.accuracy) return {"-", "-", "-", "-"};
  const Accuracy& accuracy = *row.accuracy;
  return {fmt::format("{:.5f}", RoundDown(accuracy.cosine, 1e-5)),
          accuracy.error == 0 ? "0" : fmt::format("{:.1e}", accuracy.error), FormatSqnr(accuracy.sqnr_db),
          accuracy.top1 ? fmt::format("{:.0f}%", 100 * RoundDown(*accuracy.top1, 0.01)) : "-"};
}

bool HasEmulated(const CompareReport& report) {
  return std::any_of(report.rows.begin(), report.rows.end(),
                     [](const CompareRow& row) { return !row.all_emulations().empty(); });
}

// The time against the first target's, or that it is not to be trusted.
std::string Time(const CompareReport& report, size_t index) {
  if (!report.rows[index].overrun().empty()) return "overrun";
  if (HasNoBaseline(report)) return "the first target has an overrun";
  if (!report.rows[index].measured_at_all()) return "not measured";
  if (!report.paired.unstable.empty()) return "unstable";
  return DescribeVerdict(report.rows[index].measured, index == 0);
}

std::vector<std::string> Cells(const CompareReport& report, size_t index, const std::string& label) {
  const CompareRow& row = report.rows[index];
  std::vector<std::string> cells = {label};
  if (HasEmulated(report)) cells.push_back(row.provenance());
  cells.push_back(row.measured_at_all() && report.paired.unstable.empty() && row.overrun().empty()
                      ? Digits(Milliseconds(row.measured.median_ns.estimate), 4)
                      : "-");
  cells.push_back(Time(report, index));
  for (std::string& cell : AccuracyCells(row)) cells.push_back(std::move(cell));
  return cells;
}

std::vector<Table::Column> Columns(const CompareReport& report) {
  std::vector<Table::Column> columns = {{"target"},
                                        {"ms", Align::kRight},
                                        {"time, 95 % interval"},
                                        {"cosine", Align::kRight},
                                        {"error", Align::kRight},
                                        {"SQNR", Align::kRight},
                                        {"top1", Align::kRight}};
  if (HasEmulated(report)) columns.insert(columns.begin() + 1, Table::Column{"kind"});
  return columns;
}

std::string Short(size_t index) { return fmt::format("({})", index + 1); }

// The table, with numbers for targets whose names would make it too wide.
std::string FormatTable(const CompareReport& report, bool& numbered) {
  std::string text;
  for (const bool numbers : {false, true}) {
    Table table(Columns(report));
    for (size_t i = 0; i < report.rows.size(); ++i)
      table.AddRow(Cells(report, i, numbers ? Short(i) : report.rows[i].label));
    text = table.ToString();
    numbered = numbers;
    size_t longest = 0;
    for (const std::string& line : Split(text, '\n')) longest = std::max(longest, line.size());
    if (longest <= kTerminalColumns) break;
  }
  return text;
}

std::string FormatPlacement(const Placement& placement) {
  std::vector<std::string> counts;
  for (const PlacementState state : kStates) {
    const int count = placement.Count(state);
    if (count > 0 || state == PlacementState::kAsAsked) counts.push_back(fmt::format("{} {}", count, ToString(state)));
  }
  return fmt::format("{} ops: {}", placement.ops.size(), Join(counts));
}

std::string FormatConditions(const CompareRow& row) {
  std::vector<std::string> parts = {row.precision,
                                    row.threads == 1   ? "1 thread"
                                    : row.threads == 0 ? "threads as the plan says"
                                                       : fmt::format("{} threads", row.threads)};
  if (row.emulation) parts.back() = row.emulation->exact ? parts.back() + " for the numbers" : "no numbers";
  if (!row.info.cores.empty()) {
    parts.push_back((row.info.cores.size() == 1 ? "core " : "cores ") + row.info.cores.ToString());
  }
  return Join(parts);
}

std::string FormatRounds(const CompareReport& report) {
  return fmt::format("{} counted of {}, {} load{}, {:.1f} % of the time discarded", report.paired.rounds,
                     report.paired.rounds + report.paired.discarded_rounds, report.loads, report.loads == 1 ? "" : "s",
                     100 * report.paired.discarded_share());
}

std::string FormatEnvironment(const Environment& environment) {
  return fmt::format("{}, {} core{}, {}, {}", environment.processor, environment.logical_cores,
                     environment.logical_cores == 1 ? "" : "s", environment.kernel, environment.date);
}

// What stands under the table, line by line: a title and its text.
std::vector<std::pair<std::string, std::string>> Notes(const CompareReport& report, bool numbered) {
  std::vector<std::pair<std::string, std::string>> notes;
  for (size_t i = 0; i < report.rows.size(); ++i) {
    const CompareRow& row = report.rows[i];
    notes.emplace_back(numbered ? Short(i) : row.label,
                       fmt::format("{}{}, {}; {}", numbered ? row.label + ": " : "", row.info.engine,
                                   FormatConditions(row), FormatPlacement(row.placement)));
    for (const EmulationReport& emulation : row.all_emulations()) {
      for (const auto& [title, text] : EmulationNotes(emulation)) notes.emplace_back("", title + ": " + text);
    }
    if (!row.accuracy_problem.empty()) notes.emplace_back("", "no accuracy: " + row.accuracy_problem);
  }
  notes.emplace_back("rounds", FormatRounds(report));
  if (!report.times.empty()) notes.emplace_back("times", report.times);
  if (!report.reference.empty())
    notes.emplace_back("accuracy", fmt::format("{} against {}", report.inputs, report.reference));
  notes.emplace_back("machine", FormatEnvironment(report.environment));
  if (!report.blind_spot.empty()) notes.emplace_back("not seen", report.blind_spot);
  if (!report.paired.unstable.empty()) notes.emplace_back("unstable", report.paired.unstable);
  return notes;
}

void PrintTable(const CompareReport& report) {
  bool numbered = false;
  fmt::print("{}\n", FormatTable(report, numbered));
  const auto notes = Notes(report, numbered);
  size_t width = 0;
  for (const auto& [title, text] : notes) width = std::max(width, title.size());
  const int indent = static_cast<int>(width) + 2;
  for (const auto& [title, text] : notes)
    fmt::print("{:{}}{}\n", title, indent, WrapText(text, kTerminalColumns - indent, indent));
}

void PrintMarkdown(const CompareReport& report) {
  std::vector<std::string> titles, rules;
  for (const Table::Column& column : Columns(report)) {
    titles.push_back(column.title);
    rules.emplace_back(column.align == Align::kRight ? "--:" : "---");
  }
  fmt::print("| {} |\n|{}|\n", Join(titles, " | "), Join(rules, "|"));
  for (size_t i = 0; i < report.rows.size(); ++i)
    fmt::print("| {} |\n", Join(Cells(report, i, report.rows[i].label), " | "));
  fmt::print("\n");
  for (const auto& [title, text] : Notes(report, false))
    fmt::print("- {}{}\n", title.empty() ? "" : title + ": ", text);
}

// A cell as RFC 4180 wants it.
std::string CsvNumber(bool known, double value) { return known ? fmt::format("{:.9g}", value) : ""; }

void PrintCsv(const CompareReport& report) {
  fmt::print(
      "target,provenance,engine,precision,threads,verdict,median_ms,median_low_ms,median_high_ms,ratio,ratio_low,ratio_"
      "high,"
      "queries,"
      "cosine,max_rel_error,sqnr_db,top1,nonfinite_mismatches,rounds,discarded_share,unstable,overrun\n");
  for (size_t i = 0; i < report.rows.size(); ++i) {
    const CompareRow& row = report.rows[i];
    const bool judged = row.accuracy.has_value();
    const bool known = row.measured_at_all() && report.paired.unstable.empty() && row.overrun().empty();
    const bool against = known && !HasNoBaseline(report);
    const Interval &median = row.measured.median_ns, &ratio = row.measured.ratio;
    const Accuracy accuracy = row.accuracy.value_or(Accuracy{});
    const std::string word = report.paired.unstable.empty() ? VerdictWord(report, i) : "unstable";
    std::vector<std::string> cells = {row.label,
                                      row.provenance(),
                                      row.info.engine,
                                      row.precision,
                                      std::to_string(row.threads),
                                      word};
    for (const double ns : {median.estimate, median.low, median.high})
      cells.push_back(CsvNumber(known, Milliseconds(ns)));
    for (const double value : {ratio.estimate, ratio.low, ratio.high}) cells.push_back(CsvNumber(against, value));
    cells.push_back(std::to_string(row.measured.latencies.count()));
    for (const double value : {accuracy.cosine, accuracy.error, accuracy.sqnr_db})
      cells.push_back(CsvNumber(judged, value));
    cells.push_back(CsvNumber(accuracy.top1.has_value(), accuracy.top1.value_or(0)));
    cells.push_back(judged ? std::to_string(accuracy.nonfinite_mismatches) : "");
    cells.push_back(std::to_string(report.paired.rounds));
    cells.push_back(CsvNumber(true, report.paired.discarded_share()));
    cells.push_back(report.paired.unstable);
    cells.push_back(row.overrun());
    for (std::string& cell : cells) cell = CsvCell(cell);
    fmt::print("{}\n", Join(cells, ","));
  }
}

}  // namespace

std::string CompareRow::overrun() const { return OverrunOf(all_emulations()); }

std::vector<EmulationReport> CompareRow::all_emulations() const {
  return emulation ? std::vector<EmulationReport>{*emulation} : emulations;
}

bool HasNoBaseline(const CompareReport& report) { return !report.rows.front().overrun().empty(); }

const char* VerdictWord(const CompareReport& report, size_t index) {
  const CompareRow& row = report.rows[index];
  if (!row.overrun().empty() || HasNoBaseline(report)) return "overrun";
  if (!row.measured_at_all()) return "not measured";
  if (index == 0) return "baseline";
  switch (row.measured.verdict) {
    case Verdict95::kTie:
      return "tie";
    case Verdict95::kFaster:
      return "faster";
    case Verdict95::kSlower:
      break;
  }
  return "slower";
}

std::string DescribeVerdict(const SideResult& side, bool baseline) {
  if (baseline) return "baseline";
  const auto times = [](double estimate, double low, double high, const char* before, const char* after) {
    return fmt::format("{}{}x{} [{}, {}]", before, Digits(estimate, 3), after, Digits(low, 3), Digits(high, 3));
  };
  const Interval& ratio = side.ratio;
  switch (side.verdict) {
    case Verdict95::kTie:
      return times(ratio.estimate, ratio.low, ratio.high, "tie, ", "");
    case Verdict95::kFaster:
      return times(1 / ratio.estimate, 1 / ratio.high, 1 / ratio.low, "", " faster");
    case Verdict95::kSlower:
      break;
  }
  return times(ratio.estimate, ratio.low, ratio.high, "", " slower");
}

void PrintCompareReport(const CompareReport& report, OutputFormat format) {
  switch (format) {
    case OutputFormat::kMarkdown:
      return PrintMarkdown(report);
    case OutputFormat::kCsv:
      return PrintCsv(report);
    case OutputFormat::kJson:
      fmt::print("{}\n", CompareJson(report));
      return;
    default:
      return PrintTable(report);
  }
}

}  // namespace consort
