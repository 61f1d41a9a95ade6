#include "quantize/smooth.h"

#include <gmock/gmock.h>

#include "quantize/calibrate.h"
#include "quantize/prepare.h"
#include "quantize/scope.h"
#include "quantize/test_support.h"

namespace consort {
namespace {

using test::GraphWriter;
using testing::Contains;

// x, whose channel 2 is `outlier` times as large as the others, is read by a MatMul and a Gemm (weights transposed).
onnx::ModelProto TwoProducts(float outlier) {
  onnx::ModelProto proto = test::EmptyModel("m");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"3", "4"}).Output("y", {"3", "8"}).Output("z", {"3", "8"});
  test::AddFloats(proto, "spread", {4}, {1, 1, outlier, 1});
  std::vector<float> weights, transposed(32);
  for (int i = 0; i < 32; ++i) weights.push_back(static_cast<float>(i * 7 % 11 - 5) / 8);
  for (size_t k = 0; k < 4; ++k) {
    for (size_t n = 0; n < 8; ++n) transposed[n * 4 + k] = weights[k * 8 + n];
  }
  test::AddFloats(proto, "v", {4, 8}, weights);
  test::AddFloats(proto, "w", {8, 4}, transposed);
  graph.Node("Mul", {"x", "spread"}, {"h"}, "spreading");
  graph.Node("MatMul", {"h", "v"}, {"y"}, "product");
  test::AddInt(graph.Node("Gemm", {"h", "w"}, {"z"}, "gemm"), "transB", 1);
  return proto;
}

TEST(Smooth, ComputesTheSame) {
  const Model model = test::Parse(TwoProducts(50));
  const SmoothedModel smoothed =
      SmoothProducts(model, test::SeededSamples(model.graph(), 4), test::OnOnnxRuntime(), 0.5);
  EXPECT_EQ(smoothed.inputs, 1);
  EXPECT_THAT(test::TypesOf(smoothed.model.rep().proto), Contains("Mul").Times(2));
  for (const std::string output : {"y", "z"})
    EXPECT_GT(test::SqnrOf(WithOutputs(smoothed.model, {output}), WithOutputs(model, {output})), 110);
}

// Of its output y in 8 bits, the products alone in integers.
double SqnrInBytes(const Model& model, const Model& reference) {
  const QuantizationPlan plan = PlanQuantization(model, OpsBeyond(model.graph(), QuantizeScope::kProducts));
  const Samples samples = test::SeededSamples(model.graph(), 8);
  const Ranges ranges = Calibrate(model, plan.TensorsToObserve(model.graph()), samples, test::OnOnnxRuntime(), {});
  const QdqOptions bytes = {.format = {.type = ByteType::kUInt8}};
  return test::SqnrOf(test::Parse(WriteQdq(model, plan, ranges, bytes)), reference);
}

TEST(Smooth, AnOutlierLeavesTheOthersTheirSteps) {
  onnx::ModelProto proto = TwoProducts(200);
  // The outlier's share of the result is as large as the others'.
  std::vector<float> weights = FloatsOf(test::Initializer(proto, "v"));
  for (size_t n = 0; n < 8; ++n) weights[2 * 8 + n] /= 200;
  for (auto& tensor : *proto.mutable_graph()->mutable_initializer()) {
    if (tensor.name() == "v") tensor = FloatTensor("v", {4, 8}, weights);
  }
  const Model model = test::Parse(proto);
  const SmoothedModel smoothed =
      SmoothProducts(model, test::SeededSamples(model.graph(), 8), test::OnOnnxRuntime());
  EXPECT_GT(SqnrInBytes(smoothed.model, model), SqnrInBytes(model, model) + 10);
}

TEST(Smooth, ChannelsOfZerosStayFinite) {
  const Model model = test::Parse(TwoProducts(0));
  const SmoothedModel smoothed = SmoothProducts(model, test::SeededSamples(model.graph(), 2), test::OnOnnxRuntime());
  EXPECT_GT(test::SqnrOf(smoothed.model, model), 110);
}

}  // namespace
}  // namespace consort
