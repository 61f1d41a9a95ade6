// Every operator that has an integer form, behind one other.
#include <gmock/gmock.h>

#include <functional>

#include "quantize/calibrate.h"
#include "quantize/prepare.h"
#include "quantize/test_support.h"

namespace consort {
namespace {

using test::GraphWriter;

struct Case {
  std::string name;
  std::string type;
  std::vector<std::string> constants;         // inputs behind the first
  std::function<void(onnx::NodeProto&)> set;  // attributes
  std::vector<int64_t> shape = {1, 4, 6, 6};  // of the input
  int outputs = 1;
};

std::vector<Case> Cases() {
  const auto none = [](onnx::NodeProto&) {};
  const auto window = [](onnx::NodeProto& node) {
    test::AddInts(node, "kernel_shape", {3, 3});
    test::AddInts(node, "strides", {2, 2});
    test::AddInts(node, "pads", {1, 1, 1, 1});
  };
  const auto ints = [](const std::string& name, std::vector<int64_t> values) {
    return [=](onnx::NodeProto& node) { test::AddInts(node, name, values); };
  };
  const auto integer = [](const std::string& name, int64_t value) {
    return [=](onnx::NodeProto& node) { test::AddInt(node, name, value); };
  };
  const auto mode = [](const std::string& value) {
    return [=](onnx::NodeProto& node) { test::AddText(node, "mode", value); };
  };
  return {
      {"Conv", "Conv", {"w", "b"}, window},
      {"DepthwiseConv", "Conv", {"wd"}, integer("group", 4)},
      {"ConvTranspose", "ConvTranspose", {"w", "b"}, ints("strides", {2, 2})},
      {"GroupedConvTranspose", "ConvTranspose", {"wd"}, integer("group", 4)},
      {"Gemm", "Gemm", {"m", "b"}, none, {3, 4}},
      {"GemmTransposed", "Gemm", {"m", "b"}, integer("transB", 1), {3, 4}},
      {"MatMul", "MatMul", {"m"}, none, {1, 5, 4}},
      {"Add", "Add", {"c"}, none},
      {"Sub", "Sub", {"c"}, none},
      {"Mul", "Mul", {"c"}, none},
      {"Concat", "Concat", {"k"}, integer("axis", 1)},
      {"MaxPool", "MaxPool", {}, window},
      {"AveragePool", "AveragePool", {}, window},
      {"GlobalAveragePool", "GlobalAveragePool", {}, none},
      {"ReduceMean", "ReduceMean", {}, ints("axes", {2, 3})},
      {"Relu", "Relu", {}, none},
      {"Clip", "Clip", {"low", "high"}, none},
      {"LeakyRelu", "LeakyRelu", {}, none},
      {"PRelu", "PRelu", {"c"}, none},
      {"Sigmoid", "Sigmoid", {}, none},
      {"Tanh", "Tanh", {}, none},
      {"HardSwish", "HardSwish", {}, none},
      {"HardSigmoid", "HardSigmoid", {}, none},
      {"Softmax", "Softmax", {}, none},
      {"SoftmaxAxis1", "Softmax", {}, integer("axis", 1)},
      {"Flatten", "Flatten", {}, none},
      {"Reshape", "Reshape", {"to"}, none},
      {"Transpose", "Transpose", {}, ints("perm", {0, 2, 3, 1})},
      {"Squeeze", "Squeeze", {"zero"}, none},
      {"Unsqueeze", "Unsqueeze", {"zero"}, none},
      {"DepthToSpace", "DepthToSpace", {}, integer("blocksize", 2)},
      {"SpaceToDepth", "SpaceToDepth", {}, integer("blocksize", 2)},
      {"Pad", "Pad", {"pads"}, none},
      {"PadEdge", "Pad", {"pads"}, mode("edge")},
      {"Slice", "Slice", {"zero", "two", "one"}, none},
      {"Split", "Split", {}, integer("axis", 1), {1, 4, 6, 6}, 2},
      {"Gather", "Gather", {"two"}, integer("axis", 1)},
      {"ResizeNearest", "Resize", {"", "scales"}, none},
      {"ResizeLinear", "Resize", {"", "scales"}, mode("linear")},
  };
}

Model ModelOf(const Case& test_case) {
  onnx::ModelProto proto = test::EmptyModel(test_case.name);
  GraphWriter graph(proto.mutable_graph());
  std::vector<std::string> dims, inputs = {"x"}, outputs;
  for (const int64_t size : test_case.shape) dims.push_back(std::to_string(size));
  inputs.insert(inputs.end(), test_case.constants.begin(), test_case.constants.end());
  for (int i = 0; i < test_case.outputs; ++i) outputs.push_back("y" + std::to_string(i));
  graph.Input("x", dims);
  for (const std::string& output : outputs) {
    graph.Output(output, {});
    auto& port = *proto.mutable_graph()->mutable_output(proto.graph().output_size() - 1);
    port.mutable_type()->mutable_tensor_type()->clear_shape();
  }
  graph.Weight("w", {4, 4, 3, 3}).Weight("wd", {4, 1, 3, 3}).Weight("b", {4}).Weight("m", {4, 4});
  graph.Weight("k", {1, 2, 6, 6});
  test::AddFloats(proto, "c", {4, 1, 1}, {0.5F, -0.25F, 0.1F, 0.7F});
  test::AddFloats(proto, "low", {}, {-0.5F});
  test::AddFloats(proto, "high", {}, {0.8F});
  test::AddFloats(proto, "scales", {4}, {1, 1, 2, 2});
  graph.Int64("to", {4, 36}).Int64("zero", {0}).Int64("one", {1}).Int64("two", {2});
  graph.Int64("pads", {0, 0, 1, 1, 0, 0, 1, 1});
  // What only moves values becomes an integer op beside one that computes.
  inputs.front() = "r";
  graph.Node("LeakyRelu", {"x"}, {"r"}, "before");
  test_case.set(graph.Node(test_case.type, inputs, outputs, "op"));
  return test::Parse(proto);
}

class Operators : public testing::TestWithParam<Case> {};

// With integer kernels of both engines, and as QuantizeLinear and DequantizeLinear stand there.
TEST_P(Operators, AreNearTheirFloatForm) {
  const Model model = PrepareForQuantization(ModelOf(GetParam())).model;
  const QuantizationPlan plan = PlanQuantization(model);
  EXPECT_THAT(plan.why_float, testing::IsEmpty());
  const Ranges ranges = Calibrate(model, plan.TensorsToObserve(model.graph()), test::SeededSamples(model.graph(), 4),
                                  test::OnOnnxRuntime(), {});
  const auto sample = test::SeededSample(model.graph(), 2);
  const auto expected = test::OnOnnxRuntime(Optimization::kBasic)(model)(sample);
  for (const ByteType type : {ByteType::kInt8, ByteType::kUInt8}) {
    const Model quantized = test::Parse(WriteQdq(model, plan, ranges, {.format = {.type = type}}));
    const CompileModel engines[] = {test::OnOnnxRuntime(), test::OnOnnxRuntime(Optimization::kNone),
                                    test::OnTarget("cpu@openvino")};
    for (const CompileModel& compile : engines) {
      const auto found = compile(quantized)(sample);
      ASSERT_EQ(found.size(), expected.size());
      for (size_t i = 0; i < found.size(); ++i)
        EXPECT_GT(Compare(found[i].tensor, expected[i].tensor).sqnr_db(), 25) << static_cast<int>(type);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Operators, testing::ValuesIn(Cases()), [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace consort
