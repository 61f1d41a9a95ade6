// Work: the ops of a model as cost models see them.
#ifndef CONSORT_COST_WORK_H_
#define CONSORT_COST_WORK_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "consort/graph.h"

namespace consort {

enum class WorkKind : uint8_t {
  kConv,         // a convolution over all channels of its group
  kDepthwise,    // one filter per channel
  kMatrix,       // Gemm, MatMul
  kRecurrent,    // LSTM, GRU, RNN, Attention and what else multiplies
  kPool,         // a window without weights
  kElementwise,  // per element, one or more operands
  kMove,         // the same values in another place or shape
};
std::string_view ToString(WorkKind kind);

// One op together with those that every engine fuses into it (batch normalisation, an activation right behind). Sizes
// are in elements, of one inference at the model's batch; a cost model turns them into bytes by the precision.
struct Work {
  std::string name;  // the first op's
  std::string type;  // "Conv"
  WorkKind kind = WorkKind::kElementwise;
  std::vector<OpId> ops;  // the op and what is fused into it
  int64_t macs = 0;
  int64_t reduction = 0;  // terms of one output element's sum: cin/group · kh · kw of a convolution
  int64_t channels = 0;   // outputs of one position: cout
  int64_t positions = 0;  // batch · height · width of the output (of a transposed convolution: of the input)
  int64_t groups = 1;
  int64_t parameters = 0;       // elements of weights and biases
  int64_t parameters_read = 0;  // of these, what one inference reads: rows of a table that is gathered from, else all
  int64_t inputs = 0;           // elements of activations read
  int64_t outputs = 0;          // elements written
  bool known = true;            // false: a shape is unknown; sizes are lower bounds
};

// A model as a list of works in topological order, with what crosses its boundary.
struct WorkList {
  const Graph* graph =
      nullptr;  // what the works were made from, for rules that look at operators; nullptr in tests by hand
  OpId begin = 0;  // of the graph's ops, the first that the list is of
  std::vector<Work> works;
  int64_t inputs = 0;       // elements of the model's inputs
  int64_t outputs = 0;      // elements of its outputs
  int64_t input_bytes = 0;  // as the model declares them (fp32: 4 bytes per element)
  int64_t output_bytes = 0;
  int64_t macs = 0;
  int64_t parameters = 0;
  bool quantized = false;  // holds QuantizeLinear or integer kernels: its int8 form is not assumed
  bool known = true;
};

// What the makers of work lists ask of a graph.
// An activation or input of the graph; what folds to a constant is a parameter. False for kNone.
bool IsActivation(const Graph& graph, TensorId id);
// What an op reads of those, captures included, as often as it reads it.
std::vector<TensorId> ActivationsOf(const Graph& graph, const Op& op);
// Elements of a tensor; sizes that are unknown or 0 count as 1.
int64_t ElementsOf(const Tensor& tensor);
// Quantizes, dequantizes, or computes on integers.
bool IsQuantized(const Op& op);
// By position of the graph that the list was made from, 0 … ops().size(): whether a cut there tears ops of one work
// apart.
std::vector<bool> DividesAWork(const WorkList& works);

// Ops that fold to constants are left out; batch normalisation, ReLU and its clipped kin, and additions and products
// with a constant are fused into what makes their only input. The graph must outlive the list.
WorkList WorkOf(const Graph& graph);
// Of the ops from `begin` up to `end` of the graph (a shard): what crosses the two cuts is its input and output.
WorkList WorkOf(const Graph& graph, OpId begin, OpId end);

}  // namespace consort

#endif  // CONSORT_COST_WORK_H_
