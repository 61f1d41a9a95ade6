#include "ensemble_rows.h"

#include <algorithm>
#include <cmath>

#include "base/clock_thread.h"
#include "base/strings.h"
#include "emulate/virtual_clock.h"
#include "run/session.h"
#include "simple_divisions.h"
#include "support/full_session.h"

namespace consort {
namespace {

constexpr int kMostCallsAlone = 300;
constexpr int kFewestRealCalls = 60;

std::string DevicesOf(const Plan& plan) {
  std::vector<std::string> stages;
  for (const Stage& stage : plan.stages) {
    std::vector<std::string> replicas;
    for (const Replica& replica : stage.replicas) replicas.push_back(replica.target.unit);
    stages.push_back(Join(replicas, " + "));
  }
  return Join(stages, " > ");
}

// Calls one after the other until every replica has had one: those with the smallest share come last.
int CallsAlone(const Plan& plan) {
  double least = 1;
  for (const Stage& stage : plan.stages) {
    for (const Replica& replica : stage.replicas) {
      if (replica.samples == 0) least = std::min(least, replica.share);
    }
  }
  return std::clamp(static_cast<int>(std::ceil(2 / least)), 5, kMostCallsAlone);
}

Given RunBy(Clock& clock, test::Ensemble& ensemble, const Plan& plan, int calls) {
  Given given;
  Session session(ensemble.Compiled(plan, clock), {.trace_capacity = 0, .clock = &clock});
  std::vector<double> alone(CallsAlone(plan));
  for (double& seconds : alone) seconds = test::SecondsAlone(session, clock);
  const bool replicas = plan.strategy == Strategy::kSplit || plan.strategy == Strategy::kHybrid;
  // By the real clock a call may be delayed by what else the machine does; where all do the same the middle counts.
  const auto counted = replicas ? alone.end() - 1 : alone.begin() + static_cast<std::ptrdiff_t>(alone.size() / 2);
  std::nth_element(alone.begin(), counted, alone.end());
  given.latency_s = *counted;
  given.samples_per_s = static_cast<double>(plan.batch) * test::CallsPerSecond(session, clock, calls);
  return given;
}

void Add(const std::string& name, const std::optional<Plan>& plan, std::vector<EnsembleRow>& rows) {
  if (plan) rows.push_back({.name = name, .devices = DevicesOf(*plan), .plan = *plan});
}

std::string NameOf(const PlanList& list, size_t index) {
  const Plan& plan = list.plans[index].plan;
  if (static_cast<int>(index) == list.chosen) return "planned";
  if (plan.strategy == Strategy::kSingle) return "alone";
  if (plan.strategy == Strategy::kSplit) return "data-parallel";
  return "best " + std::string(ToString(plan.strategy));
}

}  // namespace

std::vector<EnsembleRow> RowsOf(test::Ensemble& ensemble) {
  const PlanList list = ensemble.Plans();
  std::vector<EnsembleRow> rows;
  for (size_t i = 0; i < list.plans.size(); ++i) Add(NameOf(list, i), list.plans[i].plan, rows);
  Add("equal layers", EqualLayers(ensemble), rows);
  Add("by speed", BySpeed(ensemble), rows);
  return rows;
}

void Run(test::Ensemble& ensemble, const RowsOptions& options, EnsembleRow& row) {
  for (Stage& stage : row.plan.stages) {
    if (options.queue_depth > 0) stage.queue_depth = options.queue_depth;
  }
  if (options.virtual_calls > 0) {
    VirtualClock clock;
    const ClockMember member(clock, "benchmark");
    row.by_virtual = RunBy(clock, ensemble, row.plan, options.virtual_calls);
  }
  if (options.real_seconds <= 0) return;
  const double calls = options.real_seconds * row.plan.predicted.samples_per_s / static_cast<double>(row.plan.batch);
  row.by_real = RunBy(Clock::Real(), ensemble, row.plan, std::max(kFewestRealCalls, static_cast<int>(calls)));
}

}  // namespace consort
