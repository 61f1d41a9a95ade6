#include "cli/run_plan_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/emulation_report.h"
#include "cli/run_parts.h"
#include "plan/drawing.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kNsPerMs = 1e6;

double Milliseconds(TimeNs time_ns) { return static_cast<double>(time_ns) / kNsPerMs; }

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json PositiveOrNull(double value) { return value > 0 ? Json(value) : Json(nullptr); }

Json AccuracyJson(const std::optional<Accuracy>& accuracy) {
  if (!accuracy) return nullptr;
  return {{"cosine", NumberOrNull(accuracy->cosine)},
          {"error", NumberOrNull(accuracy->error)},
          {"sqnr_db", NumberOrNull(accuracy->sqnr_db)},
          {"top1", OrNull(accuracy->top1)},
          {"nonfinite_mismatches", accuracy->nonfinite_mismatches},
          {"worst_output", accuracy->worst_output}};
}

Json PlanAccuracyJson(const PlanRunReport& report) {
  if (!report.accuracy) return nullptr;
  const PlanAccuracy& accuracy = *report.accuracy;
  Json json = {{"reference", accuracy.reference},
               {"inputs", accuracy.inputs},
               {"min_cosine", OrNull(report.bounds.min_cosine)},
               {"max_error", OrNull(report.bounds.max_error)},
               {"whole", AccuracyJson(accuracy.whole)},
               {"problem", accuracy.problem},
               {"misses", accuracy.misses},
               {"first_bad_stage", accuracy.first_bad_stage < 0 ? Json(nullptr) : Json(accuracy.first_bad_stage)},
               {"blame", accuracy.blame},
               {"stages", Json::array()}};
  for (const StageAccuracy& stage : accuracy.stages) {
    json["stages"].push_back({{"stage", stage.stage},
                              {"target", stage.target},
                              {"alone", AccuracyJson(stage.alone)},
                              {"chained", AccuracyJson(stage.chained)}});
  }
  return json;
}

Json ReplicaJson(const ReplicaRun& replica, const RunOptions& options) {
  const Replica& planned = replica.planned;
  Json json = {{"target", planned.target.ToString()},
               {"spare", replica.spare},
               {"state", ToString(replica.session.state)},
               {"why", replica.session.why},
               {"calls", replica.session.calls},
               {"busy", replica.call_s ? Json(replica.busy) : Json(nullptr)},
               {"call_ms", replica.call_s ? Json(1e3 * *replica.call_s) : Json(nullptr)},
               {"provenance", replica.overruns > 0 ? Json(nullptr) : Json(ToString(replica.provenance))},
               {"overruns", replica.overruns}};
  if (!replica.spare) {
    json["share"] = planned.share;
    json["samples"] = planned.samples;
    json["planned_ms"] = PositiveOrNull(1e3 * planned.run_s());
    json["planned_convert_ms"] = 1e3 * planned.convert_s();
    json["planned_provenance"] = ToString(planned.provenance);
  }
  if (replica.emulation) json["emulation"] = EmulationJson(*replica.emulation);
  if (options.placement != PlacementDetail::kNone)
    json["placement"] = PlacementJson(replica.placement, options.placement);
  return json;
}

Json StagesJson(const PlanRunReport& report, const RunOptions& options) {
  Json json = Json::array();
  for (const StageRun& stage : report.stages) {
    Json& added = json.emplace_back(
        Json{{"first_op", stage.first_op}, {"last_op", stage.last_op}, {"replicas", Json::array()}});
    for (const ReplicaRun& replica : stage.replicas) added["replicas"].push_back(ReplicaJson(replica, options));
  }
  return json;
}

Json LossesJson(const PlanRunReport& report) {
  Json json = Json::array();
  for (const LossReport& loss : report.session.losses) {
    json.push_back({{"stage", loss.stage},
                    {"target", loss.replica},
                    {"call", loss.sample},
                    {"after_ms", Milliseconds(loss.at_ns - report.begin_ns)},
                    {"why", loss.why}});
  }
  return json;
}

Json ReplannedJson(const PlanRunReport& report) {
  if (!report.replanned) return nullptr;
  const ReplannedRun& replanned = *report.replanned;
  Json json = {{"when", replanned.when == Replanning::kBeforehand ? "beforehand" : "loss"},
               {"strategy", ToString(replanned.plan.strategy)},
               {"devices", DevicesOf(replanned.plan)},
               {"moved", replanned.moved},
               {"problem", replanned.problem},
               {"takeovers", Json::array()}};
  for (const Takeover& takeover : replanned.takeovers) {
    json["takeovers"].push_back(
        {{"why", takeover.why},
         {"prepared", takeover.prepared},
         {"after_ms", Milliseconds(takeover.at_ns - report.begin_ns)},
         {"taken_over_ms", Milliseconds(takeover.taken_over_ns)},
         {"first_result_ms",
          takeover.first_result_ns < 0 ? Json(nullptr) : Json(Milliseconds(takeover.first_result_ns))}});
  }
  return json;
}

Json FailuresJson(const FlowResult& flow) {
  Json json = Json::array();
  for (const FlowFailure& failure : flow.failures) {
    json.push_back({{"call", failure.call}, {"code", ToString(failure.code)}, {"message", failure.message}});
  }
  return json;
}

Json PlanHeadJson(const PlanRunReport& report) {
  const Plan& plan = report.plan;
  return {{"file", report.plan_file},
          {"strategy", ToString(plan.strategy)},
          {"objective", ToString(plan.objective)},
          {"batch", plan.batch},
          {"platform", plan.platform},
          {"latency_ms", PositiveOrNull(1e3 * plan.predicted.latency_s)},
          {"throughput_per_s", PositiveOrNull(plan.predicted.samples_per_s)},
          {"provenance", ToString(plan.stages.front().replicas.front().provenance)}};
}

}  // namespace

std::string PlanRunJson(const PlanRunReport& report, const RunOptions& options) {
  const FlowResult& flow = report.flow;
  const std::string why_no_time = report.why_no_time();
  // Of a sequence, whose steps differ by nature, one.
  const auto distinct =
      std::max<int64_t>(static_cast<int64_t>(flow.results.size()) + flow.more_results, flow.delivered > 0 ? 1 : 0);
  const Json json = {
      {"plan", PlanHeadJson(report)},
      {"model", report.model},
      {"fingerprint", report.fingerprint},
      {"clock", report.virtual_clock ? "virtual" : "real"},
      {"accuracy", PlanAccuracyJson(report)},
      {"ran", report.ran},
      {"calls", flow.started},
      {"delivered", flow.delivered},
      {"failed", flow.failed},
      {"given_up", flow.given_up},
      {"in_flight", report.in_flight},
      {"wall_ms", Milliseconds(flow.wall_ns)},
      {"throughput_per_s", OrNull(report.rate())},
      {"steady_throughput_per_s", OrNull(report.steady_rate())},
      {"provenance", report.ran && why_no_time.empty() ? Json(ToString(report.provenance())) : Json(nullptr)},
      {"no_time", why_no_time},
      {"joules_per_inference", OrNull(report.energy.joules_per_inference)},
      {"energy_source", report.energy.source},
      {"distinct_results", distinct},
      {"largest_difference", distinct > 1 ? Json(NumberOrNull(report.largest_difference)) : Json(nullptr)},
      {"stages", StagesJson(report, options)},
      {"losses", LossesJson(report)},
      {"replanned", ReplannedJson(report)},
      {"retries", report.session.retries},
      {"longest_recovery_ms", Milliseconds(report.session.longest_recovery_ns)},
      {"verified", report.session.verified},
      {"unverified", report.session.unverified},
      {"suspects", report.session.suspects},
      {"failures", FailuresJson(flow)},
      {"trace", report.trace_file.empty() ? Json(nullptr) : Json(report.trace_file)},
      {"inputs", InputsJson(report.ports, report.inputs)},
      {"outputs", OutputsJson(report.outputs)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace consort
