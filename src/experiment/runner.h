// Runs an experiment's cells, goes on where a run before ended.
#ifndef CONSORT_EXPERIMENT_RUNNER_H_
#define CONSORT_EXPERIMENT_RUNNER_H_

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "experiment/experiment.h"

namespace consort::experiment {

struct RunnerOptions {
  std::filesystem::path folder;  // holds NAME.jsonl; is made
  bool fresh = false;            // drops what is there
  // Called before each cell: how many of how many are done, and the next one's id.
  std::function<void(size_t done, size_t all, const std::string& next)> progress;
};

struct RunnerResult {
  std::filesystem::path file;
  Json header;
  std::vector<Row> rows;  // of all cells, in their order
  size_t resumed = 0;     // of these were there already
};

// The first line of an experiment's results: {"format": "consort-experiment", "version": 1, "consort": "0.1.0", …}.
Json HeaderOf(const Experiment& experiment, const Testbed& testbed, const Settings& settings);

// What the experiment would run. Throws what its Cells throws, and kInvalidArgument for settings that leave no cell or name
// one twice.
std::vector<Cell> CheckedCells(const Experiment& experiment, Testbed& testbed, const Settings& settings);

// Runs what is missing. A refusal that may pass (testbed.h, MayPass) is in the result but not in the file, so that its cell
// is run again the next time. Killed at any point and started again with the same settings, it ends with the same cells; by
// the virtual clock with the same bytes. Throws what the cells throw (rows before it stand) and what RowFile throws.
RunnerResult RunExperiment(const Experiment& experiment, Testbed& testbed, const Settings& settings,
                           const RunnerOptions& options);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_RUNNER_H_
