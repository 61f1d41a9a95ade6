#include "shard/choose.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/nearest.h"
#include "base/strings.h"
#include "consort/error.h"
#include "shard/folding.h"

namespace consort {
namespace {

[[noreturn]] void Refuse(const std::string& why) { throw Error(ErrorCode::kInvalidArgument, why); }

bool IsComputed(const Graph& graph, const Folding& folding, TensorId id) {
  return graph.tensor(id).producer != kNone && !folding.is_folded(id);
}

// The nearest name and up to three that hold the text: "; near are 'conv1_out', 'conv1_relu'".
std::string NearNames(const Graph& graph, const Folding& folding, const std::string& name) {
  constexpr size_t kMost = 4;
  std::vector<std::string> all;
  for (size_t id = 0; id < graph.tensors().size(); ++id) {
    if (IsComputed(graph, folding, static_cast<TensorId>(id))) all.push_back(graph.tensors()[id].name);
  }
  std::vector<std::string> near;
  if (const std::string nearest = Nearest(name, all); !nearest.empty()) near.push_back("'" + nearest + "'");
  for (const std::string& candidate : all) {
    const std::string quoted = "'" + candidate + "'";
    const bool holds = !name.empty() && candidate.find(name) != std::string::npos;
    if (holds && near.size() < kMost && std::find(near.begin(), near.end(), quoted) == near.end())
      near.push_back(quoted);
  }
  if (near.empty()) return "; 'consort inspect --layers --format json' lists them";
  return (near.size() == 1 ? "; near is " : "; near are ") + Join(near);
}

// The op that makes an activation, or why the tensor names no cut.
OpId ProducerOf(const Graph& graph, const Folding& folding, const std::string& name) {
  const TensorId id = graph.FindTensor(name);
  if (id == kNone) {
    const OpId op = graph.FindOp(name);
    if (op != kNone && !graph.op(op).outputs.empty() && graph.op(op).outputs.front() != kNone) {
      Refuse(fmt::format("'{}' is an op, not a tensor; it makes '{}'", name,
                         graph.tensor(graph.op(op).outputs.front()).name));
    }
    Refuse(fmt::format("the model has no tensor '{}'{}", name, NearNames(graph, folding, name)));
  }
  const Tensor& tensor = graph.tensor(id);
  if (tensor.kind == TensorKind::kInput)
    Refuse(fmt::format("'{}' is an input of the model: nothing lies before it", name));
  if (folding.is_folded(id)) {
    Refuse(fmt::format("'{}' is a constant: shards hold copies of constants, so no cut lies there", name));
  }
  return tensor.producer;
}

bool ComputesFrom(const Graph& graph, const Folding& folding, int position) {
  for (OpId id = position; id < static_cast<OpId>(graph.ops().size()); ++id) {
    if (!folding.folds(id)) return true;
  }
  return false;
}

std::vector<std::string> NamesOf(const Graph& graph, const std::vector<TensorId>& ids) {
  std::vector<std::string> names;
  for (const TensorId id : ids) names.push_back("'" + graph.tensor(id).name + "'");
  return names;
}

std::vector<TensorId> Without(const std::vector<TensorId>& ids, const std::vector<TensorId>& others) {
  std::vector<TensorId> rest;
  std::set_difference(ids.begin(), ids.end(), others.begin(), others.end(), std::back_inserter(rest));
  return rest;
}

// Finds cuts by the names of what crosses them.
class LikeFinder {
 public:
  explicit LikeFinder(const Graph& graph) : graph_(graph), folding_(graph), cuts_(folding_.Cuts()) {}

  int Find(const NamedCut& wanted) const {
    std::vector<TensorId> crossing;
    int first = 1;  // all of `crossing` is made before this position
    for (const std::string& name : wanted.crossing) {
      first = std::max(first, ProducerOf(graph_, folding_, name) + 1);
      crossing.push_back(graph_.FindTensor(name));
    }
    std::sort(crossing.begin(), crossing.end());
    const TensorId after = graph_.FindTensor(wanted.after);
    const int preferred = after == kNone ? kNone : graph_.tensor(after).producer + 1;
    if (crossing.empty() && preferred == kNone) ProducerOf(graph_, folding_, wanted.after);
    int found = kNone;
    for (const Cut& cut : cuts_) {
      if (cut.crossing != crossing) continue;
      if (found == kNone || cut.position == preferred) found = cut.position;
    }
    if (found == kNone) RefuseCut(crossing.empty() ? preferred : first, crossing);
    return found;
  }

 private:
  [[noreturn]] void RefuseCut(int position, const std::vector<TensorId>& crossing) const {
    if (position < 1 || position >= static_cast<int>(graph_.ops().size())) {
      Refuse(fmt::format("no op is left behind {} in this model", Join(NamesOf(graph_, crossing))));
    }
    const std::vector<TensorId> there = folding_.CutAt(position).crossing;
    std::vector<std::string> differences;
    if (const auto more = Without(there, crossing); !more.empty())
      differences.push_back(Join(NamesOf(graph_, more)) + (more.size() == 1 ? " crosses as well" : " cross as well"));
    if (const auto missing = Without(crossing, there); !missing.empty())
      differences.push_back("nothing behind it reads " + Join(NamesOf(graph_, missing)));
    Refuse(fmt::format("in this model, behind '{}', {}", graph_.op(position - 1).name, Join(differences, "; ")));
  }

  const Graph& graph_;
  const Folding folding_;
  std::vector<Cut> cuts_;
};

}  // namespace

int PositionBehind(const Graph& graph, const std::string& tensor) {
  const Folding folding(graph);
  const int position = ProducerOf(graph, folding, tensor) + 1;
  if (!ComputesFrom(graph, folding, position)) {
    Refuse(fmt::format("'{}' is made by the last op: nothing is left behind it", tensor));
  }
  return position;
}

std::vector<int> PositionsLike(const Graph& graph, const std::vector<NamedCut>& cuts) {
  const LikeFinder finder(graph);
  std::vector<int> positions;
  for (size_t i = 0; i < cuts.size(); ++i) {
    try {
      positions.push_back(finder.Find(cuts[i]));
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("cut {}: {}", i + 1, error.what()));
    }
  }
  return positions;
}

}  // namespace consort
