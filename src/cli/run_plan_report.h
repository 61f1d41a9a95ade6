// What `consort run --plan` found out, and how it prints it.
#ifndef CONSORT_CLI_RUN_PLAN_REPORT_H_
#define CONSORT_CLI_RUN_PLAN_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "bench/plan_check.h"
#include "cli/run_options.h"
#include "cli/run_outputs.h"
#include "cli/run_plan_flow.h"
#include "consort/emulation.h"
#include "consort/placement.h"
#include "consort/provenance.h"
#include "measure/energy.h"
#include "plan/plan.h"
#include "run/ensemble.h"
#include "run/session_options.h"
#include "run/trace.h"

namespace consort {

// A replica, or a spare, of one stage.
struct ReplicaRun {
  Replica planned;  // of a spare only the target
  bool spare = false;
  ReplicaReport session;                 // absent calls where nothing was run
  double busy = 0;                       // share of the run's time in calls
  std::optional<double> call_s;          // median of its calls; absent: none, or no time passed in them
  Provenance provenance = Provenance::kMeasured;  // of `busy` and `call_s`
  std::optional<EmulationReport> emulation;       // absent: a real device
  int64_t overruns = 0;                           // calls of the run that took the host longer than was modelled
  Placement placement;
};

struct StageRun {
  std::string first_op;
  std::string last_op;
  std::vector<ReplicaRun> replicas;  // spares behind the others
};

// With --replan: what became of the plan.
struct ReplannedRun {
  Replanning when = Replanning::kAtTheLoss;
  Plan plan;  // that ran last
  std::vector<Takeover> takeovers;
  int64_t moved = 0;    // calls that began anew in another plan
  std::string problem;  // why the last loss led to no other plan; ""
};

struct PlanRunReport {
  Plan plan;
  std::string plan_file;
  std::string model;
  std::string fingerprint;
  bool virtual_clock = false;
  AccuracyBounds bounds;                 // of the plan's numbers
  std::optional<PlanAccuracy> accuracy;  // absent: --reference none
  bool ran = false;                      // false: the numbers missed their bounds
  int in_flight = 0;                     // calls at a time
  FlowResult flow;
  SessionReport session;                 // of the plan that ran last
  std::optional<ReplannedRun> replanned;  // absent: it was not asked for
  TimeNs begin_ns = 0;  // of the run, by its clock
  EnergyFigure energy;  // per sample
  std::vector<StageRun> stages;  // of the plan that ran last
  std::vector<Port> ports;  // the model's inputs
  std::vector<PortInput> inputs;
  std::vector<OutputReport> outputs;  // of the last call
  double largest_difference = 0;      // of other results from the last, relative
  std::string trace_file;             // written; "": none
  std::vector<TraceEvent> events;  // for a report; of the newest calls where there were very many
  bool trace_whole = true;            // false: the oldest events were lost

  double samples() const { return static_cast<double>(flow.delivered * plan.batch); }
  bool has_changed_plans() const { return replanned && !replanned->takeovers.empty(); }
  // Samples per second over the whole run; nothing where no time passed.
  std::optional<double> rate() const;
  std::optional<double> steady_rate() const;
  // Why there is no word for these rates: calls that were neither measured nor emulated in their time; or "".
  std::string why_no_time() const;
  Provenance provenance() const;
};

// In the form that the options ask for; ends in a newline.
std::string FormatPlanRun(const PlanRunReport& report, const RunOptions& options);

}  // namespace consort

#endif  // CONSORT_CLI_RUN_PLAN_REPORT_H_
