// Shards: what a graph falls into when it is cut.
#ifndef CONSORT_SHARD_SHARDING_H_
#define CONSORT_SHARD_SHARDING_H_

#include <vector>

#include "consort/graph.h"
#include "shard/folding.h"

namespace consort {

// What one shard is made of. Plain data; the ids are of the graph that it was described from.
struct Shard {
  std::vector<OpId> ops;               // that compute, ascending
  std::vector<OpId> constants;         // that fold to constants and that it needs, ascending: a copy in each such shard
  std::vector<OpId> shapes;            // Shape and Size ops whose known results it holds in their place, ascending
  std::vector<TensorId> initializers;  // that these read, ascending: a copy likewise
  std::vector<TensorId> inputs;   // the model's inputs that it reads, in the model's order, then what other shards make
  std::vector<TensorId> outputs;  // the model's outputs that it makes, in the model's order, then what others read
};

// The shard of these ops, which may be any that compute (those that fold to constants are passed over). `more_outputs`
// are model outputs that no op which computes makes (a constant, an input handed through). Throws kInvalidArgument for
// an unknown op, and where nothing computes or nothing comes out.
Shard DescribeShard(const Graph& graph, const std::vector<OpId>& ops, const std::vector<TensorId>& more_outputs = {});

// A graph divided at positions. A tensor that skips over shards is an output of the one that makes it and an input of
// those that read it, no others. A model input that no op reads belongs to no shard.
struct Sharding {
  std::vector<Cut> cuts;      // ascending by position
  std::vector<Shard> shards;  // one more than cuts

  // Index of the shard that makes a tensor, or kNone for the model's inputs.
  int MakerOf(TensorId tensor) const;
};

// Positions in any order; one that is given twice counts once. Model outputs that nothing computes belong to the last
// shard. Throws kInvalidArgument for a position that Graph::CutAt refuses and where a shard would compute nothing or
// give nothing.
Sharding DivideAt(const Graph& graph, std::vector<int> positions);

}  // namespace consort

#endif  // CONSORT_SHARD_SHARDING_H_
