#include "cost/work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "zoo/zoo.h"

namespace consort {
namespace {

using zoo::LayerWriter;
using zoo::Square;
using zoo::Value;

Model Of(LayerWriter&& net) { return zoo::StructureOf(std::move(net).Finish(), "test"); }

TEST(WorkTest, ConvolutionIsDescribedAndTakesItsActivation) {
  LayerWriter net("test");
  const Value x = net.Input("image", {1, 3, 32, 32});
  net.Output("out", net.Relu(net.BatchNorm(net.Conv(x, 16, Square(5, 2)))));
  const Model model = Of(std::move(net));
  const WorkList list = WorkOf(model.graph());
  ASSERT_EQ(list.works.size(), 1);
  const Work& conv = list.works.front();
  EXPECT_EQ(conv.kind, WorkKind::kConv);
  EXPECT_EQ(conv.ops.size(), 3);
  EXPECT_EQ(conv.reduction, 3 * 5 * 5);
  EXPECT_EQ(conv.channels, 16);
  EXPECT_EQ(conv.positions, 16 * 16);
  EXPECT_EQ(conv.parameters, 3 * 5 * 5 * 16);
  EXPECT_EQ(conv.macs, conv.reduction * conv.channels * conv.positions);
  EXPECT_EQ(list.inputs, 3 * 32 * 32);
  EXPECT_EQ(list.input_bytes, 4 * list.inputs);
  EXPECT_EQ(list.outputs, 16 * 16 * 16);
}

TEST(WorkTest, DepthwiseAndDenseAreKnown) {
  LayerWriter net("test");
  Value x = net.Input("image", {2, 8, 6, 6});
  x = net.Depthwise(x, Square(3));
  net.Output("out", net.Dense(net.Flatten(x), 10));
  const Model model = Of(std::move(net));
  const WorkList list = WorkOf(model.graph());
  ASSERT_EQ(list.works.size(), 2);
  EXPECT_EQ(list.works[0].kind, WorkKind::kDepthwise);
  EXPECT_EQ(list.works[0].groups, 8);
  EXPECT_EQ(list.works[0].reduction, 9);
  EXPECT_EQ(list.works[1].kind, WorkKind::kMatrix);
  EXPECT_EQ(list.works[1].reduction, 8 * 36);
  EXPECT_EQ(list.works[1].positions, 2);
  EXPECT_EQ(list.works[1].channels, 10);
}

TEST(WorkTest, WhatTwoReadIsNotFused) {
  LayerWriter net("test");
  Value x = net.Input("image", {1, 4, 8, 8});
  const Value conv = net.Conv(x, 4, Square(1));
  net.Output("out", net.Add(net.Relu(conv), conv));
  const Model model = Of(std::move(net));
  const WorkList list = WorkOf(model.graph());
  ASSERT_EQ(list.works.size(), 3);  // Conv, Relu, Add
  EXPECT_EQ(list.works[2].inputs, 2 * 4 * 64);
}

TEST(WorkTest, ShardsAddUpToTheWhole) {
  const Model model = zoo::Structure("resnet-50", {});
  const Graph& graph = model.graph();
  const WorkList whole = WorkOf(graph);
  for (const Cut& cut : graph.Cuts(1)) {
    const WorkList first = WorkOf(graph, 0, cut.position);
    const WorkList second = WorkOf(graph, cut.position, static_cast<OpId>(graph.ops().size()));
    EXPECT_EQ(first.macs + second.macs, whole.macs) << cut.position;
    // Batch normalisation that a cut tears from its convolution is a work with parameters of its own.
    if (graph.op(cut.position).type != "BatchNormalization") {
      EXPECT_EQ(first.parameters + second.parameters, whole.parameters) << cut.position;
    }
    EXPECT_EQ(first.output_bytes, cut.bytes) << cut.position;
    EXPECT_EQ(second.input_bytes, cut.bytes) << cut.position;
    EXPECT_EQ(first.inputs, whole.inputs) << cut.position;
  }
}

TEST(WorkTest, CountsAreThoseOfTheZoo) {
  for (const char* name : {"resnet-50", "mobilenet-v2", "inception-v3", "squeezenet-1.0", "vgg-16"}) {
    const zoo::Costs costs = zoo::CostsOf(name, {});
    const Model model = zoo::Structure(name, {});
    const WorkList list = WorkOf(model.graph());
    EXPECT_EQ(list.macs, costs.macs) << name;
    EXPECT_LE(list.parameters, costs.parameters) << name;
    EXPECT_GT(list.parameters, costs.parameters * 0.97) << name;  // batch normalisation is folded
  }
}

TEST(WorkTest, ARangeOutsideTheGraphIsRefused) {
  const Model model = zoo::Structure("lenet", {});
  EXPECT_THROW(WorkOf(model.graph(), 3, 2), Error);
  EXPECT_THROW(WorkOf(model.graph(), 0, 10'000), Error);
}

}  // namespace
}  // namespace consort
