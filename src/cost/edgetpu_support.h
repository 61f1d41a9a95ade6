// Which ops the Edge TPU runs, by the list that its compiler documents.
#ifndef CONSORT_COST_EDGETPU_SUPPORT_H_
#define CONSORT_COST_EDGETPU_SUPPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "consort/graph.h"
#include "cost/work.h"

namespace consort {

// Empty when the Edge TPU can run the op once the model is its full-integer form (float tensors count as int8); else
// why not: "Softmax over 16,001 elements: at most 16,000". The rules are those of Coral's page "TensorFlow models on
// the Edge TPU" (coral.ai/docs/edgetpu/models-intro, "Model requirements" and "Supported operations", compiler 16), for
// the TensorFlow Lite operators that the ONNX operator becomes. An op that a converter folds away (constants,
// arithmetic on shapes that are known) can always "run".
//
// A graph holds no attributes and no values, so these rules are not checked: equal dilation in x and y, fused
// activations behind pooling, the modes of Resize and Pad, the norm of LpNormalization, and what the page leaves open
// ("certain reshapes might not be mapped", resizing that would lose precision, activations that are too large). Where
// the missing knowledge can hide what is refused at once (Slice with steps) the op counts as refused.
std::string WhyNotOnEdgeTpu(const Graph& graph, const Op& op);

// What keeps an op off the Edge TPU.
enum class EdgeTpuLimit : uint8_t {
  kNone,       // it runs
  kOpenShape,  // a size that is known at run time only
  kType,       // elements that have no 8-bit form
  kAxes,       // a tensor that is larger than 1 in more than the 3 innermost axes
  kOperator,   // it is not on the list
  kUse,        // it is, but not with these sizes or operands
};

struct EdgeTpuVerdict {
  EdgeTpuLimit limit = EdgeTpuLimit::kNone;
  std::string why;          // as WhyNotOnEdgeTpu
  TensorId tensor = kNone;  // of kOpenShape, kType and kAxes: which

  bool runs() const { return limit == EdgeTpuLimit::kNone; }
};

// Of each op of the graph, whatever stands before it.
std::vector<EdgeTpuVerdict> JudgeForEdgeTpu(const Graph& graph);

// For each work of a list that was made from this graph: empty when it runs on the Edge TPU, else why not. The compiler
// makes one subgraph ("More than one subgraph is not supported"): what reads the result of an op that is refused,
// directly or not, runs on the CPU too.
std::vector<std::string> EdgeTpuMapping(const Graph& graph, const WorkList& works);

}  // namespace consort

#endif  // CONSORT_COST_EDGETPU_SUPPORT_H_
