#include "cli/bench_plan_report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "bench/bench.h"
#include "cli/bench_cells.h"
#include "cli/bench_report.h"
#include "cli/emulation_report.h"
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
constexpr int kIndent = 12;
constexpr size_t kTargetWidth = 24;

std::string Line(const std::string& title, const std::string& text) {
  return fmt::format("{:{}}{}\n", title, kIndent, WrapText(text, kWidth - kIndent, kIndent));
}

// Why a summary has no figure; "" where it has one.
std::string WhyNoFigure(const PlanBenchReport& report, const MeterSummary& summary) {
  if (!report.overrun().empty()) return "overrun";
  if (summary.clean_blocks == 0) return "not measured";
  return summary.unstable.empty() ? "" : "unstable";
}

// "12.3 ms ±1.2 %", or why there is no figure.
std::string Figure(const PlanBenchReport& report, const MeterSummary& summary) {
  const std::string why = WhyNoFigure(report, summary);
  if (!why.empty()) return why;
  return fmt::format("{} {}", FormatTime(summary.median_ns.estimate), FormatSpread(summary.median_ns));
}

std::string PerSecond(const PlanBenchReport& report) {
  const MeterSummary& summary = report.throughput;
  const std::string why = WhyNoFigure(report, summary);
  if (!why.empty()) return why;
  return fmt::format("{} /s {}", FormatRate(summary.throughput.estimate), FormatSpread(summary.throughput));
}

std::string Percentiles(const MeterSummary& summary, const std::vector<double>& percentiles) {
  std::string text;
  for (const double percent : percentiles) {
    if (!HasPercentile(summary.latencies, percent)) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", FormatPercentile(percent),
                        FormatTime(summary.latencies.PercentileNs(percent)));
  }
  return text;
}

std::string StagesTable(const PlanBenchReport& report) {
  Table table({{"stage"},
               {"target"},
               {"calls", Align::kRight},
               {"a call", Align::kRight},
               {"predicted", Align::kRight},
               {""}});
  for (size_t stage = 0; stage < report.plan.stages.size(); ++stage) {
    for (size_t i = 0; i < report.plan.stages[stage].replicas.size(); ++i) {
      const Replica& replica = report.plan.stages[stage].replicas[i];
      const ReplicaReport& ran = report.session.stages.at(stage).at(i);
      const std::optional<double> call_s = CallSeconds(report, replica, ran);
      const bool both = call_s && replica.run_s() > 0;
      table.AddRow({i == 0 ? std::to_string(stage) : "", Shorten(NameOf(replica), kTargetWidth),
                    std::to_string(ran.calls), call_s ? FormatSeconds(*call_s) : "-",
                    replica.call_s > 0 ? FormatSeconds(replica.run_s()) : "-",
                    both ? fmt::format("{:+.0f} %", 100 * (*call_s / replica.run_s() - 1)) : ""});
    }
  }
  return table.ToString();
}

Json IntervalJson(const Interval& interval, double scale) {
  return {{"estimate", interval.estimate * scale}, {"low", interval.low * scale}, {"high", interval.high * scale}};
}

// Without percentiles where the times are means.
Json SummaryJson(const PlanBenchReport& report, const MeterSummary& summary, const std::vector<double>& percentiles) {
  const bool known = summary.clean_blocks > 0 && report.overrun().empty();
  Json json = {{"median_ms", known ? IntervalJson(summary.median_ns, 1e-6) : Json(nullptr)}};
  for (const double percent : percentiles) {
    if (known && HasPercentile(summary.latencies, percent))
      json["percentiles_ms"][FormatPercentile(percent)] = summary.latencies.PercentileNs(percent) / 1e6;
  }
  json["calls"] = summary.queries;
  json["discarded_share"] = summary.discarded_share();
  json["unstable"] = summary.unstable.empty() ? Json(nullptr) : Json(summary.unstable);
  return json;
}

Json StagesJson(const PlanBenchReport& report) {
  Json stages = Json::array();
  for (size_t stage = 0; stage < report.plan.stages.size(); ++stage) {
    Json replicas = Json::array();
    for (size_t i = 0; i < report.plan.stages[stage].replicas.size(); ++i) {
      const Replica& replica = report.plan.stages[stage].replicas[i];
      const ReplicaReport& ran = report.session.stages.at(stage).at(i);
      const std::optional<double> call_s = CallSeconds(report, replica, ran);
      replicas.push_back({{"target", replica.target.ToString()},
                          {"threads", replica.threads},
                          {"calls", ran.calls},
                          {"call_ms", call_s ? Json(1e3 * *call_s) : Json(nullptr)},
                          {"predicted_ms", 1e3 * replica.run_s()},
                          {"predicted_convert_ms", 1e3 * replica.convert_s()}});
    }
    stages.push_back(std::move(replicas));
  }
  return stages;
}

}  // namespace

std::optional<double> CallSeconds(const PlanBenchReport& report, const Replica& replica, const ReplicaReport& ran) {
  const bool late = IsEmulated(replica.target) && !report.overrun().empty();
  if (ran.calls == 0 || late) return std::nullopt;
  return ran.mean_call_s();
}

std::string PlanBenchReport::overrun() const { return OverrunOf(emulation); }

std::string PlanBenchReport::word() const { return WordFor(TargetsOf(plan), Provenance::kEmulated); }

std::string DescribeAccuracy(const PlanAccuracy& accuracy) {
  if (!accuracy.whole) return accuracy.problem;
  const Accuracy& whole = *accuracy.whole;
  return fmt::format("cosine {:.6f}, error {:.1e}, SQNR {}{}; {} sets of inputs against {}", whole.cosine, whole.error,
                     std::isfinite(whole.sqnr_db) ? fmt::format("{:.0f} dB", whole.sqnr_db) : "infinite",
                     whole.top1 ? fmt::format(", top-1 {:.0f} %", 100 * *whole.top1) : "", accuracy.inputs,
                     accuracy.reference);
}

Json PlanAccuracyJson(const std::optional<PlanAccuracy>& accuracy) {
  if (!accuracy) return nullptr;
  Json json = {{"reference", accuracy->reference}, {"inputs", accuracy->inputs}};
  if (accuracy->whole) {
    json["cosine"] = accuracy->whole->cosine;
    json["max_rel_error"] = accuracy->whole->error;
    json["sqnr_db"] = std::isfinite(accuracy->whole->sqnr_db) ? Json(accuracy->whole->sqnr_db) : Json(nullptr);
    json["top1"] = accuracy->whole->top1 ? Json(*accuracy->whole->top1) : Json(nullptr);
  } else {
    json["problem"] = accuracy->problem;
  }
  json["misses"] = accuracy->misses;
  json["first_bad_stage"] = accuracy->first_bad_stage;
  return json;
}

std::string PlanBenchTables(const PlanBenchReport& report, const std::vector<double>& percentiles) {
  const Plan& plan = report.plan;
  const std::string what = fmt::format("{}, batch {}: {}", report.model.name(), plan.batch, report.name);
  const bool fits = report.word().size() < kIndent;
  std::string text = fits ? Line(report.word(), what) : report.word() + "\n" + Line("", what);
  const auto predicted = [](double value, const std::string& figure) {
    return value > 0 ? "; predicted " + figure : "";
  };
  text += Line("latency", fmt::format("{} for a call, one at a time{}", Figure(report, report.latency),
                                      predicted(plan.predicted.latency_s, FormatSeconds(plan.predicted.latency_s))));
  const std::string spread = Percentiles(report.latency, percentiles);
  if (!spread.empty() && WhyNoFigure(report, report.latency).empty()) text += Line("", spread);
  text += Line("throughput", fmt::format("{}, with every replica busy{}", PerSecond(report),
                                         predicted(plan.predicted.samples_per_s,
                                                   fmt::format("{:.4g} /s", plan.predicted.samples_per_s))));
  const std::optional<double>& joules = report.energy.joules_per_inference;
  text += Line("energy", joules ? fmt::format("{} per sample ({})", FormatJoules(*joules), report.energy.source)
                                : report.energy.source);
  text += "\n" + StagesTable(report) + "\n";
  if (report.accuracy) text += Line("numbers", DescribeAccuracy(*report.accuracy));
  text += Line("noise", fmt::format("{:.0f} % of the time discarded, {} loads",
                                    100 * std::max(report.latency.discarded_share(), report.throughput.discarded_share()),
                                    report.loads));
  text += Line("machine", fmt::format("{}, {} cores, {}, {}", report.environment.processor,
                                      report.environment.logical_cores, report.environment.kernel,
                                      report.environment.date));
  if (!report.blind_spot.empty()) text += Line("not seen", report.blind_spot);
  for (const EmulationReport& emulation : report.emulation) {
    for (const auto& [title, note] : EmulationNotes(emulation)) text += Line(title, note);
  }
  return text;
}

std::string PlanBenchJson(const PlanBenchReport& report, const std::vector<double>& percentiles) {
  const bool known = report.throughput.clean_blocks > 0 && report.overrun().empty();
  Json json = {{"provenance", report.word()},
               {"model", report.model.name()},
               {"fingerprint", report.model.fingerprint()},
               {"name", report.name},
               {"plan", PlanJson(report.plan, report.model.graph())},
               {"latency", SummaryJson(report, report.latency, percentiles)},
               {"between_results", SummaryJson(report, report.throughput, {})},
               {"throughput_per_s", known ? IntervalJson(report.throughput.throughput, 1) : Json(nullptr)},
               {"joules_per_inference",
                report.energy.joules_per_inference ? Json(*report.energy.joules_per_inference) : Json(nullptr)},
               {"energy_source", report.energy.source},
               {"overrun", report.overrun().empty() ? Json(nullptr) : Json(report.overrun())},
               {"stages", StagesJson(report)},
               {"accuracy", PlanAccuracyJson(report.accuracy)},
               {"loads", report.loads},
               {"seed", report.seed},
               {"environment", EnvironmentJson(report.environment)}};
  json["emulation"] = Json::array();
  for (const EmulationReport& emulation : report.emulation) json["emulation"].push_back(EmulationJson(emulation));
  for (const TimeNs load_ns : report.load_ns) json["load_ms"].push_back(static_cast<double>(load_ns) / 1e6);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace consort
