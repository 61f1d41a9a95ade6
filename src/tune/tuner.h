// Tune: plans are run, what was predicted is corrected, and the choice rests on measurements.
#ifndef CONSORT_TUNE_TUNER_H_
#define CONSORT_TUNE_TUNER_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/compare.h"
#include "plan/planner.h"
#include "profile/local_devices.h"
#include "profile/profile.h"
#include "run/session_options.h"

namespace consort {

// Plans run side by side, the first as the reference. Throws what preparing and running them throws.
struct PlanTimes {
  PairedResult paired;                  // of the plans' objective: time of a call, or time between calls
  std::vector<SessionReport> sessions;  // of each plan: calls and busy time of the last load, warm-up left out
  std::vector<std::string> overruns;    // of each plan: why its times are no emulated ones; empty when they are to be used
};
using PlanTimer = std::function<PlanTimes(const std::vector<Plan>& plans, const PairedOptions& options)>;

struct TuneOptions {
  int candidates = 4;                // plans that are run beside the best single target, in each turn
  int most_turns = 3;                // of plan → run → refine
  TimeNs time_ns = 4'000'000'000;    // of each turn's comparison; the last one takes twice as long
  uint64_t seed = 0;
  std::function<void(const std::string&)> progress;
};

// A plan that was run.
struct TunedPlan {
  Plan plan;               // as predicted before it ran
  SideResult measured;     // `ratio`: its time over the best single target's
  int turn = 0;            // from 1; the last comparison's is that of the turns plus 1
};

struct TuneResult {
  PlanList list;               // the last planning; `chosen` rests on what was measured
  std::vector<TunedPlan> runs; // in the order of running
  Plan plan;                   // the choice, `measured` filled in
  std::string unstable;        // why the figures of the last comparison are not to be trusted; empty when they are
};

// A plan of several devices is chosen only when the lower bound of its gain over each single target (paired, 95 %, in a
// comparison for which everything is loaded anew, and which is stable) exceeds kLeastGain; among single targets, which
// the profile tells apart too roughly, the fastest of that comparison. With a strategy its best plan is chosen, whatever
// it gains. While it works, what stages took goes into `profile` (ProfileEntry::in_plan), so that the next turn plans
// with it: `costs` must read from there; at the end the profile is as it was. Devices that no profile describes
// (emulated ones) are left as they are. A plan that cannot be prepared or run, or whose emulated devices fall behind,
// is refused with the reason. Throws what MakePlans throws, and kInfeasible where the strategy's plan cannot run.
TuneResult Tune(const Graph& graph, CostSource& costs, const PlanQuery& query, const LocalDevices& devices,
                Profile& profile, const PlanTimer& timer, const TuneOptions& options = {});

// Seconds of a plan's objective per call: its latency, or the time between calls.
double SecondsPerCall(const Plan& plan);

}  // namespace consort

#endif  // CONSORT_TUNE_TUNER_H_
