#include "plan/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "base/nearest.h"
#include "base/strings.h"
#include "consort/error.h"
#include "plan/cost_table.h"
#include "plan/describe_stage.h"
#include "plan/reasons.h"
#include "plan/strategies/strategies.h"

namespace consort {
namespace {

// --- Placings
// -----------------------------------------------------------------------------------------------------------

int DeviceNamed(const CostSource& costs, const Placing& placing) {
  std::vector<std::string> names;
  for (size_t i = 0; i < costs.devices().size(); ++i) {
    const PlanDevice& device = costs.devices()[i];
    if (device.name == placing.device || device.target.ToString() == placing.device) return static_cast<int>(i);
    names.push_back(device.name);
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("'{}={}': there is no device '{}' to plan for; there are {}",
                                                       placing.pattern, placing.device, placing.device, Join(names)));
}

std::regex PatternOf(const Placing& placing) {
  try {
    return std::regex(placing.pattern);
  } catch (const std::regex_error& error) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no regular expression: {}", placing.pattern, error.what()));
  }
}

void Place(const Graph& graph, const CostSource& costs, const Placing& placing, OpDevices& placement) {
  const int device = DeviceNamed(costs, placing);
  const std::regex pattern = PatternOf(placing);
  std::vector<std::string> names;
  bool any = false;
  for (size_t op = 0; op < graph.ops().size(); ++op) {
    const std::string& name = graph.ops()[op].name;
    names.push_back(name);
    if (graph.ops()[op].constant || !std::regex_search(name, pattern)) continue;
    any = true;
    if (placement[op] != kNone && placement[op] != device)
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' is placed both on {} and on {}", name, costs.devices()[placement[op]].name,
                              costs.devices()[device].name));
    placement[op] = device;
  }
  if (any) return;
  const std::string nearest = Nearest(placing.pattern, names);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("'{}' matches no op of the model{}; 'consort inspect MODEL --layers' lists them",
                          placing.pattern, nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest)));
}

OpDevices PlacementOf(const Graph& graph, const CostSource& costs, const std::vector<Placing>& placings) {
  if (placings.empty()) return {};
  OpDevices placement(graph.ops().size(), kNone);
  for (const Placing& placing : placings) Place(graph, costs, placing, placement);
  return placement;
}

// Positions around what is placed, so that units do not hold ops of several devices.
std::vector<OpId> BordersOf(const OpDevices& placement) {
  std::vector<OpId> borders;
  for (size_t op = 1; op < placement.size(); ++op) {
    if (placement[op] != placement[op - 1]) borders.push_back(static_cast<OpId>(op));
  }
  return borders;
}

// --- The planner
// --------------------------------------------------------------------------------------------------------

bool SameStages(const Draft& a, const Draft& b) {
  if (a.stages.size() != b.stages.size()) return false;
  for (size_t i = 0; i < a.stages.size(); ++i) {
    const auto same = [](const DraftReplica& x, const DraftReplica& y) {
      return x.device == y.device && x.samples == y.samples;
    };
    if (a.stages[i].begin != b.stages[i].begin ||
        !std::equal(a.stages[i].replicas.begin(), a.stages[i].replicas.end(), b.stages[i].replicas.begin(),
                    b.stages[i].replicas.end(), same))
      return false;
  }
  return true;
}

class Planner {
 public:
  Planner(const Graph& graph, CostSource& costs, const PlanQuery& query)
      : graph_(graph),
        costs_(costs),
        query_(query),
        placement_(PlacementOf(graph, costs, query.placings)),
        positions_(CutPositions(graph, query.units)) {
    list_.cut_positions = static_cast<int>(positions_.size()) - 2;
  }

  PlanList Make() {
    const CostTable table(costs_, MergeUnits(graph_, positions_, query_.units, BordersOf(placement_)), query_.batch,
                          placement_);
    list_.units = table.units();
    const StrategyInput input{costs_, query_, placement_, positions_, table};
    Take(SingleCandidates(input));
    if (Wanted(Strategy::kSplit)) TakeOf("split", SplitCandidates(input));
    if (Wanted(Strategy::kPipeline)) TakeOf("pipeline", PipelineCandidates(input));
    if (Wanted(Strategy::kHybrid) && query_.objective == Objective::kThroughput)
      TakeOf("hybrid", HybridCandidates(input));
    if (list_.plans.empty())
      throw Error(ErrorCode::kInfeasible, WhyInfeasible(graph_, costs_, query_, placement_, positions_, list_.refused));
    Rank();
    Choose();
    return std::move(list_);
  }

 private:
  bool Wanted(Strategy strategy) const { return !query_.strategy || *query_.strategy == strategy; }

  void TakeOf(const std::string& name, const std::vector<Candidate>& candidates) {
    if (costs_.devices().size() < 2) {
      list_.refused.push_back({name, "needs several devices"});
    } else if (name == "split" && query_.batch == 1 && query_.objective != Objective::kThroughput) {
      list_.refused.push_back({name, "a call of one sample cannot be divided"});
    } else if (candidates.empty()) {
      list_.refused.push_back({name, "none is possible within the bounds"});
    }
    Take(candidates);
  }

  void Take(const std::vector<Candidate>& candidates) {
    for (const Candidate& candidate : candidates) {
      RankedPlan ranked{.draft = candidate.draft, .exact = candidate.exact, .note = candidate.note};
      ranked.evaluation = Evaluate(costs_, ranked.draft);
      const std::string refused = WhyNot(ranked);
      if (!refused.empty()) {
        list_.refused.push_back({NameOf(ranked.draft), refused});
        continue;
      }
      ranked.plan = ToPlan(graph_, costs_, ranked.draft, ranked.evaluation);
      ranked.plan.objective = query_.objective;
      TakeUnlessKnown(std::move(ranked));
    }
  }

  // Of the searches for a pipeline and a hybrid, which may find the same, the better result.
  void TakeUnlessKnown(RankedPlan ranked) {
    for (RankedPlan& known : list_.plans) {
      if (SameStages(known.draft, ranked.draft)) return;
      const bool chain = ranked.plan.strategy == Strategy::kPipeline || ranked.plan.strategy == Strategy::kHybrid;
      if (!chain || known.plan.strategy != ranked.plan.strategy) continue;
      if (Value(ranked) < Value(known)) known = std::move(ranked);
      return;
    }
    list_.plans.push_back(std::move(ranked));
  }

  std::string NameOf(const Draft& draft) const {
    const Strategy strategy = StrategyOf(draft);
    const std::string devices = DevicesOf(costs_, draft);
    return strategy == Strategy::kSingle ? devices + " alone" : fmt::format("{} on {}", ToString(strategy), devices);
  }

  std::string WhyNot(const RankedPlan& ranked) const {
    const Evaluation& evaluation = ranked.evaluation;
    if (!evaluation.refused.empty()) return evaluation.refused;
    for (const DraftStage& stage : ranked.draft.stages) {
      const std::string misplaced = Misplaced(stage);
      if (!misplaced.empty()) return misplaced;
    }
    if (evaluation.prediction.latency_s > query_.max_latency_s)
      return fmt::format("a sample takes {}, more than the {} that are allowed",
                         FormatSeconds(evaluation.prediction.latency_s), FormatSeconds(query_.max_latency_s));
    if (evaluation.watts > query_.max_watts)
      return fmt::format("its devices draw {:.4g} W, more than the {:.4g} W that are allowed", evaluation.watts,
                         query_.max_watts);
    if (query_.objective == Objective::kEnergy && evaluation.prediction.joules_per_sample <= 0)
      return "the power of a device is not known; add it to the platform ([device.power] active)";
    return "";
  }

  std::string Misplaced(const DraftStage& stage) const {
    for (OpId op = stage.begin; op < stage.end && !placement_.empty(); ++op) {
      for (const DraftReplica& replica : stage.replicas) {
        if (placement_[op] == kNone || placement_[op] == replica.device) continue;
        return fmt::format("'{}' is placed on {}", graph_.op(op).name, costs_.devices()[placement_[op]].name);
      }
    }
    return "";
  }

  double Value(const RankedPlan& ranked) const { return ranked.evaluation.Value(query_.objective); }

  // Equally good ones: fewer devices first.
  void Rank() {
    std::stable_sort(list_.plans.begin(), list_.plans.end(), [this](const RankedPlan& a, const RankedPlan& b) {
      return std::pair(Value(a), a.draft.stages.size()) < std::pair(Value(b), b.draft.stages.size());
    });
    const auto single = std::find_if(list_.plans.begin(), list_.plans.end(),
                                     [](const RankedPlan& plan) { return plan.plan.strategy == Strategy::kSingle; });
    const bool any = single != list_.plans.end();
    list_.best_single = any ? static_cast<int>(single - list_.plans.begin()) : -1;
    for (RankedPlan& ranked : list_.plans) {
      ranked.plan.predicted.gain_over_best_single = any ? Value(*single) / Value(ranked) : 0;
      ranked.evaluation.prediction = ranked.plan.predicted;
    }
    for (RankedPlan& ranked : list_.plans)
      ranked.plan.reason = ReasonOf(ranked, any ? &*single : nullptr, query_.objective);
  }

  // With a strategy its best; else the best, unless it gains too little over a single target.
  void Choose() {
    for (size_t i = 0; i < list_.plans.size(); ++i) {
      const Plan& plan = list_.plans[i].plan;
      if (query_.strategy && plan.strategy != *query_.strategy) continue;
      const bool gains = list_.best_single < 0 || plan.predicted.gain_over_best_single > kLeastGain;
      list_.chosen = static_cast<int>(i);
      if (!query_.strategy && !gains) list_.chosen = list_.best_single;
      return;
    }
    std::vector<std::string> reasons;
    for (const RefusedPlan& refused : list_.refused) reasons.push_back(refused.name + ": " + refused.reason);
    if (reasons.empty())
      reasons.emplace_back("no plan of this kind is better than the others that are listed without --strategy");
    throw Error(ErrorCode::kInfeasible, fmt::format("there is no plan of the strategy '{}': {}",
                                                    ToString(*query_.strategy), Join(reasons, "; ")));
  }

  const Graph& graph_;
  CostSource& costs_;
  const PlanQuery& query_;
  OpDevices placement_;
  std::vector<OpId> positions_;
  PlanList list_;
};

}  // namespace

Strategy StrategyOf(const Draft& draft) {
  const auto replicated = [](const DraftStage& stage) { return stage.replicas.size() > 1; };
  const bool any = std::any_of(draft.stages.begin(), draft.stages.end(), replicated);
  if (draft.stages.size() == 1) return any ? Strategy::kSplit : Strategy::kSingle;
  return any ? Strategy::kHybrid : Strategy::kPipeline;
}

std::string DevicesOf(const CostSource& costs, const Draft& draft) {
  std::vector<std::string> stages;
  for (const DraftStage& stage : draft.stages) {
    std::vector<std::string> replicas;
    for (const DraftReplica& replica : stage.replicas) replicas.push_back(costs.devices().at(replica.device).name);
    stages.push_back(Join(replicas, " + "));
  }
  return Join(stages, " > ");
}

Plan ToPlan(const Graph& graph, const CostSource& costs, const Draft& draft, const Evaluation& evaluation) {
  Plan plan{.strategy = StrategyOf(draft), .batch = draft.batch, .predicted = evaluation.prediction};
  for (size_t i = 0; i < draft.stages.size(); ++i) {
    const DraftStage& from = draft.stages[i];
    Stage& stage = plan.stages.emplace_back(Stage{.begin = from.begin, .end = from.end});
    DescribeStage(graph, stage);
    for (size_t j = 0; j < from.replicas.size(); ++j) {
      const DraftReplica& replica = from.replicas[j];
      const RangeCost& cost = evaluation.costs.at(i).at(j);
      const PlanDevice& device = costs.devices().at(replica.device);
      stage.replicas.push_back({.target = device.target,
                                .threads = device.threads,
                                .share = replica.share,
                                .samples = replica.samples,
                                .call_s = cost.call_s,
                                .convert_in_s = cost.convert_in_s,
                                .convert_out_s = cost.convert_out_s,
                                .joules = cost.joules,
                                .provenance = cost.provenance});
    }
  }
  return plan;
}

PlanList MakePlans(const Graph& graph, CostSource& costs, const PlanQuery& query) {
  return Planner(graph, costs, query).Make();
}

}  // namespace consort
