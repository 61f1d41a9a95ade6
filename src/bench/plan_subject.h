// A plan that runs, with its inputs in place: what measurements of plans work on.
#ifndef CONSORT_BENCH_PLAN_SUBJECT_H_
#define CONSORT_BENCH_PLAN_SUBJECT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "bench/subject.h"
#include "measure/meter.h"
#include "plan/plan.h"
#include "run/prepare.h"
#include "run/session.h"

namespace consort {

// A plan's stages compiled and in a Session whose samples all find their inputs in place: a query copies neither inputs
// nor outputs. One thread at a time.
//
//   PlanSubject subject(registry, plan, model.graph(), [&](int64_t) { return model; }, {}, inputs);
//   meter.RunSegment(subject.Latency());
class PlanSubject {
 public:
  // `graph` is the model's at the plan's batch. Throws what preparing, the session, `inputs` and the first run throw.
  PlanSubject(const Registry& registry, const Plan& plan, const Graph& graph, ModelAtBatch model_at,
              const PrepareOptions& options, const InputSource& inputs);

  // One call of the plan's batch through all stages.
  void Query();
  // Queries one after the other, each timed.
  BlockRunner Latency();
  // Keeps the session full for the budget: one latency per block, the time between the ends of calls in steady state, in
  // whatever order they end.
  BlockRunner Throughput();
  // That of the plan's objective (energy: of the throughput).
  BlockRunner Runner();

  // Of all stages' executables, one after the other; replicas beyond the first count as well.
  const Placement& placement() const { return placement_; }
  // From now on calls count for the figures below; those before (warm-up) do not.
  void BeginCounting();
  // Calls and busy time of each stage's replicas since then.
  SessionReport Counted() const;
  // Of each emulated executable, likewise; empty where all is real.
  std::vector<EmulationReport> Emulation() const;
  // Why the times are no emulated ones; empty when they are, or everything is real.
  std::string Overrun() const;

  Session& session() { return *session_; }
  const Plan& plan() const { return plan_; }
  // Of the model's outputs, as the last Query left them: copies.
  std::vector<Buffer> Outputs();

 private:
  void FillInputs(const InputSource& inputs);
  int64_t FewestCalls() const;
  double NsBetweenEnds(uint64_t first_sample, int64_t calls) const;
  void Stream(TimeNs budget_ns, int64_t max_queries, BlockSamples& samples);

  Plan plan_;
  Placement placement_;
  std::vector<std::shared_ptr<Executable>> executables_;
  std::unique_ptr<Session> session_;
  SessionReport counted_from_;
  std::vector<EmulationReport> emulated_from_;
  std::vector<Ticket> under_way_;  // a ring
  double call_ns_ = 0;             // between calls, when the session is full
  int64_t last_calls_ = 0;         // of the block before
};

// Samples under way that keep every replica busy although results are awaited in order: while the slowest replica of a
// stage makes one call, the others make many.
int InFlightOf(const Plan& plan);

}  // namespace consort

#endif  // CONSORT_BENCH_PLAN_SUBJECT_H_
