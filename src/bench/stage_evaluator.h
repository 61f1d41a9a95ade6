// A stage of a plan, run by itself on tensors by name.
#ifndef CONSORT_BENCH_STAGE_EVALUATOR_H_
#define CONSORT_BENCH_STAGE_EVALUATOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "bench/accuracy.h"
#include "bench/chain.h"
#include "run/prepared.h"

namespace consort {

// The replicas of one stage, for their numbers and not for their time. Where they divide each call, a replica gets its
// rows of axis 0. One thread at a time; `stage` outlives it.
class StageEvaluator {
 public:
  // `index` is for messages.
  StageEvaluator(const PreparedStage& stage, int index);

  int replicas() const { return static_cast<int>(stage_.replicas.size()); }
  bool is_divided() const { return stage_.replicas.front().samples > 0; }
  const std::string& name(int replica) const { return stage_.replicas.at(static_cast<size_t>(replica)).name; }
  // False for an emulated target that leaves the numbers out.
  bool has_numbers(int replica) const;

  // What the replica makes of the tensors that it reads, or of its rows of them. Throws kInvalidArgument for a tensor
  // that is not there, and what the call throws, with the stage and the target named.
  Outputs Run(int replica, const Tensors& known) const;
  // The replica's rows of what the stage gives, to compare with what Run gave.
  Outputs PartOf(int replica, const Tensors& known) const;
  // The rows of all replicas, put together again.
  Outputs Join(const std::vector<Outputs>& parts) const;

 private:
  struct Rows {
    int64_t begin = 0;
    int64_t count = -1;  // all
  };
  Buffer Slice(const Buffer& tensor, int replica) const;
  Outputs Invoke(int replica, const Tensors& known) const;

  const PreparedStage& stage_;
  int index_;
  std::vector<Rows> rows_;  // by replica
};

}  // namespace consort

#endif  // CONSORT_BENCH_STAGE_EVALUATOR_H_
