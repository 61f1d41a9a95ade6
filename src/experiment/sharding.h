// sharding: the seed's eight ways to divide a CNN of four blocks between two devices, and the planner's own.
#ifndef CONSORT_EXPERIMENT_SHARDING_H_
#define CONSORT_EXPERIMENT_SHARDING_H_

#include "experiment/experiment.h"

namespace consort::experiment {

// Strategies as the seed counts them (figures: seed_shard_strategies.csv), its Edge TPU as A and its GPU as B:
//   0     all on A
//   1-3   the first k blocks on B, the rest on A
//   4     all on B
//   5-7   the first k-4 blocks on A, the rest on B
// Rows of "what" = "time" have call_ms (a batch through all parts, nothing else under way) and between_ms (with both
// devices busy), each also per inference, a_ms and b_ms (a call's time on each), link_ms; rows of "numbers" the accuracy
// against the undivided network, emulated where a device is, with numbers_from. Strategies "planned for latency" and "planned for throughput" are the planner's choice.
class Sharding : public Experiment {
 public:
  std::string name() const override { return "sharding"; }
  std::string summary() const override;
  std::vector<Parameter> parameters() const override;
  std::vector<std::string> reference_columns() const override;
  std::vector<Cell> Cells(Testbed& testbed, const Settings& settings) const override;
  Row Run(Testbed& testbed, const Settings& settings, const Cell& cell) const override;
  Outcome Report(const Findings& findings) const override;
};

inline constexpr int kStrategies = 8;
inline constexpr int kAllOnA = 0;
inline constexpr int kAllOnB = 4;

// Whether a strategy's name stands for a network divided between both devices.
bool IsDivided(const std::string& strategy);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_SHARDING_H_
