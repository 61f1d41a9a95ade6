#include "consort/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "consort/error.h"
#include "model/value_types.h"

namespace consort {
namespace {

// The positions of the cuts that a tensor crosses: first … last; empty when last < first.
struct Span {
  int first = 1;
  int last = 0;
};

// Constants are not carried: every shard that reads one holds it. Neither are graph inputs: the caller gives them to
// every shard that reads them.
Span CrossingSpan(const Graph& graph, const Tensor& tensor) {
  if (tensor.kind != TensorKind::kActivation || tensor.producer == kNone || tensor.consumers.empty()) return {};
  if (graph.op(tensor.producer).constant) return {};
  return {tensor.producer + 1, tensor.consumers.back()};
}

int64_t SumBytes(const Graph& graph, const std::vector<TensorId>& tensors) {
  int64_t sum = 0;
  for (const TensorId id : tensors) {
    const int64_t bytes = graph.tensor(id).bytes();
    if (bytes < 0) return -1;
    sum += bytes;
  }
  return sum;
}

// Positions right behind an op that computes, with one that computes still to come.
std::vector<bool> DistinctPositions(const Graph& graph) {
  std::vector<bool> distinct(graph.ops().size() + 1, false);
  int last = -1;
  for (size_t i = 0; i < graph.ops().size(); ++i) {
    if (graph.ops()[i].constant) continue;
    if (last >= 0) distinct[static_cast<size_t>(last) + 1] = true;
    last = static_cast<int>(i);
  }
  return distinct;
}

}  // namespace

int64_t Tensor::bytes() const {
  if (!has_rank || !IsStatic(spec.shape)) return -1;
  const int bits = BitWidth(spec.dtype);
  const auto elements = CheckedProduct(spec.shape);
  if (bits == 0 || !elements) return -1;
  return PackedBytes(*elements, bits).value_or(-1);
}

TensorId Graph::FindTensor(const std::string& name) const {
  const auto found = tensor_index_.find(name);
  return found == tensor_index_.end() ? kNone : found->second;
}

OpId Graph::FindOp(const std::string& name) const {
  const auto found = op_index_.find(name);
  return found == op_index_.end() ? kNone : found->second;
}

Cut Graph::CutAt(int position) const {
  const int last = static_cast<int>(ops_.size()) - 1;
  if (position < 1 || position > last) {
    throw Error(ErrorCode::kInvalidArgument,
                last < 1 ? fmt::format("graph {} has {} ops and cannot be cut", name_, ops_.size())
                         : fmt::format("there is no cut at {}; graph {} can be cut at 1 to {}", position, name_, last));
  }
  Cut cut{.position = position};
  for (size_t id = 0; id < tensors_.size(); ++id) {
    const Span span = CrossingSpan(*this, tensors_[id]);
    if (span.first <= position && position <= span.last) cut.crossing.push_back(static_cast<TensorId>(id));
  }
  cut.bytes = SumBytes(*this, cut.crossing);
  return cut;
}

std::vector<Cut> Graph::Cuts(int max_crossing) const {
  std::vector<std::vector<TensorId>> begins(ops_.size() + 1);
  std::vector<std::vector<TensorId>> ends(ops_.size() + 1);
  for (size_t id = 0; id < tensors_.size(); ++id) {
    const Span span = CrossingSpan(*this, tensors_[id]);
    if (span.first > span.last) continue;
    begins[static_cast<size_t>(span.first)].push_back(static_cast<TensorId>(id));
    ends[static_cast<size_t>(span.last)].push_back(static_cast<TensorId>(id));
  }
  const std::vector<bool> distinct = DistinctPositions(*this);
  std::vector<Cut> cuts;
  std::set<TensorId> crossing;
  for (int position = 1; position < static_cast<int>(ops_.size()); ++position) {
    crossing.insert(begins[position].begin(), begins[position].end());
    if (distinct[position] && static_cast<int64_t>(crossing.size()) <= max_crossing) {
      Cut cut{.position = position, .crossing = {crossing.begin(), crossing.end()}};
      cut.bytes = SumBytes(*this, cut.crossing);
      cuts.push_back(std::move(cut));
    }
    for (const TensorId id : ends[position]) crossing.erase(id);
  }
  return cuts;
}

}  // namespace consort
