#include "backends/onnxruntime/executed_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

namespace consort {
namespace {

using Kind = OpCoverage::Kind;

constexpr std::string_view kCastPrefix = "InsertedPrecisionFreeCast_";
constexpr std::string_view kLayoutSuffix = "_nchwc";
constexpr std::string_view kUniqueMark = "_token_";

// "Conv_token_12" → "Conv": the engine numbers names that are taken.
std::string_view WithoutNumber(std::string_view name) {
  const size_t mark = name.rfind(kUniqueMark);
  if (mark == std::string_view::npos) return name;
  const std::string_view digits = name.substr(mark + kUniqueMark.size());
  return digits.find_first_not_of("0123456789") == std::string_view::npos ? name.substr(0, mark) : name;
}

bool IsIdentity(const Op& op) { return op.domain.empty() && (op.type == "Identity" || op.type == "Dropout"); }

class CoverageBuilder {
 public:
  CoverageBuilder(const Graph& source, const ExecutedGraph& executed)
      : source_(source), executed_(executed), anchor_(source.tensors().size(), -1), folded_(source.tensors().size(), false) {
    result_.ops.resize(source.ops().size());
    for (size_t i = 0; i < executed.nodes.size(); ++i) {
      for (const std::string& name : executed.nodes[i].outputs) producer_.emplace(name, static_cast<int>(i));
    }
    MarkConstants();
    AnchorByOwnNames();
    AnchorByTensorNames();
    AnchorByNodeNames();
    AnchorThroughTransfers();
    AnchorThroughConsumers();
    CoverAnchored();
    CoverBackwards();
    EliminateTheRest();
    ListInserted();
  }
  GraphCoverage Take() { return std::move(result_); }

 private:
  // The source activation of that name.
  TensorId Find(std::string_view name) const {
    const TensorId id = source_.FindTensor(std::string(name));
    return id != kNone && source_.tensor(id).producer != kNone ? id : kNone;
  }

  bool Anchor(TensorId tensor, int node) {
    if (tensor == kNone || folded_[tensor] || anchor_[tensor] >= 0) return false;
    anchor_[tensor] = node;
    anchored_[node].push_back(tensor);
    return true;
  }

  void MarkConstants() {
    for (const std::string& name : executed_.constants) {
      const TensorId id = Find(name);
      if (id != kNone) folded_[id] = true;
    }
  }

  // A node that kept the name and the type of its op, whatever its tensors are called (transposes may be moved past it).
  void AnchorByOwnNames() {
    for (size_t i = 0; i < executed_.nodes.size(); ++i) {
      const ExecutedNode& node = executed_.nodes[i];
      const OpId op = source_.FindOp(node.name);
      if (op == kNone || source_.op(op).type != node.type || source_.op(op).domain != node.domain) continue;
      for (TensorId output : source_.op(op).outputs) Anchor(output, static_cast<int>(i));
    }
  }

  void AnchorByTensorNames() {
    for (size_t i = 0; i < executed_.nodes.size(); ++i) {
      const ExecutedNode& node = executed_.nodes[i];
      if (IsTransfer(node)) continue;
      for (std::string_view name : node.outputs) {
        if (Anchor(Find(name), static_cast<int>(i)) || !name.starts_with(kCastPrefix)) continue;
        Anchor(Find(name.substr(kCastPrefix.size())), static_cast<int>(i));
      }
    }
  }

  // Layout changes rename the tensors and the types; the node's name then holds the output's, or is still the source op's own.
  void AnchorByNodeNames() {
    for (size_t i = 0; i < executed_.nodes.size(); ++i) {
      const ExecutedNode& node = executed_.nodes[i];
      const int index = static_cast<int>(i);
      if (IsTransfer(node) || anchored_.contains(index)) continue;
      if (Anchor(TensorInNodeName(node.name), index)) continue;
      const OpId op = source_.FindOp(node.name);
      if (op == kNone) continue;
      for (TensorId output : source_.op(op).outputs) Anchor(output, index);
    }
  }

  // "r6_nchwc", "r8_bn_nchwc" → the tensor r6, r8.
  TensorId TensorInNodeName(std::string_view name) const {
    name = WithoutNumber(name);
    if (!name.ends_with(kLayoutSuffix)) return kNone;
    name.remove_suffix(kLayoutSuffix.size());
    if (const TensorId whole = Find(name); whole != kNone) return whole;
    const size_t last = name.rfind('_');
    return last == std::string_view::npos ? kNone : Find(name.substr(0, last));
  }

  // A copy or a reorder that produces a source tensor got it from the node that computed it.
  void AnchorThroughTransfers() {
    for (const ExecutedNode& node : executed_.nodes) {
      if (!IsTransfer(node) || node.outputs.empty() || node.inputs.empty()) continue;
      const int maker = MakerOf(node.inputs[0]);
      if (maker >= 0) Anchor(Find(node.outputs[0]), maker);
    }
  }

  // A node without any source name that feeds a node whose op is known computes what that op reads. From the last node to the
  // first, so that chains of them are found.
  void AnchorThroughConsumers() {
    for (int index = static_cast<int>(executed_.nodes.size()) - 1; index >= 0; --index) {
      const ExecutedNode& node = executed_.nodes[index];
      if (!anchored_.contains(index)) continue;
      OpId op = kNone;
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const int maker = Find(node.inputs[i]) == kNone ? MakerOf(node.inputs[i]) : -1;
        if (maker < 0 || anchored_.contains(maker)) continue;
        if (op == kNone) op = OpOfType(index);
        if (op == kNone) break;
        const std::vector<TensorId>& inputs = source_.op(op).inputs;
        if (i < inputs.size() && inputs[i] != kNone && source_.tensor(inputs[i]).producer != kNone) Anchor(inputs[i], maker);
      }
    }
  }

  // The nearest source op before what `node` produces that has the node's own type.
  OpId OpOfType(int node) const {
    std::vector<OpId> stack;
    std::set<OpId> seen;
    for (TensorId tensor : anchored_.at(node)) stack.push_back(source_.tensor(tensor).producer);
    while (!stack.empty()) {
      const OpId op = stack.back();
      stack.pop_back();
      if (!seen.insert(op).second) continue;
      if (source_.op(op).type == executed_.nodes[node].type) return op;
      PushSources(op, stack);
    }
    return kNone;
  }

  // The node that computes a tensor, seen through transfers; -1 if none does.
  int MakerOf(std::string_view tensor) const {
    for (size_t hops = 0; hops <= executed_.nodes.size(); ++hops) {
      const auto found = producer_.find(tensor);
      if (found == producer_.end()) return -1;
      const ExecutedNode& node = executed_.nodes[found->second];
      if (!IsTransfer(node)) return found->second;
      if (node.inputs.empty()) return -1;
      tensor = node.inputs[0];
    }
    return -1;
  }

  void Execute(OpId op, int node, bool alone) {
    OpCoverage& coverage = result_.ops[op];
    if (coverage.kind == Kind::kUnknown) coverage = {Kind::kExecuted, node, alone, ""};
  }
  void Eliminate(OpId op, std::string why) {
    OpCoverage& coverage = result_.ops[op];
    if (coverage.kind == Kind::kUnknown) coverage = {Kind::kEliminated, -1, false, std::move(why)};
  }

  // The node still is its op: same type, and the tensors are that op's.
  bool IsUnchanged(int node) const {
    const std::vector<TensorId>& tensors = anchored_.at(node);
    const OpId op = source_.tensor(tensors.front()).producer;
    const ExecutedNode& executed = executed_.nodes[node];
    return executed.type == source_.op(op).type && executed.domain == source_.op(op).domain &&
           std::all_of(tensors.begin(), tensors.end(), [&](TensorId t) { return source_.tensor(t).producer == op; });
  }

  void CoverAnchored() {
    for (const auto& [node, tensors] : anchored_) {
      const bool unchanged = IsUnchanged(node);
      for (TensorId tensor : tensors) Execute(source_.tensor(tensor).producer, node, unchanged);
    }
    for (OpId op = 0; op < static_cast<OpId>(source_.ops().size()); ++op) {
      if (result_.ops[op].kind == Kind::kExecuted) executed_twin_.emplace(TwinKey(op), op);
    }
  }

  // Ops that compute the same, as far as a graph without attributes tells.
  using Twin = std::tuple<std::string, std::string, std::vector<TensorId>>;
  Twin TwinKey(OpId op) const { return {source_.op(op).type, source_.op(op).domain, source_.op(op).inputs}; }

  void CoverBackwards() {
    for (const auto& [node, tensors] : anchored_) {
      const bool unchanged = IsUnchanged(node);
      bool fused = false;
      std::vector<OpId> stack;
      for (TensorId tensor : tensors) PushSources(source_.tensor(tensor).producer, stack);
      while (!stack.empty()) {
        const OpId op = stack.back();
        stack.pop_back();
        if (result_.ops[op].kind != Kind::kUnknown) continue;
        fused |= !Bypassed(op, node, unchanged);
        PushSources(op, stack);
      }
      if (!fused) continue;
      for (TensorId tensor : tensors) result_.ops[source_.tensor(tensor).producer].alone = false;
    }
  }

  // Decides about an op before `node`: true when it is not part of the kernel but was taken out.
  bool Bypassed(OpId op, int node, bool unchanged) {
    if (source_.op(op).constant) {
      Eliminate(op, "constant-folded");
    } else if (IsIdentity(source_.op(op))) {
      Eliminate(op, fmt::format("{} does nothing at inference", source_.op(op).type));
    } else if (const auto twin = executed_twin_.find(TwinKey(op));
               unchanged && twin != executed_twin_.end() && SameSpecs(op, twin->second)) {
      Eliminate(op, fmt::format("the same as op '{}', which is computed once", source_.op(twin->second).name));
    } else {
      Execute(op, node, /*alone=*/false);
      return false;
    }
    return true;
  }

  bool SameSpecs(OpId a, OpId b) const {
    const std::vector<TensorId>& left = source_.op(a).outputs;
    const std::vector<TensorId>& right = source_.op(b).outputs;
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), [&](TensorId x, TensorId y) {
      return x == kNone || y == kNone ? x == y : source_.tensor(x).spec == source_.tensor(y).spec;
    });
  }

  // The ops behind an op's inputs that no executed node produces and that are not constants.
  void PushSources(OpId op, std::vector<OpId>& stack) const {
    const auto push = [&](TensorId tensor) {
      if (tensor == kNone || folded_[tensor] || anchor_[tensor] >= 0) return;
      const OpId producer = source_.tensor(tensor).producer;
      if (producer != kNone && result_.ops[producer].kind == Kind::kUnknown) stack.push_back(producer);
    };
    for (TensorId tensor : source_.op(op).inputs) push(tensor);
    for (TensorId tensor : source_.op(op).captures) push(tensor);
  }

  // Ops in no executed node: constants, what only they need, and what nobody needs. From the last op to the first.
  void EliminateTheRest() {
    for (OpId op = static_cast<OpId>(source_.ops().size()) - 1; op >= 0; --op) {
      if (result_.ops[op].kind != Kind::kUnknown) continue;
      if (IsFolded(op)) {
        Eliminate(op, "constant-folded");
      } else if (const std::optional<std::string> why = NeededByNone(op)) {
        Eliminate(op, *why);
      } else {
        result_.ops[op].why = "in no executed node, and its result is no constant";
      }
    }
  }

  bool IsFolded(OpId op) const {
    const std::vector<TensorId>& outputs = source_.op(op).outputs;
    return source_.op(op).constant ||
           std::any_of(outputs.begin(), outputs.end(), [&](TensorId t) { return t != kNone && folded_[t]; });
  }

  // Why an op has no executed consumer; nothing when it has one, or when its result leaves the graph.
  std::optional<std::string> NeededByNone(OpId op) const {
    std::string why = "its result is not used";
    constexpr std::string_view kChain = "feeds only eliminated ops";
    for (TensorId tensor : source_.op(op).outputs) {
      if (tensor == kNone) continue;
      if (source_.tensor(tensor).is_output) return std::nullopt;
      for (OpId consumer : source_.tensor(tensor).consumers) {
        if (result_.ops[consumer].kind != Kind::kEliminated) return std::nullopt;
        const std::string& reason = result_.ops[consumer].why;
        why = reason.starts_with(kChain) ? reason : fmt::format("{} ('{}': {})", kChain, source_.op(consumer).name, reason);
      }
    }
    return why;
  }

  void ListInserted() {
    for (size_t i = 0; i < executed_.nodes.size(); ++i) {
      if (!anchored_.contains(static_cast<int>(i))) result_.inserted.push_back(static_cast<int>(i));
    }
  }

  const Graph& source_;
  const ExecutedGraph& executed_;
  std::unordered_map<std::string_view, int> producer_;  // executed node by the name of its output
  std::vector<int> anchor_;   // per tensor, the executed node that produces it
  std::vector<bool> folded_;  // per tensor, a constant by now
  std::map<int, std::vector<TensorId>> anchored_;
  std::map<Twin, OpId> executed_twin_;
  GraphCoverage result_;
};

}  // namespace

std::string ExecutedNode::ToString() const { return name.empty() ? fmt::format("({})", type) : fmt::format("{} ({})", name, type); }

bool IsTransfer(const ExecutedNode& node) {
  return node.type.starts_with("Memcpy") || node.type == "ReorderInput" || node.type == "ReorderOutput" ||
         (node.type == "Cast" && node.name.starts_with(kCastPrefix));
}

GraphCoverage CoverOps(const Graph& source, const ExecutedGraph& executed) {
  return CoverageBuilder(source, executed).Take();
}

}  // namespace consort
