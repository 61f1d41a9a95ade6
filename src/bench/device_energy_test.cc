#include "bench/device_energy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/null/null_backend.h"
#include "bench/bench.h"
#include "io/random_input.h"
#include "model/test_models.h"

namespace consort {
namespace {

using ::testing::HasSubstr;

// Uses a joule whenever it is read.
class SteadyMeter : public EnergyMeter {
 public:
  const std::string& name() const override { return name_; }
  double ReadJoules() override { return ++joules_; }

 private:
  std::string name_ = "steady";
  double joules_ = 0;
};

BenchRow Measured(BenchOptions options) {
  Registry registry;
  registry.Add(MakeNullBackend());
  options.meter.queries = 40;
  options.meter.patience = 1;
  options.loads = 2;
  options.advice = false;
  const std::string bytes = test::ConvReluModel();
  const LoadedModel model{Artifact(Model::Parse(test::AsBytes(bytes), "conv.onnx")), 1, 1};
  return MeasureRow(registry, registry.Resolve(Target::Parse("null")), model, options, SeededInputs(0));
}

TEST(DeviceEnergyTest, ARowHasTheEnergyOfItsBlocks) {
  BenchOptions options;
  options.energy_meter = [](const DeviceInfo& device) {
    EXPECT_EQ(device.target.device, "null");
    return FoundMeter{std::make_unique<SteadyMeter>(), ""};
  };
  const BenchRow row = Measured(options);
  const MeterSummary& measured = row.measured;
  ASSERT_TRUE(row.energy.joules_per_inference) << row.energy.source;
  // One joule per block, discarded ones too.
  const int blocks = measured.clean_blocks + measured.discarded_blocks;
  EXPECT_DOUBLE_EQ(*row.energy.joules_per_inference, blocks / static_cast<double>(measured.everything.count()));
  EXPECT_EQ(row.energy.source, "steady");
}

TEST(DeviceEnergyTest, WithoutACounterTheStatedPowerCountsAndIsSaidToBeNoMeasurement) {
  BenchOptions options;
  options.energy_meter = [](const DeviceInfo&) { return FoundMeter{nullptr, "no counter"}; };
  EXPECT_EQ(Measured(options).energy.source, "not known: no counter");
  options.watts = 35;
  const BenchRow row = Measured(options);
  ASSERT_TRUE(row.energy.joules_per_inference);
  EXPECT_DOUBLE_EQ(*row.energy.joules_per_inference, 35 / row.measured.throughput.estimate);
  EXPECT_EQ(row.energy.source, "modelled: 35 W, as stated, × busy time");
}

TEST(DeviceEnergyTest, EmulatedDevicesUseWhatTheirModelSays) {
  const EmulationReport emulation{.cost_model = "edgetpu of coral-usb3", .modelled_s = 0.5, .modelled_joules = 3};
  EXPECT_EQ(ModelledEnergy(emulation, 4).joules_per_inference, 0.75);
  EXPECT_EQ(ModelledEnergy(emulation, 4).source, "modelled: active power × busy time, edgetpu of coral-usb3");
  EXPECT_THAT(ModelledEnergy({.cost_model = "roofline of x"}, 1).source,
              HasSubstr("not known: the platform gives no power for roofline of x"));
}

TEST(DeviceEnergyTest, APlanHasTheCountersOfItsDevicesOnceAndNoneBesideEmulatedOnes) {
  Plan plan{.stages = {{.replicas = {{.target = Target::Parse("npu:0")}}}}};
  EXPECT_THAT(EnergyMeterOfPlan(plan).why_not, HasSubstr("'npu'"));
  plan.stages.push_back({.replicas = {{.target = Target::Parse("emulated:gtx1650")}}});
  plan.stages.front().replicas.front().target = Target::Parse("cpu@openvino");
  EXPECT_THAT(EnergyMeterOfPlan(plan).why_not, HasSubstr("has emulated devices"));
}

TEST(DeviceEnergyTest, OnlyDevicesOfThisMachineHaveCounters) {
  DeviceInfo device{.target = Target::Parse("npu:0"), .provenance = Provenance::kMeasured};
  EXPECT_THAT(EnergyMeterFor(device).why_not, HasSubstr("no counter is known for devices 'npu'"));
  device.provenance = Provenance::kEmulated;
  device.target = Target::Parse("cpu");
  EXPECT_EQ(EnergyMeterFor(device).why_not, "the device is emulated");
}

}  // namespace
}  // namespace consort
