#include "shard/folding.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace consort {
namespace {

bool ReadsShape(const Op& op) { return op.domain.empty() && (op.type == "Shape" || op.type == "Size"); }

// What shapes are computed with. Deterministic, without bodies.
bool ComputesShapes(const Op& op) {
  static const std::set<std::string_view> types = {
      "Abs",        "Add",       "And",     "Cast",      "Ceil",  "Concat",    "ConstantOfShape",
      "Div",        "Equal",     "Expand",  "Flatten",   "Floor", "Gather",    "GatherND",
      "Greater",    "Identity",  "Less",    "Max",       "Min",   "Mod",       "Mul",
      "Neg",        "Not",       "Or",      "Pow",       "Range", "ReduceMax", "ReduceMin",
      "ReduceProd", "ReduceSum", "Reshape", "ScatterND", "Shape", "Size",      "Slice",
      "Split",      "Sqrt",      "Squeeze", "Sub",       "Tile",  "Transpose", "Trilu",
      "Unsqueeze",  "Where"};
  return op.domain.empty() && types.contains(op.type);
}

}  // namespace

Folding::Folding(const Graph& graph) : graph_(graph), folds_(graph.ops().size()) {
  for (OpId id = 0; id < static_cast<OpId>(graph.ops().size()); ++id) folds_[static_cast<size_t>(id)] = Fold(id);
}

bool Folding::Fold(OpId id) const {
  const Op& op = graph_.op(id);
  if (op.constant || is_known_shape(id)) return true;
  return ComputesShapes(op) && std::all_of(op.inputs.begin(), op.inputs.end(),
                                           [&](TensorId input) { return input == kNone || is_folded(input); });
}

bool Folding::is_known_shape(OpId id) const {
  const Op& op = graph_.op(id);
  if (op.constant || !ReadsShape(op) || op.inputs.empty() || op.inputs.front() == kNone) return false;
  const Tensor& input = graph_.tensor(op.inputs.front());
  return input.has_rank && IsStatic(input.spec.shape);
}

bool Folding::is_folded(TensorId id) const {
  const Tensor& tensor = graph_.tensor(id);
  if (tensor.kind == TensorKind::kInitializer) return true;
  return tensor.producer != kNone && folds(tensor.producer);
}

Folding::Span Folding::SpanOf(const Tensor& tensor) const {
  if (tensor.producer == kNone || folds(tensor.producer)) return {};
  const auto last =
      std::find_if(tensor.consumers.rbegin(), tensor.consumers.rend(), [&](OpId reader) { return !folds(reader); });
  if (last == tensor.consumers.rend()) return {};
  return {tensor.producer + 1, *last};
}

int64_t Folding::SumBytes(const std::vector<TensorId>& tensors) const {
  int64_t sum = 0;
  for (const TensorId id : tensors) {
    const int64_t bytes = graph_.tensor(id).bytes();
    if (bytes < 0) return -1;
    sum += bytes;
  }
  return sum;
}

Cut Folding::CutAt(int position) const {
  Cut cut = graph_.CutAt(position);
  std::erase_if(cut.crossing, [&](TensorId id) {
    const Span span = SpanOf(graph_.tensor(id));
    return position < span.first || position > span.last;
  });
  cut.bytes = SumBytes(cut.crossing);
  return cut;
}

std::vector<Cut> Folding::Cuts() const {
  const size_t ops = graph_.ops().size();
  std::vector<std::vector<TensorId>> begins(ops + 1);
  std::vector<std::vector<TensorId>> ends(ops + 1);
  for (size_t id = 0; id < graph_.tensors().size(); ++id) {
    const Span span = SpanOf(graph_.tensors()[id]);
    if (span.first > span.last) continue;
    begins[static_cast<size_t>(span.first)].push_back(static_cast<TensorId>(id));
    ends[static_cast<size_t>(span.last)].push_back(static_cast<TensorId>(id));
  }
  OpId last = static_cast<OpId>(ops) - 1;  // that computes
  while (last >= 0 && folds(last)) --last;
  std::vector<Cut> cuts;
  std::set<TensorId> crossing;
  for (int position = 1; position <= last; ++position) {
    crossing.insert(begins[static_cast<size_t>(position)].begin(), begins[static_cast<size_t>(position)].end());
    if (!folds(position - 1)) {
      cuts.push_back({.position = position, .crossing = {crossing.begin(), crossing.end()}});
      cuts.back().bytes = SumBytes(cuts.back().crossing);
    }
    for (const TensorId id : ends[static_cast<size_t>(position)]) crossing.erase(id);
  }
  return cuts;
}

}  // namespace consort
