// Which device is best for which model, batch and objective.
#ifndef CONSORT_EXPERIMENT_ALIGNMENT_H_
#define CONSORT_EXPERIMENT_ALIGNMENT_H_

#include <vector>

#include "experiment/experiment.h"

namespace consort::experiment {

// Models × batches × devices.
class Alignment : public Experiment {
 public:
  std::string name() const override { return "alignment"; }
  std::string summary() const override;
  std::vector<Parameter> parameters() const override;
  std::vector<Cell> Cells(Testbed& testbed, const Settings& settings) const override;
  Row Run(Testbed& testbed, const Settings& settings, const Cell& cell) const override;
  Outcome Report(const Findings& findings) const override;
};

// The best of some rows by a field that is to be small; unstable rows do not count.
struct Winner {
  std::string device;      // "" where none has the field
  std::string second;      // "" where it is alone
  double value = 0;
  double margin = 1;       // the second's over the best's
  report::Origin origin = report::Origin::kNone;

  // Less than 5 % apart.
  bool tie() const { return !second.empty() && margin < 1.05; }
};
Winner WinnerOf(const std::vector<const Row*>& rows, const std::string& field);
// "gtx1650 x3.2", "gtx1650 = coral-usb3" for a tie, "gtx1650 alone", "none".
std::string Describe(const Winner& winner);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_ALIGNMENT_H_
