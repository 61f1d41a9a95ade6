// A chain of shards, run one after the other: to check a sharded model, not to be fast.
#ifndef CONSORT_BENCH_CHAIN_H_
#define CONSORT_BENCH_CHAIN_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "consort/device.h"
#include "io/compare.h"

namespace consort {

// Tensors by name.
using Tensors = std::map<std::string, Buffer>;

// Compiled shards in order, each perhaps on a device of its own. A shard's inputs are the model's inputs and outputs of
// shards before it, by name. One thread at a time.
//
//   Chain chain;
//   for (const Model& shard : LoadShards("shards.json")) chain.Add(*device, shard, options);
//   const Tensors results = chain.Run(inputs);
class Chain {
 public:
  // Compiles the next shard; throws as Device::Compile.
  void Add(Device& device, const Model& shard, const CompileOptions& options);

  // Everything that the shards made, the model's outputs among it. Throws kInvalidArgument for an input that nothing
  // gives or that does not fit, and what a call throws, with the shard's name.
  Tensors Run(const Tensors& inputs);

 private:
  struct Link {
    std::string name;
    std::unique_ptr<Executable> executable;
  };
  std::vector<Link> links_;
};

// How one output of a chain compares with that of the whole model.
struct OutputCheck {
  std::string name;
  Comparison comparison;
};

struct ChainCheck {
  std::vector<OutputCheck> outputs;
  std::map<std::string, Shape> inputs;  // shapes that were run

  bool bitwise() const;
  // Largest difference over largest value, of the worst output.
  double relative() const;
  const OutputCheck& worst() const;  // the output of `relative`
  bool Within(double tolerance) const;
};

struct ChainCheckOptions {
  uint64_t seed = 0;
  CompileOptions compile{.optimization = Optimization::kBasic, .threads = 1, .prove_placement = false};
  // Given inputs by name; the others are made from the seed.
  Tensors inputs;
};

// Runs the whole model and its shards on one device with the same inputs. Open dimensions are tried as 2, then 1, where
// they come first, and as 64, then 1, elsewhere; a symbolic name has one size. Throws kUnsupported where the model runs
// with none of these (give shapes), or an input cannot be made.
ChainCheck CheckChain(Device& device, const Model& whole, const std::vector<Model>& shards,
                      const ChainCheckOptions& options);

}  // namespace consort

#endif  // CONSORT_BENCH_CHAIN_H_
