#include "plan/plan_json.h"

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "plan/describe_stage.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMsPerS = 1e3;

Json OrNull(double value) { return value > 0 ? Json(Rounded(value)) : Json(nullptr); }

Json ReplicaJson(const Replica& replica) {
  Json json = {{"target", replica.target.ToString()}, {"share", Rounded(replica.share)}};
  if (replica.samples > 0) json["samples"] = replica.samples;
  if (replica.threads > 0) json["threads"] = replica.threads;
  json["call_ms"] = Rounded(kMsPerS * replica.call_s);
  if (replica.convert_s() > 0) {
    json["convert"] = {{"in_ms", Rounded(kMsPerS * replica.convert_in_s)},
                       {"out_ms", Rounded(kMsPerS * replica.convert_out_s)}};
  }
  json["joules"] = OrNull(replica.joules);
  json["provenance"] = ToString(replica.provenance);
  return json;
}

Json StageJson(const Stage& stage, const Graph& graph) {
  const auto [first, last] = EndsOf(graph, stage.begin, stage.end);
  Json json = {{"first_op", graph.op(first).name},
               {"last_op", graph.op(last).name},
               {"inputs", stage.inputs},
               {"outputs", stage.outputs},
               {"input_bytes", stage.input_bytes},
               {"output_bytes", stage.output_bytes},
               {"divides_a_fusion", stage.divides_a_fusion},
               {"queue_depth", stage.queue_depth}};
  for (const Replica& replica : stage.replicas) json["replicas"].push_back(ReplicaJson(replica));
  return json;
}

Json MeasuredJson(const std::optional<PlanMeasurement>& measured) {
  if (!measured) return nullptr;
  return {{"call_ms", OrNull(kMsPerS * measured->call_s)},
          {"gain", OrNull(measured->gain)},
          {"gain_low", OrNull(measured->gain_low)},
          {"gain_high", OrNull(measured->gain_high)}};
}

}  // namespace

double Rounded(double value) { return std::strtod(fmt::format("{:.9g}", value).c_str(), nullptr); }

Json PlanJson(const Plan& plan, const Graph& graph) {
  Json json = {{"format", "consort-plan"},
               {"version", 1},
               {"model", plan.model},
               {"model_fingerprint", plan.model_fingerprint},
               {"platform", plan.platform},
               {"platform_fingerprint", plan.platform_fingerprint},
               {"objective", ToString(plan.objective)},
               {"strategy", ToString(plan.strategy)},
               {"batch", plan.batch},
               {"latency_ms", Rounded(kMsPerS * plan.predicted.latency_s)},
               {"throughput_per_s", Rounded(plan.predicted.samples_per_s)},
               {"joules_per_sample", OrNull(plan.predicted.joules_per_sample)},
               {"gain_over_best_single", OrNull(plan.predicted.gain_over_best_single)},
               {"bottleneck", plan.predicted.bottleneck},
               {"measured", MeasuredJson(plan.measured)},
               {"reason", plan.reason},
               {"stages", Json::array()}};
  for (const Stage& stage : plan.stages) json["stages"].push_back(StageJson(stage, graph));
  for (const auto& [tensor, range] : plan.ranges) json["ranges"].push_back({tensor, Rounded(range.first), Rounded(range.second)});
  return json;
}

std::string FormatPlan(const Plan& plan, const Graph& graph) {
  return PlanJson(plan, graph).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace consort
