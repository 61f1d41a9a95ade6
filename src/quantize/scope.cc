#include "quantize/scope.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace consort {
namespace {

bool IsOneOf(const Op& op, std::initializer_list<std::string_view> types) {
  return op.domain.empty() && std::find(types.begin(), types.end(), op.type) != types.end();
}
bool IsProduct(const Op& op) { return IsOneOf(op, {"Conv", "ConvTranspose", "Gemm", "MatMul"}); }

const Op* MakerOf(const Graph& graph, const Op& op, size_t input) {
  if (op.inputs.size() <= input || op.inputs[input] == kNone) return nullptr;
  const OpId maker = graph.tensor(op.inputs[input]).producer;
  return maker == kNone ? nullptr : &graph.op(maker);
}

// The nearest op before it that does more than move values.
const Op* SourceOf(const Graph& graph, const Op& op, size_t input) {
  const Op* maker = MakerOf(graph, op, input);
  while (maker != nullptr && IsOneOf(*maker, {"Transpose", "Reshape", "Dropout", "Identity", "Squeeze", "Unsqueeze"}))
    maker = MakerOf(graph, *maker, 0);
  return maker;
}

// x - mean(x), which is squared or divided next: how exporters write LayerNormalization.
bool Centres(const Graph& graph, const Op& op) {
  if (!IsOneOf(op, {"Sub"})) return false;
  const Op* mean = MakerOf(graph, op, 1);
  return mean != nullptr && IsOneOf(*mean, {"ReduceMean"}) && mean->inputs.front() == op.inputs.front();
}

bool Attends(const Graph& graph, const Op& op) {
  const Op* source = IsOneOf(op, {"MatMul"}) ? SourceOf(graph, op, 0) : nullptr;
  return source != nullptr && IsOneOf(*source, {"Softmax"});
}

// sigmoid(x) · tanh(y): the gate of a recurrent cell that is written in single ops.
bool Gates(const Graph& graph, const Op& op) {
  if (!IsOneOf(op, {"Mul"})) return false;
  const Op *a = SourceOf(graph, op, 0), *b = SourceOf(graph, op, 1);
  if (a == nullptr || b == nullptr) return false;
  return (IsOneOf(*a, {"Sigmoid"}) && IsOneOf(*b, {"Tanh"})) || (IsOneOf(*a, {"Tanh"}) && IsOneOf(*b, {"Sigmoid"}));
}

}  // namespace

bool HasOutliersBetweenProducts(const Graph& graph) {
  return std::any_of(graph.ops().begin(), graph.ops().end(), [&graph](const Op& op) {
    return IsOneOf(op, {"LayerNormalization", "LSTM", "GRU", "RNN"}) || Centres(graph, op) || Attends(graph, op) || Gates(graph, op);
  });
}

std::set<OpId> OpsBeyond(const Graph& graph, QuantizeScope scope) {
  std::set<OpId> ops;
  const bool all = scope == QuantizeScope::kAll || (scope == QuantizeScope::kAuto && !HasOutliersBetweenProducts(graph));
  if (all) return ops;
  for (OpId id = 0; id < static_cast<OpId>(graph.ops().size()); ++id) {
    const Op& op = graph.op(id);
    const Op* maker = MakerOf(graph, op, 0);
    const bool rectifies = IsOneOf(op, {"Relu", "Clip"}) && maker != nullptr && IsProduct(*maker);
    if (!op.constant && !IsProduct(op) && !rectifies) ops.insert(id);
  }
  return ops;
}

}  // namespace consort
