// Ports, numbers, element types, shapes.
#include <gmock/gmock.h>

#include <array>
#include <cstring>

#include "conformance/conformance.h"
#include "model/test_models.h"

namespace consort::test {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::Pointwise;

INSTANTIATE_TEST_SUITE_P(Devices, Conformance, testing::ValuesIn(Candidates()), NameOf);

CONFORMANCE(TheDeviceSaysWhatItIs) {
  const DeviceInfo& info = device.device().info();
  EXPECT_EQ(info.target, device.target());
  EXPECT_FALSE(info.name.empty());
  EXPECT_FALSE(info.engine.empty());
  EXPECT_FALSE(info.resource.empty());
  EXPECT_FALSE(info.precisions.empty());
  EXPECT_FALSE(info.accepts.empty());
  EXPECT_FALSE(info.spaces.empty());
}

CONFORMANCE(ThePortsAreTheModels) {
  const auto executable = device.Compile(TwoInputModel());
  const Signature& signature = executable->signature();
  ASSERT_EQ(signature.inputs.size(), 2u);
  ASSERT_EQ(signature.outputs.size(), 2u);
  EXPECT_EQ(signature.inputs[0].name, "a");
  EXPECT_EQ(signature.inputs[1].name, "b");
  EXPECT_EQ(signature.outputs[0].name, "sum");
  EXPECT_EQ(signature.outputs[1].name, "product");
  for (const Port& port : {signature.inputs[0], signature.inputs[1], signature.outputs[0], signature.outputs[1]}) {
    EXPECT_EQ(FormatSpec(port.spec), "float32 1x4") << port.name;
  }
  EXPECT_EQ(signature.FindInput("b"), 1);
  EXPECT_EQ(signature.FindOutput("b"), -1);
}

CONFORMANCE(TheNumbersAreRight) {
  const auto executable = device.Compile(TwoInputModel());
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Ramp({1, 4}, 1, 1));
  binding->SetInput(1, Ramp({1, 4}, 10, 10));
  Run(*executable, binding);
  EXPECT_THAT(Floats(binding->output(0)), ElementsAre(11, 22, 33, 44));
  EXPECT_THAT(Floats(binding->output(1)), ElementsAre(10, 40, 90, 160));
}

CONFORMANCE(ProductsAreRight) {
  const auto executable = device.Compile(MatMulModel(2, 5, 3));
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Ramp({2, 5}, -1, 0.3f));
  Run(*executable, binding);
  std::vector<float> expected;
  const std::vector<float> x = Floats(binding->input(0));
  for (int row = 0; row < 2; ++row) {
    for (int column = 0; column < 3; ++column) {
      double sum = 0;
      for (int k = 0; k < 5; ++k) sum += x[row * 5 + k] * 0.01 * ((k * 3 + column) * 7 % 23 - 11);
      expected.push_back(static_cast<float>(sum));
    }
  }
  EXPECT_THAT(Floats(binding->output(0)), Pointwise(FloatNear(1e-6f), expected));
}

CONFORMANCE(InputsMatter) {
  const auto executable = device.Compile(ConvReluModel());
  const auto first = BoundToRamps(*executable, 1);
  const auto second = BoundToRamps(*executable, -40);
  Run(*executable, first);
  Run(*executable, second);
  EXPECT_NE(BytesOf(first->output(0)), BytesOf(second->output(0)));
}

CONFORMANCE(ResultsAreTheSameEveryTime) {
  const auto executable = device.Compile(ConvReluModel());
  const auto binding = BoundToRamps(*executable);
  Run(*executable, binding);
  const std::string first = BytesOf(binding->output(0));
  for (int call = 0; call < 10; ++call) {
    Run(*executable, binding);
    EXPECT_EQ(BytesOf(binding->output(0)), first);
  }
  const auto again = device.Compile(ConvReluModel());
  const auto other = BoundToRamps(*again);
  Run(*again, other);
  EXPECT_EQ(BytesOf(other->output(0)), first);
}

CONFORMANCE(ChangedInputsCountWithoutBindingAgain) {
  const auto executable = device.Compile(TwoInputModel());
  const auto binding = BoundToRamps(*executable);
  Run(*executable, binding);
  binding->input(0).as<float>()[1] = 100;
  binding->input(1).as<float>()[1] = 7;
  Run(*executable, binding);
  EXPECT_EQ(binding->output(0).as<float>()[1], 107);
}

CONFORMANCE(AnotherBufferCounts) {
  const auto executable = device.Compile(TwoInputModel());
  const auto binding = BoundToRamps(*executable);
  Run(*executable, binding);
  binding->SetInput(0, Ramp({1, 4}, 50, 0));
  binding->SetInput(1, Ramp({1, 4}, 1, 0));
  Run(*executable, binding);
  EXPECT_THAT(Floats(binding->output(0)), ElementsAre(51, 51, 51, 51));
}

CONFORMANCE(TheCallersOutputIsWritten) {
  const auto executable = device.Compile(TwoInputModel());
  const auto binding = BoundToRamps(*executable);
  Buffer output = Ramp({1, 4}, 777, 0);
  binding->SetOutput(1, output.Share());
  for (int call = 0; call < 2; ++call) {
    output.as<float>()[3] = 777;
    Run(*executable, binding);
    EXPECT_EQ(binding->output(1).data(), output.data());
    EXPECT_NE(output.as<float>()[3], 777);
  }
}

CONFORMANCE(OutputsAreKeptFromCallToCall) {
  const auto executable = device.Compile(TwoInputModel());
  const auto binding = BoundToRamps(*executable);
  Run(*executable, binding);
  const void* output = binding->output(0).data();
  for (int call = 0; call < 5; ++call) Run(*executable, binding);
  EXPECT_EQ(binding->output(0).data(), output);
}

CONFORMANCE(TheBatchIsFreeWhereTheModelSaysSo) {
  const auto executable = device.Compile(DynamicBatchModel());
  EXPECT_EQ(executable->signature().inputs[0].spec.shape, (Shape{kDynamic, 8}));
  const auto binding = std::make_shared<Binding>(executable->signature());
  std::vector<float> row;
  for (const int64_t batch : {1, 3, 1, 7}) {
    binding->SetInput(0, Ramp({batch, 8}, 1, 0));
    Run(*executable, binding);
    EXPECT_EQ(binding->output(0).spec().shape, (Shape{batch, 4}));
    const std::vector<float> values = Floats(binding->output(0));
    if (row.empty()) row.assign(values.begin(), values.begin() + 4);
    for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], row[i % 4], 1e-6f) << "batch " << batch;
  }
}

CONFORMANCE(OpenAxesKeepTheirNames) {
  const auto executable = device.Compile(DynamicBatchModel());
  EXPECT_EQ(executable->signature().inputs[0].dim_names, (std::vector<std::string>{"batch", ""}));
}

CONFORMANCE(ABatchOfNothingGivesNothing) {
  const auto executable = device.Compile(DynamicBatchModel());
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Buffer::Allocate({DataType::kFloat32, {0, 8}}));
  Run(*executable, binding);
  EXPECT_EQ(binding->output(0).spec().shape, (Shape{0, 4}));
}

CONFORMANCE(ScalarsHaveNoAxes) {
  const auto executable = device.Compile(IdentityOf(onnx::TensorProto::FLOAT, {}));
  EXPECT_EQ(executable->signature().inputs[0].spec.shape, Shape{});
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Ramp({}, 2.5f, 0));
  Run(*executable, binding);
  EXPECT_THAT(Floats(binding->output(0)), ElementsAre(2.5f));
}

// Bytes pass an Identity of the type unchanged.
void ExpectPassed(DeviceUnderTest& device, int elem_type, DataType dtype, const std::string& bytes) {
  const auto executable = device.Compile(IdentityOf(elem_type, {"2", "2"}));
  ASSERT_EQ(executable->signature().inputs[0].spec.dtype, dtype);
  ASSERT_EQ(executable->signature().outputs[0].spec.dtype, dtype);
  const auto binding = std::make_shared<Binding>(executable->signature());
  Buffer buffer = Buffer::Allocate({dtype, {2, 2}});
  ASSERT_EQ(buffer.size_bytes(), bytes.size());
  std::memcpy(buffer.data(), bytes.data(), bytes.size());
  binding->SetInput(0, std::move(buffer));
  Run(*executable, binding);
  EXPECT_EQ(BytesOf(binding->output(0)), bytes);
}

template <typename T>
std::string BytesOfValues(std::array<T, 4> values) {
  return std::string(reinterpret_cast<const char*>(values.data()), sizeof(values));
}

CONFORMANCE(BytesPass) {
  ExpectPassed(device, onnx::TensorProto::UINT8, DataType::kUInt8, BytesOfValues<uint8_t>({0, 1, 128, 255}));
}
CONFORMANCE(SignedBytesPass) {
  ExpectPassed(device, onnx::TensorProto::INT8, DataType::kInt8, BytesOfValues<int8_t>({0, -1, -128, 127}));
}
CONFORMANCE(BooleansPass) {
  ExpectPassed(device, onnx::TensorProto::BOOL, DataType::kBool, BytesOfValues<uint8_t>({0, 1, 1, 0}));
}
CONFORMANCE(IntegersPass) {
  ExpectPassed(device, onnx::TensorProto::INT32, DataType::kInt32,
               BytesOfValues<int32_t>({0, -1, INT32_MIN, INT32_MAX}));
}
CONFORMANCE(LongIntegersPass) {
  ExpectPassed(device, onnx::TensorProto::INT64, DataType::kInt64, BytesOfValues<int64_t>({0, -1, 77, INT32_MAX}));
}
// Never cut off without a word.
CONFORMANCE(LongIntegersBeyond32BitsPassOrAreRefused) {
  try {
    ExpectPassed(device, onnx::TensorProto::INT64, DataType::kInt64,
                 BytesOfValues<int64_t>({0, 1ll << 40, INT64_MIN, INT64_MAX}));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(std::string(error.what()).find("'x' holds 1099511627776"), std::string::npos) << error.what();
  }
}
CONFORMANCE(DoublesPass) {
  ExpectPassed(device, onnx::TensorProto::DOUBLE, DataType::kFloat64, BytesOfValues<double>({0, -1.5, 0.25, 1024}));
}
CONFORMANCE(DoublesKeepTheirPrecision) {
  ExpectPassed(device, onnx::TensorProto::DOUBLE, DataType::kFloat64,
               BytesOfValues<double>({1.0 / 3, 1e300, -1e-300, 3}));
}
CONFORMANCE(HalvesPass) {
  ExpectPassed(device, onnx::TensorProto::FLOAT16, DataType::kFloat16,
               BytesOfValues<uint16_t>({0, 0x3c00, 0xbc00, 0x3555}));
}

CONFORMANCE(BranchesFollowTheirCondition) {
  const auto executable = device.Compile(IfModel());
  const auto binding = std::make_shared<Binding>(executable->signature());
  Buffer condition = Buffer::Allocate({DataType::kBool, {}});
  binding->SetInput(executable->signature().FindInput("x"), Ramp({1, 4}, 1, 1));
  binding->SetInput(executable->signature().FindInput("cond"), condition.Share());
  Run(*executable, binding);
  EXPECT_THAT(Floats(binding->output(0)), Pointwise(FloatNear(1e-6f), {0.89f, 1.78f, 2.67f, 3.56f})) << "x * -0.11 + x";
  condition.as<bool>()[0] = true;
  Run(*executable, binding);
  EXPECT_THAT(Floats(binding->output(0)), Pointwise(FloatNear(1e-6f), {0.89f, 1.96f, 3.03f, 4.10f})) << "x + w";
}

CONFORMANCE(LoopsTurn) {
  const auto executable = device.Compile(LoopModel(3));
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Ramp({1, 4}, 1, 1));
  Run(*executable, binding);
  EXPECT_THAT(Floats(binding->output(0)), ElementsAre(4, 8, 12, 16));
}

CONFORMANCE(StateIsCarriedByTheCaller) {
  const auto executable = device.Compile(StatefulModel());
  const Signature& signature = executable->signature();
  const auto binding = std::make_shared<Binding>(signature);
  binding->SetInput(signature.FindInput("x"), Ramp({1, 4}, 1, 0));
  binding->SetInput(signature.FindInput("state"), Ramp({1, 4}, 0, 0));
  for (int step = 1; step <= 3; ++step) {
    Run(*executable, binding);
    const Buffer& next = binding->output(signature.FindOutput("next_state"));
    EXPECT_EQ(next.as<float>()[0], static_cast<float>(step));
    binding->SetInput(signature.FindInput("state"), next.Clone());
  }
}

CONFORMANCE(EmulatedNumbersAreTheHosts) {
  if (device.device().info().provenance != Provenance::kEmulated) return;
  const Registry registry = MakeBuiltinRegistry();
  const bool null = device.target().backend == "null";
  const Target host = {.device = null ? "null" : "cpu", .backend = device.target().backend};
  for (const std::string& bytes : {ConvReluModel(), ChainModel(4), TwoInputModel(), MatMulModel(2, 5, 3)}) {
    const auto real = registry.Open(host)->Compile(device.ArtifactOf(bytes), {});
    const auto emulated = device.Compile(bytes);
    const auto expected = BoundToRamps(*real), actual = BoundToRamps(*emulated);
    Run(*real, expected);
    Run(*emulated, actual);
    EXPECT_EQ(BytesOf(actual->output(0)), BytesOf(expected->output(0)));
    EXPECT_EQ(AsEmulated(*emulated)->emulation().calls, 1);
    EXPECT_EQ(AsEmulated(*real), nullptr);
  }
}

}  // namespace consort::test
