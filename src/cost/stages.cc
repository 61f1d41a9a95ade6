#include "cost/stages.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "consort/error.h"
#include "cost/fits.h"
#include "cost/work.h"

namespace consort {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// Where one tensor crosses and no engine's fusion is divided.
std::vector<int> CutPositions(const Graph& graph) {
  const std::vector<bool> inside = DividesAWork(WorkOf(graph));
  std::vector<int> positions;
  for (const Cut& cut : graph.Cuts(1)) {
    if (!cut.crossing.empty() && !inside[cut.position]) positions.push_back(cut.position);
  }
  return positions;
}

// Keeps `count` of them, nearest to equal steps of the multiply-accumulates before them.
std::vector<int> Thin(const Graph& graph, const std::vector<int>& positions, int count) {
  if (static_cast<int>(positions.size()) <= count) return positions;
  std::vector<double> before(graph.ops().size() + 1);
  for (size_t op = 0; op < graph.ops().size(); ++op) {
    before[op + 1] = before[op] + (graph.ops()[op].constant ? 0 : static_cast<double>(graph.ops()[op].cost.macs) + 1);
  }
  std::vector<int> kept;
  for (int step = 1; step <= count; ++step) {
    const double wanted = before.back() * step / (count + 1);
    const auto found =
        std::find_if(positions.begin(), positions.end(), [&](int position) { return before[position] >= wanted; });
    const int position = found == positions.end() ? positions.back() : *found;
    if (kept.empty() || kept.back() < position) kept.push_back(position);
  }
  return kept;
}

// Throws kUnsupported and kOutOfMemory where the ops from `begin` up to `end` cannot run on one device.
Estimate EstimateOf(const Graph& graph, OpId begin, OpId end, const CostModel& model, const StagesOptions& options) {
  const WorkList works = WorkOf(graph, begin, end);
  if (options.device != nullptr) {
    const std::string who = fmt::format("'{}'", options.device->name);
    RequireOps(*options.device, who, graph, begin, end);
    RequireMemory(*options.device, who, works, PrecisionOn(*options.device, options.query.precision));
  }
  return model.Cost(works, options.query);
}

// Absent where only the memory is too small: that is what one divides a model for.
std::optional<Estimate> Single(const Graph& graph, const CostModel& model, const StagesOptions& options) {
  try {
    return EstimateOf(graph, 0, static_cast<OpId>(graph.ops().size()), model, options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kOutOfMemory) throw;
    return std::nullopt;
  }
}

// The costs of all segments between places, and the best divisions over them. Place 0 is the graph's begin, the last
// its end.
class Search {
 public:
  Search(const Graph& graph, const CostModel& model, const StagesOptions& options)
      : graph_(graph),
        model_(model),
        options_(options),
        all_share_(AllShare(options)),
        places_(Thin(graph, CutPositions(graph), kMostCutPositions)) {
    places_.insert(places_.begin(), 0);
    places_.push_back(static_cast<int>(graph.ops().size()));
    if (options.stages < 1 || options.stages >= static_cast<int>(places_.size())) RefuseCount();
    for (size_t i = 0; i < places_.size(); ++i) {
      for (size_t j = i + 1; j < places_.size(); ++j) segments_.push_back(Cost(places_[i], places_[j]));
    }
  }

  Division Find() const {
    std::vector<double> limits;
    for (const auto& segment : segments_) {
      if (segment) limits.push_back(segment->estimate.latency_s);
    }
    std::sort(limits.begin(), limits.end());
    // The higher the limit on a stage, the less of the link is needed: the best limit is where the two meet, or the one
    // before.
    const auto meet =
        std::partition_point(limits.begin(), limits.end(), [this](double limit) { return Needed(limit) > limit; });
    double best = kNever;
    double best_limit = 0;
    for (auto at = meet == limits.begin() ? meet : meet - 1; at != limits.end() && at <= meet; ++at) {
      const double period = std::max(*at, Needed(*at));
      if (period < best) best = period, best_limit = *at;
    }
    return Divide(best_limit);
  }

 private:
  static bool AllShare(const StagesOptions& options) {
    return std::any_of(options.sharing_a_link.begin(), options.sharing_a_link.end(),
                       [&](const std::vector<int>& group) { return static_cast<int>(group.size()) == options.stages; });
  }

  [[noreturn]] void RefuseCount() const {
    throw Error(
        ErrorCode::kInfeasible,
        fmt::format("'{}' cannot be divided into {} stages: {} cut{} crossed by one tensor and divide{} no fusion, so "
                    "ask for 1 to {}",
                    graph_.name(), options_.stages, places_.size() - 2, places_.size() == 3 ? " is" : "s are",
                    places_.size() == 3 ? "s" : "", places_.size() - 1));
  }

  // Nothing where the segment cannot run on the device.
  std::optional<Segment> Cost(OpId begin, OpId end) const {
    try {
      return Segment{begin, end, EstimateOf(graph_, begin, end, model_, options_)};
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kUnsupported || error.code() == ErrorCode::kOutOfMemory) return std::nullopt;
      throw;
    }
  }

  const std::optional<Segment>& Between(size_t i, size_t j) const {
    const size_t n = places_.size();
    return segments_[i * (2 * n - i - 1) / 2 + (j - i - 1)];
  }

  // For stages no slower than `limit`: the least sum of link times up to each place with each number of stages, and
  // where the last of them begins.
  struct Table {
    std::vector<std::vector<double>> link_s;
    std::vector<std::vector<size_t>> from;
  };

  Table Fill(double limit) const {
    const size_t n = places_.size();
    Table table{std::vector(options_.stages + 1, std::vector<double>(n, kNever)),
                std::vector(options_.stages + 1, std::vector<size_t>(n))};
    table.link_s[0][0] = 0;
    for (int stage = 1; stage <= options_.stages; ++stage) {
      for (size_t j = 1; j < n; ++j) {
        for (size_t i = 0; i < j; ++i) {
          const auto& segment = Between(i, j);
          if (table.link_s[stage - 1][i] == kNever || !segment || segment->estimate.latency_s > limit) continue;
          const double link_s = table.link_s[stage - 1][i] + segment->link_s();
          if (link_s >= table.link_s[stage][j]) continue;
          table.link_s[stage][j] = link_s;
          table.from[stage][j] = i;
        }
      }
    }
    return table;
  }

  // The time of the shared link when no stage is slower than `limit`; kNever where that cannot be.
  double Needed(double limit) const {
    const double link_s = Fill(limit).link_s.back().back();
    return all_share_ || link_s == kNever ? link_s : 0;
  }

  Division Divide(double limit) const {
    const Table table = Fill(limit);
    if (table.link_s.back().back() == kNever)
      throw Error(
          ErrorCode::kInfeasible,
          fmt::format("'{}' cannot be divided into {} stages that all run on the device and fit its memory: ask for "
                      "another number",
                      graph_.name(), options_.stages));
    Division division;
    size_t end = places_.size() - 1;
    for (int stage = options_.stages; stage > 0; --stage) {
      const size_t begin = table.from[stage][end];
      division.stages.push_back(*Between(begin, end));
      end = begin;
    }
    std::reverse(division.stages.begin(), division.stages.end());
    for (const Segment& stage : division.stages)
      division.slowest_s = std::max(division.slowest_s, stage.estimate.latency_s);
    for (const std::vector<int>& group : options_.sharing_a_link) {
      double link_s = 0;
      for (const int stage : group) link_s += division.stages.at(stage).link_s();
      division.shared_link_s = std::max(division.shared_link_s, link_s);
    }
    return division;
  }

  const Graph& graph_;
  const CostModel& model_;
  const StagesOptions& options_;
  bool all_share_;
  std::vector<int> places_;
  std::vector<std::optional<Segment>> segments_;  // (0,1), (0,2), … (1,2), …
};

}  // namespace

double Segment::link_s() const {
  double seconds = estimate.input_s + estimate.output_s;
  for (const WorkCost& work : estimate.works) seconds += work.link_seconds;
  return seconds;
}

double Division::latency_s() const {
  return std::accumulate(stages.begin(), stages.end(), 0.0,
                         [](double sum, const Segment& stage) { return sum + stage.estimate.latency_s; });
}

double Division::low() const {
  double low = 1;
  for (const Segment& stage : stages) low = std::min(low, stage.estimate.low);
  return low;
}

double Division::high() const {
  double high = 1;
  for (const Segment& stage : stages) high = std::max(high, stage.estimate.high);
  return high;
}

Division DivideIntoStages(const Graph& graph, const CostModel& model, const StagesOptions& options) {
  std::optional<Estimate> single = Single(graph, model, options);
  Division division = Search(graph, model, options).Find();
  division.single = std::move(single);
  return division;
}

}  // namespace consort
