#include "cost/simulation.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "zoo/zoo.h"

namespace consort {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::ThrowsMessage;

Quantity Assumed(double value) { return {value, "assumed: a test"}; }

Link UsbLink(const std::string& name, const std::string& via = "") {
  return {.name = name, .via = via, .bandwidth = Assumed(4e8), .bandwidth_back = Assumed(4e8), .latency = Assumed(0)};
}

PlatformDevice Coral(const std::string& name, const std::string& link) {
  PlatformDevice device{
      .name = name, .kind = DeviceKind::kEdgeTpu, .resource = name, .link = link, .precisions = {Precision::kInt8}};
  device.active_power = Assumed(2);
  device.cost = {.model = "edgetpu",
                 .parameters = {{"clock", Assumed(5e8)},
                                {"parameter_cache", Assumed(7.7e6)},
                                {"activation_rate", Assumed(32)},
                                {"weight_rate", Assumed(12)},
                                {"instruction_bytes", Assumed(5000)},
                                {"round_trip", Assumed(3e-4)},
                                {"error_low", Assumed(0.2)},
                                {"error_high", Assumed(0.3)}}};
  return device;
}

PlatformDevice Cpu() {
  PlatformDevice device{.name = "xeon", .resource = "xeon", .precisions = {Precision::kFp32}};
  device.cost = {.model = "roofline",
                 .parameters = {{"peak_fp32", Assumed(1.5e11)},
                                {"compute_efficiency", Assumed(0.6)},
                                {"memory_bandwidth", Assumed(2e10)},
                                {"call_overhead", Assumed(1e-5)},
                                {"error_low", Assumed(0.5)},
                                {"error_high", Assumed(0.5)}}};
  return device;
}

Platform FourCorals(bool hub) {
  Platform platform{.name = "four"};
  platform.devices.push_back(Cpu());
  if (hub) platform.links.push_back(UsbLink("hub"));
  for (const std::string name : {"a", "b", "c", "d"}) {
    const std::string link = fmt::format("usb-{}", name);
    platform.links.push_back(UsbLink(link, hub ? "hub" : ""));
    platform.devices.push_back(Coral(name, link));
  }
  return platform;
}

TEST(PlatformSweep, NumbersTakeTheUnitOfTheLast) {
  const PlatformSweep sweep = ParsePlatformSweep("gpu.link.bandwidth=12,24GB/s");
  EXPECT_EQ(sweep.path, "gpu.link.bandwidth");
  EXPECT_THAT(sweep.values, ElementsAre("12GB/s", "24GB/s"));
  EXPECT_THAT(ParsePlatformSweep("gpu.cost.compute_efficiency=0.4").values, ElementsAre("0.4"));
  EXPECT_THAT(ParsePlatformSweep("a.b=100kB/s,1 MB/s").values, ElementsAre("100kB/s", "1 MB/s"));
}

TEST(PlatformSweep, OtherTextsAreRefused) {
  for (const char* text : {"", "=1", "a.b", "a.b="}) {
    EXPECT_THAT([&] { ParsePlatformSweep(text); }, ThrowsMessage<Error>(HasSubstr("PATH=VALUE"))) << text;
  }
  EXPECT_THAT([] { ParsePlatformSweep("a.b=1,,2"); }, ThrowsMessage<Error>(HasSubstr("empty value")));
}

TEST(PlatformSweep, CombinesAllValues) {
  EXPECT_THAT(Combinations({}), ElementsAre(IsEmpty()));
  EXPECT_THAT(Combinations({{"a", {"1", "2"}}, {"b", {"3", "4"}}}),
              ElementsAre(ElementsAre(Pair("a", "1"), Pair("b", "3")), ElementsAre(Pair("a", "1"), Pair("b", "4")),
                          ElementsAre(Pair("a", "2"), Pair("b", "3")), ElementsAre(Pair("a", "2"), Pair("b", "4"))));
  EXPECT_THAT([] { Combinations({{"a", {"1"}}, {"a", {"2"}}}); }, ThrowsMessage<Error>(HasSubstr("set twice")));
  const std::vector<std::string> many(101, "1");
  EXPECT_THAT([&] { Combinations({{"a", many}, {"b", many}}); }, ThrowsMessage<Error>(HasSubstr("10000 combinations")));
}

TEST(Simulate, AnEdgeTpuTakesABatchInAsManyCalls) {
  const Platform platform = FourCorals(false);
  const Model one = zoo::Structure("mobilenet-v1", {});
  std::vector<int64_t> asked;
  const auto graph = [&](int64_t batch) -> const Graph& {
    asked.push_back(batch);
    return one.graph();
  };
  const Simulated single = Simulate(platform, platform.device("a"), graph, {});
  const Simulated batch = Simulate(platform, platform.device("a"), graph, {.batch = 8});
  EXPECT_THAT(asked, ElementsAre(1, 1));
  EXPECT_EQ(batch.calls, 8);
  EXPECT_DOUBLE_EQ(batch.latency_s(), 8 * single.latency_s());
  EXPECT_DOUBLE_EQ(batch.throughput_per_s(), single.throughput_per_s());
  EXPECT_DOUBLE_EQ(batch.joules(), single.joules());
  EXPECT_EQ(batch.PerInference(batch.estimate.input_bytes), 3 * 224 * 224);
}

TEST(Simulate, OtherDevicesTakeTheBatchAsOneCall) {
  const Platform platform = FourCorals(false);
  const Model four = zoo::Structure("mobilenet-v1", {.batch = 4});
  const Simulated simulated =
      Simulate(platform, platform.device("xeon"), [&](int64_t) -> const Graph& { return four.graph(); }, {.batch = 4});
  EXPECT_EQ(simulated.calls, 1);
  EXPECT_DOUBLE_EQ(simulated.throughput_per_s(), 4 / simulated.estimate.latency_s);
}

TEST(Simulate, SaysWhyADeviceCannotRunTheModel) {
  Platform platform{.name = "alone", .devices = {Coral("a", "usb-a")}, .links = {UsbLink("usb-a")}};
  const Model model = zoo::Structure("bert-tiny", {});
  const Simulated simulated =
      Simulate(platform, platform.device("a"), [&](int64_t) -> const Graph& { return model.graph(); }, {});
  EXPECT_THAT(simulated.refused, HasSubstr("'a'"));
}

TEST(Simulate, SaysWhatADeviceLacks) {
  Platform platform = FourCorals(false);
  platform.devices.front().missing_ops = {"Softmax", "Clip"};
  const Model model = zoo::Structure("mobilenet-v1", {});
  const Simulated simulated =
      Simulate(platform, platform.device("xeon"), [&](int64_t) -> const Graph& { return model.graph(); }, {});
  EXPECT_THAT(simulated.refused, HasSubstr("'xeon' has no Clip"));
}

TEST(Simulate, SaysThatTheWeightsDoNotFit) {
  Platform platform = FourCorals(false);
  const Model model = zoo::Structure("mobilenet-v1", {});
  const auto refused = [&] {
    return Simulate(platform, platform.device("xeon"), [&](int64_t) -> const Graph& { return model.graph(); }, {})
        .refused;
  };
  platform.devices.front().memory.value = 1e6;
  EXPECT_THAT(refused(), HasSubstr("the weights need"));
  platform.devices.front().memory.value = 1e9;
  EXPECT_EQ(refused(), "");
}

TEST(AlikeDevices, AreTheFirstOfTheLargestGroup) {
  Platform platform = FourCorals(false);
  std::vector<std::string> names;
  for (const PlatformDevice* device : AlikeDevices(platform, 3)) names.push_back(device->name);
  EXPECT_THAT(names, ElementsAre("a", "b", "c"));
  platform.devices[1].cost.parameters["clock"].value = 2.5e8;
  EXPECT_EQ(AlikeDevices(platform, 3).front()->name, "b");
  platform.devices[4].resource = platform.devices[3].resource;
  EXPECT_THAT([&] { AlikeDevices(platform, 3); }, ThrowsMessage<Error>(HasSubstr("'four' has at most 2")));
}

TEST(AlikeDevices, MemoryAndPowerTellDevicesApart) {
  const Platform platform = FourCorals(false);
  const PlatformDevice& a = platform.devices[1];
  EXPECT_TRUE(AreAlike(platform, a, platform.devices[2]));
  for (Quantity PlatformDevice::*figure :
       {&PlatformDevice::memory, &PlatformDevice::idle_power, &PlatformDevice::active_power}) {
    PlatformDevice other = platform.devices[2];
    (other.*figure).value += 1;
    EXPECT_FALSE(AreAlike(platform, a, other));
  }
}

TEST(SharingALink, NamesTheDevicesBehindAHub) {
  const Platform own = FourCorals(false);
  EXPECT_THAT(SharingALink(own, AlikeDevices(own, 4)), IsEmpty());
  const Platform hub = FourCorals(true);
  EXPECT_THAT(SharingALink(hub, AlikeDevices(hub, 3)), ElementsAre(ElementsAre(0, 1, 2)));
}

}  // namespace
}  // namespace consort
