#include "experiment/runner.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "consort/error.h"

namespace consort::experiment {
namespace {

constexpr int kVersion = 1;

// Rows of a run before are of these cells, each once, or they are of another build.
void CheckRows(const std::filesystem::path& file, const std::vector<Row>& rows, const std::vector<Cell>& cells) {
  std::set<std::string> wanted;
  for (const Cell& cell : cells) wanted.insert(cell.id);
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string cell = TextOf(rows[i], "cell");
    if (wanted.erase(cell) == 1) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}:{}: cell '{}' is none of these, or stands twice; --fresh begins anew", file.string(), i + 2,
                            cell));
  }
}

std::map<std::string, Row> ByCell(const std::vector<Row>& rows) {
  std::map<std::string, Row> by_cell;
  for (const Row& row : rows) by_cell.emplace(TextOf(row, "cell"), row);
  return by_cell;
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
          {"consort", CONSORT_VERSION},
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
  const std::map<std::string, Row> known = ByCell(file.rows());
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto before = known.find(cells[i].id);
    if (before != known.end()) {
      result.rows.push_back(before->second);
      continue;
    }
    if (options.progress) options.progress(i, cells.size(), cells[i].id);
    Row row = RowOf(cells[i], experiment.Run(testbed, settings, cells[i]));
    const bool may_pass = FlagOf(row, "may_pass") && !testbed.all_emulated();
    row.erase("may_pass");
    if (!may_pass) file.Append(row);
    result.rows.push_back(may_pass ? std::move(row) : file.rows().back());
  }
  file.Sync();
  return result;
}

}  // namespace consort::experiment
