#include "consort/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/files.h"
#include "consort/error.h"
#include "model/model_rep.h"
#include "model/test_models.h"

namespace consort {
namespace {

using test::GraphWriter;
using test::Parse;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::vector<std::string> OpNames(const Model& model) {
  std::vector<std::string> names;
  for (const Op& op : model.graph().ops()) names.push_back(op.name);
  return names;
}

Shape ShapeOf(const Model& model, const std::string& tensor) {
  return model.graph().tensor(model.graph().FindTensor(tensor)).spec.shape;
}

// y = f(x) with f a model-local function of two ops, called twice.
onnx::ModelProto FunctionModel() {
  onnx::ModelProto model = test::EmptyModel("functions");
  auto* opset = model.add_opset_import();
  opset->set_domain("local");
  opset->set_version(1);
  auto* function = model.add_functions();
  function->set_name("Twice");
  function->set_domain("local");
  function->add_input("a");
  function->add_output("c");
  function->add_opset_import()->set_version(17);
  for (const auto& [type, from, to] : {std::tuple{"Relu", "a", "b"}, std::tuple{"Neg", "b", "c"}}) {
    auto* node = function->add_node();
    node->set_op_type(type);
    node->add_input(from);
    node->add_output(to);
  }
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4"}).Output("y", {"1", "4"});
  graph.Node("Twice", {"x"}, {"t"}, "first").set_domain("local");
  graph.Node("Twice", {"t"}, {"y"}, "second").set_domain("local");
  return model;
}

TEST(Model, LoadsFromAFile) {
  TemporaryFolder folder;
  const auto path = folder.path() / "conv.onnx";
  WriteFile(path, test::ConvReluModel());
  const Model model = Model::Load(path);
  EXPECT_EQ(model.name(), "conv.onnx");
  EXPECT_EQ(model.path(), path);
  EXPECT_EQ(model.producer(), "consort-tests");
  EXPECT_FALSE(model.has_external_data());
  EXPECT_FALSE(model.rewritten());
  EXPECT_EQ(model.fingerprint(), Parse(test::ConvReluModel()).fingerprint());
}

TEST(Model, NamesTheFileThatIsAbsentOrTooLarge) {
  TemporaryFolder folder;
  const auto path = folder.path() / "conv.onnx";
  EXPECT_THAT([&] { Model::Load(path); },
              ThrowsMessage<Error>(AllOf(HasSubstr("conv.onnx"), HasSubstr("No such file"))));
  EXPECT_THAT([&] { Model::Load(folder.path()); }, ThrowsMessage<Error>(HasSubstr("folder")));
  WriteFile(path, test::ConvReluModel());
  EXPECT_THAT([&] { Model::Load(path, {.max_file_bytes = 10}); },
              ThrowsMessage<Error>(HasSubstr("larger than the limit of 10 B")));
}

TEST(Model, SerializesToWhatItIs) {
  const Model model = Parse(test::IfModel());
  const Model again = Parse(model.Serialize());
  EXPECT_EQ(again.fingerprint(), model.fingerprint());
  EXPECT_FALSE(again.rewritten());
}

TEST(Model, FingerprintsTellModelsApart) {
  EXPECT_NE(Parse(test::ChainModel(4)).fingerprint(), Parse(test::ChainModel(5)).fingerprint());
  EXPECT_NE(Parse(test::DynamicBatchModel()).fingerprint(),
            Parse(test::DynamicBatchModel(), {.dims = {{"batch", 2}}}).fingerprint());
  onnx::ModelProto other;
  other.ParseFromString(test::MatMulModel(2, 3, 4));
  (*other.mutable_graph()->mutable_initializer(0)->mutable_raw_data())[3] ^= 1;
  EXPECT_NE(Parse(other).fingerprint(), Parse(test::MatMulModel(2, 3, 4)).fingerprint());
}

TEST(Model, NamesEveryOpOnce) {
  onnx::ModelProto proto = test::EmptyModel("names");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1"}).Output("y", {"1"});
  graph.Node("Relu", {"x"}, {"a"});
  graph.Node("Relu", {"a"}, {"b"}, "same");
  graph.Node("Relu", {"b"}, {"c"}, "same");
  graph.Node("Relu", {"c"}, {"d"}, "Relu_0");
  graph.Node("Relu", {"d"}, {"y"});
  const Model model = Parse(proto);
  EXPECT_THAT(OpNames(model), ElementsAre("Relu_0_2", "same", "Relu_2", "Relu_0", "Relu_4"));
  EXPECT_TRUE(model.rewritten());
  EXPECT_EQ(model.rep().proto.graph().node(0).name(), "Relu_0_2");
}

TEST(Model, NamesOpsInBodiesToo) {
  onnx::ModelProto proto;
  proto.ParseFromString(test::IfModel());
  for (auto& attribute : *proto.mutable_graph()->mutable_node(1)->mutable_attribute()) {
    for (auto& node : *attribute.mutable_g()->mutable_node()) node.set_name("relu");
  }
  const Model model = Parse(proto);
  std::set<std::string> names{"relu", "if"};
  for (const auto& attribute : model.rep().proto.graph().node(1).attribute()) {
    for (const auto& node : attribute.g().node()) EXPECT_TRUE(names.insert(node.name()).second) << node.name();
  }
  EXPECT_EQ(model.graph().FindOp("relu"), 0);
}

TEST(Model, OrdersOps) {
  onnx::ModelProto proto;
  proto.ParseFromString(test::ChainModel(5));
  proto.mutable_graph()->mutable_node()->SwapElements(0, 4);
  proto.mutable_graph()->mutable_node()->SwapElements(1, 3);
  const Model model = Parse(proto);
  EXPECT_THAT(OpNames(model), ElementsAre("op0", "op1", "op2", "op3", "op4"));
  EXPECT_TRUE(model.rewritten());
  EXPECT_EQ(model.rep().proto.graph().node(0).name(), "op0");
}

TEST(Model, OrdersOpsByWhatTheirBodiesRead) {
  onnx::ModelProto proto;
  proto.ParseFromString(test::IfModel());
  proto.mutable_graph()->mutable_node()->SwapElements(0, 1);
  EXPECT_THAT(OpNames(Parse(proto)), ElementsAre("relu", "if"));
}

TEST(Model, InlinesFunctions) {
  const Model model = Parse(FunctionModel());
  std::vector<std::string> types;
  for (const Op& op : model.graph().ops()) types.push_back(op.type);
  EXPECT_THAT(types, ElementsAre("Relu", "Neg", "Relu", "Neg"));
  EXPECT_TRUE(model.rep().proto.functions().empty());
  EXPECT_TRUE(model.rewritten());
  EXPECT_EQ(model.graph().tensor(model.graph().ops()[1].outputs[0]).spec.shape, (Shape{1, 4}));
}

TEST(Model, RefusesFunctionsThatCallEachOther) {
  onnx::ModelProto proto = FunctionModel();
  auto* call = proto.mutable_functions(0)->add_node();
  call->set_op_type("Twice");
  call->set_domain("local");
  call->add_input("c");
  call->add_output("d");
  EXPECT_THAT([&] { Parse(proto); }, ThrowsMessage<Error>(HasSubstr("Cycle")));
}

// Thirty functions, each calling the next twice: a billion ops.
TEST(Model, RefusesFunctionsThatExplode) {
  onnx::ModelProto proto = FunctionModel();
  const onnx::FunctionProto leaf = proto.functions(0);
  proto.mutable_functions(0)->set_name("F30");
  for (int i = 0; i < 30; ++i) {
    onnx::FunctionProto* function = proto.add_functions();
    *function = leaf;
    function->set_name("F" + std::to_string(i));
    auto* opset = function->add_opset_import();
    opset->set_domain("local");
    opset->set_version(1);
    for (auto& node : *function->mutable_node()) {
      node.set_op_type("F" + std::to_string(i + 1));
      node.set_domain("local");
    }
  }
  for (auto& node : *proto.mutable_graph()->mutable_node()) node.set_op_type("F0");
  EXPECT_THAT([&] { Parse(proto); }, ThrowsMessage<Error>(HasSubstr("1000000 ops")));
}

TEST(Model, InitializersAreNoInputs) {
  for (const int ir_version : {3, 8}) {
    onnx::ModelProto proto;
    proto.ParseFromString(test::MatMulModel(2, 3, 4));
    proto.set_ir_version(ir_version);
    GraphWriter(proto.mutable_graph()).Input("w", {"3", "4"});
    const Model model = Parse(proto);
    EXPECT_EQ(model.graph().inputs().size(), 1u);
    EXPECT_EQ(model.rep().proto.graph().input_size(), ir_version == 3 ? 2 : 1);
    EXPECT_EQ(model.rewritten(), ir_version == 8);
  }
}

TEST(Model, OldFilesWhoseInitializersAreNoInputsAreRaised) {
  onnx::ModelProto proto;
  proto.ParseFromString(test::MatMulModel(2, 3, 4));
  proto.set_ir_version(3);
  EXPECT_EQ(Parse(proto).graph().ir_version(), 4);
}

TEST(Model, UnderstandsTheLongNameOfTheDomain) {
  onnx::ModelProto proto;
  proto.ParseFromString(test::ConvReluModel());
  proto.mutable_opset_import(0)->set_domain("ai.onnx");
  proto.mutable_graph()->mutable_node(0)->set_domain("ai.onnx");
  const Model model = Parse(proto);
  EXPECT_EQ(model.graph().op(0).domain, "");
  EXPECT_EQ(model.graph().op(0).cost.macs, 6912);
  EXPECT_EQ(model.graph().opsets(), (std::map<std::string, int64_t>{{"", 17}}));
}

TEST(Model, HintsThatContradictAreDropped) {
  onnx::ModelProto proto;
  proto.ParseFromString(test::ConvReluModel());
  auto* hint = proto.mutable_graph()->add_value_info();
  hint->set_name("conv_out");
  hint->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  hint->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(99);
  EXPECT_EQ(ShapeOf(Parse(proto), "conv_out"), (Shape{1, 4, 8, 8}));
}

TEST(Model, BodiesMayUseANameAgain) {
  onnx::ModelProto proto = test::EmptyModel("twice");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("cond", {}, onnx::TensorProto::BOOL).Int64("one", {1}).Output("y", {"1"}, onnx::TensorProto::INT64);
  for (const std::string output : {"a", "b"}) {
    onnx::NodeProto& node = graph.Node("If", {"cond"}, {output}, "if_" + output);
    for (const std::string branch : {"then_branch", "else_branch"}) {
      GraphWriter body(test::AddBody(node, branch, branch));
      body.Node("Add", {"one", "one"}, {"sum"}, "add");
      body.Output("sum", {"1"}, onnx::TensorProto::INT64);
    }
  }
  graph.Node("Add", {"a", "b"}, {"y"}, "add_all");
  EXPECT_EQ(Parse(proto).graph().ops().size(), 3u);
}

TEST(Model, OutputsNeedNoType) {
  onnx::ModelProto proto;
  proto.ParseFromString(test::ConvReluModel());
  proto.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  EXPECT_EQ(ShapeOf(Parse(proto), "y"), (Shape{1, 4, 8, 8}));
  proto.mutable_graph()->mutable_output(0)->clear_type();
  const Model model = Parse(proto);
  EXPECT_EQ(ShapeOf(model, "y"), (Shape{1, 4, 8, 8}));
  EXPECT_TRUE(model.rep().proto.graph().output(0).type().tensor_type().has_shape());
}

TEST(Binding, FixesNamedDimensions) {
  const Model model = Parse(test::DynamicBatchModel(), {.dims = {{"batch", 4}}});
  EXPECT_EQ(ShapeOf(model, "x"), (Shape{4, 8}));
  EXPECT_EQ(ShapeOf(model, "product"), (Shape{4, 4}));
  EXPECT_EQ(ShapeOf(model, "y"), (Shape{4, 4}));
  EXPECT_TRUE(model.graph().totals().known);
  EXPECT_EQ(model.graph().totals().macs, 4 * 8 * 4);
  EXPECT_TRUE(model.rewritten());
  EXPECT_EQ(model.rep().proto.graph().input(0).type().tensor_type().shape().dim(0).dim_value(), 4);
}

TEST(Binding, FixesShapes) {
  EXPECT_EQ(ShapeOf(Parse(test::DynamicBatchModel(), {.shapes = {{"x", {3, 8}}}}), "y"), (Shape{3, 4}));
  EXPECT_EQ(ShapeOf(Parse(test::DynamicBatchModel(), {.shapes = {{"", {3, kDynamic}}}}), "y"), (Shape{3, 4}));
  EXPECT_EQ(ShapeOf(Parse(test::DynamicBatchModel(), {.shapes = {{"x", {kDynamic, 8}}}}), "y"), (Shape{kDynamic, 4}));
}

struct BadBinding {
  ModelOptions options;
  std::string message;
};

class BindingRefuses : public ::testing::TestWithParam<BadBinding> {};

TEST_P(BindingRefuses, WithAMessage) {
  try {
    Parse(test::DynamicBatchModel(), GetParam().options);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr(GetParam().message));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, BindingRefuses,
    ::testing::Values(BadBinding{{.dims = {{"height", 4}}}, "the model's are: batch"},
                      BadBinding{{.dims = {{"batch", 0}}}, "cannot be 0"},
                      BadBinding{{.shapes = {{"image", {1, 8}}}}, "the model's are: x (float32 batchx8)"},
                      BadBinding{{.shapes = {{"x", {1, 2, 3}}}}, "3 axes"},
                      BadBinding{{.shapes = {{"x", {1, 9}}}}, "fixed and cannot be 9"},
                      BadBinding{{.shapes = {{"x", {-7, 8}}}}, "cannot be -7"},
                      BadBinding{{.dims = {{"batch", 2}}, .shapes = {{"x", {3, 8}}}}, "as 2 and as 3"},
                      BadBinding{{.dims = {{"batch", int64_t{1} << 50}}}, "larger than"}));

TEST(Binding, NeedsANameWhereThereAreSeveralInputs) {
  EXPECT_THAT(
      [] {
        Parse(test::TwoInputModel(), {.shapes = {{"", {1, 4}}}});
      },
      ThrowsMessage<Error>(HasSubstr("a (float32 1x4), b (float32 1x4)")));
}

TEST(Binding, RefusesShapesThatTheModelCannotTake) {
  onnx::ModelProto proto = test::EmptyModel("mismatch");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"n", "k"}).Output("y", {"n", "4"}).Weight("w", {8, 4});
  graph.Node("MatMul", {"x", "w"}, {"y"}, "matmul");
  try {
    Parse(proto, {.dims = {{"k", 7}}});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("sizes asked for"), HasSubstr("matmul")));
  }
}

}  // namespace
}  // namespace consort
