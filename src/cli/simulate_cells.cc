#include "cli/simulate_cells.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/bench_cells.h"
#include "cli/bench_report.h"

namespace consort {
namespace {

constexpr double kNsPerS = 1e9;
constexpr double kMsPerS = 1e3;

std::string Time(double seconds) { return FormatTime(kNsPerS * seconds); }
std::string Milliseconds(double seconds) { return fmt::format("{:.6g}", kMsPerS * seconds); }
std::string BytesOrNone(int64_t bytes) { return bytes == 0 ? "-" : FormatBytes(bytes); }

std::string Joules(double joules) { return joules > 0 ? fmt::format("{:.3g}", joules) : "-"; }

std::string Cached(const Estimate& estimate) {
  if (estimate.cache_bytes == 0) return "-";
  return fmt::format("{} of {}", FormatBytes(estimate.cached_bytes), FormatBytes(estimate.cache_bytes));
}

bool HasSeveralBatches(const SimulationReport& report) {
  return std::any_of(report.rows.begin(), report.rows.end(),
                     [](const SimulationRow& row) { return row.simulated.batch != 1; });
}

void AddSettings(const PlatformSetting& setting, Columns& columns) {
  for (size_t i = 0; i < setting.size(); ++i) {
    columns.push_back(
        {setting[i].first, Align::kRight, [i](const SimulationRow& row) { return row.setting[i].second; }});
  }
}

// What tells rows apart, in the flat forms.
Columns FlatKeys(const SimulationReport& report) {
  Columns columns = {
      {"device", Align::kLeft, [](const SimulationRow& row) { return row.simulated.device; }},
      {"precision", Align::kLeft,
       [](const SimulationRow& row) { return std::string(ToString(row.simulated.precision)); }},
      {"batch", Align::kRight, [](const SimulationRow& row) { return std::to_string(row.simulated.batch); }}};
  if (!report.rows.empty()) AddSettings(report.rows.front().setting, columns);
  return columns;
}

template <typename Cell>
void Add(Columns& columns, const std::string& title, Cell cell) {
  columns.push_back({title, Align::kRight, [cell](const SimulationRow& row) { return cell(row.simulated); }});
}

// In the flat forms: SI numbers without units, the unit in the title.
Columns FlatColumns() {
  Columns columns;
  const auto milliseconds = [&columns](const std::string& title, auto seconds) {
    Add(columns, title, [seconds](const Simulated& s) { return Milliseconds(seconds(s)); });
  };
  milliseconds("latency_ms", [](const Simulated& s) { return s.latency_s(); });
  milliseconds("latency_low_ms", [](const Simulated& s) { return s.latency_s() * s.estimate.low; });
  milliseconds("latency_high_ms", [](const Simulated& s) { return s.latency_s() * s.estimate.high; });
  Add(columns, "throughput_per_s", [](const Simulated& s) { return fmt::format("{:.6g}", s.throughput_per_s()); });
  Add(columns, "joules", [](const Simulated& s) { return s.joules() > 0 ? fmt::format("{:.6g}", s.joules()) : ""; });
  milliseconds("load_ms", [](const Simulated& s) { return s.estimate.load_s; });
  const auto bytes = [&columns](const std::string& title, int64_t Estimate::*count) {
    Add(columns, title, [count](const Simulated& s) { return std::to_string(s.PerInference(s.estimate.*count)); });
  };
  Add(columns, "link_bytes",
      [](const Simulated& s) { return std::to_string(s.PerInference(s.estimate.link_bytes())); });
  bytes("input_bytes", &Estimate::input_bytes);
  bytes("output_bytes", &Estimate::output_bytes);
  bytes("streamed_bytes", &Estimate::streamed_bytes);
  bytes("instruction_bytes", &Estimate::instruction_bytes);
  Add(columns, "cached_bytes", [](const Simulated& s) { return std::to_string(s.estimate.cached_bytes); });
  Add(columns, "cache_bytes", [](const Simulated& s) { return std::to_string(s.estimate.cache_bytes); });
  return columns;
}

std::vector<std::string> Titles(const Columns& keys, const Columns& figures) {
  std::vector<std::string> titles;
  for (const Columns* columns : {&keys, &figures}) {
    for (const auto& column : *columns) titles.push_back(column.title);
  }
  return titles;
}

// --- Flat forms -----------------------------------------------------------------------------------------------------

// Stages in the flat forms: a line each.
std::vector<std::vector<std::string>> StageRows(const SimulationReport& report, bool units) {
  std::vector<std::vector<std::string>> rows;
  for (const StagesRow& row : report.stages) {
    for (size_t i = 0; i < row.division.stages.size(); ++i) {
      const Segment& stage = row.division.stages[i];
      std::vector<std::string> cells = {std::to_string(i + 1), row.devices[i]};
      for (const auto& [path, value] : row.setting) cells.push_back(value);
      const auto time = [units](double seconds) { return units ? Time(seconds) : Milliseconds(seconds); };
      const auto bytes = [units](int64_t count) { return units ? FormatBytes(count) : std::to_string(count); };
      cells.push_back(row.first_ops[i]);
      const auto banded = [&](double seconds, double low, double high) {
        cells.push_back(time(seconds));
        if (units) return cells.push_back(Band(low, high));
        cells.push_back(time(seconds * low));
        cells.push_back(time(seconds * high));
      };
      banded(stage.estimate.latency_s, stage.estimate.low, stage.estimate.high);
      cells.push_back(time(stage.link_s()));
      cells.push_back(bytes(stage.estimate.cached_bytes));
      cells.push_back(bytes(stage.estimate.streamed_bytes));
      banded(row.division.period_s(), row.division.low(), row.division.high());
      cells.push_back(row.division.single ? fmt::format("{:.4g}", row.division.speedup()) : "");
      if (!units) cells.push_back(Join(stage.estimate.notes, "; "));
      if (!units) cells.push_back(row.warning);
      rows.push_back(std::move(cells));
    }
  }
  return rows;
}

std::vector<std::string> StageTitles(const SimulationReport& report, bool units) {
  std::vector<std::string> titles = {"stage", "device"};
  for (const auto& [path, value] : report.stages.front().setting) titles.push_back(path);
  const std::vector<std::string> rest =
      units ? std::vector<std::string>{"first operator", "time",   "error band", "of it link", "cached",
                                       "streamed",       "period", "error band", "speed-up"}
            : std::vector<std::string>{"first_op",      "latency_ms",     "latency_low_ms", "latency_high_ms",
                                       "link_ms",       "cached_bytes",   "streamed_bytes", "period_ms",
                                       "period_low_ms", "period_high_ms", "speedup",        "notes",
                                       "warning"};
  titles.insert(titles.end(), rest.begin(), rest.end());
  return titles;
}

std::string CsvLine(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) line += (line.empty() ? "" : ",") + CsvCell(cell);
  return line + "\n";
}

std::string MarkdownLine(const std::vector<std::string>& cells) { return "| " + Join(cells, " | ") + " |\n"; }

std::string MarkdownTable(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows) {
  std::string text = MarkdownLine(titles) + MarkdownLine(std::vector<std::string>(titles.size(), "---"));
  for (const auto& cells : rows) text += MarkdownLine(cells);
  return text;
}

}  // namespace

std::string Band(double low, double high) {
  return fmt::format("{:+.0f} % {:+.0f} %", 100 * (low - 1), 100 * (high - 1));
}

Columns Keys(const SimulationReport& report, SettingForm settings) {
  Columns columns = {{"device", Align::kLeft, [](const SimulationRow& row) {
                        return fmt::format("{}/{}", row.simulated.device, ToString(row.simulated.precision));
                      }}};
  if (HasSeveralBatches(report))
    columns.push_back(
        {"batch", Align::kRight, [](const SimulationRow& row) { return std::to_string(row.simulated.batch); }});
  if (report.rows.empty()) return columns;
  if (settings == SettingForm::kPaths) {
    AddSettings(report.rows.front().setting, columns);
  } else if (report.rows.back().setting_number > 1) {
    columns.push_back(
        {"#", Align::kRight, [](const SimulationRow& row) { return std::to_string(row.setting_number); }});
  }
  return columns;
}

Columns TimeColumns() {
  Columns columns;
  Add(columns, "latency", [](const Simulated& s) { return Time(s.latency_s()); });
  Add(columns, "error band", [](const Simulated& s) { return Band(s.estimate.low, s.estimate.high); });
  Add(columns, "per second", [](const Simulated& s) { return FormatRate(s.throughput_per_s()); });
  Add(columns, "J each", [](const Simulated& s) { return Joules(s.joules()); });
  Add(columns, "load", [](const Simulated& s) { return s.estimate.load_s > 0 ? Time(s.estimate.load_s) : "-"; });
  return columns;
}

Columns ByteColumns() {
  Columns columns;
  const auto bytes = [&columns](const std::string& title, int64_t Estimate::*count) {
    Add(columns, title, [count](const Simulated& s) { return BytesOrNone(s.PerInference(s.estimate.*count)); });
  };
  bytes("in", &Estimate::input_bytes);
  bytes("out", &Estimate::output_bytes);
  bytes("streamed", &Estimate::streamed_bytes);
  bytes("instr.", &Estimate::instruction_bytes);
  Add(columns, "cached", [](const Simulated& s) { return Cached(s.estimate); });
  return columns;
}

std::vector<std::string> Cells(const Columns& keys, const Columns& figures, const SimulationRow& row,
                               const std::string& refusal) {
  std::vector<std::string> cells;
  for (const auto& column : keys) cells.push_back(column.cell(row));
  for (const auto& column : figures) cells.push_back(row.simulated.refused.empty() ? column.cell(row) : "");
  if (!row.simulated.refused.empty() && !figures.empty()) cells[keys.size()] = refusal;
  return cells;
}

std::string SimulationCsv(const SimulationReport& report) {
  if (!report.stages.empty()) {
    std::vector<std::string> titles = StageTitles(report, false);
    titles.emplace_back("provenance");
    std::string text = CsvLine(titles);
    for (auto& cells : StageRows(report, false)) {
      cells.emplace_back("modelled");
      text += CsvLine(cells);
    }
    return text;
  }
  const Columns keys = FlatKeys(report);
  const Columns figures = FlatColumns();
  std::vector<std::string> titles = Titles(keys, figures);
  for (const char* title : {"notes", "warning", "provenance", "error"}) titles.emplace_back(title);
  std::string text = CsvLine(titles);
  for (const SimulationRow& row : report.rows) {
    std::vector<std::string> cells = Cells(keys, figures, row, "");
    cells.push_back(Join(row.simulated.estimate.notes, "; "));
    cells.push_back(row.simulated.warning);
    cells.emplace_back("modelled");
    cells.push_back(row.simulated.refused);
    text += CsvLine(cells);
  }
  return text;
}

std::string SimulationMarkdown(const SimulationReport& report) {
  std::string text;
  if (!report.rows.empty()) {
    const Columns keys = Keys(report, SettingForm::kPaths);
    Columns figures = TimeColumns();
    for (auto& column : ByteColumns()) figures.push_back(std::move(column));
    std::vector<std::vector<std::string>> rows;
    for (const SimulationRow& row : report.rows) rows.push_back(Cells(keys, figures, row, "cannot run it"));
    text += MarkdownTable(Titles(keys, figures), rows);
  }
  if (!report.stages.empty()) text += MarkdownTable(StageTitles(report, true), StageRows(report, true));
  text += fmt::format("\nModelled, not measured: {} on platform {}.\n", report.model, report.platform);
  for (const std::string& note : NotesOf(report)) text += fmt::format("\n{}.\n", note);
  return text;
}

}  // namespace consort
