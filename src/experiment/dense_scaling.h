// Dense layers that grow with their input: where one device overtakes another.
#ifndef CONSORT_EXPERIMENT_DENSE_SCALING_H_
#define CONSORT_EXPERIMENT_DENSE_SCALING_H_

#include "experiment/experiment.h"

namespace consort::experiment {

// Scales of seed-dense × batches × devices.
class DenseScaling : public Experiment {
 public:
  std::string name() const override { return "dense-scaling"; }
  std::string summary() const override;
  std::vector<Parameter> parameters() const override;
  std::vector<Cell> Cells(Testbed& testbed, const Settings& settings) const override;
  Row Run(Testbed& testbed, const Settings& settings, const Cell& cell) const override;
  Outcome Report(const Findings& findings) const override;
};

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_DENSE_SCALING_H_
