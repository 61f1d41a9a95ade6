#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/litert/edgetpu_device.h"
#include "backends/litert/litert_backend.h"
#include "base/dynamic_library.h"
#include "base/test_error.h"
#include "consort/error.h"
#include "tflite/test_tflite.h"

namespace consort::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kCompiled[] = "edgetpu-custom-op";

Artifact TfLite(const std::string& bytes) {
  return Artifact(ArtifactKind::kTfLite, "test.tflite", std::make_shared<const std::string>(bytes));
}

std::shared_ptr<Device> OpenTpu(const std::string& target, const std::string& plugin = TEST_EDGETPU_PLUGIN) {
  static const std::unique_ptr<Backend> backend = MakeLiteRtBackend();
  Target parsed = Target::Parse(target);
  parsed.backend = "litert";
  return backend->Open(parsed, {.plugin = plugin, .compile_timeout_ns = 500'000'000});
}

// How the test's plugin misbehaves, as long as this lives.
class Misbehaviour {
 public:
  explicit Misbehaviour(const char* word) { Tell(word); }
  ~Misbehaviour() { Tell(""); }

 private:
  static void Tell(const char* word) {
    static const DynamicLibrary plugin = DynamicLibrary::Open("test plugin", {TEST_EDGETPU_PLUGIN});
    plugin.Symbol<void (*)(const char*)>("consort_test_misbehave")(word);
  }
};

std::vector<float> CallWith(Executable& executable, const std::vector<float>& values) {
  const auto binding = std::make_shared<Binding>(executable.signature());
  Buffer input = Buffer::Allocate({DataType::kFloat32, {1, 4}});
  std::copy(values.begin(), values.end(), input.as<float>().begin());
  binding->SetInput(0, std::move(input));
  consort::Run(executable, binding);
  const auto output = binding->output(0).as<float>();
  return {output.begin(), output.end()};
}

TEST(EdgeTpu, ExecutesTheCompiledOperator) {
  const std::shared_ptr<Device> device = OpenTpu("edgetpu:0");
  EXPECT_THAT(device->info().name, HasSubstr("usb /sys/bus/usb/devices/test"));
  EXPECT_EQ(device->info().driver, "test runtime 1");
  const auto executable = device->Compile(TfLite(CustomTfLite(kCompiled)), {});
  EXPECT_THAT(CallWith(*executable, {1, 2, 3, -4}), ElementsAre(2, 4, 6, -8));
  ASSERT_EQ(executable->placement().ops.size(), 1u);
  EXPECT_EQ(executable->placement().ops[0].kernel, kCompiled);
  EXPECT_THAT(executable->placement().ops[0].got, HasSubstr("edgetpu"));
  EXPECT_THAT(StrictViolations(executable->placement()), IsEmpty());
}

TEST(EdgeTpu, TheFirstCallIsMadeWhileTheModelIsPrepared) {
  static const DynamicLibrary plugin = DynamicLibrary::Open("test plugin", {TEST_EDGETPU_PLUGIN});
  const auto calls = plugin.Symbol<int (*)()>("consort_test_calls");
  const int before = calls();
  const auto executable = OpenTpu("edgetpu:0")->Compile(TfLite(CustomTfLite(kCompiled)), {});
  EXPECT_EQ(calls(), before + 1);
  CallWith(*executable, {1, 2, 3, 4});
  EXPECT_EQ(calls(), before + 2);
}

TEST(EdgeTpu, ExecutesIntegersWithTheirScales) {
  TfLiteWriter writer;
  const int x = writer.Tensor("x", {1, 4}, TfLiteElement::kInt8, {{0.5F}, {-3}});
  const int y = writer.Tensor("y", {1, 4}, TfLiteElement::kInt8, {{0.25F}, {5}});
  writer.Operator(TfLiteOp::kCustom, {x}, {y}, TfLiteOptionsTable::kNone, kCompiled);
  const auto executable = OpenTpu("edgetpu:0/int8")->Compile(TfLite(writer.Finish({x}, {y})), {});
  ASSERT_EQ(executable->signature().inputs[0].spec.quantization, (Quantization{{0.5F}, {-3}}));
  const auto binding = std::make_shared<Binding>(executable->signature());
  Buffer input = Buffer::Allocate(executable->signature().inputs[0].spec);
  const std::vector<int8_t> values = {-3, -1, 0, 100};
  std::copy(values.begin(), values.end(), input.as<int8_t>().begin());
  binding->SetInput(0, std::move(input));
  consort::Run(*executable, binding);
  // 0, 1, 1.5 and 51.5, doubled, in quarters from 5 on.
  EXPECT_THAT(binding->output(0).as<int8_t>(), ElementsAre(5, 13, 17, 127));
  EXPECT_THAT(StrictViolations(executable->placement()), IsEmpty());
}

TEST(EdgeTpu, WhatTheCompilerLeftIsElsewhere) {
  TfLiteWriter writer;
  const int x = writer.Tensor("x", {1, 4}, TfLiteElement::kFloat32);
  const int middle = writer.Tensor("middle", {1, 4}, TfLiteElement::kFloat32);
  const int y = writer.Tensor("y", {1, 4}, TfLiteElement::kFloat32);
  writer.Operator(TfLiteOp::kCustom, {x}, {middle}, TfLiteOptionsTable::kNone, kCompiled);
  writer.Operator(TfLiteOp::kAdd, {middle, middle}, {y}, TfLiteOptionsTable::kAdd);
  const std::string bytes = writer.Finish({x}, {y});
  for (const Optimization optimization : {Optimization::kNone, Optimization::kFull}) {
    const auto executable = OpenTpu("edgetpu")->Compile(TfLite(bytes), {.optimization = optimization});
    EXPECT_THAT(CallWith(*executable, {1, 2, 3, 4}), ElementsAre(4, 8, 12, 16));
    const Placement& placement = executable->placement();
    ASSERT_EQ(placement.ops.size(), 2u);
    EXPECT_EQ(placement.ops[0].state, PlacementState::kAsAsked);
    EXPECT_EQ(placement.ops[1].state, PlacementState::kElsewhere);
    EXPECT_THAT(placement.ops[1].why, HasSubstr("on the CPU"));
  }
}

TEST(EdgeTpu, AModelThatIsNotCompiledIsRefused) {
  EXPECT_THAT(ErrorOf([] { OpenTpu("edgetpu")->Compile(TfLite(AddMulTfLite()), {}); }),
              Pair(ErrorCode::kUnsupported, AllOf(HasSubstr("edgetpu_compiler"), HasSubstr("cpu@litert"))));
}

TEST(EdgeTpu, UnitsAreCheckedAndListed) {
  EXPECT_THAT(OpenTpu("edgetpu:pci:0")->info().name, HasSubstr("/dev/apex_test"));
  EXPECT_THAT(OpenTpu("edgetpu:1")->info().resource, HasSubstr("/dev/apex_test"));
  EXPECT_THAT(ErrorOf([] { OpenTpu("edgetpu:2"); }), Pair(ErrorCode::kUnsupported, HasSubstr("apex_test")));
  EXPECT_EQ(ErrorOf([] { OpenTpu("edgetpu:usb:1"); }).first, ErrorCode::kUnsupported);
  for (const char* wrong : {"edgetpu:x", "edgetpu:usb:", "edgetpu:usb:x", "edgetpu:-1"}) {
    EXPECT_EQ(ErrorOf([&] { OpenTpu(wrong); }).first, ErrorCode::kInvalidArgument) << wrong;
  }
  EXPECT_EQ(ErrorOf([] { OpenTpu("edgetpu/fp32"); }).first, ErrorCode::kUnsupported);
}

TEST(EdgeTpu, OneWithoutANumberIsTheFirstThatIsTold) {
  EXPECT_EQ(OpenTpu("edgetpu")->info().resource, OpenTpu("edgetpu:0")->info().resource);
  EXPECT_EQ(OpenTpu("edgetpu:pci")->info().resource, OpenTpu("edgetpu:1")->info().resource);
}

TEST(EdgeTpuPlugin, AMissingFileAndOneWithoutEntryPointsAreNamed) {
  EXPECT_THAT(ErrorOf([] { OpenTpu("edgetpu", "/no/such/libedgetpu.so.1"); }),
              Pair(ErrorCode::kUnsupported, AllOf(HasSubstr("/no/such/libedgetpu.so.1"), HasSubstr("libedgetpu1-std"))));
  EXPECT_THAT(ErrorOf([] { OpenTpu("edgetpu", "libz.so.1"); }),
              Pair(ErrorCode::kUnsupported, HasSubstr("tflite_plugin_create_delegate")));
}

TEST(EdgeTpuPlugin, ARefusalIsAnErrorInThePluginsWords) {
  const std::shared_ptr<Device> device = OpenTpu("edgetpu");
  const auto compile = [&] { device->Compile(TfLite(CustomTfLite(kCompiled)), {}); };
  {
    const Misbehaviour none("null");
    EXPECT_THAT(ErrorOf(compile), Pair(ErrorCode::kUnsupported, HasSubstr("no firmware")));
  }
  {
    const Misbehaviour refuses("refuse");
    EXPECT_THAT(ErrorOf(compile), Pair(ErrorCode::kUnsupported, HasSubstr("another chip")));
  }
  {
    const Misbehaviour claims_nothing("idle");
    EXPECT_THAT(ErrorOf(compile), Pair(ErrorCode::kUnsupported, HasSubstr(kCompiled)));
  }
  compile();  // and the device still works
}

TEST(EdgeTpuPlugin, GetsTheUnitAndTheRuntimesOwnOptions) {
  const Misbehaviour none("null");
  const auto told = [](const std::string& target, const CompileOptions& options) {
    return ErrorOf([&] { OpenTpu(target)->Compile(TfLite(CustomTfLite(kCompiled)), options); });
  };
  EXPECT_THAT(told("edgetpu:pci:0", {}).second, HasSubstr("device=:1"));
  EXPECT_THAT(told("edgetpu:1", {}).second, HasSubstr("device=:1"));
  // The runtime heeds them for a numbered unit only.
  EXPECT_THAT(told("edgetpu", {.engine_options = {{"Performance", "Low"}}}).second,
              HasSubstr("device=:0; Performance=Low"));
  EXPECT_THAT(told("edgetpu", {.engine_options = {{"performance", "Low"}}}),
              Pair(ErrorCode::kInvalidArgument, HasSubstr("Usb.AlwaysDfu")));
}

TEST(EdgeTpuPlugin, ACallThatFailsIsALostDevice) {
  const auto executable = OpenTpu("edgetpu")->Compile(TfLite(CustomTfLite(kCompiled)), {});
  const Misbehaviour fails("fail");
  EXPECT_THAT(ErrorOf([&] { CallWith(*executable, {1, 2, 3, 4}); }),
              Pair(ErrorCode::kDeviceLost, HasSubstr("pulled out")));
}

TEST(EdgeTpuPlugin, AHangEndsAtTheDeadlineAndTheDeviceIsGivenUp) {
  const std::shared_ptr<Device> device = OpenTpu("edgetpu");
  const auto compile = [&] { device->Compile(TfLite(CustomTfLite(kCompiled)), {}); };
  {
    const Misbehaviour hangs("hang");
    EXPECT_THAT(ErrorOf(compile), Pair(ErrorCode::kTimeout, HasSubstr("no answer within")));
  }
  EXPECT_THAT(ErrorOf(compile), Pair(ErrorCode::kDeviceLost, HasSubstr("hung before")));
}

TEST(EdgeTpuPlugin, OpeningEndsAtTheDeadlineToo) {
  const Misbehaviour hangs("hang-list");
  EXPECT_THAT(ErrorOf([] { OpenTpu("edgetpu"); }), Pair(ErrorCode::kTimeout, HasSubstr("no answer within")));
}

TEST(EdgeTpu, IsFoundMissingWithTheRemedy) {
  const std::vector<DeviceFinding> findings = litert::FindEdgeTpus();
  ASSERT_FALSE(findings.empty());
  if (findings[0].usable) GTEST_SKIP() << "this machine has an Edge TPU";
  EXPECT_EQ(findings[0].info.target.device, "edgetpu");
  EXPECT_THAT(findings[0].problem, ::testing::Not(IsEmpty()));
}

}  // namespace
}  // namespace consort::test
