#include "cli/report_plan.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "bench/environment.h"
#include "cli/bench_plan_report.h"
#include "cli/plan_rules.h"
#include "cli/report_parts.h"
#include "cli/report_plan_parts.h"
#include "plan/drawing.h"
#include "plan/reasons.h"

namespace consort {
namespace {

using report::Cell;

constexpr double kMs = 1e3;
constexpr int kDrawnCalls = 32;

std::string NameOfPlan(const Plan& plan) { return fmt::format("{}: {}", ToString(plan.strategy), DevicesOf(plan)); }

// What predictions rest on.
std::string Basis(const PlanReport& planned) {
  const std::string word = WordFor(planned.targets, Provenance::kModelled);
  if (planned.targets.empty() || word == ToString(Provenance::kModelled)) return "modelled";
  return word == ToString(Provenance::kMeasured) ? "predicted from measured units of the model"
                                                 : "predicted from measured units of the model and by cost models";
}

std::string Verdict(const PlanReport& planned) {
  const Plan& best = planned.best();
  std::string text = fmt::format("{} on {}: ", ToString(best.strategy), DevicesOf(best));
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  if (best.measured) {
    return text + fmt::format("{} a {}, {:.3g} times the best single device [{:.3g}, {:.3g}], {}.",
                              FormatSeconds(best.measured->call_s), best.batch == 1 ? "sample" : "call",
                              best.measured->gain, best.measured->gain_low, best.measured->gain_high, planned.word());
  }
  text += fmt::format("{:.4g} samples per second at a latency of {}", best.predicted.samples_per_s,
                      FormatSeconds(best.predicted.latency_s));
  if (best.strategy != Strategy::kSingle && best.predicted.gain_over_best_single > 0)
    text += fmt::format(", {:.3g} times the best single device", best.predicted.gain_over_best_single);
  return text + fmt::format("; {}, for {}.", Basis(planned), ToString(best.objective));
}

report::Table RankedTable(const PlanReport& planned) {
  report::Table table{.id = "ranked", .caption = "Every plan that was thought of and can be, best first."};
  table.columns = {{.title = "rank"},
                   {.title = "strategy", .filters = true, .is_key = true},
                   {.title = "devices", .is_key = true},
                   {.title = "latency", .unit = "ms"},
                   {.title = "throughput", .unit = "samples/s"},
                   {.title = "energy", .unit = "J/sample"},
                   {.title = "gain over the best single"},
                   {.title = "optimum of its strategy"},
                   {.title = "why it ranks there"}};
  for (size_t i = 0; i < planned.list.plans.size(); ++i) {
    const RankedPlan& ranked = planned.list.plans[i];
    const Prediction& predicted = ranked.plan.predicted;
    const std::string exact = ranked.exact ? "yes" : ranked.note.empty() ? "no" : "no: " + ranked.note;
    table.rows.push_back(
        {{static_cast<double>(i + 1), std::string(ToString(ranked.plan.strategy)), DevicesOf(ranked.plan),
          Known(predicted.latency_s, kMs), Known(predicted.samples_per_s), Known(predicted.joules_per_sample),
          Known(predicted.gain_over_best_single), exact, ranked.plan.reason},
         kPredicted});
  }
  return table;
}

// One bar per ranked plan of what `value` gives of its prediction.
template <typename Value>
report::Chart PlansChart(const PlanReport& planned, const std::string& id, const std::string& caption,
                         report::Axis axis, const Value& value) {
  report::Chart chart{.id = id, .caption = caption, .mark = report::Mark::kBars};
  std::vector<std::string> names;
  std::vector<double> values;
  for (const RankedPlan& ranked : planned.list.plans) {
    names.push_back(NameOfPlan(ranked.plan));
    const double known = value(ranked.plan.predicted);
    values.push_back(known > 0 ? known : report::kNothing);
  }
  chart.x = CategoryAxis("", names);
  chart.y = std::move(axis);
  if (report::Series series = BarSeries(chart.y.title, kPredicted, values); !series.x.empty())
    chart.series.push_back(std::move(series));
  return chart;
}

report::Section PlansSection(const PlanReport& planned) {
  report::Section section{.id = "plans", .title = "The plans side by side"};
  if (!planned.targets.empty())
    section.blocks.push_back(
        report::Paragraph{fmt::format("What follows is {}; plans that were run stand further below.", Basis(planned))});
  section.blocks.push_back(PlansChart(planned, "throughputs", "Samples per second of every plan, in steady state.",
                                      NumberAxis("throughput", "samples/s"),
                                      [](const Prediction& predicted) { return predicted.samples_per_s; }));
  section.blocks.push_back(
      PlansChart(planned, "plan-latencies", "Latency of one sample through every plan, nothing else under way.",
                 NumberAxis("latency", "ms"), [](const Prediction& predicted) { return kMs * predicted.latency_s; }));
  report::Chart energy =
      PlansChart(planned, "energies", "Energy of a sample: active power of the devices while they are busy with it.",
                 NumberAxis("energy", "J"), [](const Prediction& predicted) { return predicted.joules_per_sample; });
  if (!energy.series.empty()) section.blocks.push_back(std::move(energy));
  section.blocks.push_back(RankedTable(planned));
  if (planned.list.refused.empty()) return section;
  report::Table refused{.id = "refused",
                        .caption = "Plans that cannot be.",
                        .columns = {{.title = "plan", .is_key = true}, {.title = "why"}}};
  for (const RefusedPlan& plan : planned.list.refused) refused.rows.push_back({{plan.name, plan.reason}});
  section.blocks.push_back(std::move(refused));
  return section;
}

// Plans that were run: as predicted and as they were.
report::Section RunsSection(const PlanReport& planned) {
  report::Table table{.id = "runs",
                      .caption =
                          "Plans that were run side by side, by turns of planning and running: predicted and as run; "
                          "time over the best "
                          "single target's with its 95 % interval."};
  table.columns = {{.title = "turn", .filters = true, .is_key = true},
                   {.title = "plan", .is_key = true},
                   {.title = "predicted", .unit = "ms"},
                   {.title = "as run", .unit = "ms"},
                   {.title = "as run over predicted"},
                   {.title = "ratio to the best single"},
                   {.title = "low"},
                   {.title = "high"}};
  report::Chart chart{.id = "predicted-measured",
                      .caption = "Predicted against as run, in the order of running.",
                      .mark = report::Mark::kBars};
  std::vector<std::string> names;
  std::vector<double> predicted, ran;
  std::vector<report::Origin> origins;
  for (const TunedPlan& run : planned.runs) {
    const double before_ms = kMs * SecondsPerCall(run.plan), after_ms = ToMs(run.measured.median_ns.estimate);
    const report::Origin kind = OriginOfWord(WordFor(TargetsOf(run.plan), Provenance::kEmulated));
    origins.push_back(kind);
    const Interval& ratio = run.measured.ratio;
    table.rows.push_back({{static_cast<double>(run.turn), NameOfPlan(run.plan), Known(before_ms), Known(after_ms),
                           before_ms > 0 ? Cell(after_ms / before_ms) : Cell(), ratio.estimate, ratio.low, ratio.high},
                          kind});
    names.push_back(fmt::format("{}: {}", run.turn, DevicesOf(run.plan)));
    predicted.push_back(before_ms);
    ran.push_back(after_ms);
  }
  chart.x = CategoryAxis("", names);
  chart.y = NumberAxis(planned.best().objective == Objective::kLatency ? "latency" : "time between results", "ms");
  chart.series = {BarSeries("predicted", kPredicted, predicted)};
  AddBarsByOrigin("as run", origins, ran, chart);
  return {"runs-section", "Predicted, and as it ran", {std::move(chart), std::move(table)}};
}

std::optional<report::Section> AccuracySection(const PlanReport& planned) {
  report::Section section{.id = "accuracy", .title = "Accuracy"};
  if (planned.accuracy) section.blocks.push_back(report::Paragraph{DescribeAccuracy(*planned.accuracy)});
  if (planned.accuracy && !planned.accuracy->stages.empty())
    section.blocks.push_back(StageAccuracyTable(*planned.accuracy));
  for (const std::string& target : planned.left_out)
    section.blocks.push_back(report::Paragraph{"Left out, because its numbers miss the bounds: " + target});
  if (section.blocks.empty()) return std::nullopt;
  return section;
}

}  // namespace

report::Document PlanDocument(const PlanReport& planned) {
  const Plan& best = planned.best();
  const std::vector<ResourceUse>& uses = planned.list.best().evaluation.uses;
  const std::string where = planned.targets.empty() ? planned.platform : "this machine's targets";
  report::Document document =
      StartDocument(fmt::format("A plan for {} on {}", planned.model, where), ReadEnvironment());
  if (!planned.platform.empty())
    document.environment.emplace_back("platform", fmt::format("{}: {}", planned.platform, planned.platform_summary));
  document.environment.emplace_back("batch, objective", fmt::format("{}, {}", planned.batch, ToString(best.objective)));
  document.verdict = Verdict(planned);
  document.sections.push_back(PlanSection(best, planned.graph, uses));
  document.sections.push_back(PlansSection(planned));
  if (!planned.runs.empty()) document.sections.push_back(RunsSection(planned));
  if (auto line = PredictedLine(best, kDrawnCalls))
    document.sections.push_back({"time", "What devices do when", {std::move(*line)}});
  if (auto busy = BusySection(uses)) document.sections.push_back(std::move(*busy));
  if (auto accuracy = AccuracySection(planned)) document.sections.push_back(std::move(*accuracy));
  document.sections.push_back(OperatorSection(best, planned.graph));
  return document;
}

}  // namespace consort
