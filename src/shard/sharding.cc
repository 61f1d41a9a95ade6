#include "shard/sharding.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "consort/error.h"

namespace consort {
namespace {

template <typename Id>
std::vector<Id> Sorted(const std::set<Id>& ids) {
  return {ids.begin(), ids.end()};
}

// Visits what an op reads, captures of its bodies included.
template <typename Visit>
void ForEachRead(const Op& op, Visit visit) {
  for (const auto* reads : {&op.inputs, &op.captures}) {
    for (const TensorId id : *reads) {
      if (id != kNone) visit(id);
    }
  }
}

// Collects the parts of one shard.
class Describer {
 public:
  Describer(const Graph& graph, const Folding& folding) : graph_(graph), folding_(folding) {}

  Shard Describe(const std::vector<OpId>& ops, const std::vector<TensorId>& more_outputs) {
    for (const OpId id : ops) {
      if (!folding_.folds(id)) ops_.insert(id);
    }
    for (const OpId id : ops_) ForEachRead(graph_.op(id), [&](TensorId read) { Need(read); });
    for (const TensorId id : more_outputs) Need(id), outputs_.insert(id);
    for (const OpId id : ops_) AddOutputs(graph_.op(id));
    return {Sorted(ops_),
            Sorted(constants_),
            Sorted(shapes_),
            Sorted(initializers_),
            InOrder(graph_.inputs(), inputs_),
            InOrder(graph_.outputs(), outputs_)};
  }

 private:
  // Something that the shard must hold, or be given.
  void Need(TensorId id) {
    const Tensor& tensor = graph_.tensor(id);
    if (tensor.kind == TensorKind::kInitializer) {
      initializers_.insert(id);
    } else if (tensor.producer == kNone) {
      inputs_.insert(id);
    } else if (folding_.folds(tensor.producer)) {
      NeedConstant(tensor.producer);
    } else if (!ops_.contains(tensor.producer)) {
      inputs_.insert(id);
    }
  }

  // Constants depend on constants; a chain of them may be as long as the graph, so no recursion.
  void NeedConstant(OpId first) {
    std::vector<OpId> waiting{first};
    while (!waiting.empty()) {
      const OpId id = waiting.back();
      waiting.pop_back();
      if (folding_.is_known_shape(id)) shapes_.insert(id);
      if (folding_.is_known_shape(id) || !constants_.insert(id).second) continue;
      ForEachRead(graph_.op(id), [&](TensorId read) {
        const Tensor& tensor = graph_.tensor(read);
        if (tensor.producer == kNone)
          initializers_.insert(read);
        else
          waiting.push_back(tensor.producer);
      });
    }
  }

  void AddOutputs(const Op& op) {
    for (const TensorId id : op.outputs) {
      if (id == kNone) continue;
      const Tensor& tensor = graph_.tensor(id);
      const bool read_elsewhere = std::any_of(tensor.consumers.begin(), tensor.consumers.end(), [&](OpId reader) {
        return !ops_.contains(reader) && !folding_.folds(reader);
      });
      if (tensor.is_output || read_elsewhere) outputs_.insert(id);
    }
  }

  // Those of the model in its order, then the others ascending.
  static std::vector<TensorId> InOrder(const std::vector<TensorId>& of_model, std::set<TensorId> ids) {
    std::vector<TensorId> ordered;
    for (const TensorId id : of_model) {
      if (ids.erase(id) > 0) ordered.push_back(id);
    }
    ordered.insert(ordered.end(), ids.begin(), ids.end());
    return ordered;
  }

  const Graph& graph_;
  const Folding& folding_;
  std::set<OpId> ops_;
  std::set<OpId> constants_;
  std::set<OpId> shapes_;
  std::set<TensorId> initializers_;
  std::set<TensorId> inputs_;
  std::set<TensorId> outputs_;
};

void CheckOps(const Graph& graph, const std::vector<OpId>& ops) {
  for (const OpId id : ops) {
    if (id >= 0 && id < static_cast<OpId>(graph.ops().size())) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("graph '{}' has no op {}; it has {}", graph.name(), id, graph.ops().size()));
  }
}

// "ops 3 to 7 ('conv1' to 'relu2')".
std::string Range(const Graph& graph, const std::vector<OpId>& ops) {
  if (ops.empty()) return "no op";
  const auto [first, last] = std::minmax_element(ops.begin(), ops.end());
  return fmt::format("ops {} to {} ('{}' to '{}')", *first, *last, graph.op(*first).name, graph.op(*last).name);
}

// Model outputs that are an input, an initializer or a constant.
std::vector<TensorId> OutputsThatNothingComputes(const Graph& graph, const Folding& folding) {
  std::vector<TensorId> outputs;
  for (const TensorId id : graph.outputs()) {
    if (graph.tensor(id).producer == kNone || folding.is_folded(id)) outputs.push_back(id);
  }
  return outputs;
}

std::vector<OpId> OpsBetween(int begin, int end) {
  std::vector<OpId> ops(static_cast<size_t>(end - begin));
  std::iota(ops.begin(), ops.end(), begin);
  return ops;
}

Shard Describe(const Graph& graph, const Folding& folding, const std::vector<OpId>& ops,
               const std::vector<TensorId>& more_outputs) {
  CheckOps(graph, ops);
  Shard shard = Describer(graph, folding).Describe(ops, more_outputs);
  if (shard.ops.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("a shard of {} would compute nothing: all of it folds to constants; cut elsewhere",
                            Range(graph, ops)));
  }
  if (shard.outputs.empty()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("a shard of {} would give nothing that is read elsewhere; cut elsewhere", Range(graph, ops)));
  }
  return shard;
}

}  // namespace

Shard DescribeShard(const Graph& graph, const std::vector<OpId>& ops, const std::vector<TensorId>& more_outputs) {
  return Describe(graph, Folding(graph), ops, more_outputs);
}

int Sharding::MakerOf(TensorId tensor) const {
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::vector<TensorId>& outputs = shards[i].outputs;
    if (std::find(outputs.begin(), outputs.end(), tensor) != outputs.end()) return static_cast<int>(i);
  }
  return kNone;
}

Sharding DivideAt(const Graph& graph, std::vector<int> positions) {
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  const Folding folding(graph);
  Sharding sharding;
  int begin = 0;
  for (const int end : positions) {
    sharding.cuts.push_back(folding.CutAt(end));
    sharding.shards.push_back(Describe(graph, folding, OpsBetween(begin, end), {}));
    begin = end;
  }
  sharding.shards.push_back(Describe(graph, folding, OpsBetween(begin, static_cast<int>(graph.ops().size())),
                                     OutputsThatNothingComputes(graph, folding)));
  return sharding;
}

}  // namespace consort
