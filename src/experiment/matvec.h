// A matrix times a vector on every device: the smallest inference there is.
#ifndef CONSORT_EXPERIMENT_MATVEC_H_
#define CONSORT_EXPERIMENT_MATVEC_H_

#include "experiment/experiment.h"

namespace consort::experiment {

// Sides × weights resident or loaded by each call × devices (Table 1 of "Optimizing Inference on Heterogeneous
// Platforms").
class MatVec : public Experiment {
 public:
  std::string name() const override { return "matvec"; }
  std::string summary() const override;
  std::vector<Parameter> parameters() const override;
  std::vector<std::string> reference_columns() const override;
  std::vector<Cell> Cells(Testbed& testbed, const Settings& settings) const override;
  Row Run(Testbed& testbed, const Settings& settings, const Cell& cell) const override;
  Outcome Report(const Findings& findings) const override;
};

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_MATVEC_H_
