// Draft: a plan by numbers, as the strategies make it, and what it gives.
#ifndef CONSORT_PLAN_DRAFT_H_
#define CONSORT_PLAN_DRAFT_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "plan/cost_source.h"

namespace consort {

inline constexpr double kInfinite = std::numeric_limits<double>::infinity();

struct DraftReplica {
  int device = 0;       // index into CostSource::devices()
  double share = 1;     // of the stage's samples
  int64_t samples = 0;  // of every batch, where the replicas divide each call; 0: whole calls by share
};

struct DraftStage {
  OpId begin = 0;
  OpId end = 0;
  std::vector<DraftReplica> replicas;
};

struct Draft {
  int64_t batch = 1;
  std::vector<DraftStage> stages;
};

struct ResourceUse {
  std::string name;
  double busy_s = 0;  // per sample
};

// What a draft gives in steady state.
//   latency: the stages' calls one after the other; of replicas the slowest; replicas that divide a call work at once,
//     but take turns on what they share, in their order.
//   throughput: every resource has a busy time per sample, shares counted; the busiest sets the pace.
//   energy: active power × busy time; what idle devices draw meanwhile stands apart.
struct Evaluation {
  Prediction prediction;
  std::vector<ResourceUse> uses;              // busiest first
  std::vector<std::vector<RangeCost>> costs;  // of each stage's replicas, per call
  double idle_joules_per_sample = 0;          // of the devices used, while they wait; not in the prediction
  double watts = 0;                           // active power of all devices used
  std::string refused;                        // why it cannot run; empty: it can, and the rest holds

  // The value that the objective makes small: seconds of a sample, seconds between samples, joules of a sample.
  // kInfinite where it cannot run or is not known.
  double Value(Objective objective) const;
};

Evaluation Evaluate(CostSource& costs, const Draft& draft);

// Shares in proportion to the replicas' paces (seconds per call): all are equally busy.
std::vector<double> SharesByPace(const std::vector<double>& seconds);
// The longest time that a call takes of any one resource; never less than a resource's due.
double PaceOf(const RangeCost& cost);

}  // namespace consort

#endif  // CONSORT_PLAN_DRAFT_H_
