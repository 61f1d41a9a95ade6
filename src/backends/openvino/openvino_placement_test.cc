#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/openvino/source_map.h"
#include "backends/openvino/testing.h"

namespace consort::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const OpPlacement& OpNamed(const Placement& placement, const std::string& name) {
  for (const OpPlacement& op : placement.ops) {
    if (op.name == name) return op;
  }
  throw Error(ErrorCode::kInvalidArgument, "no op " + name);
}

TEST(OpenVinoPlacement, AFusedKernelListsAllItsSources) {
  const auto executable = CompileOn("cpu", ConvReluModel());
  const Placement& placement = executable->placement();
  ASSERT_EQ(placement.ops.size(), 2u);
  const OpPlacement& conv = OpNamed(placement, "conv");
  const OpPlacement& relu = OpNamed(placement, "relu");
  EXPECT_EQ(conv.state, PlacementState::kAsAsked);
  EXPECT_EQ(relu.state, PlacementState::kAsAsked);
  EXPECT_EQ(conv.asked, "cpu/fp32");
  EXPECT_EQ(conv.got, "CPU/fp32");
  EXPECT_EQ(conv.kernel, relu.kernel);
  EXPECT_THAT(conv.why, HasSubstr("conv, relu"));
  EXPECT_THAT(placement.evidence, HasSubstr("runtime model"));
  EXPECT_THAT(StrictViolations(placement), IsEmpty());
}

TEST(OpenVinoPlacement, EveryOpOfEveryTestModelIsAccountedFor) {
  for (const std::string& model :
       {ConvReluModel(), MatMulModel(2, 3, 4), ChainModel(20), IfModel(), LoopModel(), SkipModel(), DynamicBatchModel(),
        IdentityModel(), TwoInputModel(), StatefulModel()}) {
    const Artifact artifact = OnnxArtifact(model);
    const auto executable = OpenDevice("cpu")->Compile(artifact, {});
    const Placement& placement = executable->placement();
    const auto& ops = artifact.model().graph().ops();
    ASSERT_EQ(placement.ops.size(), ops.size());
    for (size_t i = 0; i < ops.size(); ++i) {
      EXPECT_EQ(placement.ops[i].op, static_cast<int>(i));
      EXPECT_EQ(placement.ops[i].name, ops[i].name);
      EXPECT_FALSE(placement.ops[i].why.empty());
    }
    EXPECT_THAT(StrictViolations(placement), IsEmpty()) << artifact.model().graph().name();
  }
}

// x → Conv → BatchNormalization → Relu → Dropout → y: the plugin drops the convolution's name, the reader the dropout.
TEST(OpenVinoPlacement, FoldedNamesAndRemovedOpsAreExplained) {
  onnx::ModelProto model = EmptyModel("folded");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "3", "8", "8"})
      .Output("y", {"1", "4", "6", "6"})
      .Weight("w", {4, 3, 3, 3})
      .Weight("scale", {4});
  graph.Weight("shift", {4}).Weight("mean", {4});
  onnx::TensorProto& variance = *model.mutable_graph()->add_initializer();
  variance.set_name("variance");
  variance.set_data_type(onnx::TensorProto::FLOAT);
  variance.add_dims(4);
  for (float value : {1.0F, 2.0F, 3.0F, 4.0F}) variance.add_float_data(value);
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  graph.Node("BatchNormalization", {"c", "scale", "shift", "mean", "variance"}, {"n"}, "norm");
  graph.Node("Dropout", {"n"}, {"d"}, "dropout");
  graph.Node("Add", {"scale", "shift"}, {"k"}, "fold");
  graph.Int64("shape", {1, 4, 1, 1});
  graph.Node("Reshape", {"k", "shape"}, {"kr"}, "fold2");
  graph.Node("Mul", {"d", "kr"}, {"m"}, "mul");
  graph.Node("Relu", {"m"}, {"y"}, "relu");
  graph.Node("Neg", {"c"}, {"nowhere"}, "dead");
  const auto executable = CompileOn("cpu", Bytes(model));
  const Placement& placement = executable->placement();
  EXPECT_EQ(OpNamed(placement, "conv").state, PlacementState::kAsAsked);
  EXPECT_EQ(OpNamed(placement, "conv").kernel, OpNamed(placement, "relu").kernel);
  EXPECT_EQ(OpNamed(placement, "dropout").state, PlacementState::kEliminated);
  EXPECT_EQ(OpNamed(placement, "fold").state, PlacementState::kEliminated);
  EXPECT_EQ(OpNamed(placement, "fold").why, "constant-folded");
  EXPECT_EQ(OpNamed(placement, "fold2").state, PlacementState::kEliminated);
  EXPECT_EQ(OpNamed(placement, "dead").state, PlacementState::kEliminated);
  EXPECT_THAT(OpNamed(placement, "dead").why, HasSubstr("no output"));
  EXPECT_THAT(StrictViolations(placement), IsEmpty());
}

// The plugin fuses the bias into a FullyConnected kernel, and its prepared weights bear the MatMul's mark.
TEST(OpenVinoPlacement, AMatMulWithPreparedWeightsIsComputed) {
  onnx::ModelProto model = EmptyModel("linear");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "16", "64"}).Output("y", {"1", "16", "64"}).Weight("w", {64, 64}).Weight("b", {64});
  graph.Node("MatMul", {"x", "w"}, {"m"}, "matmul");
  graph.Node("Add", {"b", "m"}, {"y"}, "add");
  const auto executable = CompileOn("cpu", Bytes(model));
  const OpPlacement& matmul = OpNamed(executable->placement(), "matmul");
  EXPECT_EQ(matmul.state, PlacementState::kAsAsked) << matmul.why;
  EXPECT_EQ(matmul.kernel, OpNamed(executable->placement(), "add").kernel);
}

// The convolution wants another layout than the model's input and output have.
TEST(OpenVinoPlacement, LayoutChangesOfThePluginAreInserted) {
  const auto executable = CompileOn("cpu", ConvReluModel());
  EXPECT_THAT(executable->placement().inserted, ::testing::Contains(HasSubstr("Reorder '")));
}

TEST(OpenVinoPlacement, ARemovedIdentityDoesNotTakeTheKernelOfTheOpBeforeIt) {
  onnx::ModelProto model = EmptyModel("identity");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "2", "4", "4"}).Output("y", {"1", "4", "4", "4"}).Weight("w", {4, 4, 1, 1});
  graph.Node("Concat", {"x", "x"}, {"c"}, "concat");
  AddInt(*model.mutable_graph()->mutable_node(0), "axis", 1);
  graph.Node("Dropout", {"c"}, {"d"}, "dropout");
  graph.Node("Conv", {"d", "w"}, {"y"}, "conv");
  const auto executable = CompileOn("cpu", Bytes(model));
  EXPECT_EQ(OpNamed(executable->placement(), "concat").state, PlacementState::kAsAsked);
  EXPECT_THAT(OpNamed(executable->placement(), "concat").why, HasSubstr("Concat"));
  EXPECT_THAT(OpNamed(executable->placement(), "concat").why, ::testing::Not(HasSubstr("not named")));
  EXPECT_EQ(OpNamed(executable->placement(), "dropout").state, PlacementState::kEliminated);
}

TEST(OpenVinoPlacement, AStaticShapeIsFolded) {
  onnx::ModelProto model = EmptyModel("shape");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"2", "6"}).Output("y", {"6", "2"}).Int64("picks", {1, 0});
  graph.Node("Relu", {"x"}, {"r"}, "relu");
  graph.Node("Shape", {"r"}, {"s"}, "shape");
  graph.Node("Gather", {"s", "picks"}, {"g"}, "gather");
  graph.Node("Reshape", {"r", "g"}, {"y"}, "reshape");
  const auto executable = CompileOn("cpu", Bytes(model));
  EXPECT_EQ(OpNamed(executable->placement(), "shape").state, PlacementState::kEliminated);
  EXPECT_EQ(OpNamed(executable->placement(), "gather").state, PlacementState::kEliminated);
  EXPECT_EQ(OpNamed(executable->placement(), "relu").state, PlacementState::kAsAsked);
  EXPECT_THAT(StrictViolations(executable->placement()), IsEmpty());
}

TEST(OpenVinoPlacement, DoublesComputedInFloatAreADifference) {
  onnx::ModelProto model = EmptyModel("double");
  GraphWriter(model.mutable_graph())
      .Input("x", {"2"}, onnx::TensorProto::DOUBLE)
      .Output("y", {"2"}, onnx::TensorProto::DOUBLE)
      .Node("Add", {"x", "x"}, {"y"}, "add");
  const auto executable = CompileOn("cpu", Bytes(model));
  const OpPlacement& add = executable->placement().ops[0];
  EXPECT_EQ(add.state, PlacementState::kElsewhere);
  EXPECT_EQ(add.got, "CPU/fp32");
  EXPECT_THROW(RequireStrict(executable->placement()), Error);
}

TEST(OpenVinoPlacement, Bf16SaysWhatStayedInFp32) {
  const auto device = OpenDevice("cpu/bf16");
  const auto& offered = device->info().precisions;
  if (std::find(offered.begin(), offered.end(), Precision::kBf16) == offered.end())
    GTEST_SKIP() << "no bf16 arithmetic here";
  onnx::ModelProto model = EmptyModel("mixed");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"4", "64"}).Output("y", {"4", "64"}).Weight("w", {64, 64});
  graph.Node("MatMul", {"x", "w"}, {"m"}, "matmul");
  graph.Node("Softmax", {"m"}, {"y"}, "softmax");
  const auto executable = device->Compile(OnnxArtifact(Bytes(model)), {});
  EXPECT_EQ(OpNamed(executable->placement(), "matmul").state, PlacementState::kAsAsked);
  EXPECT_EQ(OpNamed(executable->placement(), "matmul").got, "CPU/bf16");
  EXPECT_EQ(OpNamed(executable->placement(), "softmax").state, PlacementState::kElsewhere);
  EXPECT_EQ(OpNamed(executable->placement(), "softmax").got, "CPU/fp32");
}

TEST(OpenVinoPlacement, WithoutProofEverythingIsUnknown) {
  CompileOptions options;
  options.prove_placement = false;
  const auto executable = CompileOn("cpu", ConvReluModel(), options);
  EXPECT_EQ(executable->placement().Count(PlacementState::kUnknown), 2);
}

TEST(OpenVinoPlacement, SaysThatThereAreNoOptimisationLevels) {
  CompileOptions options;
  options.optimization = Optimization::kBasic;
  EXPECT_THAT(CompileOn("cpu", ConvReluModel(), options)->placement().evidence, HasSubstr("no optimisation levels"));
}

TEST(SourceMarks, AreFoundInFusedNamesAndHiddenFromReaders) {
  const std::string names = "consort-op-12.0:conv/WithoutBiases,Relu_3,consort-op-7.0:a;b.0,consort-op-12.1:conv";
  EXPECT_THAT(openvino::MarkedOps(names), ElementsAre(12, 7));
  EXPECT_EQ(openvino::WithoutMarks(names), "conv/WithoutBiases,Relu_3,a;b.0,conv");
  EXPECT_THAT(openvino::MarkedOps("consort-op-,consort-op-9,consort-op-9:,consort-op-x.0:"), IsEmpty());
}

}  // namespace
}  // namespace consort::test
