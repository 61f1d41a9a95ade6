// Times plans by running them: a PlanTimer over sessions.
#ifndef CONSORT_TUNE_SESSION_TIMER_H_
#define CONSORT_TUNE_SESSION_TIMER_H_

#include <functional>
#include <memory>
#include <vector>

#include "bench/plan_subject.h"
#include "measure/noise_gate.h"
#include "tune/tuner.h"

namespace consort {

// Loads plans as subjects, one after the other, warm.
class PlanLoader {
 public:
  // All must outlive it. `graph` is the model's at the plans' batch.
  PlanLoader(const Registry& registry, const Graph& graph, ModelAtBatch model_at,
             const PrepareOptions& options, const InputSource& inputs)
      : registry_(registry), graph_(graph), model_at_(std::move(model_at)), options_(options), inputs_(inputs) {}

  // As a SideLoader: subjects of the load before are destroyed first. `gate` learns of new child processes.
  std::vector<Side> Load(const std::vector<Plan>& plans, NoiseGate& gate);
  // Of the last load.
  const std::vector<std::unique_ptr<PlanSubject>>& subjects() const { return subjects_; }

 private:
  const Registry& registry_;
  const Graph& graph_;
  ModelAtBatch model_at_;
  const PrepareOptions& options_;
  const InputSource& inputs_;
  std::vector<std::unique_ptr<PlanSubject>> subjects_;
};

// Runs plans side by side in rounds (ComparePaired), each loaded anew several times. `cores`: those that any of them
// computes on (empty: all of the process). Everything that the loader refers to must outlive the timer.
PlanTimer TimerOf(PlanLoader& loader, CoreSet cores);

// What a block may lose and still count. With every replica busy there are more threads than cores, those that feed and
// collect among them: that they wait for each other is no noise, and only the probes beside the blocks are looked at.
NoiseLimits LimitsFor(Objective objective);

// A block's length for a plan of this objective: throughput needs time to be in full swing.
TimeNs BlockLengthNs(Objective objective);

}  // namespace consort

#endif  // CONSORT_TUNE_SESSION_TIMER_H_
