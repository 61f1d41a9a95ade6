// takeaways: what the seed concluded, judged on this testbed.
#ifndef CONSORT_EXPERIMENT_TAKEAWAYS_EXPERIMENT_H_
#define CONSORT_EXPERIMENT_TAKEAWAYS_EXPERIMENT_H_

#include "experiment/experiment.h"

namespace consort::experiment {

// Runs what the predicates of takeaways.h need of matvec, dense-scaling, sharding and data-parallel: their cells, with
// their names in front.
class TakeawaysExperiment : public Experiment {
 public:
  std::string name() const override { return "takeaways"; }
  std::string summary() const override;
  std::vector<Parameter> parameters() const override;
  std::vector<Cell> Cells(Testbed& testbed, const Settings& settings) const override;
  Row Run(Testbed& testbed, const Settings& settings, const Cell& cell) const override;
  Outcome Report(const Findings& findings) const override;
};

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_TAKEAWAYS_EXPERIMENT_H_
