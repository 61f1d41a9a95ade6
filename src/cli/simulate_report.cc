#include "cli/simulate_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/bench_report.h"
#include "cli/help.h"
#include "cli/simulate_cells.h"
#include "cli/table.h"

namespace consort {
namespace {

constexpr double kNsPerS = 1e9;
constexpr int kWidth = 80;
// A share of the latency that no line of the layers accounts for is shown from here on.
constexpr double kOtherWorthSaying = 0.001;

std::string Time(double seconds) { return FormatTime(kNsPerS * seconds); }

// "4.089 G".
std::string Count(int64_t count) {
  const auto value = static_cast<double>(count);
  for (const auto& [factor, unit] : {std::pair{1e9, " G"}, {1e6, " M"}, {1e3, " k"}}) {
    if (value >= factor) return fmt::format("{:.4g}{}", value / factor, unit);
  }
  return std::to_string(count);
}

std::string BytesOrNone(int64_t bytes) { return bytes == 0 ? "-" : FormatBytes(bytes); }

std::string ToTable(const SimulationReport& report, const Columns& figures) {
  const Columns keys = Keys(report, SettingForm::kNumber);
  std::vector<Table::Column> titles;
  for (const Columns* columns : {&keys, &figures}) {
    for (const auto& column : *columns) titles.push_back({column.title, column.align});
  }
  Table table(titles);
  for (const SimulationRow& row : report.rows) table.AddRow(Cells(keys, figures, row, "cannot run it"));
  return table.ToString();
}

std::string TextOf(const PlatformSetting& setting) {
  std::vector<std::string> parts;
  for (const auto& [path, value] : setting) parts.push_back(fmt::format("{} = {}", path, value));
  return Join(parts);
}

// What the numbers of the settings stand for; "" where nothing was set.
std::string Legend(const SimulationReport& report) {
  if (report.rows.empty() || report.rows.front().setting.empty()) return "";
  const int count = report.rows.back().setting_number;
  std::string text;
  int last = 0;
  for (const SimulationRow& row : report.rows) {
    if (row.setting_number == last) continue;
    last = row.setting_number;
    const std::string name = count == 1 ? "set" : fmt::format("#{:<{}}", last, std::to_string(count).size());
    text += WrapText(fmt::format("{}  {}", name, TextOf(row.setting)), kWidth, 6) + "\n";
  }
  return "\n" + text;
}

// --- Layers ---------------------------------------------------------------------------------------------------------

std::string NameOfRow(const SimulationRow& row) {
  std::string name = fmt::format("{}, {}", row.simulated.device, ToString(row.simulated.precision));
  if (row.simulated.batch != 1) name += fmt::format(", batch {}", row.simulated.batch);
  if (!row.setting.empty()) name += ", " + TextOf(row.setting);
  return name;
}

std::string Share(double part, double whole) { return whole > 0 ? fmt::format("{:.1f} %", 100 * part / whole) : "-"; }

// Of one call.
std::string LayerTable(const Simulated& simulated) {
  const Estimate& estimate = simulated.estimate;
  Table table({{"layer"},
               {"operator"},
               {"time", Align::kRight},
               {"share", Align::kRight},
               {"bound by"},
               {"cached", Align::kRight},
               {"streamed", Align::kRight}});
  double other_s = estimate.latency_s - estimate.overhead_s - estimate.input_s - estimate.output_s;
  const auto add_part = [&](const std::string& name, double seconds) {
    if (seconds > kOtherWorthSaying * estimate.latency_s)
      table.AddRow({name, "", Time(seconds), Share(seconds, estimate.latency_s)});
  };
  add_part("(call)", estimate.overhead_s);
  add_part("(inputs)", estimate.input_s);
  for (size_t i = 0; i < estimate.works.size(); ++i) {
    const Work& work = simulated.works.works[i];
    const WorkCost& cost = estimate.works[i];
    other_s -= cost.seconds;
    table.AddRow({Fit(work.name, 17), work.kind == WorkKind::kDepthwise ? "depthwise" : Fit(work.type, 10),
                  Time(cost.seconds), Share(cost.seconds, estimate.latency_s),
                  cost.elsewhere.empty() ? std::string(ToString(cost.bound)) : "elsewhere",
                  BytesOrNone(cost.cached_bytes), BytesOrNone(cost.streamed_bytes)});
  }
  add_part("(outputs)", estimate.output_s);
  add_part("(other)", other_s);
  return table.ToString();
}

std::string Elsewhere(const Simulated& simulated) {
  std::string text;
  for (size_t i = 0; i < simulated.estimate.works.size(); ++i) {
    const std::string& why = simulated.estimate.works[i].elsewhere;
    if (!why.empty())
      text += WrapText(fmt::format("elsewhere: {}: {}", simulated.works.works[i].name, why), kWidth, 2) + "\n";
  }
  return text;
}

std::string Layers(const SimulationReport& report) {
  std::string text;
  for (const SimulationRow& row : report.rows) {
    if (!row.simulated.refused.empty()) continue;
    text += "\n" +
            WrapText(fmt::format("Layers on {} (modelled{}):", NameOfRow(row),
                                 row.simulated.calls > 1 ? ", of one inference" : ""),
                     kWidth, 2) +
            "\n";
    text += LayerTable(row.simulated) + Elsewhere(row.simulated);
  }
  return text;
}

// --- Stages ---------------------------------------------------------------------------------------------------------

std::string StageTable(const StagesRow& row) {
  Table table({{"stage"},
               {"first operator"},
               {"time", Align::kRight},
               {"error band", Align::kRight},
               {"link", Align::kRight},
               {"cached", Align::kRight},
               {"streamed", Align::kRight}});
  for (size_t i = 0; i < row.division.stages.size(); ++i) {
    const Segment& stage = row.division.stages[i];
    table.AddRow({std::to_string(i + 1), Fit(row.first_ops[i], 18), Time(stage.estimate.latency_s),
                  Band(stage.estimate.low, stage.estimate.high), Time(stage.link_s()),
                  BytesOrNone(stage.estimate.cached_bytes), BytesOrNone(stage.estimate.streamed_bytes)});
  }
  return table.ToString();
}

std::string StageSums(const StagesRow& row) {
  const Division& division = row.division;
  const bool link = division.shared_link_s > division.slowest_s;
  const std::string band = Band(division.low(), division.high());
  std::string text = fmt::format("period       {} ({}), set by {}\n", Time(division.period_s()), band,
                                 link ? "the link that the devices share" : "the slowest stage");
  if (division.shared_link_s > 0) {
    text += fmt::format("shared link  {} per inference; the slowest stage takes {}\n", Time(division.shared_link_s),
                        Time(division.slowest_s));
  }
  text += fmt::format("latency      {} ({}) through all stages\n", Time(division.latency_s()), band);
  text += fmt::format("throughput   {} per second; one device", FormatRate(row.throughput_per_s()));
  if (!division.single) return text + " cannot hold the model\n";
  text += fmt::format(": {}, {} each\n", FormatRate(1 / division.single->latency_s), Time(division.single->latency_s));
  text += fmt::format("speed-up     {:.2f} × the throughput of one device\n", division.speedup());
  return text;
}

std::string Stages(const SimulationReport& report) {
  std::string text;
  for (const StagesRow& row : report.stages) {
    const std::string setting = row.setting.empty() ? "" : ", " + TextOf(row.setting);
    const std::string title =
        fmt::format("{} stages (modelled{}) on {}:", row.division.stages.size(), setting, Join(row.devices));
    text += "\n" + WrapText(title, kWidth, 2) + "\n" + StageTable(row) + StageSums(row);
  }
  return text;
}

// --- Forms ----------------------------------------------------------------------------------------------------------

std::string Header(const SimulationReport& report) {
  const std::string summary = report.platform_summary.empty() ? "" : ": " + report.platform_summary;
  return WrapText(fmt::format("modelled  {}: {} MACs, {} parameters", report.model, Count(report.macs),
                              Count(report.parameters)),
                  kWidth, 10) +
         "\n" + WrapText(fmt::format("platform  {}{}", report.platform, summary), kWidth, 10) + "\n";
}

std::string Notes(const SimulationReport& report) {
  std::string text;
  for (const std::string& note : NotesOf(report)) text += WrapText(note, kWidth, 2) + "\n";
  return text.empty() ? text : "\n" + text;
}

std::string ToText(const SimulationReport& report) {
  std::string text = Header(report);
  if (!report.rows.empty()) {
    text += "\nEvery figure is modelled, by a formula; nothing was measured.\n" + ToTable(report, TimeColumns());
    text += "\nBytes over the link, per inference (modelled):\n" + ToTable(report, ByteColumns());
    text += Legend(report);
  }
  if (report.per_layer) text += Layers(report);
  return text + Stages(report) + Notes(report);
}

void AddOnce(std::vector<std::string>& notes, const std::string& note) {
  if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(note);
}

}  // namespace

std::vector<std::string> NotesOf(const SimulationReport& report) {
  std::vector<std::string> notes;
  for (const SimulationRow& row : report.rows) {
    const Simulated& simulated = row.simulated;
    if (!simulated.warning.empty()) AddOnce(notes, fmt::format("{}: {}", simulated.device, simulated.warning));
    if (!simulated.refused.empty()) AddOnce(notes, fmt::format("{}: {}", simulated.device, simulated.refused));
    if (!simulated.refused.empty()) continue;
    for (const std::string& note : simulated.estimate.notes)
      AddOnce(notes, fmt::format("{}: {}", simulated.device, note));
    if (simulated.calls > 1)
      AddOnce(notes, fmt::format("{}: one inference at a time; a batch is as many calls", simulated.device));
    if (simulated.estimate.conversion_s > 0)
      AddOnce(notes, fmt::format("{}: converting floats to its type and back takes {} on {} besides", simulated.device,
                                 Time(simulated.estimate.conversion_s), simulated.estimate.conversion_device));
  }
  for (const StagesRow& row : report.stages) {
    if (!row.warning.empty()) AddOnce(notes, "stages: " + row.warning);
    for (const Segment& stage : row.division.stages) {
      for (const std::string& note : stage.estimate.notes) AddOnce(notes, "stages: " + note);
    }
  }
  if (!report.trace.empty()) {
    notes.push_back(
        fmt::format("{}: {} inferences of each device, emulated by a virtual clock", report.trace, report.iterations));
  }
  return notes;
}

std::string FormatSimulation(const SimulationReport& report, OutputFormat format) {
  switch (format) {
    case OutputFormat::kTable:
      return ToText(report);
    case OutputFormat::kMarkdown:
      return SimulationMarkdown(report);
    case OutputFormat::kCsv:
      return SimulationCsv(report);
    case OutputFormat::kJson:
      return SimulationJson(report);
    case OutputFormat::kJsonl:
      break;
  }
  return SimulationJsonLines(report);
}

}  // namespace consort
