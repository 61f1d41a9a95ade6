#include "zoo/kept_tensors.h"

#include <algorithm>
#include <set>
#include <string>

#include "model/proto_walk.h"
#include "zoo/constants.h"

namespace consort::zoo {
namespace {

std::string ReasonToKeep(const onnx::TensorProto& tensor) {
  switch (tensor.data_type()) {
    case onnx::TensorProto::FLOAT:
    case onnx::TensorProto::DOUBLE:
    case onnx::TensorProto::FLOAT16:
    case onnx::TensorProto::BFLOAT16:
      if (ElementsOf(tensor) <= 1) return "floats of one element or none: bounds, factors, epsilons";
      if (Smallest(tensor) <= kMask) return "floats with values of -1000 and below: masks";
      return "floats that no operator reads as weights";
    case onnx::TensorProto::INT8:
    case onnx::TensorProto::UINT8:
      return "integers of 8 bits: quantized weights and their zero points";
    default:
      return "other types: shapes, indices, text";
  }
}

void Add(const onnx::TensorProto& tensor, std::vector<KeptTensors>& groups) {
  const std::string reason = ReasonToKeep(tensor);
  auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& known) { return known.reason == reason; });
  if (group == groups.end()) group = groups.insert(group, KeptTensors{.reason = reason});
  ++group->tensors;
  group->elements += ElementsOf(tensor);
}

}  // namespace

std::vector<KeptTensors> FindKeptTensors(const onnx::GraphProto& graph, const Weights& weights) {
  std::set<const onnx::TensorProto*> seeded;
  for (const auto& [name, weight] : weights.by_name) seeded.insert(weight.tensor);
  std::vector<KeptTensors> groups;
  ForEachTensor(graph, [&](const onnx::TensorProto& tensor, const onnx::NodeProto*) {
    if (seeded.count(&tensor) == 0) Add(tensor, groups);
  });
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.elements > b.elements; });
  return groups;
}

}  // namespace consort::zoo
