// What engines fold to constants: a shard holds a copy of it instead of being given it.
#ifndef CONSORT_SHARD_FOLDING_H_
#define CONSORT_SHARD_FOLDING_H_

#include <vector>

#include "consort/graph.h"

namespace consort {

// Ops that depend on initializers only (Op::constant), and what is computed from the shapes of tensors whose shape is
// known: engines fold both, and a shape that came in as an input would make a shard's own shapes unknown to them.
// Immutable; the graph must outlive it.
class Folding {
 public:
  explicit Folding(const Graph& graph);

  bool folds(OpId op) const { return folds_[static_cast<size_t>(op)]; }
  // A Shape or Size op whose result follows from a known shape; a shard that needs it holds the result, not the op.
  bool is_known_shape(OpId op) const;
  // True for initializers and for what ops that fold make.
  bool is_folded(TensorId tensor) const;

  // As Graph::CutAt and Graph::Cuts, but what folds does not cross, and positions that only ops which fold tell apart
  // are one.
  Cut CutAt(int position) const;
  std::vector<Cut> Cuts() const;

 private:
  struct Span {
    int first = 1;
    int last = 0;
  };
  bool Fold(OpId op) const;
  Span SpanOf(const Tensor& tensor) const;
  int64_t SumBytes(const std::vector<TensorId>& tensors) const;

  const Graph& graph_;
  std::vector<bool> folds_;
};

}  // namespace consort

#endif  // CONSORT_SHARD_FOLDING_H_
