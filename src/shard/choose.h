// Where to cut: by tensor names, by balance, or as another model was cut.
#ifndef CONSORT_SHARD_CHOOSE_H_
#define CONSORT_SHARD_CHOOSE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "consort/graph.h"
#include "shard/fusions.h"

namespace consort {

// The position right behind the op that makes the tensor. Throws kInvalidArgument, saying why and naming what is near,
// for a name that the model does not have, an input, an initializer, what folds to a constant, and where no op that
// computes is left behind.
int PositionBehind(const Graph& graph, const std::string& tensor);

// A cut as a manifest names it.
struct NamedCut {
  std::string after;                  // a tensor that the last op before the cut makes
  std::vector<std::string> crossing;  // in any order
};

// The position of each cut in another graph: there the same tensors cross, by name; of several such places the one
// behind `after`. Throws kInvalidArgument naming the first cut that does not fit, and the tensors.
std::vector<int> PositionsLike(const Graph& graph, const std::vector<NamedCut>& cuts);

// What stages are balanced by.
struct StageWeights {
  std::vector<int64_t> per_op;    // by OpId, ≥ 0; the weight of a stage is their sum
  bool count_parameters = false;  // instead, the bytes of the parameters that the stage holds; `per_op` is empty
};
// Multiply-accumulates.
StageWeights WeightsByMacs(const Graph& graph);

struct StageOptions {
  int stages = 2;
  StageWeights weights;
  const FusionIndex* avoid = nullptr;  // no cut divides one of these
};

struct StageChoice {
  std::vector<int> positions;    // stages - 1, ascending
  std::vector<int64_t> weights;  // of each stage
};

// Positions whose heaviest stage is as light as can be, exactly; of such choices the one whose stages are most equal
// (least sum of squares), then the one whose crossing tensors have the fewest bytes in all (an open dimension counts as
// 1). Left out are positions crossed by a tensor that buffers do not carry (strings, sequences) or whose number of axes
// is unknown. Throws kInfeasible, saying how many stages are possible, where there are too few positions.
StageChoice ChooseStages(const Graph& graph, const StageOptions& options);

}  // namespace consort

#endif  // CONSORT_SHARD_CHOOSE_H_
