// How long a plan takes when a session runs it: by the virtual clock, or measured.
#ifndef CONSORT_EXPERIMENT_PLAN_TIMING_H_
#define CONSORT_EXPERIMENT_PLAN_TIMING_H_

#include <string>
#include <vector>

#include "consort/provenance.h"
#include "experiment/divided_network.h"

namespace consort::experiment {

struct PlanTimingOptions {
  bool steady = true;  // the time between calls with every device busy is wanted as well
  double time_s = 1;   // measured: clean time wanted of each figure; with --quick a fifth
};

// A replica of a stage, in the plan's order.
struct ReplicaTime {
  int stage = 0;
  std::string device;   // as the testbed calls it
  double call_s = 0;    // of one call, in the mean of those that were timed one at a time; NaN: it made none
  double link_s = 0;    // of these, by the cost model: transfers; NaN: not known
  double host_s = 0;    // and what an Edge TPU leaves to the platform's CPU; NaN: not known
};

// Of calls that each take the plan's whole batch. Plain data.
struct PlanTiming {
  Provenance provenance = Provenance::kEmulated;
  int64_t trials = 0;
  double call_s = 0;              // one call through all stages, nothing else under way: the median
  double low_s = 0, high_s = 0;   // measured: its 95 % interval; emulated: NaN
  double between_s = 0;           // between two results with the session full; NaN: not wanted, or not known
  std::vector<ReplicaTime> replicas;
  double joules = 0;              // of one sample; NaN: not known
  std::string energy_source;
  std::string unstable;           // why measured times are not to be trusted
  std::vector<std::string> notes;

  double SumOfCalls() const;   // of all replicas
  double SlowestCall() const;  // of the slowest
};

// The real Session runs the plan. Of emulated devices alone by the virtual clock, without numbers; where the tensors
// under way would take more than 1 GiB the cost models alone are asked, and the provenance says kModelled. Else by the
// real clock, loaded anew twice, in blocks behind a noise gate; the provenance is that of the plan's own devices:
// kEmulated where one of them is. Throws what preparing and running throw.
PlanTiming TimePlan(DividedNetwork& network, const Planned& planned, const PlanTimingOptions& options = {});

// Fields of a row: provenance, call_ms, between_ms, low_ms, high_ms, joules, energy_source; unstable and note where
// there is one. NaN becomes null.
Json ToJson(const PlanTiming& timing);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_PLAN_TIMING_H_
