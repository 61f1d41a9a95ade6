// Placement on real sessions; the engine's own profile is the witness.
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "backends/onnxruntime/test_support.h"
#include "base/files.h"

namespace consort {
namespace {

using test::AddBody;
using test::AddInt;
using test::AddInts;
using test::ArtifactOf;
using test::EmptyModel;
using test::ErrorOf;
using test::GraphWriter;
using test::OpenOrt;
using test::PlacementOf;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSubsetOf;

void AddFloat(GraphWriter& writer, const std::string& name, float value) {
  auto* tensor = writer.graph().add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  tensor->add_float_data(value);
}

// A chain of nodes "<prefix><type>" with the given second operands; returns the last tensor.
std::string Chain(GraphWriter& writer, const std::string& prefix, std::string from,
                  const std::vector<std::pair<std::string, std::string>>& steps) {
  for (size_t i = 0; i < steps.size(); ++i) {
    const auto& [type, operand] = steps[i];
    const std::string to = prefix + std::to_string(i) + "_out";
    std::vector<std::string> inputs{from};
    if (!operand.empty()) inputs.push_back(operand);
    writer.Node(type, inputs, {to}, prefix + std::to_string(i) + type);
    from = to;
  }
  return from;
}

// A transformer's feed-forward block as exporters write it: MatMul, bias, Gelu in five ops, MatMul, bias, residual, layer
// normalisation in nine ops.
std::string TransformerBlock() {
  onnx::ModelProto proto = EmptyModel("block", 14);
  GraphWriter writer(proto.mutable_graph());
  writer.Input("x", {"batch", "4", "8"}).Output("y", {"batch", "4", "8"});
  writer.Weight("w1", {8, 32}).Weight("b1", {32}).Weight("w2", {32, 8}).Weight("b2", {8}).Weight("scale", {8}).Weight("shift", {8});
  AddFloat(writer, "root2", 1.41421356F);
  AddFloat(writer, "one", 1);
  AddFloat(writer, "half", 0.5F);
  AddFloat(writer, "two", 2);
  AddFloat(writer, "epsilon", 1e-5F);
  const std::string up = Chain(writer, "up", "x", {{"MatMul", "w1"}, {"Add", "b1"}});
  const std::string erf = Chain(writer, "gelu", up, {{"Div", "root2"}, {"Erf", ""}, {"Add", "one"}});
  const std::string gelu = Chain(writer, "gate", erf, {{"Mul", up}, {"Mul", "half"}});
  const std::string sum = Chain(writer, "down", gelu, {{"MatMul", "w2"}, {"Add", "b2"}, {"Add", "x"}});
  AddInts(writer.Node("ReduceMean", {sum}, {"mean"}, "mean"), "axes", {-1});
  const std::string centred = Chain(writer, "centre", sum, {{"Sub", "mean"}});
  const std::string squares = Chain(writer, "square", centred, {{"Pow", "two"}});
  AddInts(writer.Node("ReduceMean", {squares}, {"variance"}, "variance"), "axes", {-1});
  const std::string deviation = Chain(writer, "deviation", "variance", {{"Add", "epsilon"}, {"Sqrt", ""}});
  const std::string last = Chain(writer, "norm", centred, {{"Div", deviation}, {"Mul", "scale"}, {"Add", "shift"}});
  writer.Node("Identity", {last}, {"y"}, "out");
  return test::Bytes(proto);
}

// Conv-BatchNormalization-Relu-Conv with a repeated op, an identity, a dead op and a folded shape computation.
std::string UntidyConvNet() {
  onnx::ModelProto proto = EmptyModel("untidy");
  GraphWriter writer(proto.mutable_graph());
  writer.Input("x", {"1", "16", "8", "8"}).Output("y", {"1", "1024"});
  writer.Weight("w1", {16, 16, 3, 3}).Weight("w2", {16, 16, 1, 1}).Weight("g", {16}).Weight("b", {16}).Weight("m", {16});
  auto* variance = writer.graph().add_initializer();
  variance->set_name("v");
  variance->set_data_type(onnx::TensorProto::FLOAT);
  variance->add_dims(16);
  for (int i = 0; i < 16; ++i) variance->add_float_data(1 + 0.1F * static_cast<float>(i));
  writer.Int64("flat", {1, -1});
  AddInts(writer.Node("Conv", {"x", "w1"}, {"c1"}, "conv1"), "pads", {1, 1, 1, 1});
  writer.Node("BatchNormalization", {"c1", "g", "b", "m", "v"}, {"n1"}, "norm1");
  writer.Node("Relu", {"n1"}, {"r1"}, "relu1");
  writer.Node("Relu", {"n1"}, {"r1again"}, "relu1again");
  writer.Node("Identity", {"r1"}, {"i1"}, "identity");
  writer.Node("Conv", {"i1", "w2"}, {"c2"}, "conv2");
  writer.Node("Add", {"c2", "r1again"}, {"s"}, "sum");
  writer.Node("Relu", {"s"}, {"r2"}, "relu2");
  AddInt(writer.Node("Concat", {"flat"}, {"shape"}, "shape"), "axis", 0);
  writer.Node("Reshape", {"r2", "shape"}, {"y"}, "reshape");
  return test::Bytes(proto);
}

// The kernels that the engine's profile shows, "name (type)", after one run.
std::set<std::string> ProfiledKernels(const std::string& model, Optimization level, const Shape& shape, Placement* placement) {
  const TemporaryFolder folder;
  CompileOptions options{.optimization = level, .threads = 1};
  options.engine_options = {{"consort.profile_prefix", (folder.path() / "profile").string()}};
  {
    const auto executable = OpenOrt()->Compile(ArtifactOf(model), options);
    const auto binding = std::make_shared<Binding>(executable->signature());
    binding->SetInput(0, test::PatternBuffer(shape));
    consort::Run(*executable, binding);
    *placement = executable->placement();
  }
  std::set<std::string> kernels;
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
    for (const auto& event : nlohmann::json::parse(ReadFile(file.path()))) {
      const std::string name = event.value("name", "");
      const size_t end = name.rfind("_kernel_time");
      if (event.value("cat", "") != "Node" || end == std::string::npos) continue;
      EXPECT_EQ(event["args"].value("provider", ""), "CPUExecutionProvider");
      kernels.insert(name.substr(0, end) + " (" + event["args"].value("op_name", "") + ")");
    }
  }
  return kernels;
}

struct Case {
  std::string name;
  std::string model;
  Shape shape;
};

class PlacementAgainstProfile : public ::testing::TestWithParam<Optimization> {};

// Every kernel that the placement names ran, and every kernel that ran is named: by an op or as inserted.
TEST_P(PlacementAgainstProfile, NamesExactlyTheKernelsThatRan) {
  const std::vector<Case> cases{{"block", TransformerBlock(), {2, 4, 8}},
                                {"untidy", UntidyConvNet(), {1, 16, 8, 8}},
                                {"convrelu", test::ConvReluModel(), {1, 3, 8, 8}},
                                {"chain", test::ChainModel(20), {1, 16}},
                                {"skip", test::SkipModel(), {1, 8}}};
  for (const Case& one : cases) {
    Placement placement;
    const std::set<std::string> profiled = ProfiledKernels(one.model, GetParam(), one.shape, &placement);
    ASSERT_FALSE(profiled.empty());
    std::set<std::string> named;
    for (const OpPlacement& op : placement.ops) {
      EXPECT_TRUE(op.state == PlacementState::kAsAsked || op.state == PlacementState::kEliminated)
          << one.name << ": " << op.name << ": " << op.why;
      if (op.state == PlacementState::kAsAsked) named.insert(op.kernel);
      EXPECT_FALSE(op.why.empty()) << op.name;
    }
    for (const std::string& inserted : placement.inserted) named.insert(inserted.substr(0, inserted.find(" on ")));
    EXPECT_EQ(named, profiled) << one.name;
    EXPECT_THAT(placement.inserted, Each(AnyOf(HasSubstr("(Reorder"), HasSubstr("(Transpose"))));
    EXPECT_THAT(StrictViolations(placement), IsEmpty());
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, PlacementAgainstProfile,
                         ::testing::Values(Optimization::kNone, Optimization::kBasic, Optimization::kExtended,
                                           Optimization::kFull));

TEST(Placement, FusedTransformerOpsShareTheirKernel) {
  const auto executable = OpenOrt()->Compile(ArtifactOf(TransformerBlock()), {});
  const OpPlacement& gelu = PlacementOf(*executable, "gelu1Erf");
  EXPECT_EQ(gelu.state, PlacementState::kAsAsked);
  EXPECT_THAT(gelu.kernel, HasSubstr("Gelu"));
  EXPECT_EQ(PlacementOf(*executable, "gate1Mul").kernel, gelu.kernel);
  EXPECT_THAT(PlacementOf(*executable, "variance").kernel, HasSubstr("LayerNormalization"));
  EXPECT_EQ(PlacementOf(*executable, "norm2Add").kernel, PlacementOf(*executable, "mean").kernel);
  EXPECT_EQ(gelu.asked, "cpu/fp32");
  EXPECT_EQ(gelu.got, "CPUExecutionProvider/fp32");
}

TEST(Placement, UntidyNetworkSaysWhatBecameOfEveryOp) {
  const auto executable = OpenOrt()->Compile(ArtifactOf(UntidyConvNet()), {});
  EXPECT_EQ(PlacementOf(*executable, "conv1").kernel, PlacementOf(*executable, "relu1").kernel);
  EXPECT_EQ(PlacementOf(*executable, "norm1").kernel, PlacementOf(*executable, "relu1").kernel);
  EXPECT_EQ(PlacementOf(*executable, "identity").state, PlacementState::kEliminated);
  EXPECT_THAT(PlacementOf(*executable, "identity").why, HasSubstr("Identity"));
  EXPECT_EQ(PlacementOf(*executable, "shape").state, PlacementState::kEliminated);
  EXPECT_EQ(PlacementOf(*executable, "shape").why, "constant-folded");
  EXPECT_EQ(PlacementOf(*executable, "conv2").state, PlacementState::kAsAsked);
  EXPECT_EQ(PlacementOf(*executable, "reshape").state, PlacementState::kAsAsked);
}

TEST(Placement, ControlFlowOpsAreOneOpEach) {
  const auto loop = OpenOrt()->Compile(ArtifactOf(test::LoopModel()), {});
  EXPECT_THAT(StrictViolations(loop->placement()), IsEmpty());
  EXPECT_EQ(PlacementOf(*loop, "loop").state, PlacementState::kAsAsked);
  const auto branch = OpenOrt()->Compile(ArtifactOf(test::IfModel()), {});
  EXPECT_THAT(StrictViolations(branch->placement()), IsEmpty());
}

TEST(Placement, BranchWithAConstantConditionIsInlined) {
  onnx::ModelProto proto = EmptyModel("constant_if");
  GraphWriter writer(proto.mutable_graph());
  writer.Input("x", {"1", "4"}).Output("y", {"1", "4"});
  auto* condition = writer.graph().add_initializer();
  condition->set_name("yes");
  condition->set_data_type(onnx::TensorProto::BOOL);
  condition->add_int32_data(1);
  writer.Node("Relu", {"x"}, {"a"}, "relu");
  onnx::NodeProto& branch = writer.Node("If", {"yes"}, {"b"}, "branch");
  GraphWriter then_body(AddBody(branch, "then_branch", "then"));
  then_body.Node("Exp", {"a"}, {"e"}, "exp");
  then_body.Node("Neg", {"e"}, {"n"}, "neg");
  then_body.Output("n", {"1", "4"});
  GraphWriter else_body(AddBody(branch, "else_branch", "else"));
  else_body.Node("Sin", {"a"}, {"s"}, "sin");
  else_body.Output("s", {"1", "4"});
  writer.Node("Abs", {"b"}, {"y"}, "abs");
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::Bytes(proto)), {});
  EXPECT_THAT(StrictViolations(executable->placement()), IsEmpty());
  EXPECT_THAT(PlacementOf(*executable, "branch").kernel, HasSubstr("Neg"));
}

TEST(Placement, HalfPrecisionOpsThatTheCpuWidensAreElsewhere) {
  onnx::ModelProto proto = EmptyModel("half");
  GraphWriter writer(proto.mutable_graph());
  constexpr int kHalf = onnx::TensorProto::FLOAT16;
  writer.Input("a", {"4", "4"}, kHalf).Input("b", {"4", "4"}, kHalf).Output("y", {"4", "4"}, kHalf);
  writer.Node("MatMul", {"a", "b"}, {"m"}, "matmul");
  writer.Node("Relu", {"m"}, {"y"}, "relu");
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::Bytes(proto)), {});
  const OpPlacement& matmul = PlacementOf(*executable, "matmul");
  EXPECT_EQ(matmul.state, PlacementState::kElsewhere);
  EXPECT_EQ(matmul.asked, "cpu/fp16");
  EXPECT_EQ(matmul.got, "CPUExecutionProvider/fp32");
  EXPECT_THAT(executable->placement().inserted, Each(HasSubstr("Cast")));
  EXPECT_EQ(ErrorOf([&] { RequireStrict(executable->placement()); }).code(), ErrorCode::kInfeasible);
}

// Relu runs on the plugin, the rest on the CPU provider, and both are said.
TEST(Placement, PluginProviderTakesItsOpsAndTheRestIsElsewhere) {
  const auto device = OpenOrt("ep:0@onnxruntime", {.plugin = "relu=" TEST_PLUGIN});
  EXPECT_THAT(device->info().name, AllOf(HasSubstr("ReluExecutionProvider"), HasSubstr("Consort tests")));
  const auto executable = device->Compile(ArtifactOf(test::ConvReluModel()), {});
  const OpPlacement& relu = PlacementOf(*executable, "relu");
  EXPECT_EQ(relu.state, PlacementState::kAsAsked) << relu.why;
  EXPECT_EQ(relu.got, "ReluExecutionProvider/fp32");
  const OpPlacement& conv = PlacementOf(*executable, "conv");
  EXPECT_EQ(conv.state, PlacementState::kElsewhere) << conv.why;
  EXPECT_EQ(conv.got, "CPUExecutionProvider/fp32");
  EXPECT_EQ(ErrorOf([&] { RequireStrict(executable->placement()); }).code(), ErrorCode::kInfeasible);

  std::vector<std::vector<float>> results;
  const auto reference = OpenOrt()->Compile(ArtifactOf(test::ConvReluModel()), {});
  for (Executable* one : {executable.get(), reference.get()}) {
    const auto binding = std::make_shared<Binding>(one->signature());
    binding->SetInput(0, test::PatternBuffer({1, 3, 8, 8}));
    consort::Run(*one, binding);
    results.push_back(test::Floats(binding->output(0)));
  }
  EXPECT_THAT(results[0], ::testing::Pointwise(::testing::FloatNear(1e-6F), results[1]));
}

TEST(Placement, ControlFlowAcrossProvidersIsUnknown) {
  const auto executable = OpenOrt("ep:0@onnxruntime", {.plugin = "relu=" TEST_PLUGIN})->Compile(ArtifactOf(test::IfModel()), {});
  EXPECT_EQ(PlacementOf(*executable, "relu").state, PlacementState::kAsAsked);
  EXPECT_EQ(PlacementOf(*executable, "if").state, PlacementState::kUnknown);
}

TEST(Placement, WithoutProofEveryOpIsUnknown) {
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::ConvReluModel()), {.prove_placement = false});
  EXPECT_EQ(executable->placement().Count(PlacementState::kUnknown), 2);
  EXPECT_THAT(executable->placement().ops, Each(Field(&OpPlacement::why, HasSubstr("without proof"))));
}

TEST(Placement, WritesNoWeightsAndLeavesNothingBehind) {
  const auto entries = [] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::temp_directory_path())) {
      names.insert(entry.path().filename().string());
    }
    return names;
  };
  const std::set<std::string> before = entries();
  OpenOrt()->Compile(ArtifactOf(test::MatMulModel(4, 256, 256)), {});
  std::set<std::string> ours;
  for (const std::string& name : entries()) {
    if (name.find("consort") != std::string::npos && !before.contains(name)) ours.insert(name);
  }
  EXPECT_THAT(ours, IsSubsetOf(before));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

}  // namespace
}  // namespace consort
