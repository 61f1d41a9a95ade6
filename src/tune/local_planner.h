// From targets to a plan that was run: profile → costs → plan → tune.
#ifndef CONSORT_TUNE_LOCAL_PLANNER_H_
#define CONSORT_TUNE_LOCAL_PLANNER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/subject.h"
#include "consort/registry.h"
#include "platform/platform.h"
#include "plan/planner.h"
#include "profile/profiler.h"
#include "tune/tuner.h"

namespace consort {

struct LocalPlanOptions {
  PlanQuery query;  // `units` follow from the profile's
  // Devices of this machine, and emulated ones, which are costed by their models. Resolved, none twice.
  std::vector<Target> targets;
  std::shared_ptr<const Platform> platform;  // whose devices `emulated:DEVICE` names first; may be nullptr
  ProfilerOptions profiler;                  // `compile` and `open` hold for everything that is run
  TuneOptions tune;
  bool run = true;  // false: the choice rests on the profile alone
};

struct LocalPlan {
  PlanList list;
  Plan plan;                      // the choice
  std::vector<TunedPlan> runs;    // empty where nothing was run
  std::string unstable;           // why the last comparison is not to be trusted; empty when it is
  double profiling_s = 0;
  double planning_s = 0;          // runs included
};

// Measures what `profile` lacks for the targets of this machine (emulated ones need nothing), plans over all of them,
// runs the best few and chooses. `model_at` gives the model with its weights at the query's batch, and at others where
// they are open; `inputs` are what plans are run with. Emulated devices are not run under a virtual clock: their times
// pass really. Throws what profiling, planning and running throw.
LocalPlan MakeLocalPlan(const Registry& registry, const ModelAtBatch& model_at, const LocalPlanOptions& options,
                        const InputSource& inputs, Profile& profile);

// The usable targets of this machine that take ONNX models: what is planned for where none is named.
std::vector<Target> DefaultTargets(const Registry& registry);

}  // namespace consort

#endif  // CONSORT_TUNE_LOCAL_PLANNER_H_
