#include "model/infer_shapes.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "model/invalid_model.h"
#include "model/proto_walk.h"
#include "onnx/shape_inference/implementation.h"

namespace consort {
namespace {

using Names = std::unordered_set<std::string>;

// Values that inference may follow in all: more, and a hostile chain of Concat ops could take any amount of memory.
constexpr int64_t kMaxFollowedValues = 1'000'000;

// Upper bound of the values that data propagation would hold, op by op.
class FollowedValues {
 public:
  bool Fits(const onnx::GraphProto& graph) {
    for (const auto& tensor : graph.initializer()) {
      if (tensor.dims_size() <= 1) counts_[tensor.name()] = tensor.dims_size() == 0 ? 1 : tensor.dims(0);
    }
    for (const auto& node : graph.node()) {
      ForEachBody(node, [&](const onnx::GraphProto& body) { Fits(body); });
      const int64_t count = Of(node);
      for (const auto& output : node.output()) counts_[output] = count;
      total_ = std::min(total_ + count, 2 * kMaxFollowedValues);
    }
    return total_ <= kMaxFollowedValues;
  }

 private:
  int64_t Of(const onnx::NodeProto& node) const {
    constexpr int64_t kMaxRank = 32;
    int64_t sum = 0;
    int64_t largest = node.op_type() == "Shape" ? kMaxRank : 1;
    for (const auto& input : node.input()) {
      const auto count = counts_.find(input);
      if (count == counts_.end()) continue;
      sum = std::min(sum + std::min(count->second, kMaxFollowedValues), kMaxFollowedValues);
      largest = std::max(largest, std::min(count->second, kMaxFollowedValues));
    }
    ForEachAttributeTensor(node, [&](const onnx::TensorProto& tensor) {
      if (tensor.dims_size() == 1) largest = std::max(largest, std::min(tensor.dims(0), kMaxFollowedValues));
    });
    return node.op_type() == "Concat" ? std::max(sum, largest) : largest;
  }

  std::unordered_map<std::string, int64_t> counts_;
  int64_t total_ = 0;
};

template <typename Visit>
void ForEachDim(onnx::TypeProto& type, Visit& visit) {
  if (type.has_sequence_type()) ForEachDim(*type.mutable_sequence_type()->mutable_elem_type(), visit);
  if (type.has_optional_type()) ForEachDim(*type.mutable_optional_type()->mutable_elem_type(), visit);
  if (!type.has_tensor_type() || !type.tensor_type().has_shape()) return;
  for (auto& dim : *type.mutable_tensor_type()->mutable_shape()->mutable_dim()) visit(dim);
}

template <typename Visit>
void ForEachDim(onnx::GraphProto& root, Visit visit) {
  ForEachMutableGraph(root, [&](onnx::GraphProto& graph) {
    for (auto* values : {graph.mutable_input(), graph.mutable_output(), graph.mutable_value_info()}) {
      for (auto& value : *values) {
        if (value.has_type()) ForEachDim(*value.mutable_type(), visit);
      }
    }
  });
}

Names DimNames(onnx::GraphProto& graph) {
  Names names;
  ForEachDim(graph, [&](onnx::TensorShapeProto::Dimension& dim) {
    if (dim.has_dim_param()) names.insert(dim.dim_param());
  });
  return names;
}

// Inference names every unknown size ("unk__7"): names that say nothing.
void DropNewDimNames(onnx::GraphProto& graph, const Names& known) {
  ForEachDim(graph, [&](onnx::TensorShapeProto::Dimension& dim) {
    if (dim.has_dim_param() && !known.contains(dim.dim_param())) dim.clear_dim_param();
  });
}

// Types of tensors that ops of custom domains make are not hints: nothing else tells them.
void DropHints(onnx::GraphProto& root, const Names& custom_outputs) {
  ForEachMutableGraph(root, [&](onnx::GraphProto& graph) {
    auto* values = graph.mutable_value_info();
    values->erase(
        std::remove_if(values->begin(), values->end(),
                       [&](const onnx::ValueInfoProto& value) { return !custom_outputs.contains(value.name()); }),
        values->end());
  });
}

Names CustomOutputs(const onnx::ModelProto& model) {
  Names outputs;
  const auto& known = onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
  ForEachGraph(model.graph(), [&](const onnx::GraphProto& graph) {
    for (const auto& node : graph.node()) {
      if (known.find(node.domain()) != known.end()) continue;
      for (const auto& output : node.output()) outputs.insert(output);
    }
  });
  return outputs;
}

// Inference copies the table of known tensors for every body: a hostile model could keep it busy for hours.
void CheckBodies(const onnx::GraphProto& root) {
  constexpr int64_t kMaxCopies = 400'000'000;  // some twenty seconds
  int64_t bodies = 0;
  int64_t tensors = 0;
  ForEachGraph(root, [&](const onnx::GraphProto& graph) {
    ++bodies;
    tensors += graph.node_size();
  });
  if (bodies > 1 && bodies * tensors > kMaxCopies) {
    FailModel("{} bodies of control flow among {} ops are more than shapes can be inferred for", bodies - 1, tensors);
  }
}

// ONNX's own function body of this op lacks the default of `axes`, without which inference fails.
void AddDefaultAxes(onnx::GraphProto& root) {
  ForEachMutableGraph(root, [](onnx::GraphProto& graph) {
    for (auto& node : *graph.mutable_node()) {
      if (node.op_type() != "MeanVarianceNormalization" || !node.domain().empty() || !node.attribute().empty())
        continue;
      auto* axes = node.add_attribute();
      axes->set_name("axes");
      axes->set_type(onnx::AttributeProto::INTS);
      for (const int axis : {0, 2, 3}) axes->add_ints(axis);
    }
  });
}

// Empty when inference went well, else what it says.
std::string TryInfer(onnx::ModelProto& model, bool follow_values) {
  const onnx::ShapeInferenceOptions options(/*check_type=*/true, /*strict_mode=*/1, follow_values);
  onnx::shape_inference::DataValueMap values;
  try {
    onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), options, &values);
    return "";
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    return std::string("types or shapes do not fit: ") + OneLine(error.what());
  }
}

}  // namespace

void InferShapes(onnx::ModelProto& model) {
  CheckBodies(model.graph());
  AddDefaultAxes(*model.mutable_graph());
  const Names names = DimNames(*model.mutable_graph());
  bool follow_values = FollowedValues().Fits(model.graph());
  std::string problem = TryInfer(model, follow_values);
  if (follow_values && problem.find("already exists") != std::string::npos) {
    // Bodies may use a name again; the table of values that inference follows is one for all of them.
    follow_values = false;
    problem = TryInfer(model, follow_values);
  }
  if (!problem.empty()) {
    DropHints(*model.mutable_graph(), CustomOutputs(model));
    problem = TryInfer(model, follow_values);
  }
  if (!problem.empty()) FailModel("{}", problem);
  DropNewDimNames(*model.mutable_graph(), names);
}

}  // namespace consort
