// Every operator that the TensorFlow Lite writer knows: a quantized ONNX model on ONNX Runtime against the .tflite file
// that is written of it on LiteRT, fed the same stored numbers. Results differ by one step at most: the engines round
// products of scales in different ways.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "io/element.h"
#include "tflite/test_qdq.h"
#include "tflite_agreement.h"

namespace consort::test {
namespace {

using tflite::Affine;
using Shape = std::vector<int64_t>;

constexpr Affine kX = {0.02F, -7};
constexpr Affine kY = {0.05F, 3};
constexpr Affine kWide = {0.4F, 3};  // for sums of many products

struct Case {
  std::string name;
  std::function<Model()> build;
};
void PrintTo(const Case& subject, std::ostream* out) { *out << subject.name; }

// One operator between quantized tensors: x (and b) → y.
struct OneOp {
  std::string type;
  Shape x;
  Shape y;
  std::function<void(QdqWriter&, std::vector<std::string>&)> operands = {};  // added behind x
  std::function<void(onnx::NodeProto&)> attributes = {};
  Affine to = kY;
};

Case Of(const std::string& name, const OneOp& op) {
  return {name, [op] {
            QdqWriter net;
            std::vector<std::string> inputs = {net.Input("x", op.x, kX)};
            if (op.operands) op.operands(net, inputs);
            const std::string y = net.Op(op.type, inputs, "y", op.to);
            if (op.attributes) op.attributes(net.node());
            net.Output(y, op.y);
            return net.Build();
          }};
}

// Weights of `shape` with a scale per index of `axis`, and a bias.
auto Weights(const Shape& shape, int axis = 0, bool bias = true) {
  return [=](QdqWriter& net, std::vector<std::string>& inputs) {
    int64_t count = 1;
    for (const int64_t size : shape) count *= size;
    std::vector<float> scales;
    std::vector<float> bias_scales;
    for (int64_t i = 0; i < shape[static_cast<size_t>(axis)]; ++i) {
      scales.push_back(0.004F + 0.001F * static_cast<float>(i % 5));
      bias_scales.push_back(scales.back() * kX.scale);
    }
    inputs.push_back(net.Weights("w", shape, Scattered(count), scales, axis));
    if (bias) inputs.push_back(net.Bias("bias", Scattered(shape[static_cast<size_t>(axis)], 4000, 9), bias_scales));
  };
}

auto SecondInput(const Shape& shape, const Affine& affine = {0.03F, 5}) {
  return [=](QdqWriter& net, std::vector<std::string>& inputs) { inputs.push_back(net.Input("b", shape, affine)); };
}

auto IntInputs(const std::vector<std::vector<int64_t>>& lists) {
  return [=](QdqWriter& net, std::vector<std::string>& inputs) {
    for (size_t i = 0; i < lists.size(); ++i) {
      inputs.push_back(lists[i].empty() ? "" : net.Ints("list" + std::to_string(i), lists[i]));
    }
  };
}

auto Window(const std::vector<int64_t>& kernel, const std::vector<int64_t>& strides, const std::vector<int64_t>& pads,
            int64_t group = 1) {
  return [=](onnx::NodeProto& node) {
    AddInts(node, "kernel_shape", kernel);
    AddInts(node, "strides", strides);
    AddInts(node, "pads", pads);
    if (group != 1) AddInt(node, "group", group);
  };
}

std::vector<Case> Convolutions() {
  return {
      Of("conv_valid",
         {"Conv", {1, 3, 9, 8}, {1, 5, 7, 6}, Weights({5, 3, 3, 3}), Window({3, 3}, {1, 1}, {0, 0, 0, 0})}),
      Of("conv_same",
         {"Conv", {1, 3, 9, 8}, {1, 5, 9, 8}, Weights({5, 3, 3, 3}), Window({3, 3}, {1, 1}, {1, 1, 1, 1})}),
      Of("conv_strided_symmetric",
         {"Conv", {1, 3, 10, 8}, {1, 5, 5, 4}, Weights({5, 3, 3, 3}), Window({3, 3}, {2, 2}, {1, 1, 1, 1})}),
      Of("conv_strided_same",
         {"Conv", {1, 3, 10, 8}, {1, 5, 5, 4}, Weights({5, 3, 3, 3}), Window({3, 3}, {2, 2}, {0, 0, 1, 1})}),
      Of("conv_without_bias",
         {"Conv", {1, 3, 5, 5}, {1, 5, 5, 5}, Weights({5, 3, 1, 1}, 0, false), Window({1, 1}, {1, 1}, {0, 0, 0, 0})}),
      Of("conv_dilated", {"Conv",
                          {1, 3, 9, 9},
                          {1, 4, 5, 5},
                          Weights({4, 3, 3, 3}),
                          [](onnx::NodeProto& node) { AddInts(node, "dilations", {2, 2}); }}),
      Of("conv_grouped",
         {"Conv", {1, 4, 6, 6}, {1, 6, 6, 6}, Weights({6, 2, 3, 3}), Window({3, 3}, {1, 1}, {1, 1, 1, 1}, 2)}),
      Of("conv_one_axis", {"Conv", {1, 3, 12}, {1, 5, 6}, Weights({5, 3, 3}), Window({3}, {2}, {1, 1})}),
      Of("depthwise",
         {"Conv", {1, 4, 7, 7}, {1, 4, 7, 7}, Weights({4, 1, 3, 3}), Window({3, 3}, {1, 1}, {1, 1, 1, 1}, 4)}),
      Of("depthwise_multiplier",
         {"Conv", {1, 3, 7, 7}, {1, 6, 3, 3}, Weights({6, 1, 3, 3}), Window({3, 3}, {2, 2}, {0, 0, 0, 0}, 3)}),
      Of("transposed_valid",
         {"ConvTranspose", {1, 3, 4, 5}, {1, 5, 8, 10}, Weights({3, 5, 2, 2}, 1),
          Window({2, 2}, {2, 2}, {0, 0, 0, 0})}),
      Of("transposed_same",
         {"ConvTranspose", {1, 3, 4, 5}, {1, 5, 8, 10}, Weights({3, 5, 4, 4}, 1),
          Window({4, 4}, {2, 2}, {1, 1, 1, 1})}),
      Of("transposed_cropped",
         {"ConvTranspose", {1, 3, 4, 5}, {1, 5, 7, 9}, Weights({3, 5, 3, 3}, 1), Window({3, 3}, {2, 2}, {1, 1, 1, 1})}),
  };
}

std::vector<Case> Pools() {
  const auto counting = [](onnx::NodeProto& node) {
    Window({3, 3}, {1, 1}, {1, 1, 1, 1})(node);
    AddInt(node, "count_include_pad", 1);
  };
  return {
      Of("max_pool", {"MaxPool", {1, 3, 8, 8}, {1, 3, 4, 4}, {}, Window({2, 2}, {2, 2}, {0, 0, 0, 0}), kX}),
      Of("max_pool_padded", {"MaxPool", {1, 3, 8, 8}, {1, 3, 4, 4}, {}, Window({3, 3}, {2, 2}, {1, 1, 1, 1}), kX}),
      Of("max_pool_other_scale", {"MaxPool", {1, 3, 8, 8}, {1, 3, 4, 4}, {}, Window({2, 2}, {2, 2}, {0, 0, 0, 0})}),
      Of("average_pool", {"AveragePool", {1, 3, 8, 8}, {1, 3, 4, 4}, {}, Window({2, 2}, {2, 2}, {0, 0, 0, 0}), kX}),
      Of("average_pool_same",
         {"AveragePool", {1, 3, 8, 8}, {1, 3, 8, 8}, {}, Window({3, 3}, {1, 1}, {1, 1, 1, 1}), kX}),
      Of("average_pool_counting", {"AveragePool", {1, 3, 8, 8}, {1, 3, 8, 8}, {}, counting, kX}),
      Of("global_average_pool", {"GlobalAveragePool", {1, 5, 7, 7}, {1, 5, 1, 1}, {}, {}, {0.004F, 0}}),
      Of("reduce_mean", {"ReduceMean",
                         {1, 5, 6, 4},
                         {1, 5, 4},
                         {},
                         [](onnx::NodeProto& node) {
                           AddInts(node, "axes", {2});
                           AddInt(node, "keepdims", 0);
                         },
                         {0.01F, 0}}),
  };
}

std::vector<Case> Matrices() {
  const auto transposed = [](onnx::NodeProto& node) { AddInt(node, "transB", 1); };
  return {
      Of("gemm", {"Gemm", {2, 24}, {2, 10}, Weights({24, 10}, 1)}),
      Of("gemm_transposed", {"Gemm", {2, 24}, {2, 10}, Weights({10, 24}, 0), transposed}),
      Of("matmul", {"MatMul", {2, 5, 24}, {2, 5, 10}, Weights({24, 10}, 1, false)}),
      Of("matmul_of_activations", {"MatMul", {2, 5, 6}, {2, 5, 4}, SecondInput({2, 6, 4}, {0.03F, 0})}),
      {"flattened_convolution",
       [] {
         QdqWriter net;
         std::vector<std::string> conv = {net.Input("x", {1, 3, 6, 6}, kX)};
         Weights({4, 3, 3, 3})(net, conv);
         const std::string features = net.Op("Conv", conv, "features", kY);
         const std::string flat = net.Op("Flatten", {features}, "flat", kY);
         const std::string w = net.Weights("dense", {64, 7}, Scattered(448, 100, 5), {0.003F});
         net.Output(net.Op("Gemm", {flat, w}, "y", kWide), {1, 7});
         return net.Build();
       }},
  };
}

std::vector<Case> Elementwise() {
  const auto channels = [](QdqWriter& net, std::vector<std::string>& inputs) {
    inputs.push_back(net.Weights("c", {3, 1, 1}, {-90, 20, 110}, {0.02F}));
  };
  return {
      Of("add", {"Add", {1, 3, 4, 4}, {1, 3, 4, 4}, SecondInput({1, 3, 4, 4})}),
      Of("add_of_channels", {"Add", {1, 3, 4, 4}, {1, 3, 4, 4}, channels}),
      Of("sub", {"Sub", {2, 6}, {2, 6}, SecondInput({2, 6})}),
      Of("mul", {"Mul", {1, 3, 4, 4}, {1, 3, 4, 4}, SecondInput({1, 3, 4, 4})}),
      Of("mul_of_scales", {"Mul", {1, 3, 4, 4}, {1, 3, 4, 4}, SecondInput({1, 3, 1, 1})}),
      Of("relu", {"Relu", {2, 50}, {2, 50}, {}, {}, {0.01F, -128}}),
      Of("leaky_relu", {"LeakyRelu", {2, 50}, {2, 50}}),
      Of("sigmoid", {"Sigmoid", {2, 50}, {2, 50}, {}, {}, tflite::kUnitRange}),
      Of("tanh", {"Tanh", {2, 50}, {2, 50}, {}, {}, tflite::kSignedUnitRange}),
      Of("softmax", {"Softmax", {2, 10}, {2, 10}, {}, {}, tflite::kUnitRange}),
      Of("softmax_of_channels", {"Softmax",
                                 {1, 4, 3, 3},
                                 {1, 4, 3, 3},
                                 {},
                                 [](onnx::NodeProto& node) { AddInt(node, "axis", 1); },
                                 tflite::kUnitRange}),
      Of("hard_swish", {"HardSwish", {2, 50}, {2, 50}}),
      {"quantized_twice",
       [] {
         QdqWriter net;
         const std::string x = net.Input("x", {2, 50}, kX);
         net.Output(net.Quantized(x, kY), {2, 50});
         return net.Build();
       }},
  };
}

std::vector<Case> Moves() {
  const auto axis = [](int64_t value) { return [=](onnx::NodeProto& node) { AddInt(node, "axis", value); }; };
  const auto resize = [](const char* mode, const char* coordinates, const char* nearest) {
    return [=](onnx::NodeProto& node) {
      AddText(node, "mode", mode);
      AddText(node, "coordinate_transformation_mode", coordinates);
      if (*nearest != 0) AddText(node, "nearest_mode", nearest);
    };
  };
  const auto sizes = IntInputs({{}, {}, {1, 3, 8, 10}});
  return {
      Of("concat_of_channels", {"Concat", {1, 3, 4, 4}, {1, 5, 4, 4}, SecondInput({1, 2, 4, 4}), axis(1)}),
      Of("concat_of_rows", {"Concat", {1, 3, 4, 4}, {1, 3, 6, 4}, SecondInput({1, 3, 2, 4}, kX), axis(2), kX}),
      Of("reshape", {"Reshape", {1, 3, 4, 4}, {6, 8}, IntInputs({{6, 8}}), {}, kX}),
      Of("transpose", {"Transpose",
                       {1, 3, 4, 5},
                       {1, 5, 3, 4},
                       {},
                       [](onnx::NodeProto& node) { AddInts(node, "perm", {0, 3, 1, 2}); },
                       kX}),
      Of("squeeze", {"Squeeze", {1, 3, 1, 5}, {1, 3, 5}, IntInputs({{2}}), {}, kX}),
      Of("pad", {"Pad", {1, 3, 4, 4}, {1, 4, 5, 7}, IntInputs({{0, 0, 1, 2, 0, 1, 0, 1}}), {}, kX}),
      Of("slice", {"Slice", {1, 6, 7, 7}, {1, 2, 7, 3}, IntInputs({{1, -6}, {5, 7}, {1, 3}, {2, 2}}), {}, kX}),
      Of("slice_whole_steps", {"Slice", {1, 6, 7, 7}, {1, 3, 7, 7}, IntInputs({{2}, {5}, {1}}), {}, kX}),
      Of("resize_linear", {"Resize", {1, 3, 4, 5}, {1, 3, 8, 10}, sizes, resize("linear", "half_pixel", ""), kX}),
      Of("resize_linear_corners",
         {"Resize", {1, 3, 4, 5}, {1, 3, 8, 10}, sizes, resize("linear", "align_corners", ""), kX}),
      Of("resize_nearest",
         {"Resize", {1, 3, 4, 5}, {1, 3, 8, 10}, sizes, resize("nearest", "asymmetric", "floor"), kX}),
      Of("resize_nearest_half_pixel",
         {"Resize", {1, 3, 4, 5}, {1, 3, 8, 10}, sizes, resize("nearest", "half_pixel", "round_prefer_floor"), kX}),
      {"split",
       [] {
         QdqWriter net;
         const std::string x = net.Input("x", {1, 6, 4, 4}, kX);
         GraphWriter graph(net.proto().mutable_graph());
         onnx::NodeProto& split = graph.Node("Split", {x}, {"left", "right"}, "split");
         AddInt(split, "axis", 1);
         const std::string left = net.Quantized("left", kX);
         const std::string right = net.Quantized("right", kX);
         net.Output(net.Op("Add", {left, right}, "y", kY), {1, 3, 4, 4});
         return net.Build();
       }},
  };
}

class TfLiteOperators : public ::testing::TestWithParam<Case> {};

TEST_P(TfLiteOperators, AgreeWithOnnxRuntimeToOneStep) {
  const Model model = GetParam().build();
  WrittenModel written(model);
  std::vector<Buffer> reals;
  std::vector<std::vector<double>> stored;
  for (const TfLitePort& port : written.file().inputs) {
    const auto seed = static_cast<uint32_t>(3 + stored.size());
    const std::vector<int32_t> drawn = Scattered(ElementCount(port.onnx_shape), 127, seed);
    stored.emplace_back(drawn.begin(), drawn.end());
    reals.push_back(FloatBuffer(port.onnx_shape, RealNumbers(stored.back(), port)));
  }
  const Outputs expected = OnCpu("cpu@onnxruntime", Artifact(model)).Evaluate(std::move(reals));
  const TfLitePort& port = written.file().outputs.front();
  EXPECT_EQ(port.name, expected.front().name);
  const std::vector<double> wanted = StoredNumbers(ToDoubles(expected.front().tensor), port);
  const std::vector<double> got = written.Run(stored);
  ASSERT_EQ(got.size(), wanted.size());
  for (size_t i = 0; i < got.size(); ++i) ASSERT_LE(std::abs(got[i] - wanted[i]), 1) << "element " << i;
  const auto [low, high] = std::minmax_element(wanted.begin(), wanted.end());
  EXPECT_GT(*high - *low, 8) << "the numbers say nothing";
}

std::string NameOf(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Convolutions, TfLiteOperators, ::testing::ValuesIn(Convolutions()), NameOf);
INSTANTIATE_TEST_SUITE_P(Pools, TfLiteOperators, ::testing::ValuesIn(Pools()), NameOf);
INSTANTIATE_TEST_SUITE_P(Matrices, TfLiteOperators, ::testing::ValuesIn(Matrices()), NameOf);
INSTANTIATE_TEST_SUITE_P(Elementwise, TfLiteOperators, ::testing::ValuesIn(Elementwise()), NameOf);
INSTANTIATE_TEST_SUITE_P(Moves, TfLiteOperators, ::testing::ValuesIn(Moves()), NameOf);

}  // namespace
}  // namespace consort::test
