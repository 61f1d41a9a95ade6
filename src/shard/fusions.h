// Fusions: ops that engines are known to compute in one kernel, or to rewrite together.
#ifndef CONSORT_SHARD_FUSIONS_H_
#define CONSORT_SHARD_FUSIONS_H_

#include <string>
#include <vector>

#include "consort/graph.h"

namespace consort {

struct Fusion {
  std::string name;       // "Conv+BatchNormalization+Relu", "Gelu (Div+Erf+Add+Mul+Mul)"
  std::vector<OpId> ops;  // ascending, at least two
};

// The fusions of a graph that ONNX Runtime or OpenVINO make on CPUs, in the order of their first ops; one that lies in
// another is left out. Which of them an engine really makes depends on its version and settings: these are the places
// where a cut can change the last bits of a result and costs time.
std::vector<Fusion> FindFusions(const Graph& graph);

// Which fusions each cut divides. Immutable, thread-safe.
class FusionIndex {
 public:
  explicit FusionIndex(const Graph& graph);

  const std::vector<Fusion>& fusions() const { return fusions_; }
  bool Divides(int position) const { return !AtPosition(position).empty(); }
  // Names, each once.
  std::vector<std::string> NamesAt(int position) const;

 private:
  const std::vector<int>& AtPosition(int position) const { return at_position_.at(static_cast<size_t>(position)); }

  std::vector<Fusion> fusions_;
  std::vector<std::vector<int>> at_position_;  // indices into fusions_
};

}  // namespace consort

#endif  // CONSORT_SHARD_FUSIONS_H_
