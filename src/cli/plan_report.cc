#include "cli/plan_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/bench_plan_report.h"
#include "cli/help.h"
#include "cli/plan_rules.h"
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

std::string Wrapped(const std::string& text, int indent) { return WrapText(text, kWidth - indent, indent) + "\n"; }

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

// Of the plans that were run, by their targets.
std::string RunWord(const PlanReport& report) {
  std::vector<Target> all;
  for (const TunedPlan& run : report.runs) {
    for (const Target& target : TargetsOf(run.plan)) all.push_back(target);
  }
  return WordFor(all, Provenance::kEmulated);
}

// What was run, as predicted and as it was.
std::string RunsTable(const PlanReport& report) {
  if (report.runs.empty()) return "";
  const bool latency = report.best().objective == Objective::kLatency;
  const std::string word = RunWord(report);
  Table table({{"run"},
               {"strategy"},
               {"devices"},
               {"predicted", Align::kRight},
               {word.find(' ') == std::string::npos ? word : "as run", Align::kRight},
               {"time, best single = 1", Align::kRight}});
  int turn = 0;
  for (const TunedPlan& run : report.runs) {
    const Interval& ratio = run.measured.ratio;
    table.AddRow({run.turn == turn ? "" : std::to_string(run.turn), std::string(ToString(run.plan.strategy)),
                  Shorten(DevicesOf(run.plan), kDevicesWidth - 4), FormatSeconds(SecondsPerCall(run.plan)),
                  FormatSeconds(run.measured.median_ns.estimate / 1e9),
                  fmt::format("{:.3f} [{:.3f}, {:.3f}]", ratio.estimate, ratio.low, ratio.high)});
    turn = run.turn;
  }
  return fmt::format("\nPlans that were run, side by side; {} of {}, {}:\n",
                     latency ? "latency" : "time between results", report.batch == 1 ? "a sample" : "a batch", word) +
         table.ToString();
}

std::string Chosen(const PlanReport& report) {
  const RankedPlan& best = report.list.best();
  const Plan& plan = report.best();
  std::string text = fmt::format("Chosen: {} on {}", ToString(plan.strategy), DevicesOf(plan));
  const bool ruled = !report.chosen && report.list.chosen != 0 && plan.strategy == Strategy::kSingle;
  if (ruled) text += fmt::format(". What ranks higher gains no more than {} over it", kLeastGain);
  if (report.chosen && report.chosen->measured) text += ": " + plan.reason;
  text = Wrapped(text, 2) + "\n" + DrawText(plan, report.graph, best.evaluation.uses);
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

Json RunJson(const TunedPlan& run, const Graph& graph) {
  return {{"turn", run.turn},
          {"plan", PlanJson(run.plan, graph)},
          {"provenance", WordFor(TargetsOf(run.plan), Provenance::kEmulated)},
          {"predicted_ms", kMsPerS * SecondsPerCall(run.plan)},
          {"measured_ms", run.measured.median_ns.estimate / 1e6},
          {"ratio", run.measured.ratio.estimate},
          {"ratio_low", run.measured.ratio.low},
          {"ratio_high", run.measured.ratio.high}};
}

std::vector<std::string> Names(const PlanReport& report) {
  std::vector<std::string> names;
  for (const Target& target : report.targets) names.push_back(target.ToString());
  return names;
}

// What the predictions rest on.
std::string Predicted(const PlanReport& report) {
  const std::string word = WordFor(report.targets, Provenance::kModelled);
  if (word == ToString(Provenance::kMeasured)) return "Predicted, from measured units.";
  return word == ToString(Provenance::kModelled) ? "Predicted, by cost models."
                                                 : "Predicted, from measured units and by cost models.";
}

void AddLocalJson(const PlanReport& report, Json& json) {
  json["targets"] = Names(report);
  json["profiling_ms"] = kMsPerS * report.profiling_s;
  json["unstable"] = report.unstable.empty() ? Json(nullptr) : Json(report.unstable);
  json["choice"] = PlanJson(report.best(), report.graph);
  json["accuracy"] = PlanAccuracyJson(report.accuracy);
  json["left_out"] = report.left_out;
  json["runs"] = Json::array();
  for (const TunedPlan& run : report.runs) json["runs"].push_back(RunJson(run, report.graph));
}

}  // namespace

std::string PlanReport::word() const {
  if (targets.empty()) return std::string(ToString(Provenance::kModelled));
  return WordFor(targets, runs.empty() ? Provenance::kModelled : Provenance::kEmulated);
}

std::string PlanTables(const PlanReport& report) {
  const Plan& best = report.best();
  const bool local = !report.targets.empty();
  std::string text = Wrapped(
      fmt::format("{}  {}, batch {}, for {}", report.word(), report.model, report.batch, ToString(best.objective)), 10);
  if (local) {
    text += Wrapped(fmt::format("targets   {}", Join(Names(report))), 10);
    text += Wrapped(fmt::format("profiled  in {}", FormatSeconds(report.profiling_s)), 10);
  } else {
    text += Wrapped(fmt::format("platform  {}: {}", report.platform, report.platform_summary), 10);
  }
  text += Wrapped(fmt::format("planned   in {}{}, {} cut positions, {} units", FormatSeconds(report.planning_s),
                              report.runs.empty() ? "" : ", runs of plans included", report.list.cut_positions,
                              report.list.units),
                  10);
  text += local ? "\n" + Wrapped(Predicted(report) + " Gain: over the best single one.", 0)
                : "\nEvery figure is modelled; nothing was measured. Gain: over the best single one.\n";
  text += RankedTable(report) + "\n" + Reasons(report) + RunsTable(report) + "\n" + Chosen(report);
  for (const std::string& target : report.left_out) text += Wrapped("left out  " + target, 10);
  if (report.accuracy) text += Wrapped("numbers   " + DescribeAccuracy(*report.accuracy), 10);
  for (const std::string& file : report.written) text += fmt::format("wrote {}\n", file);
  return text;
}

std::string PlanReportJson(const PlanReport& report) {
  const PlanList& list = report.list;
  const Plan& best = report.best();
  Json json = {
      {"provenance", report.word()},
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
  if (!report.targets.empty()) AddLocalJson(report, json);
  for (const RankedPlan& ranked : list.plans) json["plans"].push_back(RankedJson(report, ranked));
  for (const RefusedPlan& refused : list.refused)
    json["refused"].push_back({{"plan", refused.name}, {"reason", refused.reason}});
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace consort
