#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "bench/environment.h"
#include "cli/bench_plan_report.h"
#include "cli/bench_cells.h"
#include "cli/bench_report.h"
#include "cli/report_parts.h"
#include "cli/report_plan_parts.h"
#include "cli/report_run.h"
#include "plan/drawing.h"
#include "run/trace.h"

namespace consort {
namespace {

using report::Cell;

constexpr double kMs = 1e3;
constexpr size_t kMostSpans = 20'000;  // of a time line: pages stay small

std::string LabelOf(size_t stage, const ReplicaRun& replica) {
  return fmt::format("stage {}: {}{}", stage, NameOf(replica.planned.target), replica.spare ? " (spare)" : "");
}

// The lanes of a trace: the callers first, then every replica.
class Lanes {
 public:
  explicit Lanes(const PlanRunReport& ran) {
    names_.emplace_back("callers");
    for (size_t stage = 0; stage < ran.stages.size(); ++stage) {
      first_.push_back(static_cast<int>(names_.size()));
      for (const ReplicaRun& replica : ran.stages[stage].replicas) names_.push_back(LabelOf(stage, replica));
    }
  }
  int Of(const TraceEvent& event) const {
    if (event.stage < 0 || event.replica < 0 || event.stage >= static_cast<int>(first_.size())) return 0;
    return first_[static_cast<size_t>(event.stage)] + event.replica;
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
  std::vector<int> first_;
};

// What of a trace occupies a lane.
bool IsSpan(const TraceEvent& event) { return event.kind != TraceKind::kWait && event.end_ns > event.start_ns; }

report::TimeLine LineOf(const PlanRunReport& ran) {
  const Lanes lanes(ran);
  report::TimeLine line{.id = "time-line", .lanes = lanes.names(), .origin = report::OriginOf(ran.provenance())};
  for (const TraceEvent& event : ran.events) {
    const int lane = lanes.Of(event);
    if (!IsSpan(event) || lane >= static_cast<int>(line.lanes.size())) continue;
    line.spans.push_back({lane, 1e-9 * static_cast<double>(event.start_ns - ran.begin_ns),
                          1e-9 * static_cast<double>(event.end_ns - ran.begin_ns), std::string(ToString(event.kind)),
                          fmt::format("call {}", event.sample)});
  }
  const bool callers =
      std::any_of(line.spans.begin(), line.spans.end(), [](const report::TimeSpan& s) { return s.lane == 0; });
  if (!callers) {
    line.lanes.erase(line.lanes.begin());
    for (report::TimeSpan& span : line.spans) --span.lane;
  }
  std::sort(line.spans.begin(), line.spans.end(),
            [](const report::TimeSpan& a, const report::TimeSpan& b) { return a.begin_s < b.begin_s; });
  const size_t all = line.spans.size();
  if (all > kMostSpans) line.spans.resize(kMostSpans);
  line.caption = "What every device did: calls, copies and conversions.";
  if (all > kMostSpans)
    line.caption += fmt::format(" The first {} of {} are shown; --trace writes all.", kMostSpans, all);
  return line;
}

// Every replica: planned, and as it was.
report::Table ReplicaTable(const PlanRunReport& ran) {
  report::Table table{.id = "replicas",
                      .caption = "Calls of every replica, without conversions: planned, and as they were."};
  table.columns = {{.title = "stage", .is_key = true},
                   {.title = "device", .filters = true, .is_key = true},
                   {.title = "calls"},
                   {.title = "busy", .unit = "%"},
                   {.title = "planned", .unit = "ms"},
                   {.title = "as run", .unit = "ms"},
                   {.title = "as run over planned"},
                   {.title = "note"}};
  for (size_t stage = 0; stage < ran.stages.size(); ++stage) {
    for (const ReplicaRun& replica : ran.stages[stage].replicas) {
      const bool timed = replica.call_s && replica.overruns == 0;
      const double planned_s = replica.planned.run_s();
      const std::string note =
          replica.overruns > 0 ? "overrun: the host took longer than the modelled time" : replica.session.why;
      table.rows.push_back(
          {{static_cast<double>(stage), NameOf(replica.planned.target) + (replica.spare ? " (spare)" : ""),
            static_cast<double>(replica.session.calls), timed ? Cell(100 * std::min(1.0, replica.busy)) : Cell(),
            Known(planned_s, kMs), timed ? Cell(kMs * *replica.call_s) : Cell(),
            timed && planned_s > 0 ? Cell(*replica.call_s / planned_s) : Cell(), note},
           report::OriginOf(replica.provenance)});
    }
  }
  return table;
}

report::Chart PredictedChart(const PlanRunReport& ran) {
  report::Chart chart{.id = "predicted-measured",
                      .caption = "A call of every replica, without conversions: planned, and as it was.",
                      .mark = report::Mark::kBars};
  std::vector<std::string> names;
  std::vector<double> planned, measured;
  std::vector<report::Origin> planned_origins, measured_origins;
  for (size_t stage = 0; stage < ran.stages.size(); ++stage) {
    for (const ReplicaRun& replica : ran.stages[stage].replicas) {
      names.push_back(LabelOf(stage, replica));
      planned.push_back(replica.planned.run_s() > 0 ? kMs * replica.planned.run_s() : report::kNothing);
      measured.push_back(replica.call_s && replica.overruns == 0 ? kMs * *replica.call_s : report::kNothing);
      planned_origins.push_back(report::OriginOf(replica.planned.provenance));
      measured_origins.push_back(report::OriginOf(replica.provenance));
    }
  }
  chart.x = CategoryAxis("", names);
  chart.y = NumberAxis("call", "ms");
  AddBarsByOrigin("planned", planned_origins, planned, chart);
  AddBarsByOrigin("as run", measured_origins, measured, chart);
  return chart;
}

report::Table RateTable(const PlanRunReport& ran) {
  report::Table table{.id = "rates", .caption = "Throughput and counts of the whole run."};
  table.columns = {{.title = "figure", .is_key = true}, {.title = "value"}, {.title = "unit"}};
  const auto add = [&table](const std::string& what, double value, const std::string& unit, report::Origin origin) {
    table.rows.push_back({{what, value, unit}, origin});
  };
  const report::Origin origin = ran.why_no_time().empty() ? report::OriginOf(ran.provenance()) : report::Origin::kNone;
  if (const auto rate = ran.rate()) add("throughput, whole run", *rate, "samples/s", origin);
  if (const auto steady = ran.steady_rate()) add("throughput, while it was full", *steady, "samples/s", origin);
  if (ran.plan.predicted.samples_per_s > 0)
    add("throughput, as the plan predicts", ran.plan.predicted.samples_per_s, "samples/s", kPredicted);
  add("calls started", static_cast<double>(ran.flow.started), "", report::Origin::kNone);
  add("calls delivered", static_cast<double>(ran.flow.delivered), "", report::Origin::kNone);
  add("calls failed", static_cast<double>(ran.flow.failed), "", report::Origin::kNone);
  add("calls at a time", ran.in_flight, "", report::Origin::kNone);
  return table;
}

// Active power × busy time, as the plan says; bytes that crossed in the run.
report::Section CostSection(const PlanRunReport& ran) {
  report::Table energy{
      .id = "energy",
      .caption = "Energy of the run: what the plan says a call takes (active power times busy time) × calls."};
  energy.columns = {{.title = "stage", .is_key = true},
                    {.title = "device", .is_key = true},
                    {.title = "call", .unit = "J"},
                    {.title = "calls"},
                    {.title = "all", .unit = "J"}};
  for (size_t stage = 0; stage < ran.stages.size(); ++stage) {
    for (const ReplicaRun& replica : ran.stages[stage].replicas) {
      if (replica.planned.joules <= 0) continue;
      const auto calls = static_cast<double>(replica.session.calls);
      energy.rows.push_back({{static_cast<double>(stage), NameOf(replica.planned.target), replica.planned.joules, calls,
                              replica.planned.joules * calls},
                             report::Origin::kModelled});
    }
  }
  report::Table bytes{.id = "bytes", .caption = "Bytes that crossed into every stage, and out of the last one."};
  bytes.columns = {{.title = "into", .is_key = true},
                   {.title = "call", .unit = "KiB"},
                   {.title = "calls"},
                   {.title = "all", .unit = "MiB"}};
  const auto calls = static_cast<double>(ran.flow.delivered);
  const auto add = [&](const std::string& into, int64_t size) {
    bytes.rows.push_back(
        {{into, static_cast<double>(size) / 1024, calls, calls * static_cast<double>(size) / (1 << 20)}});
  };
  for (size_t stage = 0; stage < ran.plan.stages.size(); ++stage)
    add(fmt::format("stage {}", stage), ran.plan.stages[stage].input_bytes);
  add("the caller", ran.plan.stages.back().output_bytes);
  report::Section section{.id = "costs", .title = "Energy and bytes", .blocks = {std::move(bytes)}};
  if (!energy.rows.empty()) section.blocks.push_back(std::move(energy));
  const std::optional<double>& joules = ran.energy.joules_per_inference;
  section.blocks.push_back(report::Paragraph{
      joules ? fmt::format("{} per sample ({})", FormatJoules(*joules), ran.energy.source) : "Energy " + ran.energy.source});
  return section;
}

std::optional<report::Section> AccuracySection(const PlanRunReport& ran) {
  report::Section section{.id = "accuracy", .title = "Accuracy"};
  if (ran.accuracy) {
    section.blocks.push_back(report::Paragraph{DescribeAccuracy(*ran.accuracy)});
    if (!ran.accuracy->stages.empty()) section.blocks.push_back(StageAccuracyTable(*ran.accuracy));
  }
  report::Table verdicts = VerdictTable();
  AddVerdicts("plan", ran.outputs, report::OriginOf(ran.provenance()), verdicts);
  if (!verdicts.rows.empty()) section.blocks.push_back(std::move(verdicts));
  if (section.blocks.empty()) return std::nullopt;
  return section;
}

// Losses, retries, plans that took over.
std::optional<report::Section> TroubleSection(const PlanRunReport& ran) {
  report::Section section{.id = "losses", .title = "Devices that were lost"};
  report::Table table{.id = "loss",
                      .caption = "Losses in the order of their coming.",
                      .columns = {{.title = "after", .unit = "ms"},
                                  {.title = "stage"},
                                  {.title = "replica"},
                                  {.title = "with call"},
                                  {.title = "why"}}};
  for (const LossReport& loss : ran.session.losses) {
    table.rows.push_back({{ToMs(static_cast<double>(loss.at_ns - ran.begin_ns)), static_cast<double>(loss.stage),
                           loss.replica, static_cast<double>(loss.sample), loss.why}});
  }
  if (!table.rows.empty()) section.blocks.push_back(std::move(table));
  if (ran.session.retries > 0)
    section.blocks.push_back(report::Paragraph{fmt::format("{} calls were run again elsewhere.", ran.session.retries)});
  if (ran.replanned) {
    for (const Takeover& takeover : ran.replanned->takeovers)
      section.blocks.push_back(report::Paragraph{fmt::format("{}; a plan {} took over within {}.", takeover.why,
                                                             takeover.prepared ? "prepared beforehand" : "made then",
                                                             FormatTime(static_cast<double>(takeover.taken_over_ns)))});
  }
  if (section.blocks.empty()) return std::nullopt;
  return section;
}

std::string VerdictOf(const PlanRunReport& ran) {
  if (!ran.ran) return "Nothing ran: the plan's numbers miss their bounds.";
  const std::string what = fmt::format("{} on {}", ToString(ran.plan.strategy), DevicesOf(ran.plan));
  const std::string failed = ran.flow.failed + ran.flow.given_up > 0
                                 ? fmt::format("; {} calls FAILED", ran.flow.failed + ran.flow.given_up)
                                 : "";
  const auto steady = ran.steady_rate(), rate = ran.rate();
  if (!rate || !ran.why_no_time().empty())
    return fmt::format("The {}: {} calls delivered{}.", what, ran.flow.delivered, failed);
  std::string text = fmt::format("The {} gives {} samples per second, {}", what, FormatRate(steady.value_or(*rate)),
                                 ToString(ran.provenance()));
  if (ran.plan.predicted.samples_per_s > 0)
    text += fmt::format("; {} were predicted", FormatRate(ran.plan.predicted.samples_per_s));
  return text + failed + ".";
}

}  // namespace

report::Document PlanRunDocument(const PlanRunReport& ran, const Graph& graph) {
  report::Document document = StartDocument(fmt::format("A run of a plan for {}", ran.model), ReadEnvironment());
  document.environment.emplace_back("plan", ran.plan_file);
  if (ran.virtual_clock) document.environment.emplace_back("clock", "virtual");
  document.verdict = VerdictOf(ran);
  if (ran.ran)
    document.sections.push_back(
        {"rate", "Predicted, and as it ran", {PredictedChart(ran), ReplicaTable(ran), RateTable(ran)}});
  if (report::TimeLine line = LineOf(ran); !line.spans.empty())
    document.sections.push_back({"time", "What devices did when", {std::move(line)}});
  document.sections.push_back(PlanSection(ran.plan, graph, {}));
  if (auto accuracy = AccuracySection(ran)) document.sections.push_back(std::move(*accuracy));
  if (ran.ran) document.sections.push_back(CostSection(ran));
  if (auto trouble = TroubleSection(ran)) document.sections.push_back(std::move(*trouble));
  LabelledPlacements placements;
  for (size_t stage = 0; stage < ran.stages.size(); ++stage) {
    for (const ReplicaRun& replica : ran.stages[stage].replicas)
      placements.emplace_back(LabelOf(stage, replica), &replica.placement);
  }
  document.sections.push_back(PlacementSection(placements));
  return document;
}

}  // namespace consort
