#include "zoo/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>

#include "consort/error.h"
#include "consort/model.h"
#include "zoo/layer_shapes.h"
#include "zoo/moments.h"
#include "zoo/seed_weights.h"

namespace consort::zoo {
namespace {

Model Seeded(LayerWriter&& net) {
  onnx::ModelProto model = std::move(net).Finish();
  SeedWeights(model, 0);
  const std::string bytes = model.SerializeAsString();
  return Model::Parse(std::as_bytes(std::span(bytes)), "net");
}

TEST(LayerShapes, SameIsTensorFlows) {
  const WindowAxis axis = SlideOver(224, 3, 2, 1, Padding::kSame);
  EXPECT_EQ(axis.begin, 0);  // the odd pixel at the end
  EXPECT_EQ(axis.end, 1);
  EXPECT_EQ(axis.output, 112);
}

TEST(LayerShapes, SymmetricIsPyTorchs) {
  const WindowAxis axis = SlideOver(224, 7, 2, 1, Padding::kSymmetric);
  EXPECT_EQ(axis.begin, 3);
  EXPECT_EQ(axis.end, 3);
  EXPECT_EQ(axis.output, 112);
}

TEST(LayerShapes, WindowsThatDoNotFitAreRefused) {
  EXPECT_EQ(SlideOver(5, 3, 1, 2, Padding::kValid).output, 1);
  EXPECT_THROW(SlideOver(4, 3, 1, 2, Padding::kValid), Error);
}

TEST(LayerShapes, Reshape) {
  EXPECT_EQ(ReshapeTo({kDynamic, 128, 256}, {0, 0, 4, -1}), (Shape{kDynamic, 128, 4, 64}));
  EXPECT_EQ(ReshapeTo({2, 3, 4}, {-1, 4}), (Shape{6, 4}));
  EXPECT_THROW(ReshapeTo({2, 3, 4}, {5, -1}), Error);
}

TEST(LayerShapes, Broadcast) {
  EXPECT_EQ(Broadcast({kDynamic, 4, 1}, {3}), (Shape{kDynamic, 4, 3}));
  EXPECT_THROW(Broadcast({2}, {3}), Error);
}

// Every layer, its shape against the one that ONNX infers.
TEST(LayerWriter, ShapesAreThoseThatAreInferred) {
  LayerWriter net("layers");
  std::vector<Value> values;
  const auto keep = [&](const Value& value) { return values.push_back(value), value; };
  const Value image = net.Input("image", {2, 8, 17, 15});
  Value x = keep(net.Conv(image, 12, {3, 5, 2, Padding::kSame}, {.groups = 4, .bias = true}));
  x = keep(net.BatchNorm(keep(net.Depthwise(x, Square(3, 1, Padding::kSymmetric)))));
  x = keep(net.Conv(x, 6, Square(3), {.dilation = 2}));
  x = keep(net.ConvTranspose(keep(net.Relu6(x)), 5, Square(3, 2), true));
  x = keep(net.AveragePool(keep(net.MaxPool(x, Square(3, 2))), Square(3, 1, Padding::kValid)));
  keep(net.GlobalAveragePool(x));
  x = keep(net.Slice(keep(net.Concat({x, net.Sigmoid(x)})), 1, 2, -1));
  x = keep(net.Transpose(keep(net.Reshape(x, {0, 0, -1})), {0, 2, 1}));
  x = keep(net.Gelu(keep(net.LayerNorm(keep(net.Dense(x, 10))))));
  x = keep(net.MatMul(x, net.Transpose(net.Tanh(x), {0, 2, 1})));
  x = keep(net.Dense(keep(net.Flatten(net.Softmax(net.Scale(x, 0.5F)))), 3));
  net.Output("y", net.Add(x, net.Weight("offset", {3})));
  const Model model = Seeded(std::move(net));
  for (const Value& value : values) {
    const TensorId id = model.graph().FindTensor(value.name);
    ASSERT_NE(id, kNone) << value.name;
    EXPECT_EQ(model.graph().tensor(id).spec.shape, value.shape) << value.name;
  }
}

TEST(LayerWriter, NamesFollowScopes) {
  LayerWriter net("names");
  Value x = net.Input("x", {kDynamic, 4});
  {
    const LayerWriter::Scope outer(net, "a");
    x = net.Relu(x);
    const LayerWriter::Scope inner(net, "b");
    x = net.Relu(net.Relu(x));
  }
  EXPECT_EQ(x.name, "a/b/Relu_2");
  EXPECT_EQ(net.Relu(x).name, "Relu_1");
}

TEST(LayerWriter, AnOutputCanBeReadAndMadeTwice) {
  LayerWriter net("outputs");
  const Value x = net.Input("x", {kDynamic, 4});
  const Value y = net.Dense(x, 4);
  net.Output("first", y);
  net.Output("again", y);
  net.Output("input", x);
  net.Output("last", net.Relu(y));
  const Model model = Seeded(std::move(net));
  EXPECT_EQ(model.graph().outputs().size(), 4U);
  EXPECT_EQ(model.graph().tensor(model.graph().outputs()[3]).dim_names[0], "batch");
}

TEST(LayerWriter, ANameIsTakenOnce) {
  LayerWriter net("twice");
  net.Input("x", {1});
  EXPECT_THROW(net.Input("x", {1}), Error);
}

// Rectified standard normal: mean 1/sqrt(2π), second moment 1/2; two elements correlated by 0.5 before have the product
// of Cho and Saul's arc-cosine kernel after: (sin θ + (π - θ) cos θ) / 2π, θ = π/3.
TEST(Moments, RectifiedNormal) {
  const Moments m = Estimate::Normal({0, 1, 0.5}).Map([](double x) { return x > 0 ? x : 0; }).moments();
  EXPECT_NEAR(m.mean, 0.398942, 3e-3);
  EXPECT_NEAR(m.second, 0.5, 1e-5);
  EXPECT_NEAR(m.shared, 0.304498, 3e-3);
}

TEST(Moments, ProductsOfOneRootAreExact) {
  const Estimate x = Estimate::Normal({0, 4, 1});
  const Moments square = x.Zip(x, [](double a, double b) { return a * b; }).moments();
  EXPECT_NEAR(square.mean, 4, 1e-4);
  EXPECT_NEAR(square.second, 48, 0.05);  // E x⁴ = 3 σ⁴
}

TEST(Moments, LargestOfFour) { EXPECT_NEAR(Estimate::Normal({0, 1, 0}).LargestOf(4).moments().mean, 1.02938, 1e-4); }

}  // namespace
}  // namespace consort::zoo
