#include "plan/chain_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace consort {
namespace {

constexpr double kSame = 1e-9;  // figures that are nearer to each other than this are equal
constexpr int64_t kMostComparisons = 150'000'000;
constexpr std::array<double, 4> kRatios = {
    0, 1e-4, 1e-3, 1e-2};  // of labels that count as equal, the next where the one before took too long

// How many devices of each class are in use, as one number.
class States {
 public:
  explicit States(std::vector<int> counts) : counts_(std::move(counts)) {
    for (const int count : counts_) {
      strides_.push_back(size_);
      size_ *= count + 1;
    }
  }
  int size() const { return size_; }
  int classes() const { return static_cast<int>(counts_.size()); }
  int Of(int state, int device_class) const { return state / strides_[device_class] % (counts_[device_class] + 1); }
  int Devices(int state) const {
    int devices = 0;
    for (int c = 0; c < classes(); ++c) devices += Of(state, c);
    return devices;
  }
  // Whether the devices of `more` are left when those of `state` are taken.
  bool Fits(int state, int more) const {
    for (int c = 0; c < classes(); ++c) {
      if (Of(state, c) + Of(more, c) > counts_[c]) return false;
    }
    return true;
  }

 private:
  std::vector<int> counts_;
  std::vector<int> strides_;
  int size_ = 1;
};

// A stage: a range of units on some devices of each class.
struct StageFigures {
  bool possible = false;
  double exclusive_s = 0;
  std::array<double, kMostShared> shared_s{};
  double latency_s = 0;
  double joules = 0;
};

// A chain up to some unit: figures that count, all to be small, and the chain without its last stage.
struct Label {
  std::array<double, kMostShared + 2> figures{};
  int from_front = -1;
  int from_label = -1;
};

// What one run of the dynamic programming looks for.
struct Pass {
  bool by_latency = false;    // the least latency with every resource's time within `limit`, else the objective
  bool follow_shared = true;  // false: a relaxation, in which shared resources take no time
  double limit = kInfinite;
  double ratio = 0;  // a label that another is within this ratio of is dropped
};

class Search {
 public:
  Search(const CostTable& table, const ChainQuery& query, const std::vector<int>& counts)
      : table_(table), query_(query), states_(counts) {
    stage_axis_ = query.replicas && query.max_stages > 0 ? query.max_stages + 1 : 1;
    for (int state = 0; state < states_.size(); ++state) {
      double watts = 0;
      for (int c = 0; c < states_.classes(); ++c) watts += states_.Of(state, c) * DeviceOf(c).active_watts;
      const bool too_many =
          stage_axis_ == 1 && query.max_stages > 0 && !query.replicas && states_.Devices(state) > query.max_stages;
      allowed_.push_back(watts <= query.max_watts && !too_many);
    }
    steps_.resize(states_.size());
    for (int added = 1; added < states_.size(); ++added) {
      if (!query.replicas && states_.Devices(added) != 1) continue;
      for (int state = 0; state < states_.size(); ++state) {
        if (states_.Fits(state, added) && allowed_[state + added]) steps_[added].push_back(state);
      }
    }
  }

  // Nothing where no chain is possible. `comparisons` left: fewer than none where it took too long, and the result does
  // not count.
  std::optional<Draft> Run(const Pass& pass, int64_t& comparisons) {
    pass_ = pass;
    comparisons_ = comparisons;
    shared_ = query_.objective == Objective::kThroughput && pass.follow_shared ? table_.shared_count() : 0;
    own_latency_ = query_.max_latency_s < kInfinite && !ByLatency();
    fronts_.assign(static_cast<size_t>((table_.units() + 1) * states_.size() * stage_axis_), {});
    fronts_[0].push_back({});
    for (int end = 1; end <= table_.units() && comparisons_ >= 0; ++end) {
      for (int begin = 0; begin < end; ++begin) {
        if (query_.divided && begin == 0 && end == table_.units()) continue;
        ExtendAll(begin, end);
      }
    }
    comparisons = comparisons_;
    return Best();
  }

  // The value of what Run gave last.
  double value() const { return value_; }

 private:
  const PlanDevice& DeviceOf(int device_class) const {
    return table_.source().devices()[table_.classes()[device_class].devices.front()];
  }
  bool ByLatency() const { return pass_.by_latency || query_.objective == Objective::kLatency; }
  int Front(int unit, int state, int stages) const { return (unit * states_.size() + state) * stage_axis_ + stages; }

  void ExtendAll(int begin, int end) {
    for (int added = 1; added < states_.size(); ++added) {
      if (steps_[added].empty()) continue;
      const StageFigures stage = FiguresOf(added, begin, end);
      if (!stage.possible) continue;
      for (const int state : steps_[added]) {
        for (int stages = 0; stages < std::max(1, stage_axis_ - 1); ++stages) {
          const int from = Front(begin, state, stages);
          const int to = Front(end, state + added, stage_axis_ == 1 ? 0 : stages + 1);
          for (size_t label = 0; label < fronts_[from].size(); ++label)
            Extend(from, static_cast<int>(label), stage, to);
        }
      }
    }
  }

  StageFigures FiguresOf(int added, int begin, int end) const {
    StageFigures stage;
    double rate = 0;
    for (int c = 0; c < states_.classes(); ++c) {
      const int count = states_.Of(added, c);
      if (count == 0) continue;
      const CostCell& cell = table_.At(c, begin, end);
      if (!cell.possible || (query_.objective == Objective::kEnergy && cell.joules <= 0)) return {};
      rate += count / cell.pace_s;
    }
    for (int c = 0; c < states_.classes(); ++c) {
      const int count = states_.Of(added, c);
      if (count == 0) continue;
      const CostCell& cell = table_.At(c, begin, end);
      const double share = 1 / cell.pace_s / rate;
      stage.exclusive_s = std::max(stage.exclusive_s, share * cell.exclusive_s);
      for (int i = 0; i < table_.shared_count(); ++i) stage.shared_s[i] += count * share * cell.shared_s[i];
      stage.latency_s = std::max(stage.latency_s, cell.call_s);
      stage.joules += count * share * cell.joules;
    }
    stage.possible = true;
    return stage;
  }

  void Extend(int from, int from_label, const StageFigures& stage, int to) {
    Label label = fronts_[from][from_label];
    label.from_front = from;
    label.from_label = from_label;
    double& first = label.figures[0];
    if (ByLatency()) {
      first += stage.latency_s;
      if (first > query_.max_latency_s || stage.exclusive_s > pass_.limit) return;
    } else if (query_.objective == Objective::kEnergy) {
      first += stage.joules;
    } else {
      first = std::max(first, stage.exclusive_s);
      if (first > pass_.limit) return;
    }
    for (int i = 0; i < shared_; ++i) {
      label.figures[1 + i] += stage.shared_s[i];
      if (label.figures[1 + i] > pass_.limit) return;
    }
    if (own_latency_) {
      double& latency = label.figures[1 + shared_];
      latency += stage.latency_s;
      if (latency > query_.max_latency_s) return;
    }
    Insert(label, fronts_[to]);
  }

  void Insert(const Label& label, std::vector<Label>& front) {
    const int figures = 1 + shared_ + (own_latency_ ? 1 : 0);
    const auto no_worse = [figures](const Label& a, const Label& b, double ratio) {
      for (int i = 0; i < figures; ++i) {
        if (a.figures[i] > b.figures[i] * (1 + ratio)) return false;
      }
      return true;
    };
    comparisons_ -= static_cast<int64_t>(front.size());
    for (const Label& known : front) {
      if (no_worse(known, label, pass_.ratio)) return;
    }
    std::erase_if(front, [&](const Label& known) { return no_worse(label, known, 0); });
    front.push_back(label);
  }

  double ValueOf(const Label& label) const {
    if (ByLatency() || query_.objective == Objective::kEnergy) return label.figures[0];
    return *std::max_element(label.figures.begin(), label.figures.begin() + 1 + shared_);
  }

  std::optional<Draft> Best() {
    value_ = kInfinite;
    int best_front = -1;
    int best_label = -1;
    for (int front = Front(table_.units(), 0, 0); front < static_cast<int>(fronts_.size()); ++front) {
      for (size_t i = 0; i < fronts_[front].size(); ++i) {
        if (ValueOf(fronts_[front][i]) >= value_) continue;
        value_ = ValueOf(fronts_[front][i]);
        best_front = front;
        best_label = static_cast<int>(i);
      }
    }
    if (best_front < 0) return std::nullopt;
    return Trace(best_front, best_label);
  }

  struct Placed {
    int begin = 0;
    int end = 0;
    int added = 0;
  };

  Draft Trace(int front, int label) const {
    std::vector<Placed> stages;
    const int per_unit = states_.size() * stage_axis_;
    while (fronts_[front][label].from_front >= 0) {
      const Label& at = fronts_[front][label];
      const auto state = [&](int of) { return of % per_unit / stage_axis_; };
      stages.push_back({at.from_front / per_unit, front / per_unit, state(front) - state(at.from_front)});
      front = at.from_front;
      label = at.from_label;
    }
    std::reverse(stages.begin(), stages.end());
    Draft draft{.batch = table_.batch()};
    std::vector<int> used(states_.classes());
    for (const Placed& placed : stages) draft.stages.push_back(StageOf(placed, used));
    return draft;
  }

  DraftStage StageOf(const Placed& placed, std::vector<int>& used) const {
    DraftStage stage{table_.positions()[placed.begin], table_.positions()[placed.end], {}};
    std::vector<double> paces;
    for (int c = 0; c < states_.classes(); ++c) {
      for (int i = 0; i < states_.Of(placed.added, c); ++i) {
        stage.replicas.push_back({.device = table_.classes()[c].devices[used[c]++]});
        paces.push_back(table_.At(c, placed.begin, placed.end).pace_s);
      }
    }
    const std::vector<double> shares = SharesByPace(paces);
    for (size_t i = 0; i < shares.size(); ++i) stage.replicas[i].share = shares[i];
    return stage;
  }

  const CostTable& table_;
  const ChainQuery& query_;
  States states_;
  int stage_axis_ = 1;                   // stages so far, where their number is bounded and not that of the devices
  std::vector<bool> allowed_;            // by state
  std::vector<std::vector<int>> steps_;  // by the devices that a stage adds: the states that it can be added to
  Pass pass_;
  int shared_ = 0;
  bool own_latency_ = false;
  int64_t comparisons_ = 0;
  double value_ = kInfinite;
  std::vector<std::vector<Label>> fronts_;
};

// --- How many devices a search can bear
// ---------------------------------------------------------------------------------

double StepsOf(const CostTable& table, const ChainQuery& query, const std::vector<int>& counts) {
  double states = 1;
  double pairs = 1;
  for (const int count : counts) {
    states *= count + 1;
    pairs *= (count + 1) * (count + 2) / 2.0;
  }
  const double ranges = table.units() * (table.units() + 1) / 2.0;
  return ranges * (query.replicas ? pairs : states * static_cast<double>(counts.size()));
}

// Time of all units one by one; what cannot run somewhere counts as much as all others together.
double SlownessOf(const CostTable& table, int device_class) {
  double seconds = 0;
  double impossible = 0;
  for (int unit = 0; unit < table.units(); ++unit) {
    const CostCell& cell = table.At(device_class, unit, unit + 1);
    seconds += cell.pace_s;
    impossible += cell.possible ? 0 : 1;
  }
  return seconds * (1 + impossible);
}

// Leaves out the slowest until the search is short enough. Returns their names.
std::string Limit(const CostTable& table, const ChainQuery& query, std::vector<int>& counts) {
  std::string left_out;
  while (StepsOf(table, query, counts) > kMostSteps) {
    int slowest = -1;
    for (int c = 0; c < static_cast<int>(counts.size()); ++c) {
      if (counts[c] > 0 && (slowest < 0 || SlownessOf(table, c) > SlownessOf(table, slowest))) slowest = c;
    }
    if (slowest < 0) break;
    const int device = table.classes()[slowest].devices[--counts[slowest]];
    left_out += (left_out.empty() ? "" : ", ") + table.source().devices()[device].name;
  }
  return left_out;
}

// --- The passes
// ---------------------------------------------------------------------------------------------------------

// Runs with ever coarser labels until one is short enough.
std::optional<Draft> RunWithin(Search& search, Pass pass, ChainResult& result) {
  for (const double ratio : kRatios) {
    pass.ratio = ratio;
    int64_t comparisons = ratio == kRatios.back() ? std::numeric_limits<int64_t>::max() : kMostComparisons;
    std::optional<Draft> draft = search.Run(pass, comparisons);
    if (comparisons < 0) continue;
    if (ratio > 0) {
      result.exact = false;
      result.note = fmt::format("chains within {:g} % of one another counted as equal, per stage", 100 * ratio);
    }
    return draft;
  }
  return std::nullopt;
}

double PeriodOf(const CostTable& table, const Draft& draft) {
  return Evaluate(table.source(), draft).Value(Objective::kThroughput) * static_cast<double>(table.batch());
}

// First as if shared resources took no time: where they do not set the pace the result is the optimum, else a bound for
// the search that follows them. Then the least latency that is as fast.
void SearchThroughput(const CostTable& table, Search& search, ChainResult& result) {
  result.draft = RunWithin(search, {.follow_shared = false}, result);
  if (!result.draft) return;
  double period_s = PeriodOf(table, *result.draft);
  if (period_s > search.value() * (1 + kSame)) {
    const std::optional<Draft> better = RunWithin(search, {.limit = period_s * (1 - kSame)}, result);
    if (better) result.draft = better;
    period_s = std::min(period_s, PeriodOf(table, *result.draft));
  }
  ChainResult unused;
  const std::optional<Draft> sooner = RunWithin(search, {.by_latency = true, .limit = period_s * (1 + kSame)}, unused);
  if (sooner) result.draft = sooner;
}

}  // namespace

ChainResult SearchChain(const CostTable& table, const ChainQuery& query) {
  std::vector<int> counts;
  for (const DeviceClass& device_class : table.classes())
    counts.push_back(static_cast<int>(device_class.devices.size()));
  ChainResult result;
  const std::string left_out = Limit(table, query, counts);
  Search search(table, query, counts);
  if (query.objective == Objective::kThroughput) {
    SearchThroughput(table, search, result);
  } else {
    result.draft = RunWithin(search, {}, result);
  }
  if (!table.follows_all() && query.objective == Objective::kThroughput) {
    result.exact = false;
    result.note = "more shared resources than the search follows one by one";
  }
  if (!left_out.empty()) {
    result.exact = false;
    result.note = "the search would take too long with all devices; left out: " + left_out;
  }
  return result;
}

}  // namespace consort
