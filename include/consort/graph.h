// Graph: an immutable view of an ONNX model.
#ifndef CONSORT_GRAPH_H_
#define CONSORT_GRAPH_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "consort/types.h"

namespace consort {

using OpId = int;      // index into Graph::ops()
using TensorId = int;  // index into Graph::tensors(); kNone for an omitted optional input or output
inline constexpr int kNone = -1;

// What an op costs, from one table (src/model/op_cost.cc). Absent knowledge is said, never guessed.
struct OpCost {
  int64_t macs = 0;              // multiply-accumulates of one inference
  int64_t parameter_bytes = 0;   // initializers read, through ops that fold to constants, too
  int64_t activation_bytes = 0;  // activations read and written
  bool known = true;             // false: a shape or a trip count is not known; the figures are lower bounds
  bool macs_known = true;        // false: `macs` is a lower bound (and `known` is false)
};

struct Op {
  std::string name;    // unique in the graph: the node's own name, or "<Type>_<index>" where it has none or a taken one
  std::string type;    // "Conv"
  std::string domain;  // "" for ai.onnx
  std::vector<TensorId> inputs;    // in the operator's order; kNone where omitted
  std::vector<TensorId> outputs;   // in the operator's order; kNone where omitted
  std::vector<TensorId> captures;  // outer-scope tensors that the bodies of this op read
  int body_ops = 0;                // ops in its bodies (If, Loop, Scan), nested ones included
  bool constant = false;           // depends on initializers only: an engine folds it
  OpCost cost;
};

enum class TensorKind : uint8_t { kInput, kInitializer, kActivation };

struct Tensor {
  std::string name;
  TensorKind kind = TensorKind::kActivation;
  bool is_output = false;              // a graph output (besides its kind)
  TensorSpec spec;                     // shape with kDynamic where inference does not know
  std::vector<std::string> dim_names;  // per axis, the symbolic name or ""
  bool has_rank = true;                // false: not even the rank is known (spec.shape is empty)
  OpId producer = kNone;
  std::vector<OpId> consumers;         // ascending, unique; captures included

  // Bytes, or -1 when the shape or the width is unknown.
  int64_t bytes() const;
};

// A division of the graph between ops()[position-1] and ops()[position]. Graph inputs do not cross: the caller gives them to
// every shard that reads them. A graph output crosses only if an op behind the cut reads it as well.
struct Cut {
  int position = 0;                // 1 … ops().size()-1
  std::vector<TensorId> crossing;  // activations (not initializers, not what folds to a constant) made before and read after
  int64_t bytes = 0;               // their bytes; -1 if one is unknown
};

// Sums over the graph.
struct GraphTotals {
  int64_t macs = 0;
  // Of all initializers and Constant ops, bodies included; what a constant ConstantOfShape expands to counts instead of its shape.
  int64_t parameters = 0;       // elements
  int64_t parameter_bytes = 0;  // bytes
  int64_t activation_bytes = 0; // bytes of all activations written once
  bool known = true;            // false: some op's cost is a lower bound
  bool macs_known = true;       // false: some op's `macs` is
};

// Ops in topological order (the model's own order when it is one), tensors, cuts and costs. Ops inside control-flow
// bodies are not listed: a body belongs to its op. Immutable, thread-safe. Made by Model.
class Graph {
 public:
  const std::string& name() const { return name_; }
  const std::vector<Op>& ops() const { return ops_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }
  const std::vector<TensorId>& inputs() const { return inputs_; }    // without initializers
  const std::vector<TensorId>& outputs() const { return outputs_; }
  const GraphTotals& totals() const { return totals_; }
  const std::map<std::string, int64_t>& opsets() const { return opsets_; }  // domain → version
  int64_t ir_version() const { return ir_version_; }

  const Op& op(OpId id) const { return ops_.at(id); }
  const Tensor& tensor(TensorId id) const { return tensors_.at(id); }
  // kNone when there is no tensor of that name.
  TensorId FindTensor(const std::string& name) const;
  OpId FindOp(const std::string& name) const;

  // The cut at a position. Throws kInvalidArgument outside 1 … ops().size()-1.
  Cut CutAt(int position) const;
  // Every cut crossed by at most `max_crossing` tensors, in order; near-linear in the size of the graph and the result. Of
  // positions that only ops which fold to constants tell apart one is listed: the one right behind an op that computes.
  std::vector<Cut> Cuts(int max_crossing) const;

 private:
  friend class GraphBuilder;  // src/model/graph_builder.h
  std::string name_;
  std::vector<Op> ops_;
  std::vector<Tensor> tensors_;
  std::vector<TensorId> inputs_;
  std::vector<TensorId> outputs_;
  std::map<std::string, TensorId> tensor_index_;
  std::map<std::string, OpId> op_index_;
  GraphTotals totals_;
  std::map<std::string, int64_t> opsets_;
  int64_t ir_version_ = 0;
};

}  // namespace consort

#endif  // CONSORT_GRAPH_H_
