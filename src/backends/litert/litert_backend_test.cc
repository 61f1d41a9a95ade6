#include "backends/litert/litert_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/test_error.h"
#include "consort/error.h"
#include "model/test_models.h"
#include "tflite/test_tflite.h"

namespace consort::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Artifact TfLite(const std::string& bytes) {
  return Artifact(ArtifactKind::kTfLite, "test.tflite", std::make_shared<const std::string>(bytes));
}

std::shared_ptr<Device> OpenDevice(const std::string& target) {
  static const std::unique_ptr<Backend> backend = MakeLiteRtBackend();
  Target parsed = Target::Parse(target);
  parsed.backend = "litert";
  return backend->Open(parsed, {});
}

std::unique_ptr<Executable> CompileOn(const std::string& target, const std::string& model,
                                      const CompileOptions& options = {}) {
  return OpenDevice(target)->Compile(TfLite(model), options);
}

template <typename T>
Buffer Filled(DataType dtype, const Shape& shape, const std::vector<T>& values) {
  Buffer buffer = Buffer::Allocate({dtype, shape});
  for (size_t i = 0; i < values.size(); ++i) buffer.as<T>()[i] = values[i];
  return buffer;
}

Buffer Floats(const Shape& shape, const std::vector<float>& values) {
  return Filled<float>(DataType::kFloat32, shape, values);
}

template <typename T>
std::vector<T> Values(const Buffer& buffer) {
  const auto view = buffer.as<T>();
  return {view.begin(), view.end()};
}

TEST(LiteRtBackend, FindsTheCpu) {
  const auto findings = MakeLiteRtBackend()->Find();
  ASSERT_GE(findings.size(), 2u);  // and Edge TPUs, or why there is none
  EXPECT_TRUE(findings[0].usable) << findings[0].problem;
  EXPECT_THAT(findings[0].info.engine, HasSubstr("LiteRT 2."));
  EXPECT_EQ(findings[0].info.resource, "cpu");
  EXPECT_THAT(findings[0].info.accepts, ElementsAre(ArtifactKind::kTfLite));
  EXPECT_EQ(MakeLiteRtBackend()->Diagnose()[0].level, Diagnosis::Level::kOk);
}

TEST(LiteRtBackend, TakesTfLiteOnly) {
  const std::string bytes = ConvReluModel();
  const Artifact onnx(Model::Parse(AsBytes(bytes), "conv.onnx"));
  EXPECT_THAT(ErrorOf([&] { OpenDevice("cpu")->Compile(onnx, {}); }),
              ::testing::Pair(ErrorCode::kUnsupported, HasSubstr("LiteRT takes .tflite")));
}

TEST(LiteRtBackend, RefusesWhatItCannotDo) {
  EXPECT_EQ(ErrorOf([] { OpenDevice("cpu:1023"); }).first, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ErrorOf([] { OpenDevice("cpu/bf16"); }).first, ErrorCode::kUnsupported);
  CompileOptions options;
  options.threads = 5000;
  EXPECT_EQ(ErrorOf([&] { CompileOn("cpu", AddMulTfLite(), options); }).first, ErrorCode::kInvalidArgument);
  options = {};
  options.engine_options = {{"no_such_option", "1"}};
  EXPECT_THAT(ErrorOf([&] { CompileOn("cpu", AddMulTfLite(), options); }).second, HasSubstr("xnnpack_flags"));
}

TEST(LiteRtRun, ComputesWhatTheModelSaysWithAndWithoutXnnpack) {
  for (Optimization optimization : {Optimization::kNone, Optimization::kFull}) {
    CompileOptions options;
    options.optimization = optimization;
    const auto executable = CompileOn("cpu", AddMulTfLite(), options);
    const auto binding = std::make_shared<Binding>(executable->signature());
    binding->SetInput(executable->signature().FindInput("a"), Floats({1, 4}, {1, 2, 3, 4}));
    binding->SetInput(executable->signature().FindInput("b"), Floats({1, 4}, {10, 1, -1, 0.5}));
    consort::Run(*executable, binding);
    EXPECT_THAT(Values<float>(binding->output(0)), ElementsAre(110, 3, -2, 2.25));
  }
}

TEST(LiteRtRun, WritesIntoTheCallersBuffer) {
  const auto executable = CompileOn("cpu", AddMulTfLite());
  const auto binding = std::make_shared<Binding>(executable->signature());
  std::vector<float> out(4);
  binding->SetInput(0, Floats({1, 4}, {1, 2, 3, 4}));
  binding->SetInput(1, Floats({1, 4}, {1, 1, 1, 1}));
  binding->SetOutput(0, Buffer::Borrow({DataType::kFloat32, {1, 4}}, out.data()));
  consort::Run(*executable, binding);
  EXPECT_THAT(out, ElementsAre(2, 3, 4, 5));
}

TEST(LiteRtRun, OpenAxesFollowTheInput) {
  const auto executable = CompileOn("cpu", AddMulTfLite(/*open=*/true));
  ASSERT_EQ(executable->signature().inputs[0].spec.shape, (Shape{kDynamic, 4}));
  const auto binding = std::make_shared<Binding>(executable->signature());
  for (int64_t batch : {1, 3, 2}) {
    binding->SetInput(0, Floats({batch, 4}, std::vector<float>(static_cast<size_t>(batch) * 4, 2.0F)));
    binding->SetInput(1, Floats({batch, 4}, std::vector<float>(static_cast<size_t>(batch) * 4, 3.0F)));
    consort::Run(*executable, binding);
    ASSERT_EQ(binding->output(0).spec().shape, (Shape{batch, 4}));
    EXPECT_THAT(Values<float>(binding->output(0)), ::testing::Each(15.0F));
  }
  // Shapes that do not go together are refused, and the executable goes on working.
  binding->SetInput(0, Floats({3, 4}, {}));
  EXPECT_EQ(ErrorOf([&] { consort::Run(*executable, binding); }).first, ErrorCode::kInvalidArgument);
  binding->SetInput(0, Floats({2, 4}, std::vector<float>(8, 1.0F)));
  consort::Run(*executable, binding);
  EXPECT_THAT(Values<float>(binding->output(0)), ::testing::Each(12.0F));
}

TEST(LiteRtRun, OutputsWhoseShapeTheCallTells) {
  const auto executable = CompileOn("cpu", WhereTfLite());
  ASSERT_EQ(executable->signature().outputs[0].spec.shape, (Shape{kDynamic, kDynamic}));
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Floats({2, 2}, {0, 1, 1, 1}));
  consort::Run(*executable, binding);
  EXPECT_EQ(binding->output(0).spec().shape, (Shape{3, 2}));
  EXPECT_THAT(Values<int64_t>(binding->output(0)), ElementsAre(0, 1, 1, 0, 1, 1));
}

// x = {3, -1, 5} is {2, 0, 3} in real numbers, w = {{1, 2, -1}, {4, 0, 2}} per tensor, bias {1, -2}:
// y = {2 - 3 + 1, 8 + 6 - 2} = {0, 12}, quantized {3, 15}. Per channel the second row is {2, 0, 1} and the bias -1: y =
// {0, 6}.
TEST(LiteRtQuantized, Int8MatchesHandArithmetic) {
  for (bool per_channel : {false, true}) {
    const auto executable = CompileOn("cpu/int8", FullyConnectedTfLite(per_channel));
    const Signature& signature = executable->signature();
    EXPECT_EQ(signature.inputs[0].spec.quantization, (Quantization{{0.5F}, {-1}, -1}));
    EXPECT_EQ(signature.outputs[0].spec.quantization, (Quantization{{1.0F}, {3}, -1}));
    const auto binding = std::make_shared<Binding>(signature);
    binding->SetInput(0, Filled<int8_t>(DataType::kInt8, {1, 3}, {3, -1, 5}));
    consort::Run(*executable, binding);
    EXPECT_THAT(Values<int8_t>(binding->output(0)), ElementsAre(3, per_channel ? 9 : 15)) << per_channel;
    EXPECT_THAT(StrictViolations(executable->placement()), IsEmpty());
  }
}

TEST(LiteRtPlacement, TellsXnnpackFromBuiltInKernels) {
  const auto delegated = CompileOn("cpu", AddMulTfLite());
  ASSERT_EQ(delegated->placement().ops.size(), 2u);
  EXPECT_EQ(delegated->placement().ops[0].type, "ADD");
  EXPECT_EQ(delegated->placement().ops[1].name, "y");
  EXPECT_EQ(delegated->placement().ops[1].got, "XNNPACK/fp32");
  EXPECT_EQ(delegated->placement().Count(PlacementState::kAsAsked), 2);

  CompileOptions options;
  options.optimization = Optimization::kNone;
  EXPECT_EQ(CompileOn("cpu", AddMulTfLite(), options)->placement().ops[1].got, "built-in kernel/fp32");
  EXPECT_EQ(CompileOn("cpu", WhereTfLite())->placement().ops[0].got, "built-in kernel/int64");
}

TEST(LiteRtPlacement, WithoutProofEveryOperatorIsUnknown) {
  const auto executable = CompileOn("cpu", FullyConnectedTfLite(false), {.prove_placement = false});
  const Placement& placement = executable->placement();
  ASSERT_FALSE(placement.ops.empty());
  EXPECT_EQ(placement.Count(PlacementState::kUnknown), static_cast<int>(placement.ops.size()));
  EXPECT_EQ(StrictViolations(placement).size(), placement.ops.size());
}

TEST(LiteRtPlacement, APrecisionThatTheFileDoesNotHoldIsADifference) {
  EXPECT_EQ(CompileOn("cpu/fp32", AddMulTfLite())->placement().Count(PlacementState::kElsewhere), 0);
  EXPECT_EQ(CompileOn("cpu/int8", AddMulTfLite())->placement().Count(PlacementState::kElsewhere), 2);
  EXPECT_EQ(CompileOn("cpu/fp32", FullyConnectedTfLite(false))->placement().Count(PlacementState::kElsewhere), 1);
}

TEST(LiteRtCompile, CustomOperatorsAreNamed) {
  EXPECT_THAT(ErrorOf([] { CompileOn("cpu", CustomTfLite("edgetpu-custom-op")); }),
              ::testing::Pair(ErrorCode::kUnsupported, AllOf(HasSubstr("Edge TPU"), HasSubstr("edgetpu-custom-op"))));
  EXPECT_THAT(ErrorOf([] { CompileOn("cpu", CustomTfLite("MyOwnOp")); }),
              ::testing::Pair(ErrorCode::kUnsupported, HasSubstr("MyOwnOp")));
}

int ThreadCountOn(const CoreSet& cores) {
  int count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    count += CoreSet::OfThread(std::stoi(task.path().filename())) == cores;
  }
  return count;
}

TEST(LiteRtThreads, WorkersKeepTheTargetsCores) {
  if (CoreSet::Available().size() < 3) {
    // With two cores a strict subset has one core and no worker of XNNPACK's: the caller computes, confined for the
    // call.
    const CoreSet last({CoreSet::Available().cores().back()});
    const int before = ThreadCountOn(last);
    CompileOptions options;
    options.execution = Execution::kWorker;
    const auto executable = CompileOn("cpu:" + last.ToString(), AddMulTfLite(), options);
    const auto binding = std::make_shared<Binding>(executable->signature());
    binding->SetInput(0, Floats({1, 4}, {}));
    binding->SetInput(1, Floats({1, 4}, {}));
    consort::Run(*executable, binding);
    EXPECT_EQ(ThreadCountOn(last), before + 1);
    return;
  }
  const CoreSet two({CoreSet::Available().cores()[1], CoreSet::Available().cores()[2]});
  const int before = ThreadCountOn(two);
  const auto executable = CompileOn("cpu:" + two.ToString(), AddMulTfLite());
  EXPECT_GE(ThreadCountOn(two), before + 1);
  EXPECT_EQ(CoreSet::OfThread(0), CoreSet::Available());
}

}  // namespace
}  // namespace consort::test
