// One walk over a graph that decides how each weight is drawn.
#ifndef CONSORT_ZOO_MOMENT_WALK_H_
#define CONSORT_ZOO_MOMENT_WALK_H_

#include <map>
#include <string>
#include <vector>

#include "consort/types.h"
#include "onnx/onnx_pb.h"
#include "zoo/layer_targets.h"
#include "zoo/moments.h"
#include "zoo/seeded_values.h"
#include "zoo/weight_roles.h"

namespace consort::zoo {

// Follows the moments of every tensor in the order of the nodes and draws each layer's weights so that its output has
// the deviation that `targets` wants. Inputs are taken for uniform in [0, 1), as `consort run` makes them. Not
// thread-safe; used once.
class MomentWalk {
 public:
  // `graph` has its nodes in topological order and inferred shapes in value_info; all outlive the walk.
  MomentWalk(const onnx::GraphProto& graph, const Weights& weights, const LayerTargets& targets);

  // Visits every node.
  void Run();
  // How to draw each weight, by name; complete after Run.
  const std::map<std::string, Draw>& draws() const { return draws_; }
  Moments MomentsOf(const std::string& tensor) const;

 private:
  // What a sum of products runs over.
  struct Taps {
    double count = 1;     // of one output element
    double live = 1;      // share of them that does not fall into padding
    double channels = 1;  // among them
    bool centred = false;
  };

  // All 0 where a layer has none that is drawn.
  struct Bias {
    double mean = 0;
    double variance = 0;
  };

  void Visit(const onnx::NodeProto& node);
  Estimate VisitOther(const onnx::NodeProto& node);
  Estimate Linear(const onnx::NodeProto& node);
  Estimate Product(const onnx::NodeProto& node);
  Estimate BatchNorm(const onnx::NodeProto& node);
  Estimate Normalisation(const onnx::NodeProto& node);
  Estimate Gather(const onnx::NodeProto& node);
  Estimate Recurrent(const onnx::NodeProto& node);
  Estimate Softmax(const onnx::NodeProto& node);
  Estimate OneHot(const onnx::NodeProto& node);
  Estimate Pool(const onnx::NodeProto& node);
  Estimate Reduce(const onnx::NodeProto& node);
  Estimate Concat(const onnx::NodeProto& node);
  Estimate Elementwise(const onnx::NodeProto& node);

  Taps TapsOf(const onnx::NodeProto& node, int filter) const;
  double TableDeviation() const;
  double LiveShare(const onnx::NodeProto& node) const;
  void DrawOperands(const onnx::NodeProto& node);  // biases and scales of elementwise operators
  // Draws the weight behind `input` unless an earlier layer did, and returns how it is drawn.
  const Draw& DrawOnce(const std::string& input, const Draw& draw);
  Bias DrawBias(const onnx::NodeProto& node, int position, double deviation, double mean = 0);
  bool IsNarrow(const onnx::NodeProto& node, int filter) const;

  Estimate Get(const std::string& name) const;
  const Shape* ShapeOf(const std::string& name) const;  // nullptr where it is not known
  double SizeOf(const std::string& name, int axis, double otherwise) const;

  const onnx::GraphProto& graph_;
  const Weights& weights_;
  const LayerTargets& targets_;
  std::map<std::string, Estimate> estimates_;
  std::map<std::string, Shape> shapes_;
  std::map<std::string, std::vector<int64_t>> integers_;  // small integer initializers: axes
  std::map<std::string, Draw> draws_;
  double table_deviation_ = 1;  // of the rows that Gather picks
};

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_MOMENT_WALK_H_
