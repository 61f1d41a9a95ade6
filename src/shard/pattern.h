// Patterns of ops, written as text.
#ifndef CONSORT_SHARD_PATTERN_H_
#define CONSORT_SHARD_PATTERN_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "consort/graph.h"

namespace consort {

// The tensor that an op which hands it on (Identity, Dropout) was given, through any number of them.
TensorId SeeThrough(const Graph& graph, TensorId tensor);

// Who reads a tensor, ops that hand it on seen through.
struct Readers {
  std::vector<OpId> ops;
  bool outside = false;  // it is an output of the graph, too
};
Readers ReadersOf(const Graph& graph, TensorId tensor);

// An expression over ops of ai.onnx and of any other domain, from its last op down to what it reads:
//   Relu(Conv)                       a Relu of what a Conv makes
//   Relu|Clip(?)                     one of several ops; ? is any tensor, @ one that folds to a constant
//   [Relu](Conv)                     with or without the Relu; without, what stands first between the parentheses
//   Mul(x:[Add](?), Sigmoid(x))      a letter is one tensor, everywhere the same; x:… says what makes it
// Fewer operands than the op has are its first ones. Add, Mul, Sum, Max, Min and Where take theirs in any order: the
// one that is made last is tried first. Ops that hand a tensor on (Identity, Dropout) are seen through. An optional op
// without a letter is taken only where nobody else reads what it makes. Immutable, thread-safe.
class Pattern {
 public:
  // Throws kInternal for text that is not a pattern.
  explicit Pattern(std::string_view text);
  ~Pattern();
  Pattern(Pattern&&) noexcept;

  // How far a match reaches.
  enum class Extent : uint8_t {
    kFull,    // as above
    kShort,   // optional ops with a letter count as absent
    kShared,  // optional ops are taken whoever reads what they make
  };

  // The ops of the match that ends in `root`, ascending; none where the pattern does not fit.
  std::vector<OpId> Match(const Graph& graph, OpId root, Extent extent = Extent::kFull) const;

  struct Node;  // pattern.cc

 private:
  std::unique_ptr<const Node> root_;
};

}  // namespace consort

#endif  // CONSORT_SHARD_PATTERN_H_
