#include "experiment/runner.h"

#include <fmt/format.h>

#include <set>

#include "consort/error.h"

namespace consort::experiment {
namespace {

constexpr int kVersion = 1;

// Rows of a run before are those of the first cells, or they are of another build.
void CheckRows(const std::filesystem::path& file, const std::vector<Row>& rows, const std::vector<Cell>& cells) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string cell = TextOf(rows[i], "cell");
    if (i < cells.size() && cell == cells[i].id) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}:{}: cell '{}' is not the one that comes here; --fresh begins anew", file.string(), i + 2,
                            cell));
  }
}

Row RowOf(const Cell& cell, const Row& figures) {
  Row row = {{"cell", cell.id}};
  row.update(cell.key);
  row.update(figures);
  return row;
}

}  // namespace

Json HeaderOf(const Experiment& experiment, const Testbed& testbed, const Settings& settings) {
  return {{"format", "consort-experiment"},
          {"version", kVersion},
          {"experiment", experiment.name()},
          {"settings", settings.ToJson()},
          {"testbed", testbed.ToJson()}};
}

std::vector<Cell> CheckedCells(const Experiment& experiment, Testbed& testbed, const Settings& settings) {
  std::vector<Cell> cells = experiment.Cells(testbed, settings);
  if (cells.empty())
    throw Error(ErrorCode::kInvalidArgument, "no cell is left to run; give every list of --param at least one value");
  std::set<std::string> seen;
  for (const Cell& cell : cells) {
    if (seen.insert(cell.id).second) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("cell '{}' stands twice; give every value and every device once", cell.id));
  }
  return cells;
}

RunnerResult RunExperiment(const Experiment& experiment, Testbed& testbed, const Settings& settings,
                           const RunnerOptions& options) {
  const std::vector<Cell> cells = CheckedCells(experiment, testbed, settings);
  RunnerResult result{.file = options.folder / (experiment.name() + ".jsonl"),
                      .header = HeaderOf(experiment, testbed, settings)};
  RowFile file(result.file, result.header, options.fresh);
  CheckRows(result.file, file.rows(), cells);
  result.resumed = file.rows().size();
  for (size_t i = result.resumed; i < cells.size(); ++i) {
    if (options.progress) options.progress(i, cells.size(), cells[i].id);
    file.Append(RowOf(cells[i], experiment.Run(testbed, settings, cells[i])));
  }
  file.Sync();
  result.rows = file.rows();
  return result;
}

}  // namespace consort::experiment
