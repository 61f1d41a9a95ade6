#include "tune/tuner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "base/strings.h"
#include "consort/error.h"
#include "plan/drawing.h"
#include "plan/reasons.h"

namespace consort {
namespace {

// Single targets that are run: those that the profile holds to be no more than this much slower than the best.
constexpr double kCloseSingle = 1.3;
// Other plans are worth a run from this predicted gain on.
constexpr double kWorthARun = 0.9;
// Of single targets those that are no more than this much slower than the fastest so far run once more.
constexpr double kMayBeFastest = 1.05;
// A prediction that is off by more than this is corrected.
constexpr double kWorthRefining = 0.05;
// Medians of one plan differ from load to load; what decides is loaded more often, and measured longer.
constexpr int kTurnLoads = 2;
constexpr int kLastLoads = 5;
constexpr int kLastLonger = 2;
constexpr double kNsPerS = 1e9;

// What tells two plans apart when they run.
std::string SignatureOf(const Plan& plan) {
  std::string text;
  for (const Stage& stage : plan.stages) {
    text += fmt::format("[{}-{}", stage.begin, stage.end);
    for (const Replica& replica : stage.replicas)
      text += fmt::format(" {}*{}s{}", replica.target.ToString(), replica.threads, replica.samples);
    text += "]";
  }
  return text;
}

// Runs plans, those that cannot run left out.
class PlanRuns {
 public:
  struct Ran {
    RankedPlan ranked;
    double seconds = 0;  // per call; comparable with one another
  };

  PlanRuns(const PlanTimer& timer, const TuneOptions& options) : timer_(timer), options_(options) {}

  bool IsNew(const Plan& plan) const {
    const std::string signature = SignatureOf(plan);
    return ran_.count(signature) == 0 && failed_.count(signature) == 0;
  }
  bool HasFailed(const Plan& plan) const { return failed_.count(SignatureOf(plan)) > 0; }
  std::string WhyFailed(const Plan& plan) const { return failed_.at(SignatureOf(plan)).reason; }
  const std::map<std::string, Ran>& ran() const { return ran_; }

  // The fastest that ran, of single targets or of the others; nullptr: none did.
  const Ran* Best(bool single) const {
    const Ran* best = nullptr;
    for (const auto& [signature, ran] : ran_) {
      const bool counts = (ran.ranked.plan.strategy == Strategy::kSingle) == single;
      if (counts && (best == nullptr || ran.seconds < best->seconds)) best = &ran;
    }
    return best;
  }

  // Side by side, the first as the reference; fewer than were given where some cannot run. Nothing: none is left.
  std::optional<PlanTimes> Time(std::vector<RankedPlan>& plans, int loads, TimeNs time_ns) {
    while (!plans.empty()) {
      try {
        PlanTimes times = timer_(PlansOf(plans), Paired(time_ns, loads, PairedOptions{}.min_rounds));
        if (!DropOverruns(times, plans)) return times;
      } catch (const Error&) {
        if (!DropFailing(plans)) throw;
      }
    }
    return std::nullopt;
  }

  void Note(const RankedPlan& plan, double seconds) {
    ran_.insert_or_assign(SignatureOf(plan.plan), Ran{plan, seconds});
  }

  std::vector<RefusedPlan> Failed() const {
    std::vector<RefusedPlan> failed;
    for (const auto& [signature, refused] : failed_) failed.push_back(refused);
    return failed;
  }

 private:
  PairedOptions Paired(TimeNs time_ns, int loads, int rounds) const {
    return {.time_ns = time_ns, .loads = loads, .min_rounds = rounds, .seed = options_.seed, .patience = 2};
  }

  // A comparison has two sides at least.
  static std::vector<Plan> PlansOf(const std::vector<RankedPlan>& ranked) {
    std::vector<Plan> plans;
    for (const RankedPlan& plan : ranked) plans.push_back(plan.plan);
    if (plans.size() == 1) plans.push_back(plans.front());
    return plans;
  }

  void Fail(const Plan& plan, const std::string& reason) {
    failed_[SignatureOf(plan)] = {fmt::format("{} on {}", ToString(plan.strategy), DevicesOf(plan)), reason};
  }

  bool DropOverruns(const PlanTimes& times, std::vector<RankedPlan>& plans) {
    const size_t before = plans.size();
    std::vector<RankedPlan> left;
    for (size_t i = 0; i < plans.size(); ++i) {
      if (times.overruns.at(i).empty()) {
        left.push_back(plans[i]);
      } else {
        Fail(plans[i].plan, times.overruns[i]);
      }
    }
    plans = std::move(left);
    return plans.size() < before;
  }

  // Runs each alone to find those that cannot run.
  bool DropFailing(std::vector<RankedPlan>& plans) {
    const size_t before = plans.size();
    std::erase_if(plans, [this](const RankedPlan& ranked) {
      try {
        timer_({ranked.plan, ranked.plan}, Paired(1, 1, 1));
        return false;
      } catch (const Error& error) {
        Fail(ranked.plan, error.what());
        return true;
      }
    });
    return plans.size() < before;
  }

  const PlanTimer& timer_;
  const TuneOptions& options_;
  std::map<std::string, Ran> ran_;
  std::map<std::string, RefusedPlan> failed_;
};

class Tuner {
 public:
  Tuner(const Graph& graph, CostSource& costs, const PlanQuery& query, const LocalDevices& devices, Profile& profile,
        const PlanTimer& timer, const TuneOptions& options)
      : graph_(graph),
        costs_(costs),
        query_(query),
        devices_(devices),
        profile_(profile),
        options_(options),
        runs_(timer, options) {}

  TuneResult Run() {
    const Profile before = profile_;
    for (turn_ = 1; turn_ <= options_.most_turns; ++turn_) {
      result_.list = MakePlans(graph_, costs_, query_);
      std::vector<RankedPlan> plans = PlansToRun();
      if (plans.empty() || (turn_ > 1 && plans.size() < 2) || !RunTurn(plans)) break;
    }
    Choose();
    const std::vector<RefusedPlan> failed = runs_.Failed();
    result_.list.refused.insert(result_.list.refused.end(), failed.begin(), failed.end());
    profile_ = before;
    return std::move(result_);
  }

 private:
  using Ran = PlanRuns::Ran;

  void Say(const std::string& text) const {
    if (options_.progress) options_.progress(text);
  }

  bool IsForced() const { return query_.strategy && *query_.strategy != Strategy::kSingle; }

  // The best single target that can run, as run or as predicted; without one the best plan. nullptr: nothing can.
  const RankedPlan* Reference() const {
    if (const Ran* ran = runs_.Best(true)) return &ran->ranked;
    for (const bool single : {true, false}) {
      for (const RankedPlan& ranked : result_.list.plans) {
        if ((ranked.plan.strategy == Strategy::kSingle) == single && !runs_.HasFailed(ranked.plan)) return &ranked;
      }
    }
    return nullptr;
  }

  // The reference first; then what has not run yet. With a strategy its best plan, whatever it promises.
  std::vector<RankedPlan> PlansToRun() const {
    std::vector<RankedPlan> plans;
    const RankedPlan* reference = Reference();
    if (reference == nullptr) return plans;
    plans.push_back(*reference);
    const double best_s = SecondsPerCall(reference->plan);
    int others = 0;
    for (size_t i = 0; i < result_.list.plans.size(); ++i) {
      const Plan& plan = result_.list.plans[i].plan;
      if (!runs_.IsNew(plan) || SignatureOf(plan) == SignatureOf(reference->plan)) continue;
      const bool single = plan.strategy == Strategy::kSingle;
      const bool wanted = IsForced() && static_cast<int>(i) == result_.list.chosen;
      const bool close = SecondsPerCall(plan) < (single ? kCloseSingle : 1 / kWorthARun) * best_s;
      if (!wanted && (!close || (!single && others >= options_.candidates))) continue;
      others += single ? 0 : 1;
      plans.push_back(result_.list.plans[i]);
    }
    return plans;
  }

  // False: nothing was learned.
  bool RunTurn(std::vector<RankedPlan> plans) {
    Say(fmt::format("turn {} of at most {}: running {} plans", turn_, options_.most_turns, plans.size()));
    const std::optional<PlanTimes> times = runs_.Time(plans, kTurnLoads, options_.time_ns);
    if (!times) return true;  // all were refused: others may come
    result_.unstable = times->paired.unstable;  // the last comparison's word counts
    if (times->paired.rounds == 0) return false;
    // Relative to the reference, which every turn runs: turns are minutes apart.
    const auto known = runs_.ran().find(SignatureOf(plans.front().plan));
    const double first_s = times->paired.sides[0].median_ns.estimate / kNsPerS;
    const double reference_s = known == runs_.ran().end() ? first_s : known->second.seconds;
    for (size_t i = 0; i < plans.size(); ++i) {
      const SideResult& side = times->paired.sides[i];
      const double seconds = side.median_ns.estimate / kNsPerS;
      result_.runs.push_back({plans[i].plan, side, turn_});
      if (i > 0 || known == runs_.ran().end()) runs_.Note(plans[i], reference_s * side.ratio.estimate);
      if (std::abs(seconds / SecondsPerCall(plans[i].plan) - 1) > kWorthRefining) Refine(plans[i].plan, times->sessions[i], seconds);
    }
    return true;
  }

  // What the stages took goes into the profile: of a single target the plan's own time.
  void Refine(const Plan& plan, const SessionReport& session, double seconds) {
    const bool single = plan.strategy == Strategy::kSingle;
    for (size_t stage = 0; stage < plan.stages.size(); ++stage) {
      for (size_t i = 0; i < plan.stages[stage].replicas.size(); ++i) {
        const ReplicaReport& report = session.stages.at(stage).at(i);
        const Replica& replica = plan.stages[stage].replicas[i];
        // The whole model on a target beside others must not be taken for the target alone.
        if (plan.stages.size() == 1 && !single && replica.threads == 0) continue;
        if (single || report.busy_ns > 0)
          Put(plan, plan.stages[stage], replica, single ? seconds : report.mean_call_s() + replica.convert_s(),
              report.calls);
      }
    }
  }

  void Put(const Plan& plan, const Stage& stage, const Replica& replica, double call_s, int64_t calls) {
    for (int device = 0; device < devices_.size(); ++device) {
      const PlanDevice& known = devices_.devices[device];
      if (known.target != replica.target || known.threads != replica.threads) continue;
      const int64_t batch = replica.samples > 0 ? replica.samples : plan.batch;
      const ProfileKey key = KeyOf(graph_, stage.begin, stage.end, known.target.ToString(), known.threads, batch);
      profile_.entries.insert_or_assign(key, ProfileEntry{.engine = devices_.infos[device].engine,
                                                          .call_s = {call_s, call_s, call_s},
                                                          .calls = calls,
                                                          .convert_in_s = replica.convert_in_s,
                                                          .convert_out_s = replica.convert_out_s,
                                                          .in_plan = plan.strategy != Strategy::kSingle});
      return;
    }
  }

  // Single targets that may be the fastest, the fastest so far first, and the best other plan last.
  std::vector<RankedPlan> Finalists() const {
    std::vector<RankedPlan> plans;
    const Ran* best = runs_.Best(true);
    const Ran* other = runs_.Best(false);
    if (best != nullptr) plans.push_back(best->ranked);
    for (const auto& [signature, ran] : runs_.ran()) {
      const bool close = best != nullptr && &ran != best && ran.seconds < kMayBeFastest * best->seconds;
      if (close && ran.ranked.plan.strategy == Strategy::kSingle) plans.push_back(ran.ranked);
    }
    if (other != nullptr) plans.push_back(other->ranked);
    return plans;
  }

  void Choose() {
    if (IsForced()) CheckForced();
    std::vector<RankedPlan> plans = Finalists();
    if (plans.empty() && Reference() == nullptr) ThrowAllFailed();
    if (plans.empty()) return Conclude(ByPrediction(), nullptr, nullptr);
    if (plans.size() == 1) return Conclude(plans.front(), nullptr, nullptr);
    Say("comparing the best plans once more, loaded anew");
    const std::optional<PlanTimes> times = runs_.Time(plans, kLastLoads, kLastLonger * options_.time_ns);
    if (!times || times->paired.rounds == 0) {
      result_.unstable = times ? times->paired.unstable : "none of the best plans could be run again";
      return Conclude(ByPrediction(), nullptr, nullptr);
    }
    result_.unstable = times->paired.unstable;
    Decide(plans, times->paired.sides);
  }

  void CheckForced() {
    if (runs_.Best(false) != nullptr) return;
    const Plan& wanted = result_.list.best().plan;
    if (runs_.HasFailed(wanted))
      throw Error(ErrorCode::kInfeasible, fmt::format("the best {} cannot run: {}", ToString(*query_.strategy),
                                                      runs_.WhyFailed(wanted)));
  }

  [[noreturn]] void ThrowAllFailed() const {
    std::vector<std::string> reasons;
    for (const RefusedPlan& refused : runs_.Failed()) reasons.push_back(refused.name + ": " + refused.reason);
    throw Error(ErrorCode::kInfeasible, "no plan can run: " + Join(reasons, "; "));
  }

  // Nothing was decided: the best single target, as run or by the profile; with a strategy its best plan.
  const RankedPlan& ByPrediction() const {
    if (const Ran* ran = runs_.Best(!IsForced())) return ran->ranked;
    const RankedPlan* reference = Reference();
    const bool runs = !runs_.HasFailed(result_.list.best().plan);
    return (IsForced() && runs) || reference == nullptr ? result_.list.best() : *reference;
  }

  void Decide(const std::vector<RankedPlan>& plans, const std::vector<SideResult>& sides) {
    size_t single = plans.size();
    for (size_t i = 0; i < plans.size(); ++i) {
      result_.runs.push_back({plans[i].plan, sides[i], options_.most_turns + 1});
      if (plans[i].plan.strategy != Strategy::kSingle) continue;
      if (single == plans.size() || sides[i].ratio.estimate < sides[single].ratio.estimate) single = i;
    }
    const size_t last = plans.size() - 1;
    const bool any_other = plans[last].plan.strategy != Strategy::kSingle;
    if (single == plans.size()) return Conclude(plans[last], nullptr, &sides[last]);
    if (!any_other) return Conclude(plans[single], &sides[single], &sides[single]);
    // All ratios are over the first side's time.
    const double over = sides[single].ratio.estimate;
    const bool wins = result_.unstable.empty() && over / sides[last].ratio.high > kLeastGain;
    if (wins || IsForced()) return Conclude(plans[last], &sides[single], &sides[last]);
    const Interval& ratio = sides[last].ratio;
    Conclude(plans[single], &sides[single], &sides[single]);
    result_.plan.reason = fmt::format(
        "the best single target: {} gains {:.3g}x [{:.3g}, {:.3g}] over it as run, and must gain more than {:.3g}x "
        "for sure",
        DevicesOf(plans[last].plan), over / ratio.estimate, over / ratio.high, over / ratio.low, kLeastGain);
  }

  // `single` and `chosen`: as measured in the last comparison; nullptr: not known.
  void Conclude(const RankedPlan& plan, const SideResult* single, const SideResult* chosen) {
    result_.plan = plan.plan;
    if (chosen != nullptr) {
      PlanMeasurement& measured = result_.plan.measured.emplace();
      measured.call_s = chosen->median_ns.estimate / kNsPerS;
      if (single != nullptr) {
        const double over = single->ratio.estimate;
        measured.gain = over / chosen->ratio.estimate;
        measured.gain_low = single == chosen ? 1 : over / chosen->ratio.high;
        measured.gain_high = single == chosen ? 1 : over / chosen->ratio.low;
      }
      if (single != nullptr && single != chosen)
        result_.plan.reason = fmt::format("{:.3g}x [{:.3g}, {:.3g}] the best single target, as run", measured.gain,
                                          measured.gain_low, measured.gain_high);
    }
    MarkChosen(plan);
  }

  // The chosen plan stands in the list, if need be behind the others: it may be one of an earlier turn.
  void MarkChosen(const RankedPlan& plan) {
    std::vector<RankedPlan>& plans = result_.list.plans;
    const auto found = std::find_if(plans.begin(), plans.end(), [&plan](const RankedPlan& known) {
      return SignatureOf(known.plan) == SignatureOf(plan.plan);
    });
    result_.list.chosen = static_cast<int>(found - plans.begin());
    if (found == plans.end()) plans.push_back(plan);
  }

  const Graph& graph_;
  CostSource& costs_;
  const PlanQuery& query_;
  const LocalDevices& devices_;
  Profile& profile_;
  const TuneOptions& options_;
  PlanRuns runs_;
  int turn_ = 0;
  TuneResult result_;
};

}  // namespace

double SecondsPerCall(const Plan& plan) {
  if (plan.objective == Objective::kLatency) return plan.predicted.latency_s;
  return plan.predicted.samples_per_s > 0 ? static_cast<double>(plan.batch) / plan.predicted.samples_per_s : 0;
}

TuneResult Tune(const Graph& graph, CostSource& costs, const PlanQuery& query, const LocalDevices& devices,
                Profile& profile, const PlanTimer& timer, const TuneOptions& options) {
  return Tuner(graph, costs, query, devices, profile, timer, options).Run();
}

}  // namespace consort
