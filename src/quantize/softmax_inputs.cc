#include "quantize/softmax_inputs.h"

#include <algorithm>
#include <span>

#include "model/model_rep.h"
#include "model/node_queries.h"

namespace consort {

bool FeedsSoftmaxOnly(const Model& model, const std::string& name) {
  const Graph& graph = model.graph();
  const Tensor& tensor = graph.tensor(graph.FindTensor(name));
  const int64_t last = static_cast<int64_t>(tensor.spec.shape.size()) - 1;
  const auto is_softmax = [&](OpId reader) {
    const onnx::NodeProto& node = model.rep().proto.graph().node(reader);
    const auto* axis = FindAttribute(node, "axis");
    return IsOp(node, "Softmax") && (axis == nullptr || axis->i() == -1 || axis->i() == last);
  };
  return !tensor.is_output && !tensor.consumers.empty() &&
         std::all_of(tensor.consumers.begin(), tensor.consumers.end(), is_softmax);
}

Buffer WithinReach(const Buffer& tensor) {
  Buffer copy = tensor.Clone();
  const auto values = copy.as<float>();
  const auto length = static_cast<size_t>(copy.spec().shape.empty() ? 1 : copy.spec().shape.back());
  for (size_t begin = 0; begin < values.size(); begin += length) {
    const auto row = values.subspan(begin, length);
    const float least = *std::max_element(row.begin(), row.end()) - kSoftmaxReach;
    for (float& value : row) value = std::max(value, least);
  }
  return copy;
}

}  // namespace consort
