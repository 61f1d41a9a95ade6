#include "backends/onnxruntime/onnxruntime_backend.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "backends/onnxruntime/ort_library.h"
#include "backends/onnxruntime/test_support.h"
#include "base/files.h"

namespace consort {
namespace {

using test::ArtifactOf;
using test::ErrorOf;
using test::FloatBuffer;
using test::Floats;
using test::OpenOrt;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

// out = a + b and product = a * b of {1, 2, 3, 4} and {10, 20, 30, 40}.
TEST(OnnxRuntime, ComputesWhatAHandComputes) {
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::TwoInputModel()), {});
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(executable->signature().FindInput("a"), FloatBuffer({1, 4}, {1, 2, 3, 4}));
  binding->SetInput(executable->signature().FindInput("b"), FloatBuffer({1, 4}, {10, 20, 30, 40}));
  consort::Run(*executable, binding);
  EXPECT_THAT(Floats(binding->output(executable->signature().FindOutput("sum"))), ElementsAre(11, 22, 33, 44));
  EXPECT_THAT(Floats(binding->output(executable->signature().FindOutput("product"))), ElementsAre(10, 40, 90, 160));
}

TEST(OnnxRuntime, SignatureHoldsNamesTypesShapesAndSymbols) {
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::DynamicBatchModel()), {});
  const Signature& signature = executable->signature();
  ASSERT_EQ(signature.inputs.size(), 1u);
  EXPECT_EQ(signature.inputs[0].name, "x");
  EXPECT_EQ(signature.inputs[0].spec.dtype, DataType::kFloat32);
  EXPECT_EQ(signature.inputs[0].spec.shape, (Shape{kDynamic, 8}));
  EXPECT_THAT(signature.inputs[0].dim_names, ElementsAre("batch", ""));
  EXPECT_EQ(signature.outputs[0].spec.shape, (Shape{kDynamic, 4}));
  EXPECT_TRUE(signature.states.empty());
}

TEST(OnnxRuntime, DynamicOutputsFollowTheInputAndOutliveTheNextCall) {
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::DynamicBatchModel()), {});
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, test::PatternBuffer({3, 8}));
  consort::Run(*executable, binding);
  const Buffer kept = binding->output(0).Share();
  EXPECT_EQ(kept.spec().shape, (Shape{3, 4}));
  const std::vector<float> before = Floats(kept);

  binding->SetInput(0, FloatBuffer({1, 8}, {9, 9, 9, 9, 9, 9, 9, 9}));
  consort::Run(*executable, binding);
  EXPECT_EQ(binding->output(0).spec().shape, (Shape{1, 4}));
  EXPECT_EQ(Floats(kept), before);
  EXPECT_NE(Floats(binding->output(0)), std::vector<float>(before.begin(), before.begin() + 4));
}

TEST(OnnxRuntime, WritesIntoTheCallersOutput) {
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::IdentityModel()), {});
  const auto binding = std::make_shared<Binding>(executable->signature());
  std::vector<float> memory(4, -1);
  binding->SetInput(0, FloatBuffer({1, 4}, {5, 6, 7, 8}));
  binding->SetOutput(0, Buffer::Borrow({.dtype = DataType::kFloat32, .shape = {1, 4}}, memory.data()));
  consort::Run(*executable, binding);
  EXPECT_THAT(memory, ElementsAre(5, 6, 7, 8));
}

TEST(OnnxRuntime, CallersOutputOfAnotherSizeThanTheResultIsRefused) {
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::DynamicBatchModel()), {});
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, test::PatternBuffer({3, 8}));
  binding->SetOutput(0, Buffer::Allocate({.dtype = DataType::kFloat32, .shape = {2, 4}}));
  EXPECT_EQ(ErrorOf([&] { consort::Run(*executable, binding); }).code(), ErrorCode::kInvalidArgument);
}

TEST(OnnxRuntime, InputOfTheWrongShapeIsRefusedByName) {
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::TwoInputModel()), {});
  Binding binding(executable->signature());
  const Error error = ErrorOf([&] { binding.SetInput(0, FloatBuffer({1, 3}, {1, 2, 3})); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("'a'"), HasSubstr("1x3"), HasSubstr("1x4")));
}

TEST(OnnxRuntime, TwoBindingsKeepTheirOwnBuffers) {
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::IdentityModel()), {});
  const auto first = std::make_shared<Binding>(executable->signature());
  const auto second = std::make_shared<Binding>(executable->signature());
  first->SetInput(0, FloatBuffer({1, 4}, {1, 1, 1, 1}));
  second->SetInput(0, FloatBuffer({1, 4}, {2, 2, 2, 2}));
  consort::Run(*executable, first);
  consort::Run(*executable, second);
  EXPECT_THAT(Floats(first->output(0)), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(Floats(second->output(0)), ElementsAre(2, 2, 2, 2));
}

TEST(OnnxRuntime, BindingMovesBetweenExecutables) {
  const auto identity = OpenOrt()->Compile(ArtifactOf(test::IdentityModel()), {});
  const auto other = OpenOrt()->Compile(ArtifactOf(test::IdentityModel()), {.optimization = Optimization::kNone});
  const auto binding = std::make_shared<Binding>(identity->signature());
  binding->SetInput(0, FloatBuffer({1, 4}, {1, 2, 3, 4}));
  consort::Run(*identity, binding);
  consort::Run(*other, binding);
  consort::Run(*identity, binding);
  EXPECT_THAT(Floats(binding->output(0)), ElementsAre(1, 2, 3, 4));
}

TEST(OnnxRuntime, BoundBuffersAreNotReplacedCallAfterCall) {
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::IdentityModel()), {});
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, FloatBuffer({1, 4}, {1, 2, 3, 4}));
  consort::Run(*executable, binding);
  const void* output = binding->output(0).data();
  binding->input(0).as<float>()[0] = 100;
  consort::Run(*executable, binding);
  EXPECT_EQ(binding->output(0).data(), output);
  EXPECT_THAT(Floats(binding->output(0)), ElementsAre(100, 2, 3, 4));
}

TEST(OnnxRuntime, OptimisationLevelsAgree) {
  std::vector<std::vector<float>> results;
  for (Optimization level : {Optimization::kNone, Optimization::kBasic, Optimization::kExtended, Optimization::kFull}) {
    const auto executable = OpenOrt()->Compile(ArtifactOf(test::ConvReluModel()), {.optimization = level});
    const auto binding = std::make_shared<Binding>(executable->signature());
    binding->SetInput(0, test::PatternBuffer({1, 3, 8, 8}));
    consort::Run(*executable, binding);
    results.push_back(Floats(binding->output(0)));
  }
  for (const std::vector<float>& result : results) {
    ASSERT_EQ(result.size(), results[0].size());
    for (size_t i = 0; i < result.size(); ++i) EXPECT_NEAR(result[i], results[0][i], 1e-6);
  }
}

TEST(OnnxRuntime, ControlFlowTakesTheBranchOfItsCondition) {
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::IfModel()), {});
  std::vector<std::vector<float>> results;
  for (bool condition : {false, true}) {
    const auto binding = std::make_shared<Binding>(executable->signature());
    Buffer flag = Buffer::Allocate({.dtype = DataType::kBool, .shape = {}});
    *static_cast<bool*>(flag.data()) = condition;
    binding->SetInput(executable->signature().FindInput("x"), FloatBuffer({1, 4}, {-1, 2, 3, 4}));
    binding->SetInput(executable->signature().FindInput("cond"), std::move(flag));
    consort::Run(*executable, binding);
    results.push_back(Floats(binding->output(0)));
  }
  // else: x + relu(x) * -0.11
  EXPECT_THAT(results[0], ElementsAre(FloatEq(-1), FloatEq(1.78F), FloatEq(2.67F), FloatEq(3.56F)));
  EXPECT_NE(results[0], results[1]);
}

// y = x × w, w = {{1, 2}, {3, 4}} in a file beside the model.
TEST(OnnxRuntime, ReadsExternalDataFromTheModelsFolder) {
  const TemporaryFolder folder;
  const float weights[] = {1, 2, 3, 4};
  WriteFile(folder.path() / "w.bin", std::string(reinterpret_cast<const char*>(weights), sizeof(weights)));
  onnx::ModelProto proto = test::EmptyModel("external");
  test::GraphWriter writer(proto.mutable_graph());
  writer.Input("x", {"1", "2"}).Output("y", {"1", "2"}).Node("MatMul", {"x", "w"}, {"y"}, "matmul");
  auto* tensor = writer.graph().add_initializer();
  tensor->set_name("w");
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  tensor->add_dims(2);
  tensor->add_dims(2);
  tensor->set_data_location(onnx::TensorProto::EXTERNAL);
  auto* location = tensor->add_external_data();
  location->set_key("location");
  location->set_value("w.bin");
  const Model model = Model::Parse(test::AsBytes(test::Bytes(proto)), "external.onnx", {}, folder.path());
  const auto executable = OpenOrt()->Compile(Artifact(model), {});
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, FloatBuffer({1, 2}, {10, 100}));
  consort::Run(*executable, binding);
  EXPECT_THAT(Floats(binding->output(0)), ElementsAre(310, 420));
}

TEST(OnnxRuntime, CustomOpIsUnsupportedAndNamed) {
  const Error error = ErrorOf([] { OpenOrt()->Compile(ArtifactOf(test::CustomOpModel()), {}); });
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << error.what();
  EXPECT_THAT(error.what(), AllOf(HasSubstr("test.onnx"), HasSubstr("example.custom")));
}

TEST(OnnxRuntime, StringPortIsUnsupportedAndNamed) {
  onnx::ModelProto proto = test::EmptyModel("strings");
  test::GraphWriter writer(proto.mutable_graph());
  writer.Input("words", {"2"}, onnx::TensorProto::STRING).Output("same", {"2"}, onnx::TensorProto::STRING);
  writer.Node("Identity", {"words"}, {"same"});
  const Error error = ErrorOf([&] { OpenOrt()->Compile(ArtifactOf(test::Bytes(proto)), {}); });
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.what(), HasSubstr("'words'"));
}

TEST(OnnxRuntime, TfLiteFileIsSentToLitert) {
  const Artifact artifact(ArtifactKind::kTfLite, "net.tflite", std::make_shared<const std::string>("TFL3"));
  const Error error = ErrorOf([&] { OpenOrt()->Compile(artifact, {}); });
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("net.tflite"), HasSubstr("litert")));
}

TEST(OnnxRuntime, PrecisionThatTheCpuProviderLacksIsRefused) {
  const Error half = ErrorOf([] { OpenOrt("cpu@onnxruntime/fp16")->Compile(ArtifactOf(test::IdentityModel()), {}); });
  EXPECT_EQ(half.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(half.what(), AllOf(HasSubstr("fp16"), HasSubstr("openvino")));
  const Error int8 = ErrorOf([] { OpenOrt("cpu@onnxruntime/int8")->Compile(ArtifactOf(test::IdentityModel()), {}); });
  EXPECT_EQ(int8.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(int8.what(), HasSubstr("quantize"));
}

TEST(OnnxRuntime, EngineOptionsReachTheEngine) {
  // The engine itself refuses a malformed value.
  CompileOptions options;
  options.engine_options = {{"session.intra_op_thread_affinities", "0"}};
  options.threads = 2;
  EXPECT_THAT(ErrorOf([&] { OpenOrt()->Compile(ArtifactOf(test::IdentityModel()), options); }).what(),
              HasSubstr("Processor id must start from 1"));
}

TEST(OnnxRuntime, ValuesThatAKernelRefusesAreTheCallersError) {
  onnx::ModelProto proto = test::EmptyModel("gather");
  test::GraphWriter writer(proto.mutable_graph());
  writer.Input("i", {"1"}, onnx::TensorProto::INT64).Weight("w", {4, 2}).Output("y", {"1", "2"});
  writer.Node("Gather", {"w", "i"}, {"y"}, "pick");
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::Bytes(proto)), {});
  const auto binding = std::make_shared<Binding>(executable->signature());
  Buffer index = Buffer::Allocate({.dtype = DataType::kInt64, .shape = {1}});
  index.as<int64_t>()[0] = 77;
  binding->SetInput(0, index.Share());
  const Error error = ErrorOf([&] { consort::Run(*executable, binding); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
  EXPECT_THAT(error.what(), AllOf(HasSubstr("pick"), HasSubstr("77")));
  index.as<int64_t>()[0] = 1;
  consort::Run(*executable, binding);  // the executable is still usable
}

TEST(OnnxRuntime, AModelThatItsOwnKernelRefusesIsInvalidAndTheOpIsNamed) {
  onnx::ModelProto proto = test::EmptyModel("channels");
  test::GraphWriter writer(proto.mutable_graph());
  writer.Input("x", {"1", "5", "8", "8"}).Weight("w", {6, 3, 3, 3}).Output("y", {"1", "6", "6", "6"});
  writer.Node("Conv", {"x", "w"}, {"y"}, "narrow");
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::Bytes(proto)), {});
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, test::PatternBuffer({1, 5, 8, 8}));
  const Error error = ErrorOf([&] { consort::Run(*executable, binding); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidModel) << error.what();
  EXPECT_THAT(error.what(), AllOf(HasSubstr("(it computes Conv 'narrow')"), ::testing::Not(HasSubstr("\n"))));
}

TEST(OnnxRuntime, CancelEndsALongLoop) {
  CompileOptions options{.execution = Execution::kWorker, .threads = 1};
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::LoopModel(int64_t{1} << 40)), options);
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, FloatBuffer({1, 4}, {1, 2, 3, 4}));
  Completion completion = executable->Start(binding);
  EXPECT_FALSE(completion.WaitUntil(Clock::Real().NowNs() + 50'000'000));
  completion.Cancel();
  const Error error = ErrorOf([&] { completion.Wait(); });
  EXPECT_EQ(error.code(), ErrorCode::kCancelled) << error.what();
}

TEST(OnnxRuntime, MissingLibraryIsAFindingWithARemedy) {
  ASSERT_EQ(setenv("CONSORT_ONNXRUNTIME_LIBRARY", "/nowhere/libonnxruntime.so", 1), 0);
  const auto backend = MakeOnnxRuntimeBackend();
  const std::vector<DeviceFinding> findings = backend->Find();
  const std::vector<Diagnosis> diagnosis = backend->Diagnose();
  unsetenv("CONSORT_ONNXRUNTIME_LIBRARY");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_FALSE(findings[0].usable);
  EXPECT_THAT(findings[0].problem, HasSubstr("/nowhere/"));
  EXPECT_THAT(findings[0].remedy, HasSubstr("make setup"));
  ASSERT_EQ(diagnosis.size(), 1u);
  EXPECT_EQ(diagnosis[0].level, Diagnosis::Level::kProblem);
}

TEST(OnnxRuntime, FindsTheCpuAndSaysWhatTheLibraryIs) {
  const auto backend = MakeOnnxRuntimeBackend();
  const std::vector<DeviceFinding> findings = backend->Find();
  ASSERT_FALSE(findings.empty());
  EXPECT_TRUE(findings[0].usable);
  EXPECT_EQ(findings[0].info.target.ToString(), "cpu@onnxruntime");
  EXPECT_THAT(findings[0].info.engine, HasSubstr("ONNX Runtime 1."));
  EXPECT_GT(findings[0].info.memory_bytes, 0);
  EXPECT_THAT(backend->Diagnose()[0].message, AllOf(HasSubstr("libonnxruntime"), HasSubstr("CPUExecutionProvider")));
}

TEST(OnnxRuntime, WhatCannotBeOpenedSaysWhy) {
  EXPECT_THAT(ErrorOf([] { OpenOrt("cpu:900@onnxruntime"); }).what(), HasSubstr("may use cores"));
  EXPECT_THAT(ErrorOf([] { OpenOrt("ep@onnxruntime"); }).what(), HasSubstr("name=/path"));
  EXPECT_THAT(ErrorOf([] { OpenOrt("ep@onnxruntime", {.plugin = "x=/nowhere/libx.so"}); }).what(), HasSubstr("/nowhere/libx.so"));
  EXPECT_THAT(ErrorOf([] { OpenOrt("cpu@onnxruntime", {.plugin = "x=/nowhere/libx.so"}); }).what(), HasSubstr("ep@onnxruntime"));
  EXPECT_THAT(ErrorOf([] { OpenOrt("cpu@onnxruntime", {.plugin = "/nowhere/libonnxruntime.so"}); }).what(),
              HasSubstr("/nowhere/libonnxruntime.so"));
  EXPECT_THAT(ErrorOf([] { OpenOrt("cuda:x@onnxruntime"); }).what(), HasSubstr("cuda:0"));
  if (OrtLibrary::Load().HasProvider("CUDAExecutionProvider")) GTEST_SKIP() << "the library is a GPU build";
  const Error cuda = ErrorOf([] { OpenOrt("cuda:0@onnxruntime"); });
  EXPECT_EQ(cuda.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(cuda.what(), AllOf(HasSubstr("CUDAExecutionProvider"), HasSubstr("onnxruntime-gpu")));
}

TEST(OnnxRuntime, DeviceMemoryIsRefusedOnTheCpu) {
  const TensorSpec spec{.dtype = DataType::kFloat32, .shape = {4}};
  EXPECT_EQ(OpenOrt()->Allocate(spec, {}).size_bytes(), 16u);
  EXPECT_EQ(ErrorOf([&] { OpenOrt()->Allocate(spec, {MemorySpace::Kind::kDevice, 0}); }).code(), ErrorCode::kUnsupported);
}

TEST(ErrorCodeOf, TellsMemoryDeviceModelAndInputApart) {
  EXPECT_EQ(ErrorCodeOf(ORT_FAIL, OrtPhase::kRun, "Failed to allocate memory for requested buffer"), ErrorCode::kOutOfMemory);
  EXPECT_EQ(ErrorCodeOf(ORT_FAIL, OrtPhase::kRun, "CUDA failure 2: out of memory"), ErrorCode::kOutOfMemory);
  EXPECT_EQ(ErrorCodeOf(ORT_FAIL, OrtPhase::kRun, "CUDA failure 719: unspecified launch failure"), ErrorCode::kDeviceLost);
  EXPECT_EQ(ErrorCodeOf(ORT_INVALID_PROTOBUF, OrtPhase::kLoad, "Protobuf parsing failed"), ErrorCode::kInvalidModel);
  EXPECT_EQ(ErrorCodeOf(ORT_NOT_IMPLEMENTED, OrtPhase::kLoad, "Could not find an implementation"), ErrorCode::kUnsupported);
  EXPECT_EQ(ErrorCodeOf(ORT_INVALID_ARGUMENT, OrtPhase::kRun, "indices element out of bounds"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(ErrorCodeOf(ORT_FAIL, OrtPhase::kRun, "Non-zero status code returned while running Conv node."),
            ErrorCode::kInvalidModel);
  EXPECT_EQ(ErrorCodeOf(ORT_FAIL, OrtPhase::kRun, "anything else"), ErrorCode::kInternal);
  EXPECT_EQ(ErrorCodeOf(ORT_FAIL, OrtPhase::kRun, "Exiting due to terminate flag being set to true."), ErrorCode::kCancelled);
}

}  // namespace
}  // namespace consort
