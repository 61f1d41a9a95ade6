#include "plan/describe_stage.h"

#include <algorithm>

namespace consort {
namespace {

// What a range reads from outside and gives to outside, in the order of the tensors.
class Boundary {
 public:
  Boundary(const Graph& graph, Stage& stage) : graph_(graph), stage_(stage) {
    for (TensorId id = 0; id < static_cast<TensorId>(graph.tensors().size()); ++id) Add(id, graph.tensor(id));
  }

 private:
  void Add(TensorId id, const Tensor& tensor) {
    if (tensor.kind == TensorKind::kInitializer) return;
    const bool made_here = tensor.producer != kNone && tensor.producer >= stage_.begin && tensor.producer < stage_.end;
    if (tensor.producer != kNone && graph_.op(tensor.producer).constant) return;
    const auto read_here = [this](OpId op) { return op >= stage_.begin && op < stage_.end; };
    const int64_t bytes = std::max<int64_t>(0, tensor.bytes());
    if (made_here && (tensor.is_output || (!tensor.consumers.empty() && tensor.consumers.back() >= stage_.end))) {
      stage_.outputs.push_back(graph_.tensor(id).name);
      stage_.output_bytes += bytes;
    } else if (!made_here && std::any_of(tensor.consumers.begin(), tensor.consumers.end(), read_here)) {
      stage_.inputs.push_back(graph_.tensor(id).name);
      stage_.input_bytes += bytes;
    }
  }

  const Graph& graph_;
  Stage& stage_;
};

}  // namespace

void DescribeStage(const Graph& graph, Stage& stage) {
  stage.inputs.clear();
  stage.outputs.clear();
  stage.input_bytes = stage.output_bytes = 0;
  const Boundary boundary(graph, stage);
}

std::pair<OpId, OpId> EndsOf(const Graph& graph, OpId begin, OpId end) {
  OpId first = begin;
  OpId last = end - 1;
  while (first < last && graph.op(first).constant) ++first;
  while (last > first && graph.op(last).constant) --last;
  return {first, last};
}

}  // namespace consort
