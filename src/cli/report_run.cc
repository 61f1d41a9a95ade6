#include "cli/report_run.h"

#include <fmt/format.h>

#include <cmath>

#include "bench/environment.h"
#include "cli/emulation_report.h"
#include "cli/report_parts.h"

namespace consort {
namespace {

using report::Cell;

// An output against what it was compared with.
void AddVerdict(const std::string& target, const std::string& output, const std::string& against,
                const std::optional<Verdict>& verdict, report::Origin origin, report::Table& table) {
  if (!verdict) return;
  report::TableRow row{{target, output, against}, origin};
  if (verdict->comparison) {
    const Comparison& compared = *verdict->comparison;
    Cell sqnr = NumberCell(compared.sqnr_db());
    if (std::isinf(compared.sqnr_db())) sqnr = compared.sqnr_db() > 0 ? "infinite: equal" : "-infinite";
    for (Cell cell : {NumberCell(compared.relative()), NumberCell(compared.cosine), std::move(sqnr)})
      row.cells.push_back(std::move(cell));
  } else {
    row.cells.resize(row.cells.size() + 3);
  }
  row.cells.push_back(verdict->tolerance ? Cell(*verdict->tolerance) : Cell());
  row.cells.emplace_back(!verdict->problem.empty() ? verdict->problem : verdict->passed() ? "within" : "MISSED");
  table.rows.push_back(std::move(row));
}

}  // namespace

report::Table VerdictTable() {
  return {.id = "outputs",
          .caption =
              "Outputs against what was expected and against the first target. Error: the largest difference over "
              "the largest value.",
          .columns = {{.title = "target", .filters = true, .is_key = true},
                      {.title = "output", .filters = true, .is_key = true},
                      {.title = "against", .filters = true, .is_key = true},
                      {.title = "error"},
                      {.title = "cosine"},
                      {.title = "SQNR", .unit = "dB"},
                      {.title = "tolerance"},
                      {.title = "verdict", .filters = true}}};
}

void AddVerdicts(const std::string& target, const std::vector<OutputReport>& outputs, report::Origin origin,
                 report::Table& table) {
  for (const OutputReport& output : outputs) {
    AddVerdict(target, output.port.name, "expected", output.expected, origin, table);
    AddVerdict(target, output.port.name, "first target", output.against_first, origin, table);
  }
}

namespace {

report::Table TargetTable(const std::vector<TargetReport>& runs) {
  report::Table table{.id = "targets", .caption = "What ran, and with what."};
  table.columns = {{.title = "target", .is_key = true},
                   {.title = "device"},
                   {.title = "engine", .filters = true},
                   {.title = "precision", .filters = true},
                   {.title = "threads"},
                   {.title = "calls"},
                   {.title = "operators"},
                   {.title = "as asked"}};
  for (const TargetReport& run : runs) {
    const Placement& placement = run.executable->placement();
    table.rows.push_back(
        {{run.target.ToString(), run.info.name, run.info.engine, run.precision, static_cast<double>(run.threads),
          static_cast<double>(run.calls), static_cast<double>(placement.ops.size()),
          static_cast<double>(placement.Count(PlacementState::kAsAsked))},
         report::OriginOf(run.info.provenance)});
  }
  return table;
}

report::Table EmulationTable(const std::vector<TargetReport>& runs) {
  report::Table table{.id = "emulation", .caption = "What the times of emulated targets are made from."};
  table.columns = {
      {.title = "target", .is_key = true}, {.title = "modelled", .unit = "ms"}, {.title = "what"}, {.title = "note"}};
  for (const TargetReport& run : runs) {
    if (!run.emulation) continue;
    for (const auto& [title, note] : EmulationNotes(*run.emulation)) {
      table.rows.push_back(
          {{run.target.ToString(), 1e3 * run.emulation->modelled_s, title, note}, report::Origin::kModelled});
    }
  }
  return table;
}

std::string RunVerdict(const std::vector<TargetReport>& runs) {
  int away = 0, missed = 0, compared = 0;
  for (const TargetReport& run : runs) {
    const Placement& placement = run.executable->placement();
    away += placement.Count(PlacementState::kElsewhere) + placement.Count(PlacementState::kUnknown);
    for (const OutputReport& output : run.outputs) {
      for (const auto& verdict : {output.expected, output.against_first}) {
        compared += verdict && verdict->comparison ? 1 : 0;
        missed += verdict && !verdict->passed() ? 1 : 0;
      }
    }
  }
  const std::string place = away == 0 ? "Every operator ran where it was asked to"
                                      : fmt::format("{} operators ran elsewhere or are unknown", away);
  if (compared == 0) return place + "; no output was compared.";
  if (compared == 1 && missed == 0) return place + "; the output that was compared holds.";
  return missed == 0
             ? fmt::format("{}; all {} comparisons of outputs hold.", place, compared)
             : fmt::format("{}; {} of {} comparisons of outputs MISS their tolerance.", place, missed, compared);
}

}  // namespace

report::Document RunDocument(const std::vector<TargetReport>& runs) {
  report::Document document =
      StartDocument(fmt::format("{} on {} target{}", runs.front().model, runs.size(), runs.size() == 1 ? "" : "s"),
                    ReadEnvironment());
  document.verdict = RunVerdict(runs);
  report::Section what{.id = "run", .title = "What ran", .blocks = {TargetTable(runs)}};
  if (report::Table emulation = EmulationTable(runs); !emulation.rows.empty())
    what.blocks.push_back(std::move(emulation));
  document.sections.push_back(std::move(what));
  report::Table verdicts = VerdictTable();
  LabelledPlacements placements;
  for (const TargetReport& run : runs) {
    AddVerdicts(run.target.ToString(), run.outputs, report::OriginOf(run.info.provenance), verdicts);
    placements.emplace_back(run.target.ToString(), &run.executable->placement());
  }
  if (!verdicts.rows.empty()) document.sections.push_back({"accuracy", "Accuracy", {std::move(verdicts)}});
  document.sections.push_back(PlacementSection(placements));
  return document;
}

}  // namespace consort
