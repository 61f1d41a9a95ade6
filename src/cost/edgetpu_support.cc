#include "cost/edgetpu_support.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "cost/edgetpu_rules.h"

namespace consort {
namespace {

bool IsFloat(DataType dtype) {
  return dtype == DataType::kFloat32 || dtype == DataType::kFloat16 || dtype == DataType::kBFloat16;
}

bool IsByte(DataType dtype) { return dtype == DataType::kInt8 || dtype == DataType::kUInt8; }

// --- Requirements on every tensor -----------------------------------------------------------------------------------

// Sizes known at compile time, 8-bit types, and nothing larger than 1 but the three innermost axes.
EdgeTpuVerdict JudgeTensor(const Tensor& tensor) {
  using enum EdgeTpuLimit;
  if (!tensor.has_rank || !IsStatic(tensor.spec.shape)) {
    return {kOpenShape, fmt::format("dynamic shape of '{}'", tensor.name)};
  }
  if (!IsFloat(tensor.spec.dtype) && !IsByte(tensor.spec.dtype)) {
    return {kType, fmt::format("dtype {} of '{}'", ToString(tensor.spec.dtype), tensor.name)};
  }
  const Shape& shape = tensor.spec.shape;
  for (size_t axis = 0; axis + 3 < shape.size(); ++axis) {
    if (shape[axis] <= 1) continue;
    return {kAxes, fmt::format("'{}' is {}: only the 3 innermost axes may be larger than 1", tensor.name,
                               FormatShape(shape))};
  }
  return {};
}

// --- Ops that are gone before the compiler sees them ----------------------------------------------------------------

// Tensors whose values are known before run time: constants, and what is computed from shapes that are static.
class KnownValues {
 public:
  explicit KnownValues(const Graph& graph) : graph_(graph), known_(graph.tensors().size()) {
    for (const Op& op : graph.ops()) {
      if (!Folds(op)) continue;
      for (const TensorId id : op.outputs) {
        if (id != kNone) known_[id] = true;
      }
    }
  }

  bool Folds(const Op& op) const {
    if (op.constant) return true;
    if (op.type == "Shape" || op.type == "Size") {
      const Tensor& input = graph_.tensor(op.inputs.at(0));
      return input.has_rank && IsStatic(input.spec.shape);
    }
    if (op.inputs.empty() || op.body_ops > 0) return false;
    return std::all_of(op.inputs.begin(), op.inputs.end(),
                       [this](TensorId id) { return !IsActivation(graph_, id) || Holds(id); });
  }

  bool Holds(TensorId id) const { return id != kNone && known_[id]; }

 private:
  const Graph& graph_;
  std::vector<bool> known_;  // by tensor
};

EdgeTpuVerdict JudgeTensors(const Graph& graph, const Op& op, const KnownValues& values) {
  for (const auto* ids : {&op.inputs, &op.outputs}) {
    for (const TensorId id : *ids) {
      if (!IsActivation(graph, id) || values.Holds(id)) continue;
      EdgeTpuVerdict verdict = JudgeTensor(graph.tensor(id));
      if (verdict.runs()) continue;
      verdict.why = op.type + ": " + verdict.why;
      verdict.tensor = id;
      return verdict;
    }
  }
  return {};
}

EdgeTpuVerdict Judge(const Graph& graph, const Op& op, const KnownValues& values) {
  using enum EdgeTpuLimit;
  if (values.Folds(op)) return {};
  if (!op.domain.empty()) return {kOperator, fmt::format("{}: an operator of the domain {}", op.type, op.domain)};
  const EdgeTpuRule rule = FindEdgeTpuRule(op.type);
  if (rule == nullptr) return {kOperator, op.type + " is not on the Edge TPU's list of operators"};
  const EdgeTpuVerdict verdict = JudgeTensors(graph, op, values);
  if (!verdict.runs()) return verdict;
  const std::string why = rule(graph, op);
  return why.empty() ? EdgeTpuVerdict() : EdgeTpuVerdict{kUse, why};
}

// --- One subgraph ---------------------------------------------------------------------------------------------------

class Partition {
 public:
  Partition(const Graph& graph, const WorkList& works)
      : graph_(graph), values_(graph), why_(works.works.size()), work_of_(graph.ops().size(), kNone) {
    for (size_t i = 0; i < works.works.size(); ++i) {
      for (const OpId op : works.works[i].ops) {
        work_of_[op] = static_cast<int>(i);
        last_ = std::max(last_, op);
      }
    }
    // From the first on: a work list leaves out ops that only reshape, which may be refused all the same.
    for (OpId op = works.begin; op <= last_; ++op) Place(op);
  }

  std::vector<std::string> Take() { return std::move(why_); }

 private:
  void Place(OpId id) {
    const Op& op = graph_.op(id);
    std::string why = Judge(graph_, op, values_).why;
    const OpId refused = why.empty() ? RefusedBefore(op) : id;
    if (refused == kNone) return;
    if (why.empty()) {
      const Op& first = graph_.op(refused);
      why = fmt::format("behind {} '{}': the compiler makes one subgraph", first.type, first.name);
    }
    for (const TensorId output : op.outputs) {
      if (output != kNone) refused_by_[output] = refused;
    }
    const int work = work_of_[id];
    if (work != kNone && why_[work].empty()) why_[work] = std::move(why);
  }

  // The op that ended the subgraph on the way to this one, or kNone.
  OpId RefusedBefore(const Op& op) const {
    for (const auto* ids : {&op.inputs, &op.captures}) {
      for (const TensorId id : *ids) {
        const auto refused = refused_by_.find(id);
        if (refused != refused_by_.end()) return refused->second;
      }
    }
    return kNone;
  }

  const Graph& graph_;
  KnownValues values_;
  std::vector<std::string> why_;
  std::vector<int> work_of_;                       // by op; kNone: of no work
  std::unordered_map<TensorId, OpId> refused_by_;  // tensors made on the CPU → the op that was refused
  OpId last_ = kNone;
};

}  // namespace

std::string WhyNotOnEdgeTpu(const Graph& graph, const Op& op) { return Judge(graph, op, KnownValues(graph)).why; }

std::vector<EdgeTpuVerdict> JudgeForEdgeTpu(const Graph& graph) {
  const KnownValues values(graph);
  std::vector<EdgeTpuVerdict> verdicts;
  for (const Op& op : graph.ops()) verdicts.push_back(Judge(graph, op, values));
  return verdicts;
}

std::vector<std::string> EdgeTpuMapping(const Graph& graph, const WorkList& works) {
  return Partition(graph, works).Take();
}

}  // namespace consort
