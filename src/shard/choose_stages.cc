// Balanced stages: the heaviest as light as can be.
#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <limits>
#include <set>

#include "consort/error.h"
#include "shard/choose.h"
#include "shard/folding.h"

namespace consort {
namespace {

// The parameters that an op needs, as items that several ops may share: initializers, and what constant ops hold
// themselves.
class ParameterItems {
 public:
  ParameterItems(const Graph& graph, const Folding& folding) : graph_(graph), folding_(folding) {}

  std::vector<TensorId> Of(const Op& op) const {
    std::set<TensorId> seen;
    std::vector<TensorId> items;
    std::vector<const Op*> waiting{&op};
    while (!waiting.empty()) {
      const Op& reader = *waiting.back();
      waiting.pop_back();
      for (const auto* reads : {&reader.inputs, &reader.captures}) {
        for (const TensorId id : *reads) Visit(id, seen, items, waiting);
      }
    }
    return items;
  }

  int64_t Bytes(TensorId item) const { return std::max<int64_t>(graph_.tensor(item).bytes(), 0); }

 private:
  void Visit(TensorId id, std::set<TensorId>& seen, std::vector<TensorId>& items,
             std::vector<const Op*>& waiting) const {
    if (id == kNone || !folding_.is_folded(id) || !seen.insert(id).second) return;
    const Tensor& tensor = graph_.tensor(id);
    // What a ConstantOfShape expands to stands for weights that were left out of the file.
    const bool source = tensor.producer == kNone || graph_.op(tensor.producer).inputs.empty() ||
                        folding_.is_known_shape(tensor.producer) ||
                        graph_.op(tensor.producer).type == "ConstantOfShape";
    if (source)
      items.push_back(id);
    else
      waiting.push_back(&graph_.op(tensor.producer));
  }

  const Graph& graph_;
  const Folding& folding_;
};

// The weight of a run of ops that grows at its end and shrinks at its begin.
class Window {
 public:
  Window(const Graph& graph, const Folding& folding, const StageWeights& weights) : weights_(weights) {
    if (!weights.count_parameters) return;
    const ParameterItems items(graph, folding);
    uses_.resize(graph.tensors().size());
    bytes_.resize(graph.tensors().size());
    for (OpId id = 0; id < static_cast<OpId>(graph.ops().size()); ++id) {
      items_.push_back(folding.folds(id) ? std::vector<TensorId>() : items.Of(graph.op(id)));
      for (const TensorId item : items_.back()) bytes_[static_cast<size_t>(item)] = items.Bytes(item);
    }
  }

  void Clear() {
    weight_ = 0;
    std::fill(uses_.begin(), uses_.end(), 0);
  }

  void Add(size_t op) {
    if (!weights_.count_parameters) {
      weight_ += weights_.per_op[op];
      return;
    }
    for (const TensorId item : items_[op]) {
      if (uses_[static_cast<size_t>(item)]++ == 0) weight_ += bytes_[static_cast<size_t>(item)];
    }
  }

  void Remove(size_t op) {
    if (!weights_.count_parameters) {
      weight_ -= weights_.per_op[op];
      return;
    }
    for (const TensorId item : items_[op]) {
      if (--uses_[static_cast<size_t>(item)] == 0) weight_ -= bytes_[static_cast<size_t>(item)];
    }
  }

  int64_t weight() const { return weight_; }

 private:
  const StageWeights& weights_;
  int64_t weight_ = 0;
  std::vector<std::vector<TensorId>> items_;  // by op
  std::vector<int> uses_;                     // by item, in the window
  std::vector<int64_t> bytes_;                // by item
};

bool IsCarried(const Tensor& tensor) { return tensor.has_rank && BitWidth(tensor.spec.dtype) > 0; }

int64_t BytesWithOpenDimsAsOne(const Tensor& tensor) {
  TensorSpec spec = tensor.spec;
  for (int64_t& size : spec.shape) size = size == kDynamic ? 1 : size;
  return ByteSize(spec);
}

class StageFinder {
 public:
  StageFinder(const Graph& graph, const StageOptions& options)
      : graph_(graph), options_(options), folding_(graph), window_(graph, folding_, options.weights) {
    AddPlace(0, 0);
    for (const Cut& cut : folding_.Cuts()) AddCut(cut);
    AddPlace(static_cast<int>(graph.ops().size()), 0);
    if (options.stages < 1 || options.stages > segments()) RefuseCount();
  }

  StageChoice Find() {
    const int64_t limit = LeastLimit();
    const std::vector<int> ends = Divide(Reach(limit));
    StageChoice choice;
    size_t begin = 0;
    for (const int end : ends) {
      choice.weights.push_back(WeightBetween(begin, static_cast<size_t>(places_[static_cast<size_t>(end)])));
      begin = static_cast<size_t>(places_[static_cast<size_t>(end)]);
      if (end != segments()) choice.positions.push_back(places_[static_cast<size_t>(end)]);
    }
    return choice;
  }

 private:
  // Places 0 (the graph's begin) … segments() (its end).
  int segments() const { return static_cast<int>(places_.size()) - 1; }

  void AddPlace(int position, int64_t bytes) {
    places_.push_back(position);
    bytes_.push_back(bytes);
  }

  void AddCut(const Cut& cut) {
    if (options_.avoid != nullptr && options_.avoid->Divides(cut.position)) return;
    int64_t bytes = 0;
    for (const TensorId id : cut.crossing) {
      if (!IsCarried(graph_.tensor(id))) return;
      bytes += BytesWithOpenDimsAsOne(graph_.tensor(id));
    }
    AddPlace(cut.position, bytes);
  }

  [[noreturn]] void RefuseCount() const {
    const int cuts = segments() - 1;
    throw Error(ErrorCode::kInfeasible,
                fmt::format("graph '{}' cannot be divided into {} stages: it has {} cut{}{}, so ask for 1 to {}{}",
                            graph_.name(), options_.stages, cuts, cuts == 1 ? "" : "s",
                            options_.avoid != nullptr ? " that divide no known fusion" : "", segments(),
                            options_.avoid != nullptr ? ", or let cuts divide fusions" : ""));
  }

  int64_t WeightBetween(size_t begin, size_t end) {
    window_.Clear();
    for (size_t op = begin; op < end; ++op) window_.Add(op);
    return window_.weight();
  }

  // From each place, the furthest one that a stage of at most this weight can end at.
  std::vector<int> Reach(int64_t limit) {
    window_.Clear();
    std::vector<int> reach(places_.size());
    size_t end = 0;  // the window holds the ops from `begin` to here
    for (size_t begin = 0; begin < places_.size(); ++begin) {
      if (end < begin)
        end = begin;
      else if (begin > 0)
        Shift(begin - 1, &Window::Remove);
      while (end + 1 < places_.size()) {
        Shift(end, &Window::Add);
        if (window_.weight() <= limit) {
          ++end;
          continue;
        }
        Shift(end, &Window::Remove);
        break;
      }
      reach[begin] = static_cast<int>(end);
    }
    return reach;
  }

  // Adds or removes the ops between a place and the next.
  void Shift(size_t place, void (Window::*change)(size_t)) {
    for (int op = places_[place]; op < places_[place + 1]; ++op) (window_.*change)(static_cast<size_t>(op));
  }

  // Weights only grow with a stage, so stages that reach as far as they can need the fewest.
  bool IsEnough(int64_t limit) {
    const std::vector<int> reach = Reach(limit);
    int place = 0;
    for (int stage = 0; stage < options_.stages && place < segments(); ++stage)
      place = reach[static_cast<size_t>(place)];
    return place == segments();
  }

  int64_t LeastLimit() {
    int64_t low = -1;  // not enough
    int64_t high = WeightBetween(0, graph_.ops().size());
    while (high - low > 1) {
      const int64_t middle = low + (high - low) / 2;
      (IsEnough(middle) ? high : low) = middle;
    }
    return high;
  }

  // How good a choice is: the smaller the better.
  struct Score {
    double squares = std::numeric_limits<double>::infinity();  // sum of the squares of the stages' weights: least where
                                                               // they are equal
    int64_t bytes = 0;                                         // across all cuts
    auto operator<=>(const Score&) const = default;
  };

  // The ends of exactly so many stages within reach, with the best score.
  std::vector<int> Divide(const std::vector<int>& reach) {
    const size_t places = places_.size();
    const auto stages = static_cast<size_t>(options_.stages);
    std::vector<std::vector<Score>> best(stages + 1, std::vector<Score>(places));
    std::vector<std::vector<int>> from(stages + 1, std::vector<int>(places, kNone));
    best[0][0] = {0, 0};
    for (size_t i = 0; i < places; ++i) {
      window_.Clear();
      for (size_t j = i + 1; j <= static_cast<size_t>(reach[i]); ++j) {
        Shift(j - 1, &Window::Add);
        const auto weight = static_cast<double>(window_.weight());
        for (size_t stage = 1; stage <= stages; ++stage) {
          const Score& before = best[stage - 1][i];
          const Score score{before.squares + weight * weight, before.bytes + bytes_[j]};
          if (score < best[stage][j]) best[stage][j] = score, from[stage][j] = static_cast<int>(i);
        }
      }
    }
    std::vector<int> ends;
    int end = segments();
    for (size_t stage = stages; stage > 0; --stage) {
      ends.push_back(end);
      end = from[stage][static_cast<size_t>(end)];
    }
    std::reverse(ends.begin(), ends.end());
    return ends;
  }

  const Graph& graph_;
  const StageOptions& options_;
  const Folding folding_;
  Window window_;
  std::vector<int> places_;     // positions
  std::vector<int64_t> bytes_;  // across each
};

}  // namespace

StageWeights WeightsByMacs(const Graph& graph) {
  StageWeights weights;
  // At most so much each, so that no sum overflows.
  const int64_t most = std::numeric_limits<int64_t>::max() / static_cast<int64_t>(graph.ops().size() + 1);
  for (const Op& op : graph.ops()) weights.per_op.push_back(op.constant ? 0 : std::min(op.cost.macs, most));
  return weights;
}

StageChoice ChooseStages(const Graph& graph, const StageOptions& options) { return StageFinder(graph, options).Find(); }

}  // namespace consort
