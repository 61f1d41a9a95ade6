// Refusals, threads, deadlines, lifetimes, placement.
#include <gmock/gmock.h>

#include <algorithm>

#include "conformance/conformance.h"
#include "model/test_models.h"

namespace consort::test {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

CONFORMANCE(TwoExecutablesComputeAtOnce) {
  const auto one = device.Compile(ConvReluModel());
  const auto two = device.Compile(TwoInputModel());
  const auto compute = [](Executable& executable) {
    const auto binding = BoundToRamps(executable);
    Run(executable, binding);
    const std::string first = BytesOf(binding->output(0));
    for (int call = 0; call < 50; ++call) {
      Run(executable, binding);
      EXPECT_EQ(BytesOf(binding->output(0)), first);
    }
  };
  auto other = std::async(std::launch::async, [&] { compute(*one); });
  compute(*two);
  other.get();
}

CONFORMANCE(TwoBindingsShareAnExecutable) {
  for (const Execution execution : {Execution::kCaller, Execution::kWorker}) {
    const auto executable = device.Compile(TwoInputModel(), {.execution = execution, .max_in_flight = 2});
    const auto expected = [&](float start) {
      const auto binding = BoundToRamps(*executable, start);
      Run(*executable, binding);
      return BytesOf(binding->output(1));
    };
    const std::string first = expected(1);
    const std::string second = expected(9);
    const auto compute = [&](float start, const std::string& right) {
      const auto binding = BoundToRamps(*executable, start);
      for (int call = 0; call < 50; ++call) {
        Run(*executable, binding);
        EXPECT_EQ(BytesOf(binding->output(1)), right);
      }
    };
    auto other = std::async(std::launch::async, [&] { compute(1, first); });
    compute(9, second);
    other.get();
  }
}

CONFORMANCE(ABindingInFlightIsRefused) {
  const auto executable = device.Compile(TwoInputModel());
  const auto binding = BoundToRamps(*executable);
  binding->Begin();
  EXPECT_THAT(ErrorOf([&] { executable->Start(binding); }).what(), HasSubstr("in flight"));
  EXPECT_EQ(ErrorOf([&] { binding->SetInput(0, Ramp({1, 4}, 0, 0)); }).code(), ErrorCode::kInvalidArgument);
  binding->Finish(nullptr);
  EXPECT_NO_THROW(Run(*executable, binding));
}

CONFORMANCE(AMissingInputIsNamed) {
  const auto executable = device.Compile(TwoInputModel());
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Ramp({1, 4}, 0, 0));
  const Error error = ErrorOf([&] { executable->Start(binding); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("'b'"));
}

CONFORMANCE(AWrongTensorIsNamed) {
  const auto executable = device.Compile(TwoInputModel());
  Binding binding(executable->signature());
  const Error shape = ErrorOf([&] { binding.SetInput(1, Ramp({1, 5}, 0, 0)); });
  EXPECT_EQ(shape.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(shape.what(), AllOf(HasSubstr("'b'"), HasSubstr("float32 1x4"), HasSubstr("float32 1x5")));
  const Error dtype = ErrorOf([&] { binding.SetInput(1, Buffer::Allocate({DataType::kInt32, {1, 4}})); });
  EXPECT_THAT(dtype.what(), AllOf(HasSubstr("'b'"), HasSubstr("int32 1x4")));
  EXPECT_THAT(ErrorOf([&] { binding.SetOutput(0, Ramp({4}, 0, 0)); }).what(), HasSubstr("'sum'"));
}

CONFORMANCE(AnotherKindOfArtifactIsRefused) {
  const Artifact blob(ArtifactKind::kBlob, "blob", std::make_shared<const std::string>("nonsense"));
  EXPECT_EQ(ErrorOf([&] { device.device().Compile(blob, {}); }).code(), ErrorCode::kUnsupported);
}

CONFORMANCE(AnUnknownOpIsAnErrorThatNamesIt) {
  const Error error = ErrorOf([&] { device.Compile(CustomOpModel()); });
  EXPECT_THAT(error.code(), testing::AnyOf(ErrorCode::kUnsupported, ErrorCode::kInvalidModel));
  const std::string message = error.what();
  EXPECT_THAT(message, HasSubstr("example.custom"));
  EXPECT_LE(message.size(), 2000u);
  EXPECT_LE(std::count(message.begin(), message.end(), '\n'), 3);
}

CONFORMANCE(AnUnknownEngineOptionIsRefused) {
  const CompileOptions options = {.engine_options = {{"no.such.option", "1"}}};
  EXPECT_THAT(ErrorOf([&] { device.Compile(TwoInputModel(), options); }).what(), HasSubstr("no.such.option"));
}

CONFORMANCE(MemoryOfADeviceThatIsNotThereIsRefused) {
  const MemorySpace far = {.kind = MemorySpace::Kind::kDevice, .device_index = 77};
  EXPECT_EQ(ErrorOf([&] { device.device().Allocate({DataType::kFloat32, {1}}, far); }).code(), ErrorCode::kUnsupported);
}

CONFORMANCE(EveryListedMemorySpaceCanBeBound) {
  const auto executable = device.Compile(TwoInputModel());
  for (const MemorySpace& space : device.device().info().spaces) {
    const auto binding = BoundToRamps(*executable);
    Buffer input = device.device().Allocate(executable->signature().inputs[0].spec, space);
    EXPECT_EQ(input.space(), space);
    if (!space.host_readable()) continue;
    std::fill_n(input.as<float>().data(), 4, 5.0f);
    binding->SetInput(0, input.Share());
    binding->SetOutput(0, device.device().Allocate(executable->signature().outputs[0].spec, space));
    Run(*executable, binding);
    const auto host = BoundToRamps(*executable);
    host->SetInput(0, Ramp({1, 4}, 5, 0));
    Run(*executable, host);
    EXPECT_EQ(BytesOf(binding->output(0)), BytesOf(host->output(0)));
  }
}

CONFORMANCE(ACancelledCallThatWaitsIsNotRun) {
  GateClock clock;
  const auto gated = device.Open(&clock);
  const auto executable =
      gated->Compile(device.ArtifactOf(TwoInputModel()), {.execution = Execution::kWorker, .max_in_flight = 2});
  clock.AwaitWorker();
  const auto kept = BoundToRamps(*executable);
  const auto cancelled = BoundToRamps(*executable);
  Completion first = executable->Start(kept);
  Completion second = executable->Start(cancelled);
  second.Cancel();
  EXPECT_FALSE(first.done());
  clock.Release();
  EXPECT_EQ(ErrorOf([&] { second.Wait(); }).code(), ErrorCode::kCancelled);
  EXPECT_NO_THROW(first.Wait()) << "only the other call was cancelled";
  EXPECT_NO_THROW(Run(*executable, cancelled)) << "the binding can be used again";
}

CONFORMANCE(MoreCallsThanAskedForAreRefused) {
  GateClock clock;
  const auto gated = device.Open(&clock);
  const auto executable =
      gated->Compile(device.ArtifactOf(TwoInputModel()), {.execution = Execution::kWorker, .max_in_flight = 2});
  clock.AwaitWorker();
  Completion first = executable->Start(BoundToRamps(*executable));
  Completion second = executable->Start(BoundToRamps(*executable));
  const auto third = BoundToRamps(*executable);
  EXPECT_EQ(ErrorOf([&] { executable->Start(third); }).code(), ErrorCode::kInvalidArgument);
  clock.Release();
  first.Wait();
  second.Wait();
  EXPECT_NO_THROW(Run(*executable, third));
}

CONFORMANCE(TheCallersThreadIsLeftAsItWas) {
  const CoreSet before = CoreSet::OfThread(0);
  const auto executable = device.Compile(ConvReluModel());
  Run(*executable, BoundToRamps(*executable));
  EXPECT_EQ(CoreSet::OfThread(0), before);
}

CONFORMANCE(AnExecutableOutlivesItsDevice) {
  const auto executable = device.Compile(TwoInputModel());
  const auto binding = BoundToRamps(*executable);
  Run(*executable, binding);
  const std::string before = BytesOf(binding->output(0));
  device.Close();
  Run(*executable, binding);
  EXPECT_EQ(BytesOf(binding->output(0)), before);
}

CONFORMANCE(ABindingOutlivesItsExecutable) {
  auto executable = device.Compile(TwoInputModel());
  const auto binding = BoundToRamps(*executable);
  Run(*executable, binding);
  const std::string before = BytesOf(binding->output(0));
  executable.reset();
  EXPECT_EQ(BytesOf(binding->output(0)), before);
  device.Close();
  EXPECT_EQ(BytesOf(binding->output(0)), before);
}

CONFORMANCE(ABindingServesExecutablesInTurn) {
  const auto one = device.Compile(TwoInputModel());
  const auto two = device.Compile(TwoInputModel());
  const auto binding = BoundToRamps(*one);
  Run(*one, binding);
  const std::string expected = BytesOf(binding->output(0));
  for (int round = 0; round < 3; ++round) {
    Run(*two, binding);
    EXPECT_EQ(BytesOf(binding->output(0)), expected);
    Run(*one, binding);
    EXPECT_EQ(BytesOf(binding->output(0)), expected);
  }
}

// One entry for each op of the source model, in its order, each with a reason.
void ExpectPlaced(DeviceUnderTest& device, const std::string& bytes) {
  const auto executable = device.Compile(bytes);
  const Graph graph = Model::Parse(AsBytes(bytes), "test.onnx").graph();
  const Placement& placement = executable->placement();
  EXPECT_FALSE(placement.evidence.empty());
  if (device.TakesOnnx()) {
    ASSERT_EQ(placement.ops.size(), graph.ops().size());
  }
  for (size_t i = 0; i < placement.ops.size(); ++i) {
    const OpPlacement& op = placement.ops[i];
    EXPECT_EQ(op.op, static_cast<int>(i));
    if (device.TakesOnnx()) {
      EXPECT_EQ(op.name, graph.ops()[i].name);
      EXPECT_EQ(op.type, graph.ops()[i].type);
      EXPECT_THAT(op.asked, HasSubstr("/fp32")) << op.name;  // a .tflite file holds its own precision
    }
    EXPECT_NE(op.state, PlacementState::kUnknown) << op.name << ": " << op.why;
    EXPECT_NE(op.state, PlacementState::kElsewhere) << op.name << ": " << op.got << ", " << op.why;
    EXPECT_THAT(op.asked, StartsWith(device.target().device)) << op.name;
    EXPECT_FALSE(op.why.empty()) << op.name;
  }
}

CONFORMANCE(EveryOpSaysWhereItRan) {
  for (const std::string& bytes : {ConvReluModel(), ChainModel(4), TwoInputModel(), MatMulModel(2, 5, 3)}) {
    ExpectPlaced(device, bytes);
  }
  if (device.TakesOnnx()) ExpectPlaced(device, SkipModel());
}

CONFORMANCE(PlacementThatWasNotAskedForIsUnknown) {
  const auto executable = device.Compile(ChainModel(4), {.prove_placement = false});
  ASSERT_EQ(executable->placement().ops.size(), 4u);
  EXPECT_EQ(executable->placement().Count(PlacementState::kUnknown), 4);
  EXPECT_EQ(StrictViolations(executable->placement()).size(), 4u);
}

}  // namespace consort::test
