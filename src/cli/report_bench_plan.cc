#include <fmt/format.h>

#include "cli/bench_cells.h"
#include "cli/bench_report.h"
#include "cli/report_bench.h"
#include "cli/report_parts.h"

namespace consort {
namespace {

using report::Cell;

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
                      .caption = "Calls of every replica in the last load: planned, and as they were."};
  table.columns = {{.title = "stage", .is_key = true},
                   {.title = "target", .filters = true, .is_key = true},
                   {.title = "calls"},
                   {.title = "planned", .unit = "ms"},
                   {.title = "mean", .unit = "ms"},
                   {.title = "ratio"}};
  for (size_t stage = 0; stage < bench.session.stages.size(); ++stage) {
    for (size_t i = 0; i < bench.session.stages[stage].size(); ++i) {
      const ReplicaReport& replica = bench.session.stages[stage][i];
      const bool planned = stage < bench.plan.stages.size() && i < bench.plan.stages[stage].replicas.size();
      const double call_s = planned ? bench.plan.stages[stage].replicas[i].call_s : 0;
      const double mean_s = replica.mean_call_s();
      table.rows.push_back({{static_cast<double>(stage), replica.name, static_cast<double>(replica.calls),
                             call_s > 0 ? Cell(1e3 * call_s) : Cell(), mean_s > 0 ? Cell(1e3 * mean_s) : Cell(),
                             call_s > 0 && mean_s > 0 ? Cell(mean_s / call_s) : Cell()},
                            OriginOfWord(bench.word())});
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
