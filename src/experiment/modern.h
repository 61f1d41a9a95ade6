// modern: a transformer with its attention on one device and its dense layers on the Edge TPU.
#ifndef CONSORT_EXPERIMENT_MODERN_H_
#define CONSORT_EXPERIMENT_MODERN_H_

#include "experiment/experiment.h"

namespace consort::experiment {

// Device A is the one for attention (usual: the GPU), B the one for dense layers (usual: the Edge TPU). Divisions:
//   all on A, all on B
//   feed-forward on B   of each layer what stands behind the attention, without norms
//   dense on B          only products with weights (and the reshapes behind them); scores, softmax, norms, GELU on A
//   planned             what the planner chooses for the shortest call
// The Edge TPU's FullyConnected gives one-dimensional tensors only (src/cost/edgetpu_rules.cc): it takes dense layers of one
// token, as a decoder computes them, and none of a whole sequence.
// Rows by "what": "time" (call_ms, between_ms, a_ms, b_ms, of these host_ms: what B leaves to the platform's CPU, link_ms,
// stages), "numbers" (against the undivided network), "support" (which operators the Edge TPU refuses, and why).
class Modern : public Experiment {
 public:
  std::string name() const override { return "modern"; }
  std::string summary() const override;
  std::vector<Parameter> parameters() const override;
  std::vector<Cell> Cells(Testbed& testbed, const Settings& settings) const override;
  Row Run(Testbed& testbed, const Settings& settings, const Cell& cell) const override;
  Outcome Report(const Findings& findings) const override;
};

// Operators that the Edge TPU's documented rules refuse, by type and reason: "Erf (2): Erf is not …". Of operators that
// do not fold to constants.
std::vector<std::string> EdgeTpuRefusals(const Graph& graph);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_MODERN_H_
