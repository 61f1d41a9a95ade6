#include "backends/converting/converting_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "backends/litert/litert_backend.h"
#include "base/test_error.h"
#include "device/native_ports.h"
#include "quantize/shard_form.h"
#include "quantize/test_support.h"

namespace consort::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// An environment variable, as long as this lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { setenv(name_, before_.c_str(), 1); }

 private:
  const char* name_;
  std::string before_;
};

// x[1,3,8,8] → conv → relu → `type` "last" → y.
Model ConvReluThen(const std::string& type) {
  onnx::ModelProto proto = EmptyModel("then");
  GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "3", "8", "8"}).Output("y", {"1", "4", "8", "8"}).Weight("w", {4, 3, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  graph.Node("Relu", {"c"}, {"r"}, "relu");
  graph.Node(type, {"r"}, {"y"}, "last");
  return Parse(proto);
}

Model Quantized(const Model& model) {
  const Ranges ranges = CalibrateAll(model, SeededSamples(model.graph(), 4), OnOnnxRuntime(), {});
  return QuantizedForm(model, ranges, {.format = {.type = ByteType::kInt8}});
}

std::shared_ptr<Device> Open(const std::string& target) {
  const auto backend = MakeConvertingBackend(
      MakeLiteRtBackend(), [](const Model& model, Precision /*precision*/) { return Quantized(model); });
  Target parsed = Target::Parse(target);
  parsed.backend = "litert";
  return backend->Open(parsed, {});
}

std::vector<float> RunOn(Executable& executable, const Model& model) {
  const auto binding = std::make_shared<Binding>(executable.signature());
  const auto sample = SeededSample(model.graph(), 100);
  for (size_t port = 0; port < executable.signature().inputs.size(); ++port)
    binding->SetInput(static_cast<int>(port), FindTensor(sample, executable.signature().inputs[port].name)->Share());
  consort::Run(executable, binding);
  const auto output = binding->output(0).as<float>();
  return {output.begin(), output.end()};
}

// Of the model quantized, on ONNX Runtime, each operator as it stands.
std::vector<float> Expected(const Model& model) {
  const auto outputs = OnOnnxRuntime(Optimization::kNone)(Quantized(model))(SeededSample(model.graph(), 100));
  const auto values = outputs.front().tensor.as<float>();
  return {values.begin(), values.end()};
}

// The numbers are those of the quantized model within a step, and something happens in them.
void ExpectWithinOneStep(const std::vector<float>& values, const std::vector<float>& expected, float step) {
  ASSERT_EQ(values.size(), expected.size());
  EXPECT_GT(*std::max_element(expected.begin(), expected.end()), 8 * step);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1.001 * step) << i;
}

TEST(Converting, FloatModelsRunOnLiteRtInIntegersBehindTheirOwnPorts) {
  const Model model = ConvReluThen("Sigmoid");
  const auto executable = Open("cpu/int8")->Compile(Artifact(model), {});
  EXPECT_EQ(executable->signature().inputs[0].spec, (TensorSpec{DataType::kFloat32, {1, 3, 8, 8}}));
  ExpectWithinOneStep(RunOn(*executable, model), Expected(model), 1.0F / 256);
  const Placement& placement = executable->placement();
  ASSERT_EQ(placement.ops.size(), 3U);
  EXPECT_EQ(placement.ops[0].name, "conv");
  EXPECT_EQ(placement.ops[2].type, "Sigmoid");
  EXPECT_THAT(StrictViolations(placement), IsEmpty());
}

TEST(Converting, TheDevicesPortsAreIntegersChannelsLast) {
  const auto executable = Open("cpu/int8")->Compile(Artifact(ConvReluThen("Sigmoid")), {});
  const std::shared_ptr<Executable> native = NativeOf(*executable);
  ASSERT_NE(native, nullptr);
  const TensorSpec& spec = native->signature().inputs[0].spec;
  EXPECT_EQ(spec.dtype, DataType::kInt8);
  EXPECT_EQ(spec.shape, (Shape{1, 8, 8, 3}));
  EXPECT_EQ(spec.layout, Layout::kNhwc);
  EXPECT_EQ(spec.quantization.scale.size(), 1U);
}

TEST(Converting, QuantizedModelsKeepTheirNumbersWithoutBeingAsked) {
  const Model model = ConvReluThen("Sigmoid");
  for (const char* target : {"cpu", "cpu/int8"}) {
    const auto executable = Open(target)->Compile(Artifact(Quantized(model)), {});
    ExpectWithinOneStep(RunOn(*executable, model), Expected(model), 1.0F / 256);
  }
}

TEST(Converting, AFloatModelIsNotMadeIntegersUnasked) {
  for (const char* target : {"cpu", "cpu/fp32", "cpu/uint8"}) {
    EXPECT_THAT(ErrorOf([&] { Open(target)->Compile(Artifact(ConvReluThen("Sigmoid")), {}); }),
                Pair(ErrorCode::kUnsupported, HasSubstr("cpu@litert/int8")))
        << target;
  }
}

TEST(Converting, WhatHasNoPlaceInAFileIsNamed) {
  EXPECT_THAT(ErrorOf([] { Open("cpu/int8")->Compile(Artifact(ConvReluThen("Erf")), {}); }),
              Pair(ErrorCode::kUnsupported, AllOf(HasSubstr("'last' (Erf)"))));
}

class OnEdgeTpu : public ::testing::Test {
 protected:
  const Variable runtime_{"CONSORT_EDGETPU_LIBRARY", TEST_EDGETPU_PLUGIN};
  const Variable path_{"PATH", std::filesystem::path(TEST_EDGETPU_COMPILER).parent_path().string()};
};

TEST_F(OnEdgeTpu, FloatModelsAreCompiledAndTheDeviceExecutesThem) {
  const Model model = ConvReluThen("Sigmoid");
  for (const char* target : {"edgetpu:0", "edgetpu:0/int8", "edgetpu:0/uint8"}) {
    const auto device = Open(target);
    EXPECT_THAT(device->info().engine, HasSubstr(", edgetpu_compiler"));
    const auto executable = device->Compile(Artifact(model), {});
    ExpectWithinOneStep(RunOn(*executable, model), Expected(model), 1.0F / 256);
    ASSERT_EQ(executable->placement().ops.size(), 3U);
    for (const OpPlacement& op : executable->placement().ops) {
      EXPECT_THAT(op.got, HasSubstr("edgetpu/")) << op.name;
      EXPECT_EQ(op.kernel, "edgetpu-custom-op") << op.name;
    }
    EXPECT_THAT(StrictViolations(executable->placement()), IsEmpty());
    const DataType edge = NativeOf(*executable)->signature().inputs[0].spec.dtype;
    EXPECT_EQ(edge, std::string_view(target).ends_with("uint8") ? DataType::kUInt8 : DataType::kInt8);
  }
}

TEST_F(OnEdgeTpu, WhatItLacksIsNamed) {
  EXPECT_THAT(ErrorOf([] { Open("edgetpu:0")->Compile(Artifact(ConvReluThen("Erf")), {}); }),
              Pair(ErrorCode::kUnsupported, HasSubstr("'last' (Erf): Erf is not on the Edge TPU's list of operators")));
}

TEST_F(OnEdgeTpu, WithoutACompilerTheWayOutIsNamed) {
  const Variable nowhere("PATH", "/nowhere");
  const auto device = Open("edgetpu:0");
  EXPECT_THAT(device->info().engine, HasSubstr("no edgetpu_compiler"));
  EXPECT_THAT(ErrorOf([&] { device->Compile(Artifact(ConvReluThen("Sigmoid")), {}); }),
              Pair(ErrorCode::kUnsupported,
                   AllOf(HasSubstr("edgetpu_compiler is not on $PATH"), HasSubstr("cpu@litert/int8"))));
}

}  // namespace
}  // namespace consort::test
