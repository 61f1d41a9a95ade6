// RangeWorks: the work lists of a graph's ranges, without walking the ops of each range anew.
#ifndef CONSORT_PLAN_RANGE_WORKS_H_
#define CONSORT_PLAN_RANGE_WORKS_H_

#include <vector>

#include "consort/graph.h"
#include "cost/work.h"

namespace consort {

// A range that divides no work of the whole graph has those of its works that lie inside, in the same order: a range
// that grows at its end is the one before and a few works more. What crosses the boundary is counted likewise. Not
// thread-safe.
//
//   RangeWorks ranges(graph);
//   for (int end = begin + 1; end <= ops; ++end) model->Cost(ranges.Of(begin, end), query);   // linear, not quadratic
class RangeWorks {
 public:
  explicit RangeWorks(const Graph& graph);  // which must outlive it

  // The same list as WorkOf(graph, begin, end); holds until the next call. Fast when `begin` is that of the call before
  // and `end` is not smaller.
  const WorkList& Of(OpId begin, OpId end);

  // True between two ops that one work holds: engines fuse them, a cut there divides a fusion.
  bool DividesWork(int position) const { return divides_.at(position); }

  // A number per op: that of its work by `per_work`, shared evenly among the work's ops.
  std::vector<double> PerOp(const std::vector<double>& per_work) const;
  const WorkList& whole() const { return whole_; }

 private:
  void Restart(OpId begin);
  void Grow(OpId end);
  void AddOp(OpId id);
  void AddInput(TensorId tensor);
  void Count(TensorId id, int sign, int64_t& elements, int64_t& bytes) const;

  const Graph& graph_;
  WorkList whole_;
  std::vector<bool> divides_;
  std::vector<int> works_before_;             // position → works that begin before it
  std::vector<std::vector<TensorId>> reads_;  // op → activations that it reads
  std::vector<int> read_in_;                  // tensor → the range (by its number) that it was counted in as an input
  int range_ = 0;
  OpId begin_ = kNone;
  OpId end_ = kNone;
  WorkList list_;
  WorkList slow_;
};

}  // namespace consort

#endif  // CONSORT_PLAN_RANGE_WORKS_H_
