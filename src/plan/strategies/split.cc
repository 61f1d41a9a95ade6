#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "plan/strategies/strategies.h"

namespace consort {
namespace {

// Whole calls go to one device or another.
std::optional<Candidate> ByShare(const StrategyInput& input) {
  if (input.query.objective != Objective::kThroughput) return std::nullopt;
  const CostTable whole(input.costs, {input.positions.front(), input.positions.back()}, input.query.batch,
                        input.placement);
  const ChainQuery query{.objective = Objective::kThroughput,
                         .replicas = true,
                         .max_stages = 1,
                         .max_latency_s = input.query.max_latency_s,
                         .max_watts = input.query.max_watts};
  const ChainResult result = SearchChain(whole, query);
  if (!result.draft) return std::nullopt;
  return Candidate{*result.draft, result.exact, result.note};
}

// Samples of a batch given to the devices so far: times on resources, and what each device got.
struct Label {
  std::map<int, double> busy;
  double slowest_s = 0;  // the longest of the devices' calls,
  double end_s = 0;      // and when the last of them ends: devices take turns on what they share, in their order
  double joules = 0;
  std::vector<int64_t> samples;
};

// Divides each call: integer samples per device.
class BatchDivision {
 public:
  explicit BatchDivision(const StrategyInput& input) : input_(input), shared_(SharedResources(input.costs)) {
    step_ = (input.query.batch + kMostBatchSteps - 1) / kMostBatchSteps;
  }

  std::optional<Candidate> Find() {
    const int64_t batch = input_.query.batch;
    const int64_t steps = (batch + step_ - 1) / step_;
    std::vector<std::vector<Label>> fronts(static_cast<size_t>(steps) + 1);
    fronts[0].push_back({});
    for (int device = 0; device < static_cast<int>(input_.costs.devices().size()); ++device) {
      if (!MayRunAll(device)) continue;
      fronts = WithDevice(device, fronts);
    }
    const Label* best = nullptr;
    for (const Label& label : fronts.back()) {
      if (Value(label) < kInfinite && (best == nullptr || Value(label) < Value(*best))) best = &label;
    }
    if (best == nullptr) return std::nullopt;
    Candidate candidate{DraftOf(*best), step_ == 1 && exact_, ""};
    if (step_ > 1) candidate.note = fmt::format("the batch divided in steps of {} samples", step_);
    if (!exact_)
      candidate.note = "only the best of many divisions that load shared resources differently were followed";
    return candidate;
  }

 private:
  static constexpr size_t kMostLabels = 128;

  bool MayRunAll(int device) const {
    return std::all_of(input_.placement.begin(), input_.placement.end(),
                       [device](int placed) { return placed == kNone || placed == device; });
  }

  // Samples of so many steps when `done` are given away already; the last step may be shorter.
  int64_t SamplesOf(size_t done, size_t steps) const {
    const auto at = [this](size_t step) { return std::min(input_.query.batch, static_cast<int64_t>(step) * step_); };
    return at(done + steps) - at(done);
  }

  std::vector<std::vector<Label>> WithDevice(int device, const std::vector<std::vector<Label>>& before) {
    std::vector<std::vector<Label>> after = before;
    for (std::vector<Label>& front : after) {
      for (Label& label : front) label.samples.push_back(0);
    }
    for (size_t done = 0; done < before.size(); ++done) {
      for (size_t steps = 1; done + steps < before.size() && !before[done].empty(); ++steps) {
        const int64_t samples = SamplesOf(done, steps);
        const RangeCost* cost = CostOf(device, samples);
        if (cost == nullptr) continue;
        for (const Label& label : before[done]) Insert(Extended(label, samples, *cost), after[done + steps]);
      }
    }
    devices_.push_back(device);
    return after;
  }

  const RangeCost* CostOf(int device, int64_t samples) {
    const auto [known, added] = costs_.try_emplace({device, samples});
    if (added && input_.costs.HasBatch(samples)) {
      known->second = input_.costs.Cost(device, input_.positions.front(), input_.positions.back(), samples);
    } else if (added) {
      known->second.refused = "the model's batch is fixed";
    }
    const int64_t memory = input_.costs.devices()[device].memory_bytes;
    const bool fits = memory <= 0 || known->second.memory_bytes <= memory;
    return known->second.refused.empty() && fits ? &known->second : nullptr;
  }

  Label Extended(const Label& label, int64_t samples, const RangeCost& cost) const {
    Label more = label;
    double waits_s = 0;
    for (const Busy& busy : cost.busy) {
      if (!shared_[busy.resource]) continue;
      waits_s = std::max(waits_s, more.busy[busy.resource]);
      more.busy[busy.resource] += busy.seconds;
    }
    more.slowest_s = std::max(more.slowest_s, cost.call_s);
    more.end_s = std::max(more.end_s, waits_s + cost.call_s);
    more.joules += cost.joules > 0 ? cost.joules : kInfinite;
    more.samples.push_back(samples);
    return more;
  }

  // Between calls: the slowest device, or what shares a resource one after the other.
  static double Period(const Label& label) {
    double seconds = label.slowest_s;
    for (const auto& [resource, busy_s] : label.busy) seconds = std::max(seconds, busy_s);
    return seconds;
  }
  double Value(const Label& label) const {
    if (input_.query.objective == Objective::kEnergy) return label.joules;
    return input_.query.objective == Objective::kLatency ? label.end_s : Period(label);
  }

  bool NoWorse(const Label& a, const Label& b) const {
    if (input_.query.objective == Objective::kEnergy) return a.joules <= b.joules;
    const bool latency = input_.query.objective == Objective::kLatency;
    if (latency ? a.end_s > b.end_s : a.slowest_s > b.slowest_s) return false;
    return std::all_of(a.busy.begin(), a.busy.end(), [&b](const auto& busy) {
      const auto other = b.busy.find(busy.first);
      return other != b.busy.end() && busy.second <= other->second;
    });
  }

  void Insert(Label label, std::vector<Label>& front) {
    for (const Label& known : front) {
      if (NoWorse(known, label)) return;
    }
    std::erase_if(front, [&](const Label& known) { return NoWorse(label, known); });
    front.push_back(std::move(label));
    if (front.size() <= kMostLabels) return;
    exact_ = false;
    front.erase(std::max_element(front.begin(), front.end(),
                                 [this](const auto& a, const auto& b) { return Value(a) < Value(b); }));
  }

  Draft DraftOf(const Label& label) const {
    Draft draft{.batch = input_.query.batch};
    DraftStage& stage = draft.stages.emplace_back(DraftStage{input_.positions.front(), input_.positions.back(), {}});
    for (size_t i = 0; i < label.samples.size(); ++i) {
      if (label.samples[i] == 0) continue;
      const double share = static_cast<double>(label.samples[i]) / static_cast<double>(draft.batch);
      stage.replicas.push_back({.device = devices_[i], .share = share, .samples = label.samples[i]});
    }
    if (stage.replicas.size() == 1) stage.replicas.front().samples = 0;
    return draft;
  }

  const StrategyInput& input_;
  std::vector<bool> shared_;
  int64_t step_ = 1;
  bool exact_ = true;
  std::vector<int> devices_;  // those that were asked, in order
  std::map<std::pair<int, int64_t>, RangeCost> costs_;
};

}  // namespace

std::vector<Candidate> SplitCandidates(const StrategyInput& input) {
  std::vector<Candidate> candidates;
  if (const auto by_share = ByShare(input)) candidates.push_back(*by_share);
  if (input.query.batch > 1) {
    if (const auto divided = BatchDivision(input).Find()) candidates.push_back(*divided);
  }
  return candidates;
}

}  // namespace consort
