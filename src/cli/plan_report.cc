#include "cli/plan_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/help.h"
#include "cli/table.h"
#include "plan/drawing.h"
#include "plan/plan_json.h"
#include "plan/reasons.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kWidth = 80;
constexpr size_t kDevicesWidth = 26;
constexpr double kMsPerS = 1e3;

std::string Dash(double value, const std::string& text) { return value > 0 ? text : "-"; }

// "xeon-2.2ghz + coral-usb3 > gtx1650".
std::string DevicesOf(const Plan& plan) {
  std::string text;
  for (const Stage& stage : plan.stages) {
    text += text.empty() ? "" : " > ";
    for (size_t i = 0; i < stage.replicas.size(); ++i) text += (i == 0 ? "" : " + ") + NameOf(stage.replicas[i].target);
  }
  return text;
}

std::string RankedTable(const PlanReport& report) {
  Table table({{""},
               {"strategy"},
               {"devices"},
               {"latency", Align::kRight},
               {"per second", Align::kRight},
               {"J each", Align::kRight},
               {"gain", Align::kRight}});
  for (size_t i = 0; i < report.list.plans.size(); ++i) {
    const Plan& plan = report.list.plans[i].plan;
    const Prediction& predicted = plan.predicted;
    table.AddRow({fmt::format("{}{}", static_cast<int>(i) == report.list.chosen ? "*" : " ", i + 1),
                  std::string(ToString(plan.strategy)), Shorten(DevicesOf(plan), kDevicesWidth),
                  FormatSeconds(predicted.latency_s), fmt::format("{:.4g}", predicted.samples_per_s),
                  Dash(predicted.joules_per_sample, fmt::format("{:.3g}", predicted.joules_per_sample)),
                  Dash(predicted.gain_over_best_single, fmt::format("{:.3g}x", predicted.gain_over_best_single))});
  }
  return table.ToString();
}

std::string Wrapped(const std::string& text, int indent) { return WrapText(text, kWidth, indent) + "\n"; }

std::string Reasons(const PlanReport& report) {
  std::string text;
  for (size_t i = 0; i < report.list.plans.size(); ++i) {
    const RankedPlan& ranked = report.list.plans[i];
    text += Wrapped(
        fmt::format("{:>2}  {}{}", i + 1, ranked.plan.reason, ranked.note.empty() ? "" : " (" + ranked.note + ")"), 4);
  }
  for (const RefusedPlan& refused : report.list.refused)
    text += Wrapped(fmt::format(" -  {}: {}", refused.name, refused.reason), 4);
  return text;
}

std::string Chosen(const PlanReport& report) {
  const RankedPlan& best = report.list.best();
  std::string text = fmt::format("Chosen: {} on {}", ToString(best.plan.strategy), DevicesOf(best.plan));
  const bool ruled = report.list.chosen != 0 && best.plan.strategy == Strategy::kSingle;
  if (ruled) text += fmt::format(". What ranks higher gains no more than {} over it", kLeastGain);
  text = Wrapped(text, 2) + "\n" + DrawText(best.plan, report.graph, best.evaluation.uses);
  if (best.evaluation.idle_joules_per_sample > 0 && best.plan.predicted.joules_per_sample > 0) {
    text += Wrapped(fmt::format("Energy counts active power while devices are busy; what they draw while they wait for "
                                "one another, {:.3g} J "
                                "per sample, is not in it.",
                                best.evaluation.idle_joules_per_sample),
                    0);
  }
  return text;
}

Json UsesJson(const std::vector<ResourceUse>& uses) {
  Json json = Json::array();
  for (const ResourceUse& use : uses) json.push_back({{"resource", use.name}, {"busy_ms", kMsPerS * use.busy_s}});
  return json;
}

Json RankedJson(const PlanReport& report, const RankedPlan& ranked) {
  Json json = PlanJson(ranked.plan, report.graph);
  json["exact"] = ranked.exact;
  json["note"] = ranked.note;
  json["watts"] = ranked.evaluation.watts;
  json["idle_joules_per_sample"] = ranked.evaluation.idle_joules_per_sample;
  json["busy"] = UsesJson(ranked.evaluation.uses);
  return json;
}

}  // namespace

std::string PlanTables(const PlanReport& report) {
  const RankedPlan& best = report.list.best();
  const std::string provenance(ToString(best.plan.stages.front().replicas.front().provenance));
  std::string text = Wrapped(
      fmt::format("{}  {}, batch {}, for {}", provenance, report.model, report.batch, ToString(best.plan.objective)),
      10);
  text += Wrapped(fmt::format("platform  {}: {}", report.platform, report.platform_summary), 10);
  text += Wrapped(fmt::format("planned   in {}, {} cut positions, {} units", FormatSeconds(report.planning_s),
                              report.list.cut_positions, report.list.units),
                  10);
  text += fmt::format("\nEvery figure is {}; nothing was measured. Gain: over the best single one.\n", provenance);
  text += RankedTable(report) + "\n" + Reasons(report) + "\n" + Chosen(report);
  for (const std::string& file : report.written) text += fmt::format("wrote {}\n", file);
  return text;
}

std::string PlanReportJson(const PlanReport& report) {
  const PlanList& list = report.list;
  const Plan& best = list.best().plan;
  Json json = {
      {"provenance", ToString(best.stages.front().replicas.front().provenance)},
      {"model", report.model},
      {"platform", report.platform},
      {"objective", ToString(best.objective)},
      {"batch", report.batch},
      {"cut_positions", list.cut_positions},
      {"units", list.units},
      {"planning_ms", kMsPerS * report.planning_s},
      {"gain_over_best_single", list.best_single < 0 ? Json(nullptr) : Json(best.predicted.gain_over_best_single)},
      {"chosen", list.chosen},
      {"best_single", list.best_single < 0 ? Json(nullptr) : Json(list.best_single)},
      {"plans", Json::array()},
      {"refused", Json::array()}};
  for (const RankedPlan& ranked : list.plans) json["plans"].push_back(RankedJson(report, ranked));
  for (const RefusedPlan& refused : list.refused)
    json["refused"].push_back({{"plan", refused.name}, {"reason", refused.reason}});
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace consort
