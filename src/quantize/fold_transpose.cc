// Transposed constants, as output layers that share the table of an embedding have them, become constants.
#include <numeric>
#include <vector>

#include "model/node_queries.h"
#include "quantize/graph_edit.h"
#include "quantize/prepare.h"
#include "quantize/stored_values.h"

namespace consort {
namespace {

// perm[i] is the axis of the input that becomes axis i; the axes in reverse order where the attribute is left out.
std::vector<size_t> PermutationOf(const onnx::NodeProto& transpose, size_t rank) {
  const auto* perm = FindAttribute(transpose, "perm");
  if (perm != nullptr) return {perm->ints().begin(), perm->ints().end()};
  std::vector<size_t> reversed(rank);
  std::iota(reversed.rbegin(), reversed.rend(), size_t{0});
  return reversed;
}

onnx::TensorProto Transposed(const onnx::TensorProto& tensor, const std::vector<size_t>& perm) {
  const std::vector<int64_t> dims = DimsOf(tensor);
  const std::vector<float> values = FloatsOf(tensor);
  std::vector<size_t> strides(dims.size(), 1);  // of the input
  for (size_t axis = dims.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * static_cast<size_t>(dims[axis]);
  std::vector<int64_t> to_dims, at(dims.size());
  for (const size_t axis : perm) to_dims.push_back(dims[axis]);
  std::vector<float> moved;
  moved.reserve(values.size());
  while (moved.size() < values.size()) {
    size_t from = 0;
    for (size_t axis = 0; axis < perm.size(); ++axis) from += static_cast<size_t>(at[axis]) * strides[perm[axis]];
    moved.push_back(values[from]);
    for (size_t axis = perm.size(); axis-- > 0 && ++at[axis] == to_dims[axis];) at[axis] = 0;
  }
  return FloatTensor("", to_dims, moved);
}

}  // namespace

int FoldTransposes(onnx::GraphProto& graph) {
  GraphEdit edit(graph);
  int folded = 0;
  for (auto& node : *graph.mutable_node()) {
    if (!IsOp(node, "Transpose") || edit.IsOutput(node.output(0))) continue;
    const onnx::TensorProto* stored = edit.StoredFloats(node.input(0));
    if (stored == nullptr) continue;
    onnx::TensorProto moved = Transposed(*stored, PermutationOf(node, static_cast<size_t>(stored->dims_size())));
    moved.set_name(node.output(0));
    *graph.add_initializer() = std::move(moved);
    edit.Remove(node);
    ++folded;
  }
  edit.Finish();
  return folded;
}

}  // namespace consort
