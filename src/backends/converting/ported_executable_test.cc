#include "backends/converting/ported_executable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "device/native_ports.h"

namespace consort {
namespace {

using ::testing::ElementsAre;

const TensorSpec kImage{DataType::kInt8, {1, 1, 3, 2}, Layout::kNhwc, {{0.5F}, {1}}};

// y = the bytes of x plus one.
class PlusOne : public Program {
 public:
  PlusOne() {
    signature_.inputs = {{"x", kImage, {}}};
    signature_.outputs = {{"y", kImage, {}}};
  }
  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  void Invoke(Binding& binding) override {
    if (binding.output(0).empty()) binding.ProvideOutput(0, Buffer::Allocate(kImage));
    for (size_t i = 0; i < 6; ++i)
      binding.output(0).as<int8_t>()[i] = static_cast<int8_t>(binding.input(0).as<int8_t>()[i] + 1);
  }

 private:
  Signature signature_;
  Placement placement_;
};

Signature FloatPorts(Shape output = {1, 2, 1, 3}) {
  return {.inputs = {{"x", {DataType::kFloat32, {1, 2, 1, 3}}, {}}},
          .outputs = {{"y", {DataType::kFloat32, std::move(output)}, {}}}};
}

std::unique_ptr<Executable> Ported(Execution execution = Execution::kCaller) {
  return MakePorted(MakeExecutable(std::make_shared<PlusOne>(), {}), FloatPorts(), {}, {.execution = execution});
}

Buffer Floats(const std::vector<float>& values) {
  Buffer buffer = Buffer::Allocate(FloatPorts().inputs[0].spec);
  std::copy(values.begin(), values.end(), buffer.as<float>().begin());
  return buffer;
}

TEST(Ported, CallsTakeAndGiveTheModelsTensors) {
  for (const Execution execution : {Execution::kCaller, Execution::kWorker}) {
    const auto executable = Ported(execution);
    const auto binding = std::make_shared<Binding>(executable->signature());
    binding->SetInput(0, Floats({0, 1, 2, -3, -4, -5}));
    consort::Run(*executable, binding);
    EXPECT_THAT(binding->output(0).as<float>(), ElementsAre(0.5, 1.5, 2.5, -2.5, -3.5, -4.5));
    binding->SetInput(0, Floats({1, 1, 1, 1, 1, 50}));
    consort::Run(*executable, binding);
    EXPECT_THAT(binding->output(0).as<float>(), ElementsAre(1.5, 1.5, 1.5, 1.5, 1.5, 50.5));
  }
}

TEST(Ported, OutputsOfTheCallersAreWrittenWhereTheyAre) {
  const auto executable = Ported();
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Floats({0, 0, 0, 0, 0, 0}));
  Buffer mine = Floats({9, 9, 9, 9, 9, 9});
  binding->SetOutput(0, mine.Share());
  consort::Run(*executable, binding);
  EXPECT_THAT(mine.as<float>(), ElementsAre(0.5, 0.5, 0.5, 0.5, 0.5, 0.5));
}

TEST(Ported, TheDevicesOwnPortsCanBeHad) {
  const std::shared_ptr<Executable> native = NativeOf(*Ported());
  ASSERT_NE(native, nullptr);
  EXPECT_EQ(native->signature().inputs[0].spec, kImage);
  EXPECT_EQ(NativeOf(*native), nullptr);
}

TEST(Ported, PortsOfOtherSizesAreRefused) {
  EXPECT_THROW(MakePorted(MakeExecutable(std::make_shared<PlusOne>(), {}), FloatPorts({1, 2, 1, 4}), {}, {}), Error);
}

}  // namespace
}  // namespace consort
