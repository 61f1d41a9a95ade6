// data-parallel: every way to share a batch among two or three devices that all run the whole network.
#ifndef CONSORT_EXPERIMENT_DATA_PARALLEL_H_
#define CONSORT_EXPERIMENT_DATA_PARALLEL_H_

#include "experiment/experiment.h"

namespace consort::experiment {

// Devices count as first, second, third (usual: CPU, GPU, Edge TPU, as the seed's files have them). Rows by "what":
//   alone    a device's own time for so many samples: call_ms
//   split    samples of each device ("first", "second", "third"); wall_ms: what the session takes for all of them; first_ms,
//            second_ms, third_ms: each device's call meanwhile
//   planned  the planner's shares for the shortest call, as a split
// What follows from rows of both kinds (sum, ideal, ratios) is worked out for the report: SplitsWithIdeals.
class DataParallel : public Experiment {
 public:
  std::string name() const override { return "data-parallel"; }
  std::string summary() const override;
  std::vector<Parameter> parameters() const override;
  std::vector<std::string> reference_columns() const override;
  std::vector<Cell> Cells(Testbed& testbed, const Settings& settings) const override;
  Row Run(Testbed& testbed, const Settings& settings, const Cell& cell) const override;
  Outcome Report(const Findings& findings) const override;
};

// All ways to share `samples` among `devices` in steps, the last device's share falling first. Throws kInvalidArgument
// where the samples are no multiple of the step.
std::vector<std::vector<int64_t>> WaysToShare(int64_t samples, int64_t step, size_t devices);

// "first", "second", "third".
const char* PlaceName(size_t place);

// The splits, each with sum_ms and ideal_ms (the sum and the largest of its devices' own times), over_ideal (wall over
// ideal) and over_sum.
std::vector<Row> SplitsWithIdeals(const std::vector<Row>& rows);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_DATA_PARALLEL_H_
