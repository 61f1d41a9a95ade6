// Which executed node of an engine covers which op of the source model.
#ifndef CONSORT_BACKENDS_ONNXRUNTIME_EXECUTED_GRAPH_H_
#define CONSORT_BACKENDS_ONNXRUNTIME_EXECUTED_GRAPH_H_

#include <set>
#include <string>
#include <vector>

#include "consort/graph.h"

namespace consort {

// A node that an engine executes, in the engine's own names.
struct ExecutedNode {
  std::string name;
  std::string type;
  std::string domain;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;

  // "conv1 (FusedConv)".
  std::string ToString() const;
};

// What an engine made of a model: its nodes in order, and the tensors that are constants by now.
struct ExecutedGraph {
  std::vector<ExecutedNode> nodes;
  std::set<std::string> constants;
};

// What became of one source op.
struct OpCoverage {
  enum class Kind : uint8_t { kUnknown, kExecuted, kEliminated };
  Kind kind = Kind::kUnknown;
  int node = -1;        // kExecuted: index of the executed node
  bool alone = false;   // kExecuted: the node computes this op and nothing else
  std::string why;      // kEliminated, kUnknown
};

struct GraphCoverage {
  std::vector<OpCoverage> ops;  // per source op
  std::vector<int> inserted;    // executed nodes that stand for no source op: copies, reorders, casts
};

// True for a node that only moves or re-orders data between kernels.
bool IsTransfer(const ExecutedNode& node);

// Engines rename nodes but keep the names of the tensors that they still compute. An executed node that produces source tensor t
// covers the op behind t and every op before it, up to tensors that another executed node produces, that are constants, or that
// enter the graph. What lies before an unchanged node and is bypassed by it (an identity, a repeated computation) is eliminated,
// as is what only feeds constants. Linear in the size of both graphs.
GraphCoverage CoverOps(const Graph& source, const ExecutedGraph& executed);

}  // namespace consort

#endif  // CONSORT_BACKENDS_ONNXRUNTIME_EXECUTED_GRAPH_H_
