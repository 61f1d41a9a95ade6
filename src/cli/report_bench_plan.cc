#include <fmt/format.h>

#include "cli/bench_cells.h"
#include "cli/bench_report.h"
#include "cli/report_bench.h"
#include "cli/report_parts.h"

namespace consort {
namespace {

using report::Cell;

constexpr double kMs = 1e3;

report::Table SummaryTable(const std::string& id, const std::string& caption, const MeterSummary& summary,
                           const std::vector<double>& percentiles, report::Origin origin) {
  report::Table table{
      .id = id, .caption = caption, .columns = {{.title = "figure", .is_key = true}, {.title = "time", .unit = "ms"}}};
  const auto add = [&](const std::string& name, double ns) {
    table.rows.push_back({{name, NumberCell(ToMs(ns))}, origin});
  };
  add("median", summary.median_ns.estimate);
  add("median, low end of 95 %", summary.median_ns.low);
  add("median, high end of 95 %", summary.median_ns.high);
  add("mean", summary.latencies.mean_ns());
  for (const double percent : percentiles) {
    if (HasPercentile(summary.latencies, percent))
      add(FormatPercentile(percent), summary.latencies.PercentileNs(percent));
  }
  add("max", static_cast<double>(summary.latencies.max_ns()));
  return table;
}

// Of a plan: every replica's calls, as planned and as they were in the last load.
report::Table ReplicaTable(const PlanBenchReport& bench) {
  report::Table table{.id = "replicas",
                      .caption = "Calls of every replica in the last load, without conversions: planned, and as they "
                                 "were."};
  table.columns = {{.title = "stage", .is_key = true},
                   {.title = "target", .filters = true, .is_key = true},
                   {.title = "calls"},
                   {.title = "planned", .unit = "ms"},
                   {.title = "mean", .unit = "ms"},
                   {.title = "ratio"}};
  for (size_t stage = 0; stage < bench.plan.stages.size(); ++stage) {
    for (size_t i = 0; i < bench.plan.stages[stage].replicas.size(); ++i) {
      const Replica& planned = bench.plan.stages[stage].replicas[i];
      const ReplicaReport& ran = bench.session.stages.at(stage).at(i);
      const double planned_s = planned.run_s(), mean_s = CallSeconds(bench, planned, ran).value_or(0);
      table.rows.push_back({{static_cast<double>(stage), ran.name, static_cast<double>(ran.calls),
                             Known(planned_s, kMs), Known(mean_s, kMs),
                             planned_s > 0 ? Known(mean_s / planned_s) : Cell()},
                            IsEmulated(planned.target) ? report::Origin::kEmulated : report::Origin::kMeasured});
    }
  }
  return table;
}

}  // namespace

report::Document PlanBenchDocument(const PlanBenchReport& bench, const std::vector<double>& percentiles) {
  report::Document document =
      StartDocument(fmt::format("How fast a plan for {} is", bench.plan.model), bench.environment);
  const report::Origin origin = OriginOfWord(bench.word());
  const bool holds = bench.overrun().empty() && bench.unstable().empty();
  document.verdict =
      holds
          ? fmt::format("{} gives {} samples per second and a latency of {}, {}; predicted were {} and {}.", bench.name,
                        FormatRate(bench.throughput.throughput.estimate), FormatTime(bench.latency.median_ns.estimate),
                        bench.word(), FormatRate(bench.plan.predicted.samples_per_s),
                        FormatTime(1e9 * bench.plan.predicted.latency_s))
          : fmt::format("No figure can be trusted: {}", bench.overrun().empty() ? bench.unstable() : bench.overrun());
  report::Section speed{.id = "speed", .title = "Latency and throughput"};
  if (holds) {
    speed.blocks = {SummaryTable("latency", "Latency of a call, one at a time.", bench.latency, percentiles, origin),
                    SummaryTable("between", "Time between results with every replica busy.", bench.throughput,
                                 percentiles, origin)};
  }
  speed.blocks.push_back(ReplicaTable(bench));
  document.sections.push_back(std::move(speed));
  if (bench.accuracy && !bench.accuracy->stages.empty())
    document.sections.push_back(
        {"accuracy",
         "Accuracy",
         {report::Paragraph{DescribeAccuracy(*bench.accuracy)}, StageAccuracyTable(*bench.accuracy)}});
  document.sections.push_back(PlacementSection({{bench.name, &bench.placement}}));
  return document;
}

}  // namespace consort
