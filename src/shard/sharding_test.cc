#include "shard/sharding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "consort/model.h"
#include "model/test_models.h"
#include "onnx/checker.h"
#include "shard/extract.h"

namespace consort {
namespace {

using test::GraphWriter;
using test::Names;
using test::Parse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

// Every shard as a model, checked by ONNX itself and by ours.
std::vector<Model> Extract(const Model& model, const std::vector<int>& positions) {
  std::vector<Model> shards;
  for (const Shard& shard : DivideAt(model.graph(), positions).shards) {
    const onnx::ModelProto proto = ExtractShard(model, shard);
    onnx::checker::check_model(proto, /*full_check=*/true);
    shards.push_back(ShardModel(model, shard, "shard.onnx"));
  }
  return shards;
}

const Tensor& TensorNamed(const Graph& graph, const std::string& name) { return graph.tensor(graph.FindTensor(name)); }

std::vector<std::string> Inputs(const Model& shard) { return Names(shard.graph(), shard.graph().inputs()); }
std::vector<std::string> Outputs(const Model& shard) { return Names(shard.graph(), shard.graph().outputs()); }

TEST(Sharding, TensorThatSkipsAShardPassesItBy) {
  const Model model = Parse(test::SkipModel());
  const std::vector<Model> shards = Extract(model, {3, 2, 1, 2});
  ASSERT_EQ(shards.size(), 4u);
  EXPECT_THAT(Inputs(shards[0]), ElementsAre("x"));
  EXPECT_THAT(Outputs(shards[0]), ElementsAre("a_out"));
  EXPECT_THAT(Inputs(shards[1]), ElementsAre("a_out"));
  EXPECT_THAT(Outputs(shards[1]), ElementsAre("b_out"));
  EXPECT_THAT(Inputs(shards[2]), ElementsAre("b_out"));
  EXPECT_THAT(Inputs(shards[3]), ElementsAre("a_out", "c_out"));
  EXPECT_THAT(Outputs(shards[3]), ElementsAre("y"));
  const Sharding sharding = DivideAt(model.graph(), {1, 2, 3});
  EXPECT_THAT(Names(model.graph(), sharding.cuts[1].crossing), ElementsAre("a_out", "b_out"));
  EXPECT_EQ(sharding.MakerOf(model.graph().FindTensor("a_out")), 0);
  EXPECT_EQ(sharding.MakerOf(model.graph().FindTensor("x")), kNone);
}

TEST(Sharding, CopiesSharedInitializersWhereTheyAreRead) {
  const Model model = Parse(test::SkipModel());
  const std::vector<Model> shards = Extract(model, {1, 2, 3});
  EXPECT_EQ(shards[0].graph().FindTensor("w"), kNone);
  EXPECT_NE(shards[1].graph().FindTensor("w"), kNone);
  EXPECT_NE(shards[2].graph().FindTensor("w"), kNone);
  EXPECT_EQ(shards[3].graph().FindTensor("w"), kNone);
  EXPECT_EQ(shards[1].graph().totals().parameters, 8);
}

// x → a = Relu(x) (an output, too) → b = Neg(a) → y = Add(b, other).
onnx::ModelProto OutputReadLater() {
  onnx::ModelProto model = test::EmptyModel("read_later");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4"}).Input("other", {"1", "4"}).Output("y", {"1", "4"}).Output("a", {"1", "4"});
  graph.Node("Relu", {"x"}, {"a"});
  graph.Node("Neg", {"a"}, {"b"});
  graph.Node("Add", {"b", "other"}, {"sum"});
  graph.Node("Add", {"sum", "other"}, {"y"});
  return model;
}

TEST(Sharding, OutputOfTheModelMayBeReadLater) {
  const std::vector<Model> shards = Extract(Parse(OutputReadLater()), {1});
  EXPECT_THAT(Outputs(shards[0]), ElementsAre("a"));
  EXPECT_THAT(Inputs(shards[1]), ElementsAre("other", "a"));
  EXPECT_THAT(Outputs(shards[1]), ElementsAre("y"));
}

TEST(Sharding, InputMayBeReadBySeveralShards) {
  const std::vector<Model> shards = Extract(Parse(OutputReadLater()), {1, 3});
  EXPECT_THAT(Inputs(shards[1]), ElementsAre("other", "a"));
  EXPECT_THAT(Inputs(shards[2]), ElementsAre("other", "sum"));
}

TEST(Sharding, KeepsTheModelsOrderOfOutputs) {
  const std::vector<Model> shards = Extract(Parse(OutputReadLater()), {});
  ASSERT_EQ(shards.size(), 1u);
  EXPECT_THAT(Inputs(shards[0]), ElementsAre("x", "other"));
  EXPECT_THAT(Outputs(shards[0]), ElementsAre("y", "a"));
}

TEST(Sharding, ConstantsAreCopiedAndNeverCross) {
  onnx::ModelProto proto = test::EmptyModel("constants");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "4"}).Output("y", {"1", "4"}).Output("constant", {"1", "4"}).Weight("w", {1, 4});
  graph.Node("Neg", {"w"}, {"n"}, "neg");
  graph.Node("Exp", {"n"}, {"e"}, "exp");
  graph.Node("Neg", {"w"}, {"constant"}, "of_output");
  graph.Node("Add", {"x", "e"}, {"a"}, "add");
  graph.Node("Mul", {"a", "e"}, {"b"}, "mul");
  graph.Node("Relu", {"b"}, {"y"}, "relu");
  const Model model = Parse(proto);
  const std::vector<Model> shards = Extract(model, {4, 5});
  EXPECT_THAT(Inputs(shards[1]), ElementsAre("a"));
  EXPECT_NE(shards[0].graph().FindOp("exp"), kNone);
  EXPECT_NE(shards[1].graph().FindOp("neg"), kNone);
  EXPECT_EQ(shards[0].graph().FindOp("of_output"), kNone);
  EXPECT_EQ(shards[2].graph().FindOp("exp"), kNone);
  EXPECT_THAT(Outputs(shards[2]), ElementsAre("y", "constant"));
  EXPECT_THAT([&] { DivideAt(model.graph(), {2}); }, ThrowsMessage<Error>(HasSubstr("would compute nothing")));
}

TEST(Sharding, HandsAnInputThrough) {
  onnx::ModelProto proto = test::EmptyModel("through");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "4"}).Output("y", {"1", "4"}).Output("x", {"1", "4"});
  graph.Node("Relu", {"x"}, {"a"});
  graph.Node("Neg", {"a"}, {"y"});
  const std::vector<Model> shards = Extract(Parse(proto), {1});
  EXPECT_THAT(Outputs(shards[0]), ElementsAre("a"));
  EXPECT_THAT(Inputs(shards[1]), ElementsAre("x", "a"));
  EXPECT_THAT(Outputs(shards[1]), ElementsAre("y", "x"));
}

TEST(Sharding, BodiesStayWholeAndCapturesBecomeInputs) {
  const std::vector<Model> shards = Extract(Parse(test::IfModel()), {1});
  EXPECT_THAT(Inputs(shards[0]), ElementsAre("x"));
  EXPECT_THAT(Inputs(shards[1]), ElementsAre("x", "cond", "a"));
  EXPECT_EQ(shards[1].graph().op(0).body_ops, 3);
  EXPECT_NE(shards[1].graph().FindTensor("two"), kNone);
  const std::vector<Model> loop = Extract(Parse(test::LoopModel()), {1});
  EXPECT_THAT(Inputs(loop[1]), ElementsAre("x", "step"));
  EXPECT_NE(loop[1].graph().FindTensor("trips"), kNone);
}

TEST(Sharding, KeepsSymbolicDimensions) {
  const std::vector<Model> shards = Extract(Parse(test::DynamicBatchModel()), {1});
  const Tensor& crossing = TensorNamed(shards[1].graph(), "product");
  EXPECT_EQ(crossing.kind, TensorKind::kInput);
  EXPECT_EQ(crossing.spec.shape, (Shape{kDynamic, 4}));
  EXPECT_THAT(crossing.dim_names, ElementsAre("batch", ""));
  EXPECT_THAT(TensorNamed(shards[1].graph(), "y").dim_names, ElementsAre("batch", ""));
}

TEST(Sharding, KeepsWhatInferenceInTheShardAloneCannotFindOut) {
  onnx::ModelProto proto = test::EmptyModel("computed_shape");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"2", "3", "n"}).Output("y", {"?", "?"}).Int64("rest", {-1}).Int64("zero", {0});
  graph.Node("Shape", {"x"}, {"shape"});
  graph.Node("Gather", {"shape", "zero"}, {"first"});
  graph.Node("Concat", {"first", "rest"}, {"wanted"});
  test::AddInt(*proto.mutable_graph()->mutable_node(2), "axis", 0);
  graph.Node("Reshape", {"x", "wanted"}, {"flat"});
  graph.Node("Relu", {"flat"}, {"y"});
  const std::vector<Model> shards = Extract(Parse(proto), {3});
  EXPECT_THAT(Inputs(shards[1]), ElementsAre("x", "wanted"));
  EXPECT_EQ(TensorNamed(shards[1].graph(), "flat").spec.shape, (Shape{2, kDynamic}));
}

TEST(Sharding, WhatFollowsFromKnownShapesIsHeldNotGiven) {
  onnx::ModelProto proto = test::EmptyModel("known_shape");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"2", "3", "4"})
      .Output("y", {"2", "12"})
      .Output("size", {}, onnx::TensorProto::INT64)
      .Int64("rest", {-1});
  graph.Node("Relu", {"x"}, {"a"}, "first");
  test::AddInt(graph.Node("Shape", {"a"}, {"rows"}, "shape"), "end", -2);
  graph.Node("Size", {"a"}, {"size"}, "size_of_a");
  test::AddInt(graph.Node("Concat", {"rows", "rest"}, {"wanted"}, "concat"), "axis", 0);
  graph.Node("Neg", {"x"}, {"b"}, "second");
  graph.Node("Reshape", {"b", "wanted"}, {"flat"}, "third");
  graph.Node("Add", {"flat", "flat"}, {"y"}, "fourth");
  const Model model = Parse(proto);
  EXPECT_THAT([&] { Extract(model, {1}); }, ThrowsMessage<Error>(HasSubstr("would give nothing")))
      << "only shapes are read";
  const std::vector<Model> shards = Extract(model, {5});
  EXPECT_THAT(Inputs(shards[1]), ElementsAre("b"));
  EXPECT_THAT(Outputs(shards[1]), ElementsAre("y", "size"));
  EXPECT_EQ(shards[1].graph().FindOp("shape"), kNone);
  EXPECT_EQ(TensorNamed(shards[1].graph(), "rows").kind, TensorKind::kInitializer);
  EXPECT_EQ(TensorNamed(shards[1].graph(), "rows").spec.shape, (Shape{1}));
  EXPECT_TRUE(shards[1].graph().op(shards[1].graph().FindOp("concat")).constant);
  EXPECT_EQ(TensorNamed(shards[1].graph(), "flat").spec.shape, (Shape{2, 12}));
}

TEST(Sharding, KeepsHeaderAndMetadata) {
  onnx::ModelProto proto = OutputReadLater();
  proto.set_producer_version("7");
  proto.set_domain("example.net");
  proto.set_model_version(12);
  proto.set_doc_string("a model");
  auto* property = proto.add_metadata_props();
  property->set_key("author");
  property->set_value("somebody");
  auto* opset = proto.add_opset_import();
  opset->set_domain("com.example");
  opset->set_version(3);
  const Model model = Parse(proto);
  const onnx::ModelProto shard = ExtractShard(model, DivideAt(model.graph(), {2}).shards[1]);
  EXPECT_EQ(shard.ir_version(), 8);
  EXPECT_EQ(shard.producer_name(), "consort-tests");
  EXPECT_EQ(shard.producer_version(), "7");
  EXPECT_EQ(shard.domain(), "example.net");
  EXPECT_EQ(shard.model_version(), 12);
  EXPECT_EQ(shard.doc_string(), "a model");
  ASSERT_EQ(shard.metadata_props_size(), 1);
  EXPECT_EQ(shard.metadata_props(0).value(), "somebody");
  EXPECT_EQ(shard.opset_import_size(), 2);
  EXPECT_EQ(shard.graph().name(), "read_later");
}

TEST(Sharding, InitializersOfOldModelsStayInputs) {
  onnx::ModelProto proto = test::EmptyModel("old", 7, 3);
  GraphWriter graph(proto.mutable_graph());
  graph.Input("w", {"1", "4"}).Input("x", {"1", "4"}).Output("y", {"1", "4"}).Weight("w", {1, 4});
  graph.Node("Relu", {"x"}, {"a"});
  graph.Node("Add", {"a", "w"}, {"y"});
  const Model model = Parse(proto);
  const std::vector<Model> shards = Extract(model, {1});
  EXPECT_THAT(Inputs(shards[1]), ElementsAre("a"));
  const onnx::ModelProto shard = ExtractShard(model, DivideAt(model.graph(), {1}).shards[1]);
  EXPECT_EQ(shard.ir_version(), 3);
  EXPECT_EQ(shard.graph().input_size(), 2);
}

TEST(Sharding, KeepsOmittedOperandsAndUnusedOutputs) {
  onnx::ModelProto proto = test::EmptyModel("omitted");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "4"}).Input("most", {}).Output("y", {"1", "4"});
  graph.Node("Relu", {"x"}, {"a"});
  graph.Node("Clip", {"a", "", "most"}, {"b"}, "clip");
  graph.Node("Dropout", {"b"}, {"y", ""}, "dropout");
  const std::vector<Model> shards = Extract(Parse(proto), {1, 2});
  EXPECT_THAT(Inputs(shards[1]), ElementsAre("most", "a"));
  EXPECT_EQ(shards[1].graph().op(0).inputs[1], kNone);
}

TEST(Sharding, RefusesWhatCannotBeAModel) {
  const Model custom = Parse(test::CustomOpModel());
  EXPECT_THAT([&] { Extract(custom, {2}); },
              ThrowsMessage<Error>(HasSubstr("'b' (made by 'custom') would cross a cut")));
  EXPECT_EQ(Extract(custom, {1}).size(), 2u);
  onnx::ModelProto dead = OutputReadLater();
  GraphWriter(dead.mutable_graph()).Node("Exp", {"y"}, {"nobody_reads_this"});
  EXPECT_THAT([&] { DivideAt(Parse(dead).graph(), {4}); }, ThrowsMessage<Error>(HasSubstr("would give nothing")));
  EXPECT_THROW(DivideAt(custom.graph(), {0}), Error);
  EXPECT_THROW(DivideAt(custom.graph(), {3}), Error);
  EXPECT_THROW(DescribeShard(custom.graph(), {7}), Error);
}

TEST(Sharding, AnySetOfOpsIsAShard) {
  const Model model = Parse(test::SkipModel());
  const Shard shard = DescribeShard(model.graph(), {0, 3});
  EXPECT_THAT(Names(model.graph(), shard.inputs), ElementsAre("x", "c_out"));
  EXPECT_THAT(Names(model.graph(), shard.outputs), ElementsAre("y", "a_out"));
  EXPECT_THAT(shard.initializers, IsEmpty());
}

TEST(Sharding, QuantizationAnnotationsBringTheirInitializers) {
  onnx::ModelProto proto = OutputReadLater();
  GraphWriter(proto.mutable_graph()).Weight("scale_of_b", {1});
  auto* annotation = proto.mutable_graph()->add_quantization_annotation();
  annotation->set_tensor_name("b");
  auto* parameter = annotation->add_quant_parameter_tensor_names();
  parameter->set_key("SCALE_TENSOR");
  parameter->set_value("scale_of_b");
  const Model model = Parse(proto);
  const Sharding sharding = DivideAt(model.graph(), {1, 3});
  EXPECT_EQ(ExtractShard(model, sharding.shards[0]).graph().quantization_annotation_size(), 0);
  const onnx::ModelProto with = ExtractShard(model, sharding.shards[1]);
  ASSERT_EQ(with.graph().quantization_annotation_size(), 1);
  EXPECT_EQ(with.graph().initializer_size(), 1);
}

}  // namespace
}  // namespace consort
