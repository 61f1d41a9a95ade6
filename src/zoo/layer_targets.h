// How large the output of each layer should be.
#ifndef CONSORT_ZOO_LAYER_TARGETS_H_
#define CONSORT_ZOO_LAYER_TARGETS_H_

#include <map>
#include <string>
#include <vector>

#include "onnx/onnx_pb.h"
#include "zoo/weight_roles.h"

namespace consort::zoo {

// A last layer: what it computes reaches graph outputs without another layer in between.
struct Head {
  std::string layer;   // its output
  std::string logits;  // what a softmax or sigmoid reads of it, or the graph output itself
};

// By the name of a layer's output: the deviation it should have. 1 where nothing is said.
struct LayerTargets {
  std::map<std::string, double> deviations;
  std::vector<Head> heads;
  double depth = 0;  // layers one after another: along the streams of residual sums, the mean over what a Concat joins

  double Of(const std::string& output) const;
  bool IsHead(const std::string& output) const;
};

// Deviation of logits: classes differ, and no softmax saturates.
inline constexpr double kLogitDeviation = 2;

// Layers that end a residual branch get max(0.3, 1/sqrt(residual sums that follow one another)): the stream they are
// added to stays of unit order at any depth. Heads get kLogitDeviation.
LayerTargets FindLayerTargets(const onnx::GraphProto& graph, const Weights& weights);

// Conv, ConvTranspose, Gemm or MatMul whose filters are weights; a normalisation with a scale of its own.
bool IsLinear(const onnx::NodeProto& node, const Weights& weights);
bool IsNormalisation(const onnx::NodeProto& node, const Weights& weights);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_LAYER_TARGETS_H_
