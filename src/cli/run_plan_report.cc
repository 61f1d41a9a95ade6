#include "cli/run_plan_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/strings.h"
#include "cli/bench_cells.h"
#include "cli/bench_report.h"
#include "cli/help.h"
#include "cli/run_parts.h"
#include "cli/run_plan_json.h"
#include "cli/table.h"
#include "plan/drawing.h"

namespace consort {
namespace {

constexpr int kWidth = 80;
constexpr int kIndent = 11;
constexpr size_t kTargetWidth = 24;
constexpr size_t kFileWidth = 36;
constexpr size_t kMostNumbers = 12;
constexpr size_t kMostTakeovers = 6;

// "title      text", wrapped.
std::string Entry(const std::string& title, const std::string& text) {
  return fmt::format("{:<11}{}\n", title, WrapText(text, kWidth - kIndent, kIndent));
}

std::string Plural(int64_t count, const std::string& what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string Milliseconds(TimeNs time_ns) { return FormatTime(static_cast<double>(time_ns)); }

// --- Numbers ---------------------------------------------------------------------------------------------------------

std::string FiguresOf(const Accuracy& accuracy) {
  std::string text = fmt::format("cosine {:.9g}, error {:.3g}, SQNR ", accuracy.cosine, accuracy.error);
  text += std::isinf(accuracy.sqnr_db) ? "infinite" : fmt::format("{:.1f} dB", accuracy.sqnr_db);
  if (accuracy.top1) text += fmt::format(", top-1 {:.4g} %", 100 * *accuracy.top1);
  return text;
}

std::string BoundsText(const AccuracyBounds& bounds) {
  std::vector<std::string> texts;
  if (bounds.min_cosine) texts.push_back(fmt::format("cosine at least {:g}", *bounds.min_cosine));
  if (bounds.max_error) texts.push_back(fmt::format("error at most {:g}", *bounds.max_error));
  return Join(texts);
}

std::string StageAccuracyTable(const PlanAccuracy& accuracy) {
  Table table({{"stage", Align::kRight},
               {"target"},
               {"cosine alone", Align::kRight},
               {"error alone", Align::kRight},
               {"error so far", Align::kRight}});
  for (const StageAccuracy& stage : accuracy.stages) {
    table.AddRow({fmt::format("{}{}", stage.stage == accuracy.first_bad_stage ? "*" : "", stage.stage),
                  Shorten(stage.target, kTargetWidth),
                  stage.alone ? fmt::format("{:.7g}", stage.alone->cosine) : "no numbers",
                  stage.alone ? fmt::format("{:.3g}", stage.alone->error) : "-",
                  stage.chained ? fmt::format("{:.3g}", stage.chained->error) : "-"});
  }
  return table.ToString();
}

std::string AccuracyText(const PlanRunReport& report) {
  if (!report.accuracy) return Entry("accuracy", "not compared (--reference none)");
  const PlanAccuracy& accuracy = *report.accuracy;
  const std::string against =
      fmt::format("{}, {}{}", accuracy.reference, accuracy.inputs, accuracy.inputs == 1 ? " input" : " inputs");
  std::string text;
  if (accuracy.whole) {
    text = Entry("accuracy", fmt::format("{} against {}; wanted: {}", FiguresOf(*accuracy.whole), against,
                                        BoundsText(report.bounds)));
  } else {
    text = Entry("accuracy", fmt::format("not compared: {}", accuracy.problem));
  }
  for (const std::string& miss : accuracy.misses) text += Entry("MISSED", miss);
  if (!accuracy.blame.empty() && (accuracy.misses.empty() || accuracy.blame != accuracy.misses.front()))
    text += Entry("because", accuracy.blame);
  const bool detailed = !accuracy.misses.empty() || accuracy.stages.size() > 1;
  if (detailed && accuracy.inputs > 0) text += "\n" + StageAccuracyTable(accuracy) + "\n";
  return text;
}

// --- The run ---------------------------------------------------------------------------------------------------------

std::string RanText(const PlanRunReport& report) {
  const FlowResult& flow = report.flow;
  std::string text = fmt::format("{}{}, {} at a time, in {}{}", Plural(flow.started, "call"),
                                 report.plan.batch > 1 ? fmt::format(" of {} samples", report.plan.batch) : "",
                                 report.in_flight, Milliseconds(flow.wall_ns),
                                 report.virtual_clock ? " of virtual time" : "");
  if (flow.failed > 0) text += fmt::format("; {} FAILED", flow.failed);
  if (flow.given_up > 0) text += fmt::format("; {} not started, because nobody was left to run them", flow.given_up);
  return Entry("ran", text);
}

std::string RateText(const PlanRunReport& report) {
  std::string text;
  if (const auto rate = report.rate()) text += FormatRate(*rate) + " samples per second";
  if (const auto steady = report.steady_rate()) text += fmt::format(", {} while it was full", FormatRate(*steady));
  if (text.empty()) return "";
  const std::string why = report.why_no_time();
  text += why.empty() ? fmt::format("; {}", ToString(report.provenance())) : fmt::format("; {}", why);
  if (report.plan.predicted.samples_per_s > 0) {
    text += fmt::format(". The plan's: {}, {}", FormatRate(report.plan.predicted.samples_per_s),
                        ToString(report.plan.stages.front().replicas.front().provenance));
  }
  return Entry("rate", text);
}

std::string EnergyText(const PlanRunReport& report) {
  const EnergyFigure& energy = report.energy;
  if (!energy.joules_per_inference) return Entry("energy", energy.source);
  return Entry("energy", fmt::format("{} per sample ({})", FormatJoules(*energy.joules_per_inference), energy.source));
}

std::string PlannedText(const ReplicaRun& replica) {
  return replica.planned.call_s > 0 ? FormatTime(1e9 * replica.planned.run_s()) : "-";
}

std::string RatioText(const ReplicaRun& replica) {
  if (!replica.call_s || replica.planned.run_s() <= 0 || replica.overruns > 0) return "-";
  return fmt::format("{:.2f}x", *replica.call_s / replica.planned.run_s());
}

std::string StagesTable(const PlanRunReport& report) {
  Table table({{"stage", Align::kRight},
               {"target"},
               {"calls", Align::kRight},
               {"busy", Align::kRight},
               {"call", Align::kRight},
               {""},
               {"planned", Align::kRight},
               {"ratio", Align::kRight}});
  for (size_t stage = 0; stage < report.stages.size(); ++stage) {
    for (const ReplicaRun& replica : report.stages[stage].replicas) {
      const std::string word = replica.overruns > 0 ? "overrun" : std::string(ToString(replica.provenance));
      const bool ran = replica.session.calls > 0;
      table.AddRow({std::to_string(stage),
                    Shorten((replica.spare ? "+ " : "") + NameOf(replica.planned.target), kTargetWidth),
                    std::to_string(replica.session.calls),
                    ran && replica.call_s ? fmt::format("{:.0f} %", 100 * std::min(1.0, replica.busy)) : "-",
                    replica.call_s ? FormatTime(1e9 * *replica.call_s) : "-", ran && replica.call_s ? word : "",
                    PlannedText(replica), RatioText(replica)});
    }
  }
  return table.ToString();
}

// What "planned" and "+" mean.
std::string StagesNotes(const PlanRunReport& report) {
  std::set<std::string> words;
  bool spares = false;
  for (const StageRun& stage : report.stages) {
    for (const ReplicaRun& replica : stage.replicas) {
      spares = spares || replica.spare;
      if (!replica.spare && replica.planned.call_s > 0) words.insert(std::string(ToString(replica.planned.provenance)));
    }
  }
  std::string text = fmt::format("Calls: the {} of each replica{}.", report.replanned ? "mean" : "median",
                                 report.has_changed_plans() ? " of the plan that ran last" : "");
  if (!words.empty()) text += fmt::format(" Planned: {}.", Join({words.begin(), words.end()}));
  if (spares) text += " +: a spare.";
  return WrapText(text, kWidth, 0) + "\n";
}

std::string NumberList(const std::vector<uint64_t>& numbers) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < std::min(numbers.size(), kMostNumbers); ++i) texts.push_back(std::to_string(numbers[i]));
  if (numbers.size() > kMostNumbers) texts.push_back(fmt::format("… ({} in all)", numbers.size()));
  return Join(texts);
}

bool IsDistrusted(const SessionReport& session, const LossReport& loss) {
  const std::vector<ReplicaReport>& stage = session.stages.at(static_cast<size_t>(loss.stage));
  return std::any_of(stage.begin(), stage.end(), [&loss](const ReplicaReport& replica) {
    return replica.name == loss.replica && replica.state == ReplicaState::kDistrusted;
  });
}

// Each message once, with the first call that it is of.
std::string FailuresText(const std::vector<FlowFailure>& failures) {
  std::set<std::string> said;
  std::string text;
  for (const FlowFailure& failure : failures) {
    if (said.insert(failure.message).second)
      text += Entry("FAILED", fmt::format("call {}: {}", failure.call, failure.message));
  }
  return text;
}

std::string TakeoverText(const PlanRunReport& report, const Takeover& takeover) {
  const std::string first = takeover.first_result_ns < 0
                                ? "no result came from it"
                                : "its first result came after " + Milliseconds(takeover.first_result_ns);
  return fmt::format("{} after {}; a plan {} took over within {}, {}", takeover.why,
                     Milliseconds(takeover.at_ns - report.begin_ns),
                     takeover.prepared ? "prepared beforehand" : "made then", Milliseconds(takeover.taken_over_ns),
                     first);
}

// The first few takeovers, and what ran last.
std::string TakeoversText(const PlanRunReport& report) {
  if (!report.replanned) return "";
  const ReplannedRun& replanned = *report.replanned;
  const size_t all = replanned.takeovers.size();
  std::string text;
  for (size_t i = 0; i < std::min(all, kMostTakeovers); ++i)
    text += Entry("replanned", TakeoverText(report, replanned.takeovers[i]));
  if (all > kMostTakeovers) text += Entry("", fmt::format("… ({} times in all)", all));
  if (report.has_changed_plans()) {
    text += Entry("now", fmt::format("{} on {}; {} began anew, nothing was compared with a reference",
                                     ToString(replanned.plan.strategy), DevicesOf(replanned.plan),
                                     Plural(replanned.moved, "call")));
  }
  return replanned.problem.empty() ? text : text + Entry("PROBLEM", "not replanned: " + replanned.problem);
}

std::string TroubleText(const PlanRunReport& report) {
  const SessionReport& session = report.session;
  std::string text;
  for (const LossReport& loss : session.losses) {
    text += Entry(IsDistrusted(session, loss) ? "WRONG" : "LOST",
                  fmt::format("stage {}: {} after {}, with call {}: {}", loss.stage, loss.replica,
                              Milliseconds(loss.at_ns - report.begin_ns), loss.sample, loss.why));
  }
  if (session.retries > 0) {
    std::string retried = Plural(session.retries, "call") + " elsewhere";
    if (session.longest_recovery_ns > 0)
      retried += fmt::format("; the longest recovery took {}", Milliseconds(session.longest_recovery_ns));
    text += Entry("retried", retried);
  }
  if (session.verified + session.unverified > 0) {
    text += Entry("verified", fmt::format("{} agreed with another target's; {} could not be repeated",
                                          Plural(session.verified, "call"), session.unverified));
  }
  if (!session.suspects.empty()) text += Entry("SUSPECT", "calls " + NumberList(session.suspects));
  return text + TakeoversText(report) + FailuresText(report.flow.failures);
}

std::string ResultsText(const PlanRunReport& report) {
  const auto others = static_cast<int64_t>(report.flow.results.size()) + report.flow.more_results - 1;
  if (others < 1) return "";
  return Entry("results", fmt::format("{} others differ from the last, which is shown, by {:.3g} of the largest value "
                                      "at most",
                                      others, report.largest_difference));
}

// What the numbers and times of emulated targets come from, each text once.
std::string EmulationText(const PlanRunReport& report) {
  std::set<std::string> numbers, warnings;
  for (const StageRun& stage : report.stages) {
    for (const ReplicaRun& replica : stage.replicas) {
      if (!replica.emulation) continue;
      numbers.insert(replica.emulation->numbers);
      if (!replica.emulation->warning.empty()) warnings.insert(replica.emulation->warning);
    }
  }
  std::string text;
  for (const std::string& one : numbers) text += Entry("emulated", "numbers: " + one);
  for (const std::string& one : warnings) text += Entry("warning", one);
  return text;
}

std::string PlacementText(const PlanRunReport& report, const RunOptions& options) {
  std::string text;
  for (size_t stage = 0; stage < report.stages.size(); ++stage) {
    for (const ReplicaRun& replica : report.stages[stage].replicas) {
      text += Entry("placement", fmt::format("stage {} on {}: {}", stage, replica.planned.target.ToString(),
                                             PlacementCounts(replica.placement)));
      text += Entry("evidence", replica.placement.evidence);
      if (options.placement == PlacementDetail::kOps) text += OpsTable(replica.placement) + "\n";
    }
  }
  return text;
}

std::string Head(const PlanRunReport& report) {
  const Plan& plan = report.plan;
  std::string text = fmt::format("{}: {} of {}, batch {}", Shorten(report.plan_file, kFileWidth), ToString(plan.strategy),
                                 Plural(static_cast<int64_t>(plan.stages.size()), "stage"), plan.batch);
  if (!plan.platform.empty()) text += fmt::format(", for platform {}", plan.platform);
  return Entry("plan", text) + fmt::format("model      {} ({})\n", report.model, report.fingerprint);
}

std::string PlanRunTables(const PlanRunReport& report, const RunOptions& options) {
  std::string text = Head(report) + AccuracyText(report);
  if (!report.ran) return text + Entry("ran", "nothing: the numbers are out of bounds");
  text += RanText(report) + RateText(report) + EnergyText(report) + TroubleText(report) + ResultsText(report) + EmulationText(report);
  text += "\n" + StagesTable(report) + StagesNotes(report) + "\n";
  if (options.placement != PlacementDetail::kNone) text += PlacementText(report, options);
  text += TensorTable(report.ports, report.inputs, report.outputs) + VerdictLines(report.outputs);
  if (report.trace_file.empty()) return text;
  return text + fmt::format("wrote {}{}\n", report.trace_file,
                            report.trace_whole ? "" : " (the newest events; the oldest had no room)");
}

}  // namespace

std::optional<double> PlanRunReport::rate() const {
  if (flow.wall_ns <= 0 || flow.delivered == 0) return std::nullopt;
  return samples() * 1e9 / static_cast<double>(flow.wall_ns);
}

std::optional<double> PlanRunReport::steady_rate() const {
  if (!flow.steady_per_s) return std::nullopt;
  return *flow.steady_per_s * static_cast<double>(plan.batch);
}

std::string PlanRunReport::why_no_time() const {
  if (has_changed_plans()) return "of several plans, one after the other";
  for (const StageRun& stage : stages) {
    for (const ReplicaRun& replica : stage.replicas) {
      if (replica.session.calls == 0) continue;
      if (replica.overruns > 0) {
        return fmt::format("neither measured nor emulated: the host needed longer than the modelled time in {} of {} "
                           "calls of {} (--clock virtual, or --numbers none)",
                           replica.overruns, replica.session.calls, replica.planned.target.ToString());
      }
      if (virtual_clock && !replica.emulation)
        return fmt::format("calls of {} took none of the virtual time", replica.planned.target.ToString());
    }
  }
  return "";
}

Provenance PlanRunReport::provenance() const {
  for (const StageRun& stage : stages) {
    for (const ReplicaRun& replica : stage.replicas) {
      if (replica.provenance == Provenance::kEmulated && replica.session.calls > 0) return Provenance::kEmulated;
    }
  }
  return Provenance::kMeasured;
}

std::string FormatPlanRun(const PlanRunReport& report, const RunOptions& options) {
  return options.format == OutputFormat::kJson ? PlanRunJson(report, options) : PlanRunTables(report, options);
}

}  // namespace consort
