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
#include "zoo/expanded_constants.h"
#include "zoo/kept_tensors.h"
#include "zoo/layer_targets.h"
#include "zoo/moment_walk.h"
#include "zoo/weight_roles.h"

namespace consort::zoo {
namespace {

// Logits that miss their deviation by less are left as they are.
constexpr double kNear = 1.1;
// No head is made larger than this in order to make up for what follows it.
constexpr double kLargestHead = 12;
constexpr double kSmall = 0.05;  // deviation of biases of activations of unit order
constexpr int64_t kHeader = 16;  // most bytes that stand in front of a tensor's values

int64_t BytesOf(const onnx::TensorProto& tensor) {
  const bool sixteen =
      tensor.data_type() == onnx::TensorProto::FLOAT16 || tensor.data_type() == onnx::TensorProto::BFLOAT16;
  const int64_t width = tensor.data_type() == onnx::TensorProto::DOUBLE ? 8 : (sixteen ? 2 : 4);
  return std::min(ElementsOf(tensor), kLargestFile) * width + kHeader;
}

// Of the model with its weights, which have no values yet.
void RequireRoom(const onnx::ModelProto& model, const Weights& weights) {
  auto bytes = static_cast<int64_t>(model.ByteSizeLong());
  for (const auto& [name, weight] : weights.by_name) bytes += BytesOf(*weight.tensor);
  if (bytes <= kLargestFile) return;
  throw Error(ErrorCode::kUnsupported,
              fmt::format("the model takes {} with its weights; one ONNX file that holds them ends at 2 GiB",
                          FormatBytes(bytes)));
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

// For a weight that the walk does not reach: that only bodies read, or whose place in the main graph is unknown.
Draw FallbackDraw(const Weight& weight) {
  switch (weight.role) {
    case Role::kFilter:
    case Role::kUnread:
      return weight.tensor->dims_size() < 2 ? Draw::Normal(kSmall) : Draw::Normal(1 / std::sqrt(weight.fan_in));
    case Role::kBias:
    case Role::kMean:
      return Draw::Normal(kSmall);
    case Role::kScale:
    case Role::kVariance:
      return Draw::Near(1);
    case Role::kTable:
      return Draw::Normal(1);
    case Role::kRecurrent:
      return Draw::Within(1 / std::sqrt(weight.fan_in));
    case Role::kSlope:
      return Draw::Near(0.25);
  }
  return Draw::Normal(kSmall);
}

}  // namespace

SeedReport SeedWeights(onnx::ModelProto& model, uint64_t seed) {
  MakeInitializers(model);
  const Weights weights = FindWeights(*model.mutable_graph());
  SeedReport report;
  report.kept = FindKeptTensors(model.graph(), weights);
  for (const auto& [name, weight] : weights.by_name) DropValues(*weight.tensor);
  RequireRoom(model, weights);
  const std::map<std::string, Draw> draws = Plan(model, weights);
  for (const auto& [name, weight] : weights.by_name) {
    const auto draw = draws.find(name);
    Fill(*weight.tensor, name, draw == draws.end() ? FallbackDraw(weight) : draw->second, seed);
    const int64_t elements = ElementsOf(*weight.tensor);
    ++report.tensors;
    report.elements += elements;
    if (weight.role != Role::kMean && weight.role != Role::kVariance) report.trainable += elements;
  }
  return report;
}

}  // namespace consort::zoo
