#include "backends/openvino/openvino_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/openvino/core.h"
#include "backends/openvino/testing.h"

namespace consort::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

bool Offers(const Device& device, Precision precision) {
  const auto& offered = device.info().precisions;
  return std::find(offered.begin(), offered.end(), precision) != offered.end();
}

TEST(OpenVinoBackend, FindsTheCpuAndDescribesIt) {
  const auto findings = MakeOpenVinoBackend()->Find();
  ASSERT_FALSE(findings.empty());
  const DeviceInfo& cpu = findings.front().info;
  EXPECT_TRUE(findings.front().usable);
  EXPECT_EQ(cpu.target.ToString(), "cpu@openvino");
  EXPECT_THAT(cpu.engine, HasSubstr("OpenVINO 20"));
  EXPECT_EQ(cpu.resource, "cpu");
  EXPECT_EQ(cpu.cores, CoreSet::Available());
  EXPECT_GT(cpu.memory_bytes, int64_t{1} << 28);
  EXPECT_EQ(cpu.max_in_flight, 1);
  EXPECT_THAT(cpu.accepts, ElementsAre(ArtifactKind::kOnnx));
}

TEST(OpenVinoBackend, DiagnosesItsLibraryAndEachAccelerator) {
  const auto lines = MakeOpenVinoBackend()->Diagnose();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].level, Diagnosis::Level::kOk);
  EXPECT_THAT(lines[0].message, HasSubstr("CPU"));
  EXPECT_EQ(lines[1].subject, "openvino gpu");
  EXPECT_EQ(lines[2].subject, "openvino npu");
  for (const Diagnosis& line : lines) EXPECT_EQ(line.level == Diagnosis::Level::kProblem, !line.remedy.empty());
}

TEST(OpenVinoBackend, RefusesUnitsThatAreNotThere) {
  EXPECT_THAT(ErrorOf([] { OpenDevice("cpu:1023"); }), Pair(ErrorCode::kInvalidArgument, HasSubstr("may use cores")));
  EXPECT_THAT(ErrorOf([] { OpenDevice("gpu:77"); }), Pair(ErrorCode::kUnsupported, HasSubstr("gpu:77")));
  EXPECT_THAT(ErrorOf([] { OpenDevice("cuda:0"); }), Pair(ErrorCode::kInvalidArgument, HasSubstr("cpu, gpu, npu")));
}

TEST(OpenVinoRun, ComputesWhatTheModelSays) {
  const auto executable = CompileOn("cpu", TwoInputModel());
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(executable->signature().FindInput("a"), Floats({1, 4}, {1, 2, 3, 4}));
  binding->SetInput(executable->signature().FindInput("b"), Floats({1, 4}, {10, 20, 30, 40}));
  consort::Run(*executable, binding);
  EXPECT_THAT(Values<float>(binding->output(executable->signature().FindOutput("sum"))), ElementsAre(11, 22, 33, 44));
  EXPECT_THAT(Values<float>(binding->output(executable->signature().FindOutput("product"))),
              ElementsAre(10, 40, 90, 160));
}

TEST(OpenVinoRun, WritesIntoTheCallersBufferAndFollowsRebinding) {
  const auto executable = CompileOn("cpu", IdentityModel({1, 4}));
  const auto binding = std::make_shared<Binding>(executable->signature());
  std::vector<float> first(4);
  std::vector<float> second(4);
  binding->SetInput(0, Floats({1, 4}, {1, 2, 3, 4}));
  binding->SetOutput(0, Buffer::Borrow({DataType::kFloat32, {1, 4}}, first.data()));
  consort::Run(*executable, binding);
  EXPECT_THAT(first, ElementsAre(1, 2, 3, 4));

  binding->input(0).as<float>()[0] = 7;  // same buffer, other values
  consort::Run(*executable, binding);
  EXPECT_THAT(first, ElementsAre(7, 2, 3, 4));

  binding->SetInput(0, Floats({1, 4}, {5, 6, 7, 8}));
  binding->SetOutput(0, Buffer::Borrow({DataType::kFloat32, {1, 4}}, second.data()));
  consort::Run(*executable, binding);
  EXPECT_THAT(second, ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(first, ElementsAre(7, 2, 3, 4));
}

TEST(OpenVinoRun, KeepsTheOutputBufferThatItAllocated) {
  const auto executable = CompileOn("cpu", IdentityModel({1, 4}));
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Floats({1, 4}, {1, 2, 3, 4}));
  consort::Run(*executable, binding);
  const void* data = binding->output(0).data();
  binding->SetInput(0, Floats({1, 4}, {5, 6, 7, 8}));
  consort::Run(*executable, binding);
  EXPECT_EQ(binding->output(0).data(), data);
  EXPECT_THAT(Values<float>(binding->output(0)), ElementsAre(5, 6, 7, 8));
}

TEST(OpenVinoRun, SeveralBindingsKeepTheirOwnResults) {
  const auto executable = CompileOn("cpu", IdentityModel({1, 2}));
  const auto one = std::make_shared<Binding>(executable->signature());
  const auto two = std::make_shared<Binding>(executable->signature());
  one->SetInput(0, Floats({1, 2}, {1, 2}));
  two->SetInput(0, Floats({1, 2}, {3, 4}));
  consort::Run(*executable, one);
  consort::Run(*executable, two);
  EXPECT_THAT(Values<float>(one->output(0)), ElementsAre(1, 2));
  EXPECT_THAT(Values<float>(two->output(0)), ElementsAre(3, 4));
}

TEST(OpenVinoRun, ABindingMovesFromOneExecutableToAnother) {
  const auto identity = CompileOn("cpu", IdentityModel({1, 4}));
  const auto binding = std::make_shared<Binding>(identity->signature());
  binding->SetInput(0, Floats({1, 4}, {1, 2, 3, 4}));
  consort::Run(*identity, binding);
  const auto other = CompileOn("cpu", IdentityModel({1, 4}));
  binding->input(0).as<float>()[3] = 9;
  consort::Run(*other, binding);
  EXPECT_THAT(Values<float>(binding->output(0)), ElementsAre(1, 2, 3, 9));
}

// y[batch,4] = x[batch,8] × w, then Relu; rows of ones: y[j] = max(0, sum over i of w[i][j]).
std::vector<float> DynamicBatchRow() {
  std::vector<float> row(4);
  for (int i = 0; i < 32; ++i) row[i % 4] += 0.01F * static_cast<float>(i * 7 % 23 - 11);
  for (float& value : row) value = std::max(value, 0.0F);
  return row;
}

TEST(OpenVinoDynamic, FollowsTheBatchOfTheInput) {
  const auto executable = CompileOn("cpu", DynamicBatchModel());
  ASSERT_EQ(executable->signature().inputs[0].spec.shape, (Shape{kDynamic, 8}));
  ASSERT_EQ(executable->signature().outputs[0].spec.shape, (Shape{kDynamic, 4}));
  EXPECT_EQ(executable->signature().inputs[0].dim_names[0], "batch");
  const auto binding = std::make_shared<Binding>(executable->signature());
  for (int64_t batch : {2, 5, 1, 3}) {
    binding->SetInput(0, Floats({batch, 8}, std::vector<float>(static_cast<size_t>(batch) * 8, 1.0F)));
    consort::Run(*executable, binding);
    ASSERT_EQ(binding->output(0).spec().shape, (Shape{batch, 4}));
    const std::vector<float> row = DynamicBatchRow();
    const std::vector<float> values = Values<float>(binding->output(0));
    for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], row[i % 4], 1e-6) << batch;
  }
}

TEST(OpenVinoDynamic, AnOutputThatIsHeldKeepsItsBytes) {
  const auto executable = CompileOn("cpu", DynamicBatchModel());
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Floats({1, 8}, std::vector<float>(8, 1.0F)));
  consort::Run(*executable, binding);
  const Buffer held = binding->output(0).Share();
  const std::vector<float> before = Values<float>(held);
  binding->SetInput(0, Floats({1000, 8}, std::vector<float>(8000, -2.0F)));
  consort::Run(*executable, binding);
  EXPECT_EQ(Values<float>(held), before);
  EXPECT_NE(binding->output(0).data(), held.data());
  const void* data = binding->output(0).data();
  consort::Run(*executable, binding);
  EXPECT_EQ(binding->output(0).data(), data);  // nobody holds it: used again
}

TEST(OpenVinoDynamic, TheCallersBufferMustHaveTheShapeThatComesOut) {
  const auto executable = CompileOn("cpu", DynamicBatchModel());
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Floats({2, 8}, std::vector<float>(16, 1.0F)));
  for (int64_t wrong : {1, 3}) {
    binding->SetOutput(0, Floats({wrong, 4}, {}));
    EXPECT_EQ(ErrorOf([&] { consort::Run(*executable, binding); }).first, ErrorCode::kInvalidArgument) << wrong;
  }
  std::vector<float> right(8);
  binding->SetOutput(0, Buffer::Borrow({DataType::kFloat32, {2, 4}}, right.data()));
  consort::Run(*executable, binding);
  EXPECT_NEAR(right[4], DynamicBatchRow()[0], 1e-6);
}

TEST(OpenVinoTypes, AnEmptyBatchGivesEmptyOutputsOrIsRefused) {
  const auto executable = CompileOn("cpu", DynamicBatchModel());
  const auto binding = std::make_shared<Binding>(executable->signature());
  for (const int64_t batch : {0, 2, 0}) {
    binding->SetInput(0, Floats({batch, 8}, std::vector<float>(static_cast<size_t>(batch) * 8, 1.0F)));
    consort::Run(*executable, binding);
    ASSERT_EQ(binding->output(0).spec().shape, (Shape{batch, 4}));
    if (batch == 0) continue;
    EXPECT_NEAR(Values<float>(binding->output(0))[4], DynamicBatchRow()[0], 1e-6);
  }
  // The mean of nothing is not empty.
  onnx::ModelProto model = EmptyModel("mean");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"n", "2"}).Output("y", {"1", "2"});
  AddInts(graph.Node("ReduceMean", {"x"}, {"y"}), "axes", {0});
  const auto mean = CompileOn("cpu", Bytes(model));
  const auto empty = std::make_shared<Binding>(mean->signature());
  empty->SetInput(0, Floats({0, 2}, {}));
  EXPECT_THAT(ErrorOf([&] { consort::Run(*mean, empty); }),
              Pair(ErrorCode::kUnsupported, HasSubstr("input 'x' is empty (0x2)")));
}

TEST(OpenVinoTypes, CarriesEveryElementTypeThatBuffersHave) {
  const auto run = [](int onnx_type, Buffer input) {
    onnx::ModelProto model = EmptyModel("types");
    GraphWriter(model.mutable_graph())
        .Input("x", {"2"}, onnx_type)
        .Output("y", {"1", "2"}, onnx_type)
        .Int64("axes", {0})
        .Node("Unsqueeze", {"x", "axes"}, {"y"});
    const auto executable = CompileOn("cpu", Bytes(model));
    const auto binding = std::make_shared<Binding>(executable->signature());
    binding->SetInput(0, std::move(input));
    consort::Run(*executable, binding);
    return binding->output(0).Clone();
  };
  using T = onnx::TensorProto;
  EXPECT_THAT(Values<double>(run(T::DOUBLE, Filled<double>(DataType::kFloat64, {2}, {0.5, -3}))), ElementsAre(0.5, -3));
  EXPECT_THAT(Values<int64_t>(run(T::INT64, Filled<int64_t>(DataType::kInt64, {2}, {5, -3}))), ElementsAre(5, -3));
  EXPECT_THAT(ErrorOf([&] { run(T::INT64, Filled<int64_t>(DataType::kInt64, {2}, {5, -(1ll << 31) - 1})); }),
              Pair(ErrorCode::kUnsupported, HasSubstr("input 'x' holds -2147483649; OpenVINO computes 64-bit")));
  EXPECT_THAT(ErrorOf([&] { run(T::UINT64, Filled<uint64_t>(DataType::kUInt64, {2}, {5, 1ull << 31})); }),
              Pair(ErrorCode::kUnsupported, HasSubstr("use the onnxruntime backend")));
  EXPECT_THAT(Values<int32_t>(run(T::INT32, Filled<int32_t>(DataType::kInt32, {2}, {1 << 30, -3}))),
              ElementsAre(1 << 30, -3));
  EXPECT_THAT(Values<int16_t>(run(T::INT16, Filled<int16_t>(DataType::kInt16, {2}, {500, -3}))), ElementsAre(500, -3));
  EXPECT_THAT(Values<int8_t>(run(T::INT8, Filled<int8_t>(DataType::kInt8, {2}, {5, -3}))), ElementsAre(5, -3));
  EXPECT_THAT(Values<uint8_t>(run(T::UINT8, Filled<uint8_t>(DataType::kUInt8, {2}, {5, 200}))), ElementsAre(5, 200));
  EXPECT_THAT(Values<uint8_t>(run(T::BOOL, Filled<uint8_t>(DataType::kBool, {2}, {1, 0}))), ElementsAre(1, 0));
  EXPECT_THAT(Values<uint16_t>(run(T::FLOAT16, Filled<uint16_t>(DataType::kFloat16, {2}, {0x3C00, 0xC000}))),
              ElementsAre(0x3C00, 0xC000));
  EXPECT_THAT(Values<uint16_t>(run(T::BFLOAT16, Filled<uint16_t>(DataType::kBFloat16, {2}, {0x3F80, 0xC000}))),
              ElementsAre(0x3F80, 0xC000));
}

TEST(OpenVinoTypes, ScalarsAndBooleans) {
  const auto executable = CompileOn("cpu", IfModel());
  const auto binding = std::make_shared<Binding>(executable->signature());
  const int cond = executable->signature().FindInput("cond");
  ASSERT_EQ(executable->signature().inputs[cond].spec, (TensorSpec{DataType::kBool, {}}));
  binding->SetInput(executable->signature().FindInput("x"), Floats({1, 4}, {1, 2, 3, -4}));
  binding->SetInput(cond, Filled<uint8_t>(DataType::kBool, {}, {0}));
  consort::Run(*executable, binding);  // else: relu(x) * two + x, where the weight `two` is -0.11
  EXPECT_NEAR(Values<float>(binding->output(0))[0], 0.89F, 1e-6);
  EXPECT_EQ(Values<float>(binding->output(0))[3], -4);
  binding->SetInput(cond, Filled<uint8_t>(DataType::kBool, {}, {1}));
  consort::Run(*executable, binding);  // then: relu(x) + w
  EXPECT_NEAR(Values<float>(binding->output(0))[1], 2 - 0.04F, 1e-6);
}

TEST(OpenVinoTypes, StringsAreRefused) {
  onnx::ModelProto model = EmptyModel("strings");
  GraphWriter(model.mutable_graph())
      .Input("x", {"2"}, onnx::TensorProto::STRING)
      .Output("y", {"2"}, onnx::TensorProto::STRING)
      .Node("Identity", {"x"}, {"y"});
  EXPECT_THAT(ErrorOf([&] { CompileOn("cpu", Bytes(model)); }),
              Pair(ErrorCode::kUnsupported, HasSubstr("'x' is string")));
}

TEST(OpenVinoPorts, KeepTheModelsNamesAndOrderWhateverOpenVinoDrops) {
  onnx::ModelProto model = EmptyModel("ports");
  GraphWriter graph(model.mutable_graph());
  graph.Input("unused", {"3"})
      .Input("x", {"2"})
      .Output("c", {"2"})
      .Output("x", {"2"})
      .Output("y", {"2"})
      .Weight("c", {2});
  graph.Node("Relu", {"x"}, {"y"}, "relu");
  const auto executable = CompileOn("cpu", Bytes(model));
  const Signature& signature = executable->signature();
  ASSERT_EQ(signature.inputs.size(), 2u);
  EXPECT_EQ(signature.inputs[0].name, "unused");
  EXPECT_EQ(signature.inputs[1].name, "x");
  ASSERT_EQ(signature.outputs.size(), 3u);
  EXPECT_EQ(signature.outputs[1].name, "x");
  const auto binding = std::make_shared<Binding>(signature);
  binding->SetInput(0, Floats({3}, {0, 0, 0}));
  binding->SetInput(1, Floats({2}, {-1, 4}));
  consort::Run(*executable, binding);
  EXPECT_NEAR(Values<float>(binding->output(0))[0], -0.11F, 1e-7);
  EXPECT_THAT(Values<float>(binding->output(1)), ElementsAre(-1, 4));
  EXPECT_THAT(Values<float>(binding->output(2)), ElementsAre(0, 4));
}

TEST(OpenVinoPorts, AnInputThatIsHandedOnFirstIsBoundAllTheSame) {
  // OpenVINO drops the two ops and calls the input what they make.
  onnx::ModelProto model = EmptyModel("handed_on");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4"}).Output("y", {"1", "4"});
  graph.Node("Dropout", {"x"}, {"a"});
  graph.Node("Identity", {"a"}, {"b"});
  graph.Node("Relu", {"b"}, {"y"});
  const auto executable = CompileOn("cpu", Bytes(model));
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Floats({1, 4}, {-1, 2, -3, 4}));
  consort::Run(*executable, binding);
  EXPECT_THAT(Values<float>(binding->output(0)), ElementsAre(0, 2, 0, 4));
}

TEST(OpenVinoPorts, OutputsThatShareTheirBytesInTheEngineAreAllRight) {
  onnx::ModelProto model = EmptyModel("views");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"n", "2"})
      .Output("r", {"n", "2"})
      .Output("flat", {"m"})
      .Output("flat_x", {"m"})
      .Output("x", {"n", "2"});
  graph.Int64("shape", {-1}).Node("Relu", {"x"}, {"r"});
  graph.Node("Reshape", {"r", "shape"}, {"flat"});
  graph.Node("Reshape", {"x", "shape"}, {"flat_x"});
  const auto executable = CompileOn("cpu", Bytes(model));
  const auto binding = std::make_shared<Binding>(executable->signature());
  for (float sign : {1.0F, -1.0F}) {
    binding->SetInput(0, Floats({2, 2}, {sign, -2, 3, -4}));
    consort::Run(*executable, binding);
    EXPECT_THAT(Values<float>(binding->output(0)), ElementsAre(std::max(sign, 0.0F), 0, 3, 0));
    EXPECT_THAT(Values<float>(binding->output(1)), ElementsAre(std::max(sign, 0.0F), 0, 3, 0));
    EXPECT_THAT(Values<float>(binding->output(2)), ElementsAre(sign, -2, 3, -4));
    EXPECT_THAT(Values<float>(binding->output(3)), ElementsAre(sign, -2, 3, -4));
  }
}

TEST(OpenVinoCompile, NamesTheOpThatNobodyKnows) {
  EXPECT_THAT(ErrorOf([] { CompileOn("cpu", CustomOpModel()); }),
              Pair(ErrorCode::kUnsupported, HasSubstr("example.custom")));
}

TEST(OpenVinoCompile, TakesOnnxOnly) {
  const Artifact tflite(ArtifactKind::kTfLite, "m.tflite", std::make_shared<const std::string>("TFL3"));
  EXPECT_THAT(ErrorOf([&] { OpenDevice("cpu")->Compile(tflite, {}); }),
              Pair(ErrorCode::kUnsupported, HasSubstr("cpu@litert")));
}

TEST(OpenVinoCompile, RefusesAPrecisionThatItWouldReplaceSilently) {
  const auto device = OpenDevice("cpu/fp16");
  if (Offers(*device, Precision::kFp16)) GTEST_SKIP() << "this CPU computes in fp16";
  EXPECT_THAT(ErrorOf([&] { device->Compile(OnnxArtifact(ConvReluModel()), {}); }),
              Pair(ErrorCode::kUnsupported, HasSubstr("it offers fp32")));
}

TEST(OpenVinoCompile, Int8NeedsAQuantizedModel) {
  EXPECT_THAT(ErrorOf([] { CompileOn("cpu/int8", ConvReluModel()); }), Pair(ErrorCode::kUnsupported, ::testing::_));
}

TEST(OpenVinoCompile, PassesEngineOptionsExceptThoseThatAreOurs) {
  CompileOptions options;
  options.engine_options = {{"PERF_COUNT", "YES"}};
  EXPECT_NO_THROW(CompileOn("cpu", ConvReluModel(), options));
  options.engine_options = {{"NO_SUCH_OPTION", "1"}};
  EXPECT_THAT(ErrorOf([&] { CompileOn("cpu", ConvReluModel(), options); }).second, HasSubstr("NO_SUCH_OPTION"));
  options.engine_options = {{"INFERENCE_PRECISION_HINT", "bf16"}};
  EXPECT_EQ(ErrorOf([&] { CompileOn("cpu", ConvReluModel(), options); }).first, ErrorCode::kInvalidArgument);
}

TEST(OpenVinoCompile, Fp32IsFp32WhereTheEnginePrefersBf16) {
  const auto device = OpenDevice("cpu/bf16");
  if (!Offers(*device, Precision::kBf16)) GTEST_SKIP() << "this CPU has no bf16 arithmetic";
  const auto run = [](Executable& executable) {
    const auto binding = std::make_shared<Binding>(executable.signature());
    binding->SetInput(0, Ramp({64, 64}));
    consort::Run(executable, binding);
    return Values<float>(binding->output(0));
  };
  const std::vector<float> full = run(*CompileOn("cpu", MatMulModel(64, 64, 64)));
  const std::vector<float> half = run(*device->Compile(OnnxArtifact(MatMulModel(64, 64, 64)), {}));
  double worst_full = 0;
  double worst_half = 0;
  for (int m = 0; m < 64; ++m) {
    for (int n = 0; n < 64; ++n) {
      double exact = 0;
      for (int k = 0; k < 64; ++k) exact += (-0.875 + 0.125 * (m * 64 + k)) * (0.01 * ((k * 64 + n) * 7 % 23 - 11));
      worst_full = std::max(worst_full, std::abs(full[m * 64 + n] - exact));
      worst_half = std::max(worst_half, std::abs(half[m * 64 + n] - exact));
    }
  }
  EXPECT_LT(worst_full, 1e-3);
  EXPECT_GT(worst_half, 0.05);
}

TEST(OpenVinoMessages, LoseTheTraceLines) {
  EXPECT_EQ(
      openvino::CleanMessage("Exception from src/x.cpp:1:\nCheck 'a' failed at src/y.cpp:2:\nNo such op: Foo\n\n"),
      "No such op: Foo");
  EXPECT_EQ(openvino::CleanMessage("Exception from src/x.cpp:1:"), "Exception from src/x.cpp:1:");
}

}  // namespace
}  // namespace consort::test
