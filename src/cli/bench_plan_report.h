// What `consort bench` found out of a plan, and how it prints it.
#ifndef CONSORT_CLI_BENCH_PLAN_REPORT_H_
#define CONSORT_CLI_BENCH_PLAN_REPORT_H_

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/environment.h"
#include "bench/plan_check.h"
#include "consort/emulation.h"
#include "consort/model.h"
#include "consort/placement.h"
#include "measure/energy.h"
#include "measure/meter.h"
#include "plan/plan.h"
#include "run/session_options.h"

namespace consort {

struct PlanBenchReport {
  Environment environment;
  Model model;
  Plan plan;
  std::string name;  // "plan.json: pipeline on a > b"
  int loads = 0;
  uint64_t seed = 0;
  std::vector<TimeNs> load_ns;  // opening, compiling and the first call
  MeterSummary latency;         // one call at a time
  MeterSummary throughput;      // every replica busy; latencies are the mean times between results, one for each call
  SessionReport session;        // of the last load, without what warmed up
  std::vector<EmulationReport> emulation;  // of each emulated replica, over all loads, likewise
  Placement placement;          // of all stages
  std::optional<PlanAccuracy> accuracy;
  std::string blind_spot;
  EnergyFigure energy;  // per sample, with every replica busy

  bool missed() const { return accuracy && !accuracy->misses.empty(); }
  // Why there is no emulated time; empty where there is, or all is real.
  std::string overrun() const;
  // "measured", "emulated", or both.
  std::string word() const;
  // Why a figure is not to be trusted; empty when all are.
  const std::string& unstable() const {
    return latency.unstable.empty() ? throughput.unstable : latency.unstable;
  }
};

// Seconds of a replica's calls in the mean, conversions left out; absent: none, or emulated calls that ended late.
std::optional<double> CallSeconds(const PlanBenchReport& report, const Replica& replica, const ReplicaReport& ran);

// "cosine 0.999999, error 1.2e-06, SQNR 112 dB, top-1 100 %; 4 sets of inputs against cpu@onnxruntime".
std::string DescribeAccuracy(const PlanAccuracy& accuracy);
// null without one.
nlohmann::ordered_json PlanAccuracyJson(const std::optional<PlanAccuracy>& accuracy);

// 80 columns; ends in a newline.
std::string PlanBenchTables(const PlanBenchReport& report, const std::vector<double>& percentiles);
// docs/cli.md lists the keys.
std::string PlanBenchJson(const PlanBenchReport& report, const std::vector<double>& percentiles);

}  // namespace consort

#endif  // CONSORT_CLI_BENCH_PLAN_REPORT_H_
