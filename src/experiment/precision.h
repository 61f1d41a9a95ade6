// What a precision gains and costs: speed, accuracy, energy.
#ifndef CONSORT_EXPERIMENT_PRECISION_H_
#define CONSORT_EXPERIMENT_PRECISION_H_

#include "experiment/experiment.h"

namespace consort::experiment {

// Models × devices × fp32, fp16, bf16, int8, uint8.
class PrecisionExperiment : public Experiment {
 public:
  std::string name() const override { return "precision"; }
  std::string summary() const override;
  std::vector<Parameter> parameters() const override;
  std::vector<Cell> Cells(Testbed& testbed, const Settings& settings) const override;
  Row Run(Testbed& testbed, const Settings& settings, const Cell& cell) const override;
  Outcome Report(const Findings& findings) const override;
};

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_PRECISION_H_
