// Models that are cut and converted in tests.
#ifndef CONSORT_EDGETPU_TEST_BUNDLES_H_
#define CONSORT_EDGETPU_TEST_BUNDLES_H_

#include <string>

#include "edgetpu/convert.h"
#include "model/test_models.h"
#include "quantize/test_support.h"

namespace consort::test {

// x[1,3,8,8] → conv → relu r → tail: erf e = Erf(r), s = Sigmoid(r), y = e · s. r and s cross a cut before "erf".
inline Model TwoCrossing() {
  onnx::ModelProto proto = EmptyModel("two");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3", "8", "8"}).Output("y", {"1", "4", "8", "8"}).Weight("w", {4, 3, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  graph.Node("Relu", {"c"}, {"r"}, "relu");
  graph.Node("Erf", {"r"}, {"e"}, "erf");
  graph.Node("Sigmoid", {"r"}, {"s"}, "sigmoid");
  graph.Node("Mul", {"e", "s"}, {"y"}, "product");
  return Parse(proto);
}

// x[1,3,8,8] → conv → `type` "middle" → y[1,4,side,side]; attributes by `finish`.
template <typename Finish>
Model ConvThen(const std::string& type, int side, Finish finish) {
  onnx::ModelProto proto = EmptyModel("then");
  GraphWriter graph(proto.mutable_graph());
  const std::string size = std::to_string(side);
  graph.Input("x", {"1", "3", "8", "8"}).Output("y", {"1", "4", size, size}).Weight("w", {4, 3, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  finish(graph.Node(type, {"c"}, {"y"}, "middle"));
  return Parse(proto);
}

// Calibrated on four seeded samples on ONNX Runtime.
inline EdgeTpuConversion Convert(const Model& model, const EdgeTpuConversionOptions& options = {}) {
  return ConvertForEdgeTpu(model, SeededSamples(model.graph(), 4), OnOnnxRuntime(), options);
}

}  // namespace consort::test

#endif  // CONSORT_EDGETPU_TEST_BUNDLES_H_
