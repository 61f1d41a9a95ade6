#include "emulate/device_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cost/cost_model.h"
#include "emulate/virtual_clock.h"
#include "platform/platform.h"

namespace consort {
namespace {

NamedDevice Of(const std::string& platform, const std::string& device) {
  auto loaded = std::make_shared<const Platform>(LoadPlatform(platform, BuiltinCostSchemas()));
  return {loaded, &loaded->device(device)};
}

EmulatedDeviceOptions Options(const NamedDevice& named, Clock& clock, ResourceTimes& times) {
  return OptionsOf(named, {.device = "emulated", .unit = named.device->name, .backend = "null"}, clock, times);
}

TEST(OptionsOf, DevicesAtAHubShareItsLinkAlone) {
  VirtualClock clock;
  ResourceTimes times;
  const EmulatedDeviceOptions a = Options(Of("coral-x4-hub", "coral-0"), clock, times);
  const EmulatedDeviceOptions b = Options(Of("coral-x4-hub", "coral-1"), clock, times);
  ASSERT_EQ(a.shared.size(), 1u);
  ASSERT_TRUE(a.shared[0].link.has_value());
  EXPECT_EQ(a.shared[0].link->name, "hub");
  ASSERT_EQ(b.shared.size(), 1u);
  EXPECT_EQ(a.shared[0].time, b.shared[0].time);
  EXPECT_NE(a.resource, b.resource);
  EXPECT_TRUE(Options(Of("coral-x4", "coral-0"), clock, times).shared.empty());
}

TEST(OptionsOf, AnEdgeTpuSharesTheCpuThatRunsWhatItCannot) {
  VirtualClock clock;
  ResourceTimes times;
  const EmulatedDeviceOptions cpu = Options(Of("seed", "xeon-2.2ghz"), clock, times);
  const EmulatedDeviceOptions tpu = Options(Of("seed", "coral-usb3"), clock, times);
  ASSERT_EQ(tpu.shared.size(), 1u);
  EXPECT_FALSE(tpu.shared[0].link.has_value());
  EXPECT_EQ(tpu.shared[0].time, cpu.resource);
  EXPECT_TRUE(cpu.shared.empty());
  EXPECT_TRUE(Options(Of("seed", "gtx1650"), clock, times).shared.empty());
}

TEST(OptionsOf, TheCostModelKeepsThePlatform) {
  VirtualClock clock;
  ResourceTimes times;
  const EmulatedDeviceOptions options = Options(Of("coral-usb3", "coral-usb3"), clock, times);
  ASSERT_NE(options.cost, nullptr);
  EXPECT_EQ(options.platform, "coral-usb3");
  WorkList works;
  works.input_bytes = works.inputs = 1000;
  EXPECT_GT(options.cost->Cost(works, {}).latency_s, 0);
  EXPECT_EQ(options.clock, &clock);
}

}  // namespace
}  // namespace consort
