#include "cli/report_plan_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/strings.h"
#include "cli/report_parts.h"
#include "plan/describe_stage.h"
#include "plan/drawing.h"

namespace consort {
namespace {

constexpr double kMs = 1e3;

std::string DevicesOfStage(const Stage& stage) {
  std::vector<std::string> names;
  for (const Replica& replica : stage.replicas) names.push_back(NameOf(replica));
  return Join(names, " + ");
}

report::Table StageTable(const Plan& plan, const Graph& graph) {
  report::Table table{.id = "stages",
                      .caption = "Every stage and its replicas: what of a call they get, and what it costs."};
  table.columns = {{.title = "stage", .is_key = true},
                   {.title = "device", .filters = true, .is_key = true},
                   {.title = "first operator"},
                   {.title = "last operator"},
                   {.title = "share", .unit = "%"},
                   {.title = "call", .unit = "ms"},
                   {.title = "energy of a call", .unit = "J"}};
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    const Stage& stage = plan.stages[i];
    const auto [first, last] = EndsOf(graph, stage.begin, stage.end);
    for (const Replica& replica : stage.replicas) {
      table.rows.push_back({{static_cast<double>(i), NameOf(replica), graph.op(first).name, graph.op(last).name,
                             100 * replica.share, Known(replica.call_s, kMs), Known(replica.joules)},
                            report::OriginOf(replica.provenance)});
    }
  }
  return table;
}

// Tensors that cross into each stage and out of the last one, of one call.
report::Table LinkTable(const Plan& plan) {
  report::Table table{.id = "crossings", .caption = "Bytes of a call that cross from one stage to the next."};
  table.columns = {{.title = "from", .is_key = true},
                   {.title = "to", .is_key = true},
                   {.title = "tensors"},
                   {.title = "size", .unit = "KiB"}};
  const auto add = [&table](const std::string& from, const std::string& to, const std::vector<std::string>& tensors,
                            int64_t bytes) {
    table.rows.push_back({{from, to, Join(tensors), static_cast<double>(bytes) / 1024}});
  };
  std::string from = "the caller";
  for (const Stage& stage : plan.stages) {
    const std::string to = DevicesOfStage(stage);
    add(from, to, stage.inputs, stage.input_bytes);
    from = to;
  }
  add(from, "the caller", plan.stages.back().outputs, plan.stages.back().output_bytes);
  return table;
}

report::Drawing PlanDrawing(const Plan& plan, const Graph& graph, const std::vector<ResourceUse>& uses) {
  return {.id = "plan-drawing",
          .caption =
              "The plan over its model: stages from left to right, their devices with share, time and load, and what "
              "crosses.",
          .svg = DrawSvg(plan, graph, uses),
          .text = DrawText(plan, graph, uses)};
}

// When the lanes of a plan are free.
class Schedule {
 public:
  Schedule(const Plan& plan, report::TimeLine& line) : plan_(plan), line_(line) {
    for (const Stage& stage : plan.stages) {
      for (const Replica& replica : stage.replicas) LaneOf(replica);
    }
    free_.assign(line.lanes.size(), 0);
  }

  void Send(int call) {
    double at = 0;
    for (size_t stage = 0; stage < plan_.stages.size(); ++stage) at = Pass(static_cast<int>(stage), call, at);
  }

 private:
  size_t LaneOf(const Replica& replica) {
    const std::string name = NameOf(replica.target);
    const auto found = std::find(line_.lanes.begin(), line_.lanes.end(), name);
    if (found != line_.lanes.end()) return static_cast<size_t>(found - line_.lanes.begin());
    line_.lanes.push_back(name);
    return line_.lanes.size() - 1;
  }

  double Run(const Replica& replica, const std::string& what, double ready_s) {
    const size_t lane = LaneOf(replica);
    const double begin_s = std::max(ready_s, free_[lane]);
    free_[lane] = begin_s + replica.call_s;
    line_.spans.push_back({static_cast<int>(lane), begin_s, free_[lane], "run", what});
    return free_[lane];
  }

  // When the call has passed the stage.
  double Pass(int index, int call, double ready_s) {
    const Stage& stage = plan_.stages[static_cast<size_t>(index)];
    const std::string what = fmt::format("stage {}, call {}", index, call);
    if (stage.replicas.front().samples > 0) {  // they divide each call
      double end_s = ready_s;
      for (const Replica& replica : stage.replicas) end_s = std::max(end_s, Run(replica, what, ready_s));
      return end_s;
    }
    const auto end_of = [&](const Replica& replica) {
      return std::max(ready_s, free_[LaneOf(replica)]) + replica.call_s;
    };
    const auto first = std::min_element(stage.replicas.begin(), stage.replicas.end(),
                                        [&](const Replica& a, const Replica& b) { return end_of(a) < end_of(b); });
    return Run(*first, what, ready_s);
  }

  const Plan& plan_;
  report::TimeLine& line_;
  std::vector<double> free_;
};

}  // namespace

report::Section PlanSection(const Plan& plan, const Graph& graph, const std::vector<ResourceUse>& uses) {
  report::Section section{.id = "plan", .title = "The plan"};
  if (!plan.reason.empty()) section.blocks.push_back(report::Paragraph{plan.reason});
  section.blocks.push_back(PlanDrawing(plan, graph, uses));
  section.blocks.push_back(StageTable(plan, graph));
  section.blocks.push_back(LinkTable(plan));
  return section;
}

report::Section OperatorSection(const Plan& plan, const Graph& graph) {
  report::Table table{.id = "operators", .caption = "Every operator of the model and where the plan places it."};
  table.columns = {{.title = "operator", .is_key = true}, {.title = "type", .filters = true},
                   {.title = "stage", .filters = true},   {.title = "device", .filters = true},
                   {.title = "state", .filters = true},   {.title = "MACs"},
                   {.title = "parameters", .unit = "KiB"}};
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    const Stage& stage = plan.stages[i];
    for (int at = stage.begin; at < stage.end; ++at) {
      const Op& op = graph.op(at);
      table.rows.push_back(
          {{op.name, op.type, std::to_string(i), DevicesOfStage(stage), op.constant ? "constant, folded" : "planned",
            static_cast<double>(op.cost.macs), static_cast<double>(op.cost.parameter_bytes) / 1024}});
    }
  }
  return {"placement", "Where every operator runs", {std::move(table)}};
}

std::optional<report::Section> BusySection(const std::vector<ResourceUse>& uses) {
  if (uses.empty()) return std::nullopt;
  report::Chart chart{.id = "busy",
                      .caption = "Time that a sample takes of every resource; the busiest sets the pace."};
  chart.mark = report::Mark::kBars;
  std::vector<std::string> names;
  std::vector<double> times;
  for (const ResourceUse& use : uses) {
    names.push_back(use.name);
    times.push_back(kMs * use.busy_s);
  }
  chart.x = CategoryAxis("resource", names);
  chart.y = NumberAxis("busy per sample", "ms");
  chart.series = {BarSeries("busy", kPredicted, times)};
  return report::Section{"resources", "How busy devices and links are", {std::move(chart)}};
}

std::optional<report::TimeLine> PredictedLine(const Plan& plan, int calls) {
  for (const Stage& stage : plan.stages) {
    for (const Replica& replica : stage.replicas) {
      if (replica.call_s <= 0) return std::nullopt;
    }
  }
  report::TimeLine line{.id = "predicted-line", .origin = kPredicted};
  line.caption = fmt::format(
      "What the devices do with {} calls, one behind the other, each as long as the plan predicts, transfers "
      "included.",
      calls);
  Schedule schedule(plan, line);
  for (int call = 0; call < calls; ++call) schedule.Send(call);
  return line;
}

}  // namespace consort
