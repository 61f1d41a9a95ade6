#include "zoo/seed_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "base/strings.h"
#include "consort/error.h"
#include "model/infer_shapes.h"
#include "zoo/constants.h"
#include "zoo/layer_targets.h"
#include "zoo/moment_walk.h"
#include "zoo/weight_roles.h"

namespace consort::zoo {
namespace {

constexpr int64_t kLargestMessage = (int64_t{2} << 30) - 1;
// Logits that miss their deviation by less are left as they are.
constexpr double kNear = 1.1;
// No head is made larger than this in order to make up for what follows it.
constexpr double kLargestHead = 12;

int64_t BytesOf(const onnx::TensorProto& tensor) {
  const int64_t width = tensor.data_type() == onnx::TensorProto::DOUBLE ? 8 : 4;
  const int64_t elements = ElementsOf(tensor);
  return elements > kLargestMessage ? kLargestMessage : elements * width;
}

void RequireRoom(const Weights& weights) {
  int64_t bytes = 0;
  for (const auto& [name, weight] : weights.by_name) {
    bytes += BytesOf(*weight.tensor);
    if (bytes < kLargestMessage) continue;
    throw Error(ErrorCode::kUnsupported,
                "the weights exceed 2 GiB, which one ONNX file cannot hold: make the network smaller");
  }
}

// What ConstantOfShape made and no layer reads keeps its value.
void KeepConstants(const std::map<std::string, float>& constants, Weights& weights) {
  for (const auto& [name, value] : constants) {
    const auto weight = weights.by_name.find(name);
    if (weight == weights.by_name.end() || weight->second.role != Role::kUnread) continue;
    onnx::TensorProto& tensor = *weight->second.tensor;
    tensor.mutable_float_data()->Resize(static_cast<int>(ElementsOf(tensor)), value);
    weights.by_name.erase(weight);
    std::erase_if(weights.names, [&](const auto& item) { return item.second == name; });
  }
}

// Wanted deviations of heads whose logits come out too small or large, pooled or rectified as they are on the way.
bool Correct(const MomentWalk& walk, LayerTargets& targets) {
  bool changed = false;
  for (const Head& head : targets.heads) {
    const double deviation = std::sqrt(walk.MomentsOf(head.logits).variance());
    if (deviation <= 0 || std::abs(std::log(deviation / kLogitDeviation)) < std::log(kNear)) continue;
    double& target = targets.deviations[head.layer];
    target = std::min(kLargestHead, target * kLogitDeviation / deviation);
    changed = true;
  }
  return changed;
}

// How each weight is drawn. `model` has shapes of weights, not values.
std::map<std::string, Draw> Plan(const onnx::ModelProto& model, const Weights& weights) {
  onnx::ModelProto shaped = model;
  InferShapes(shaped);
  LayerTargets targets = FindLayerTargets(shaped.graph(), weights);
  MomentWalk first(shaped.graph(), weights, targets);
  first.Run();
  if (!Correct(first, targets)) return first.draws();
  MomentWalk second(shaped.graph(), weights, targets);
  second.Run();
  return second.draws();
}

// For a weight that no rule reached.
Draw FallbackDraw(const onnx::TensorProto& tensor) {
  if (tensor.dims_size() < 2) return Draw::Normal(0.05);
  const double fan_in =
      static_cast<double>(ElementsOf(tensor)) / static_cast<double>(std::max<int64_t>(1, tensor.dims(0)));
  return Draw::Normal(1 / std::sqrt(std::max(1.0, fan_in)));
}

}  // namespace

SeedReport SeedWeights(onnx::ModelProto& model, uint64_t seed) {
  const std::map<std::string, float> constants = MakeInitializers(model);
  Weights weights = FindWeights(*model.mutable_graph());
  RequireRoom(weights);
  KeepConstants(constants, weights);
  for (const auto& [name, weight] : weights.by_name) DropValues(*weight.tensor);
  const std::map<std::string, Draw> draws = Plan(model, weights);
  SeedReport report;
  for (const auto& [name, weight] : weights.by_name) {
    const auto draw = draws.find(name);
    Fill(*weight.tensor, name, draw == draws.end() ? FallbackDraw(*weight.tensor) : draw->second, seed);
    ++report.tensors;
    report.elements += ElementsOf(*weight.tensor);
  }
  return report;
}

}  // namespace consort::zoo
