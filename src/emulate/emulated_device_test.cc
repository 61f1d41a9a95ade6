#include "emulate/emulated_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "backends/null/null_backend.h"
#include "base/clock_thread.h"
#include "consort/backend.h"
#include "consort/emulation.h"
#include "consort/error.h"
#include "emulate/virtual_clock.h"
#include "model/test_models.h"

namespace consort {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr TimeNs kMs = 1'000'000;

// A millisecond for each thousand input elements, and one for the call.
class LinearCost : public CostModel {
 public:
  Estimate Cost(const WorkList& works, const CostQuery& query) const override {
    Estimate estimate{.latency_s = 1e-3 + 1e-6 * static_cast<double>(works.inputs), .low = 0.8, .high = 1.25};
    estimate.input_bytes = 500;
    estimate.host_s = 0.25e-3;
    estimate.works.resize(works.works.size());
    if (query.precision == Precision::kInt8) estimate.notes.emplace_back("assumed int8");
    return estimate;
  }
};

// y = 2x, slowly by the clock it is given.
class DoubleProgram : public Program {
 public:
  DoubleProgram(Signature signature, Clock& clock, TimeNs takes_ns)
      : signature_(std::move(signature)), clock_(clock), takes_ns_(takes_ns) {}
  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  void Invoke(Binding& binding) override {
    clock_.SleepUntil(clock_.NowNs() + takes_ns_);
    if (binding.output(0).empty()) binding.ProvideOutput(0, Buffer::Allocate(binding.input(0).spec()));
    const auto x = binding.input(0).as<float>();
    const auto y = binding.output(0).as<float>();
    for (size_t i = 0; i < x.size(); ++i) y[i] = 2 * x[i];
  }

 private:
  Signature signature_;
  Placement placement_;
  Clock& clock_;
  TimeNs takes_ns_;
};

// A host that takes `takes_ns` by `clock`.
class DoubleDevice : public Device {
 public:
  DoubleDevice(Clock& clock, TimeNs takes_ns) : clock_(clock), takes_ns_(takes_ns) {
    info_.target = Target::Parse("cpu@double");
    info_.engine = "a test";
    info_.spaces = {MemorySpace{}};
  }
  const DeviceInfo& info() const override { return info_; }
  std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) override {
    const auto null = MakeNullBackend()->Open(Target::Parse("null@null"), {})->Compile(artifact, {});
    return MakeExecutable(std::make_shared<DoubleProgram>(null->signature(), clock_, takes_ns_),
                          {.execution = options.execution});
  }
  Buffer Allocate(const TensorSpec& spec, MemorySpace) override { return Buffer::Allocate(spec); }

 private:
  DeviceInfo info_;
  Clock& clock_;
  TimeNs takes_ns_;
};

PlatformDevice TestDevice() {
  PlatformDevice device;
  device.name = "chip";
  device.summary = "a chip";
  device.resource = "socket";
  device.precisions = {Precision::kFp32, Precision::kInt8};
  device.cost.model = "linear";
  return device;
}

EmulatedDeviceOptions OptionsWith(Clock& clock, TimeNs host_ns = 0) {
  return {.target = Target::Parse("emulated:chip@double"),
          .platform = "board",
          .device = TestDevice(),
          .cost = std::make_shared<LinearCost>(),
          .host = std::make_shared<DoubleDevice>(clock, host_ns),
          .clock = &clock};
}

// x[dims] → Identity → y[dims].
Artifact Copy(const std::vector<std::string>& dims) {
  onnx::ModelProto model = test::EmptyModel("copy");
  test::GraphWriter writer(model.mutable_graph());
  writer.Input("x", dims).Output("y", dims);
  writer.Node("Identity", {"x"}, {"y"});
  return Artifact(Model::Parse(test::AsBytes(test::Bytes(model)), "copy.onnx"));
}

std::shared_ptr<Binding> Bound(const Executable& executable, const Shape& shape, float value = 3) {
  auto binding = std::make_shared<Binding>(executable.signature());
  Buffer input = Buffer::Allocate({DataType::kFloat32, shape});
  for (float& element : input.as<float>()) element = value;
  binding->SetInput(0, std::move(input));
  return binding;
}

EmulationReport ReportOf(const Executable& executable) {
  const Emulated* emulated = AsEmulated(executable);
  EXPECT_NE(emulated, nullptr);
  return emulated == nullptr ? EmulationReport{} : emulated->emulation();
}

// Of the device in integers: what is 2x on the host is 0 there.
EmulatedDeviceOptions WithIntegers(Clock& clock, DeviceKind kind) {
  EmulatedDeviceOptions options = OptionsWith(clock);
  options.device.kind = kind;
  options.integers = [](const Model& model, Device&, const CompileOptions& compile, const OpenOptions&) {
    const auto null = MakeNullBackend()->Open(Target::Parse("null@null"), {});
    return IntegerNumbers{null->Compile(Artifact(model), compile), "zeros, in int8"};
  };
  return options;
}

TEST(EmulatedDevice, AnEdgeTpusNumbersAreThoseOfTheIntegerForm) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDevice device(WithIntegers(clock, DeviceKind::kEdgeTpu));
  EXPECT_TRUE(DoesQuantizeItself(device));
  const auto executable = device.Compile(Copy({"4"}), {});
  EXPECT_EQ(ReportOf(*executable).numbers, "zeros, in int8");
  const auto binding = Bound(*executable, {4});
  consort::Run(*executable, binding);
  EXPECT_THAT(binding->output(0).as<float>(), ElementsAre(0, 0, 0, 0));
}

TEST(EmulatedDevice, OthersComputeInFloatOnTheHost) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDevice device(WithIntegers(clock, DeviceKind::kNpu));
  EXPECT_FALSE(DoesQuantizeItself(device));
  EXPECT_EQ(ReportOf(*device.Compile(Copy({"4"}), {})).numbers, "cpu@double, in fp32");
}

TEST(EmulatedDevice, SaysWhatItIs) {
  VirtualClock clock;
  const EmulatedDevice device(OptionsWith(clock));
  const DeviceInfo& info = device.info();
  EXPECT_EQ(info.provenance, Provenance::kEmulated);
  EXPECT_EQ(ToString(info.provenance), "emulated");
  EXPECT_THAT(info.name, HasSubstr("emulated board.chip"));
  EXPECT_THAT(info.engine, AllOf(HasSubstr("cost model linear"), HasSubstr("a test")));
  EXPECT_EQ(info.resource, "emulated:board.socket");
}

TEST(EmulatedDevice, NumbersComeFromTheHostAndTimeFromTheModel) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDevice device(OptionsWith(clock));
  const auto executable = device.Compile(Copy({"1000"}), {});
  const auto binding = Bound(*executable, {1000});
  for (int call = 1; call <= 3; ++call) {
    binding->input(0).as<float>()[7] = static_cast<float>(call);
    consort::Run(*executable, binding);
    EXPECT_EQ(binding->output(0).as<float>()[7], 2.0f * static_cast<float>(call));
    EXPECT_EQ(clock.NowNs(), call * 2 * kMs);
  }
  const EmulationReport report = ReportOf(*executable);
  EXPECT_DOUBLE_EQ(report.modelled_s, 2e-3);
  EXPECT_EQ(report.calls, 3);
  EXPECT_EQ(report.overruns, 0);
  EXPECT_EQ(report.low, 0.8);
  EXPECT_EQ(report.high, 1.25);
  EXPECT_EQ(DescribeOverruns(report), "");
}

TEST(EmulatedDevice, HostTimeByTheSameClockIsPartOfTheCall) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDevice device(OptionsWith(clock, 1'500'000));
  const auto executable = device.Compile(Copy({"1000"}), {});
  consort::Run(*executable, Bound(*executable, {1000}));
  EXPECT_EQ(clock.NowNs(), 2 * kMs);
  EXPECT_EQ(ReportOf(*executable).overruns, 0);
}

TEST(EmulatedDevice, ASlowHostIsAnOverrun) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDevice device(OptionsWith(clock, 7 * kMs));
  const auto executable = device.Compile(Copy({"1000"}), {});
  const auto binding = Bound(*executable, {1000});
  consort::Run(*executable, binding);
  EXPECT_EQ(binding->output(0).as<float>()[0], 6) << "its numbers are right all the same";
  const EmulationReport report = ReportOf(*executable);
  EXPECT_EQ(report.overruns, 1);
  EXPECT_EQ(report.longest_host_ns, 7 * kMs);
  EXPECT_THAT(DescribeOverruns(report), AllOf(HasSubstr("1 of 1 calls"), HasSubstr("7 ms"), HasSubstr("@null")));
}

TEST(EmulatedDevice, WithoutNumbersAHostThatIsLateIsAnOverrunAllTheSame) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDeviceOptions options = OptionsWith(clock, 7 * kMs);
  options.exact = false;
  EmulatedDevice device(std::move(options));
  const auto executable = device.Compile(Copy({"1000"}), {});
  consort::Run(*executable, Bound(*executable, {1000}));
  const EmulationReport report = ReportOf(*executable);
  EXPECT_EQ(report.overruns, 1);
  EXPECT_THAT(report.numbers, HasSubstr("none"));
  EXPECT_THAT(DescribeOverruns(report), ::testing::Not(HasSubstr("@null")));
}

TEST(EmulatedDevice, OpenAxesAreModelledByTheShapesOfTheCall) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDevice device(OptionsWith(clock));
  const auto executable = device.Compile(Copy({"n", "500"}), {});
  TimeNs before = clock.NowNs();
  for (const int64_t n : {4, 2, 4}) {
    consort::Run(*executable, Bound(*executable, {n, 500}));
    EXPECT_EQ(clock.NowNs() - before, kMs + n * kMs / 2);
    before = clock.NowNs();
  }
}

TEST(EmulatedDevice, CallersThatShareAResourceShareTime) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDeviceOptions options = OptionsWith(clock);
  options.resource = std::make_shared<ResourceTime>();
  EmulatedDevice one(options), two(options);
  const auto first = one.Compile(Copy({"1000"}), {});
  const auto second = two.Compile(Copy({"1000"}), {});
  ClockThread other(clock, "other", ThreadRole::kDriver, [&] { consort::Run(*second, Bound(*second, {1000})); });
  consort::Run(*first, Bound(*first, {1000}));
  other.Join();
  EXPECT_EQ(clock.NowNs(), 4 * kMs);
}

TEST(EmulatedDevice, CallersOfTwoResourcesDoNot) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDevice one(OptionsWith(clock)), two(OptionsWith(clock));
  const auto first = one.Compile(Copy({"1000"}), {});
  const auto second = two.Compile(Copy({"1000"}), {});
  ClockThread other(clock, "other", ThreadRole::kDriver, [&] { consort::Run(*second, Bound(*second, {1000})); });
  consort::Run(*first, Bound(*first, {1000}));
  other.Join();
  EXPECT_EQ(clock.NowNs(), 2 * kMs);
}

// Ends of two calls that are made at once and share one thing besides their devices.
std::pair<TimeNs, TimeNs> EndsWhenSharing(const SharedResource& shared) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDeviceOptions options = OptionsWith(clock);
  options.shared.push_back(shared);
  EmulatedDevice one(options), two(options);
  const auto first = one.Compile(Copy({"1000"}), {});
  const auto second = two.Compile(Copy({"1000"}), {});
  std::pair<TimeNs, TimeNs> ends;
  ClockThread other(clock, "other", ThreadRole::kDriver, [&] {
    consort::Run(*second, Bound(*second, {1000}));
    ends.second = clock.NowNs();
  });
  consort::Run(*first, Bound(*first, {1000}));
  ends.first = clock.NowNs();
  other.Join();
  return ends;
}

// Half a millisecond of each call's two is spent on the link: the second call's transfer waits for the first one's.
TEST(EmulatedDevice, DevicesOnOneLinkWaitForEachOther) {
  const Link link{.name = "usb", .bandwidth = {.value = 1e6}, .bandwidth_back = {.value = 1e6}};
  EXPECT_EQ(EndsWhenSharing({std::make_shared<ResourceTime>(), link}), std::pair(2 * kMs, 2 * kMs + kMs / 2));
}

TEST(EmulatedDevice, WhatRunsOnTheCpuBesideItTakesTurns) {
  EXPECT_EQ(EndsWhenSharing({std::make_shared<ResourceTime>(), std::nullopt}), std::pair(2 * kMs, 2 * kMs + kMs / 4));
}

TEST(EmulatedDevice, AnEdgeTpuTakesTheSamplesOfACallOneByOne) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  for (const DeviceKind kind : {DeviceKind::kGpu, DeviceKind::kEdgeTpu}) {
    EmulatedDeviceOptions options = OptionsWith(clock);
    options.device.kind = kind;
    EmulatedDevice device(options);
    for (const std::vector<std::string>& dims : {std::vector<std::string>{"4", "500"}, {"n", "500"}}) {
      const auto executable = device.Compile(Copy(dims), {});
      const TimeNs before = clock.NowNs();
      consort::Run(*executable, Bound(*executable, {4, 500}));
      // One millisecond for the call, or for each of its samples, and half a one for each sample's elements.
      EXPECT_EQ(clock.NowNs() - before, kind == DeviceKind::kEdgeTpu ? 4 * (kMs + kMs / 2) : kMs + 4 * kMs / 2);
      EXPECT_DOUBLE_EQ(ReportOf(*executable).modelled_s, 1e-9 * static_cast<double>(clock.NowNs() - before));
      EXPECT_EQ(executable->placement().ops.size(), 1u);
    }
  }
}

// Ends of a thousand calls.
std::vector<TimeNs> JitteredEnds(double jitter, uint64_t seed) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDeviceOptions options = OptionsWith(clock);
  options.jitter = jitter;
  options.jitter_seed = seed;
  EmulatedDevice device(std::move(options));
  const auto executable = device.Compile(Copy({"1000"}), {});
  std::vector<TimeNs> ends;
  for (int call = 0; call < 1'000; ++call) {
    consort::Run(*executable, Bound(*executable, {1000}));
    ends.push_back(clock.NowNs());
  }
  return ends;
}

TEST(EmulatedDevice, JitterIsSeededAndKeepsTheMean) {
  const std::vector<TimeNs> ends = JitteredEnds(0.2, 1);
  EXPECT_EQ(ends, JitteredEnds(0.2, 1));
  EXPECT_NE(ends, JitteredEnds(0.2, 2));
  EXPECT_NE(ends[1] - ends[0], ends[2] - ends[1]);
  // The mean of a thousand is known to 0.2 / sqrt(1000) = 0.6 %.
  EXPECT_NEAR(static_cast<double>(ends.back()) / 1'000, 2e6, 0.025 * 2e6);
  EXPECT_EQ(JitteredEnds(0, 1).back(), 2'000 * kMs);
}

TEST(EmulatedDevice, DeadlinesPassInModelledTime) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDevice device(OptionsWith(clock));
  const auto executable = device.Compile(Copy({"9000"}), {.execution = Execution::kWorker});
  Completion completion = executable->Start(Bound(*executable, {9000}));
  EXPECT_FALSE(completion.WaitUntil(3 * kMs));
  EXPECT_EQ(clock.NowNs(), 3 * kMs);
  completion.Wait();
  EXPECT_EQ(clock.NowNs(), 10 * kMs);
}

TEST(EmulatedDevice, CancellingEndsTheWait) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDevice device(OptionsWith(clock));
  const auto executable = device.Compile(Copy({"9000"}), {.execution = Execution::kWorker});
  Completion completion = executable->Start(Bound(*executable, {9000}));
  clock.SleepUntil(2 * kMs);
  completion.Cancel();
  EXPECT_THAT([&] { completion.Wait(); }, ThrowsMessage<Error>(HasSubstr("cancelled")));
  EXPECT_EQ(clock.NowNs(), 2 * kMs);
}

TEST(EmulatedDevice, AnOverdueCallDoesNotOutliveItsExecutable) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDevice device(OptionsWith(clock));
  auto executable = device.Compile(Copy({"9000"}), {.execution = Execution::kWorker});
  Completion completion = executable->Start(Bound(*executable, {9000}));
  EXPECT_FALSE(completion.WaitUntil(3 * kMs));
  executable.reset();
  EXPECT_TRUE(completion.done());
  EXPECT_EQ(clock.NowNs(), 3 * kMs);
}

TEST(EmulatedDevice, AnOutputThatIsTakenAwayIsNotWrittenAgain) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDevice device(OptionsWith(clock));
  const auto executable = device.Compile(Copy({"4"}), {});
  const auto binding = Bound(*executable, {4});
  consort::Run(*executable, binding);
  Buffer taken = std::move(binding->output(0));
  binding->ProvideOutput(0, Buffer());
  binding->input(0).as<float>()[0] = 50;
  consort::Run(*executable, binding);
  EXPECT_THAT(taken.as<float>(), testing::Each(6.0f));
  EXPECT_EQ(binding->output(0).as<float>()[0], 100);
}

TEST(EmulatedDevice, OutputsAreTheHostsOwnMemory) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EmulatedDevice device(OptionsWith(clock));
  const auto executable = device.Compile(Copy({"4"}), {});
  const auto binding = Bound(*executable, {4});
  float values[4] = {};
  binding->SetOutput(0, Buffer::Borrow({DataType::kFloat32, {4}}, values));
  consort::Run(*executable, binding);
  EXPECT_THAT(values, testing::Each(6.0f));
}

TEST(EmulatedDevice, WeightsBeyondTheMemoryAreRefused) {
  VirtualClock clock;
  EmulatedDeviceOptions options = OptionsWith(clock);
  options.device.memory.value = 1000;
  const Artifact artifact(Model::Parse(test::AsBytes(test::MatMulModel(1, 20, 20)), "matmul.onnx"));
  try {
    EmulatedDevice(options).Compile(artifact, {});
    ADD_FAILURE() << "1600 B fit into 1000";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("emulated:chip"), HasSubstr("1.6 KiB"), HasSubstr("1000 B")));
  }
  options.target.precision = Precision::kInt8;
  EXPECT_NO_THROW(EmulatedDevice(options).Compile(artifact, {})) << "400 B fit";
}

TEST(EmulatedDevice, MissingOpsAreNamed) {
  VirtualClock clock;
  EmulatedDeviceOptions options = OptionsWith(clock);
  options.device.missing_ops = {"Softmax", "Identity"};
  EXPECT_THAT([&] { EmulatedDevice(options).Compile(Copy({"4"}), {}); },
              ThrowsMessage<Error>(AllOf(HasSubstr("no Identity"), HasSubstr("missing_ops"))));
}

TEST(EmulatedDevice, APrecisionThatItLacksIsRefused) {
  VirtualClock clock;
  EmulatedDeviceOptions options = OptionsWith(clock);
  options.target.precision = Precision::kBf16;
  EXPECT_THAT([&] { EmulatedDevice device(options); }, ThrowsMessage<Error>(HasSubstr("fp32, int8 only")));
}

TEST(EmulatedDevice, PlacementSaysThatItIsEmulated) {
  VirtualClock clock;
  EmulatedDeviceOptions options = OptionsWith(clock);
  options.target.precision = Precision::kInt8;
  const auto executable = EmulatedDevice(options).Compile(Copy({"4"}), {});
  const Placement& placement = executable->placement();
  EXPECT_THAT(placement.evidence, AllOf(HasSubstr("emulated: numbers from cpu@double"),
                                        HasSubstr("time from cost model linear"), HasSubstr("assumed int8")));
  ASSERT_EQ(placement.ops.size(), 1u);
  EXPECT_EQ(placement.ops[0].asked, "emulated:chip/int8");
  EXPECT_THAT(placement.ops[0].why, HasSubstr("emulated"));
}

}  // namespace
}  // namespace consort
