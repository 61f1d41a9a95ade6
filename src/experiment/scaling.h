// More of the same device: what a batch that is divided gains, and what a pipeline does.
#ifndef CONSORT_EXPERIMENT_SCALING_H_
#define CONSORT_EXPERIMENT_SCALING_H_

#include "experiment/experiment.h"

namespace consort::experiment {

// Models × devices × wirings × strategies × counts.
class Scaling : public Experiment {
 public:
  std::string name() const override { return "scaling"; }
  std::string summary() const override;
  std::vector<Parameter> parameters() const override;
  std::vector<Cell> Cells(Testbed& testbed, const Settings& settings) const override;
  Row Run(Testbed& testbed, const Settings& settings, const Cell& cell) const override;
  Outcome Report(const Findings& findings) const override;
};

// Each row with "speedup" and "efficiency" (speedup over count), against the one device of the same model, kind and
// wiring; null where either is not there.
std::vector<Row> WithSpeedups(std::vector<Row> rows);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_SCALING_H_
