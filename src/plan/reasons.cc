#include "plan/reasons.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "plan/describe_stage.h"
#include "plan/drawing.h"

namespace consort {
namespace {

// What a plan's transfers take of its calls, per sample.
double LinkSeconds(const RankedPlan& ranked) {
  double seconds = 0;
  for (size_t stage = 0; stage < ranked.plan.stages.size(); ++stage) {
    const std::vector<Replica>& replicas = ranked.plan.stages[stage].replicas;
    for (size_t i = 0; i < replicas.size(); ++i) {
      const double calls = replicas[i].samples > 0 ? 1 : replicas[i].share;
      seconds += calls * ranked.evaluation.costs[stage][i].link_s / static_cast<double>(ranked.plan.batch);
    }
  }
  return seconds;
}

int64_t BytesPerSample(const Plan& plan) {
  int64_t bytes = 0;
  for (const Stage& stage : plan.stages) bytes += stage.input_bytes + stage.output_bytes;
  return bytes / std::max<int64_t>(1, plan.batch);
}

// "gtx1650 sets the pace, coral-usb3 is busy 98 % of it".
std::string Paces(const RankedPlan& ranked) {
  const std::vector<ResourceUse>& uses = ranked.evaluation.uses;
  if (uses.empty()) return "";
  std::string text = fmt::format("{} sets the pace", uses.front().name);
  if (uses.size() == 1) return text;
  return text + fmt::format(", {} is busy {:.0f} % of it", uses[1].name, 100 * uses[1].busy_s / uses.front().busy_s);
}

// "coral-usb3 5.453 ms, gtx1650 2.071 ms": the calls that a sample waits for one after the other.
std::string Calls(const Plan& plan) {
  std::vector<std::string> calls;
  for (const Stage& stage : plan.stages) {
    const auto slowest = std::max_element(stage.replicas.begin(), stage.replicas.end(),
                                          [](const Replica& a, const Replica& b) { return a.call_s < b.call_s; });
    calls.push_back(fmt::format("{} {}", NameOf(*slowest), FormatSeconds(slowest->call_s)));
  }
  return Join(calls, ", ");
}

// What a plan's figure is made of.
std::string Account(const RankedPlan& ranked, Objective objective) {
  if (objective == Objective::kThroughput) return Paces(ranked);
  if (objective == Objective::kLatency) return Calls(ranked.plan);
  return fmt::format("{:.4g} W while its devices work, {:.4g} W on average", ranked.evaluation.watts,
                     ranked.evaluation.prediction.joules_per_sample * ranked.evaluation.prediction.samples_per_s);
}

// What stands in the way of a plan that gains nothing.
std::string Burden(const RankedPlan& ranked, Objective objective) {
  const double link_s = LinkSeconds(ranked);
  const double all_s = objective == Objective::kThroughput && ranked.evaluation.prediction.samples_per_s > 0
                           ? 1 / ranked.evaluation.prediction.samples_per_s
                           : ranked.evaluation.prediction.latency_s;
  if (objective == Objective::kEnergy) return Account(ranked, objective);
  if (link_s > 0.2 * all_s) {
    return fmt::format("the links carry {} of activations per sample and are busy for {} of {}",
                       FormatBytes(BytesPerSample(ranked.plan)), FormatSeconds(link_s), FormatSeconds(all_s));
  }
  return Account(ranked, objective);
}

std::string Name(const RankedPlan& single) { return NameOf(single.plan.stages.front().replicas.front()); }

// The names of the first and the last op that computes.
std::string OpsOf(const Graph& graph, OpId begin, OpId end) {
  const auto [first, last] = EndsOf(graph, begin, end);
  if (first == last) return fmt::format("'{}'", graph.op(first).name);
  return fmt::format("the ops from '{}' to '{}'", graph.op(first).name, graph.op(last).name);
}

bool MayRun(const OpDevices& placement, OpId begin, OpId end, int device) {
  for (OpId op = begin; op < end && !placement.empty(); ++op) {
    if (placement[op] != kNone && placement[op] != device) return false;
  }
  return true;
}

// The unit that no device runs, with every device's reason; empty where each unit runs somewhere.
std::string UnitNobodyRuns(const Graph& graph, CostSource& costs, const PlanQuery& query, const OpDevices& placement,
                           const std::vector<OpId>& positions) {
  for (size_t i = 0; i + 1 < positions.size(); ++i) {
    std::vector<std::string> reasons;
    size_t refusing = 0;
    for (int device = 0; device < static_cast<int>(costs.devices().size()); ++device) {
      const PlanDevice& plan_device = costs.devices()[device];
      const RangeCost cost = costs.Cost(device, positions[i], positions[i + 1], query.batch);
      const bool too_big = plan_device.memory_bytes > 0 && cost.memory_bytes > plan_device.memory_bytes;
      const bool elsewhere = !MayRun(placement, positions[i], positions[i + 1], device);
      if (!elsewhere && cost.refused.empty() && !too_big) break;
      ++refusing;
      if (plan_device.alike >= 0) continue;  // the reason is that of the first
      std::string reason = elsewhere ? "ops of the unit are placed elsewhere" : cost.refused;
      if (reason.empty())
        reason = fmt::format("{} of memory, {} needed", FormatBytes(plan_device.memory_bytes),
                             FormatBytes(cost.memory_bytes));
      reasons.push_back(plan_device.name + ": " + reason);
    }
    if (refusing < costs.devices().size()) continue;
    return fmt::format("no device runs {}: {}", OpsOf(graph, positions[i], positions[i + 1]), Join(reasons, "; "));
  }
  return "";
}

}  // namespace

std::string FormatSeconds(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.4g} µs", 1e6 * seconds);
  return seconds < 1 ? fmt::format("{:.4g} ms", 1e3 * seconds) : fmt::format("{:.4g} s", seconds);
}

std::string FormatValue(const Prediction& prediction, Objective objective) {
  switch (objective) {
    case Objective::kLatency:
      return FormatSeconds(prediction.latency_s);
    case Objective::kThroughput:
      return fmt::format("{:.4g}/s", prediction.samples_per_s);
    case Objective::kEnergy:
      break;
  }
  return fmt::format("{:.4g} J", prediction.joules_per_sample);
}

std::string ReasonOf(const RankedPlan& ranked, const RankedPlan* best_single, Objective objective) {
  const std::string value = FormatValue(ranked.evaluation.prediction, objective);
  if (best_single == nullptr)
    return fmt::format("{}; no single target can do it: {}", value, Account(ranked, objective));
  if (best_single == &ranked) return fmt::format("the best single target: {}", value);
  const std::string single = Name(*best_single);
  const double gain = ranked.plan.predicted.gain_over_best_single;
  if (ranked.plan.strategy == Strategy::kSingle) return fmt::format("{:.3g}x {} alone", gain, single);
  if (gain > kLeastGain) return fmt::format("{:.3g}x {} alone: {}", gain, single, Account(ranked, objective));
  const std::string verdict = gain > 1
                                  ? fmt::format("no more than {:.3g}x {} alone", gain, single)
                                  : fmt::format("{} than {} alone ({:.3g}x)",
                                                objective == Objective::kEnergy ? "thirstier" : "slower", single, gain);
  return fmt::format("{}: {}", verdict, Burden(ranked, objective));
}

std::string WhyInfeasible(const Graph& graph, CostSource& costs, const PlanQuery& query, const OpDevices& placement,
                          const std::vector<OpId>& positions, const std::vector<RefusedPlan>& refused) {
  const std::string nobody = UnitNobodyRuns(graph, costs, query, placement, positions);
  if (!nobody.empty()) return nobody + ". Add a device that runs it (-d, --platform)";
  std::vector<std::string> reasons;
  for (const RefusedPlan& plan : refused) reasons.push_back(plan.name + ": " + plan.reason);
  const bool bounded = query.max_latency_s < kInfinite || query.max_watts < kInfinite || query.max_stages > 0;
  std::string way_out = bounded ? "Loosen the bounds" : "Allow more devices (-d)";
  if (!query.placings.empty())
    way_out += "; each device runs at most one stage, so ops that --place puts on it must follow one another";
  return fmt::format("no plan is possible: {}. {}", Join(reasons, "; "), way_out);
}

}  // namespace consort
