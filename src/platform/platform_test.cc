#include "platform/platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/test_support.h"

namespace consort {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ParsePlatform, ReadsEveryKey) {
  const Platform platform = ParseText(kValidPlatform);
  EXPECT_EQ(platform.name, "bench");
  EXPECT_EQ(platform.summary, "A machine of the tests");
  ASSERT_EQ(platform.links.size(), 1u);
  EXPECT_EQ(platform.links[0].bandwidth.value, 4.4e8);
  EXPECT_EQ(platform.links[0].bandwidth.source, "measured");
  EXPECT_EQ(platform.links[0].bandwidth_back.value, 4.4e8);
  EXPECT_DOUBLE_EQ(platform.links[0].latency.value, 1e-5);
  const PlatformDevice& chip = platform.device("chip");
  EXPECT_EQ(chip.kind, DeviceKind::kNpu);
  EXPECT_EQ(chip.summary, "A chip");
  EXPECT_EQ(chip.resource, "chip");
  EXPECT_EQ(chip.link, "usb");
  EXPECT_THAT(chip.precisions, ElementsAre(Precision::kInt8, Precision::kFp16));
  EXPECT_THAT(chip.missing_ops, ElementsAre("Loop"));
  EXPECT_DOUBLE_EQ(chip.memory.value, 7.7 * 1024 * 1024);
  EXPECT_EQ(chip.idle_power.value, 0.5);
  EXPECT_EQ(chip.active_power.value, 2);
  EXPECT_EQ(chip.active_power.source, "datasheet");
  EXPECT_EQ(chip.cost.model, "roofline");
  EXPECT_EQ(chip.cost.parameters.at("peak_int8").value, 4e12);
  EXPECT_EQ(chip.cost.parameters.at("compute_efficiency").value, 0.4);
  EXPECT_EQ(chip.cost.parameters.count("peak_fp32"), 0u);
  EXPECT_EQ(chip.cost.schema.parameters.size(), TestSchemas().at("roofline").parameters.size());
  EXPECT_EQ(chip.warning, "");
}

TEST(ParsePlatform, WhatIsNotGivenIsNotLimited) {
  const std::string text = Replaced(kValidPlatform, "memory = { value = \"7.7 MiB\", source = \"datasheet\" }\n", "");
  const Platform platform = ParseText(text);
  EXPECT_EQ(platform.device("chip").memory.value, 0);
  EXPECT_EQ(platform.device("chip").memory.source, "not given: no limit");
}

TEST(ParsePlatform, ATableSourceHoldsForItsOwnFigures) {
  const std::string text = Replaced(kValidPlatform, "idle = { value = \"0.5 W\", source = \"datasheet\" }",
                                    "source = \"of the table\"\nidle = \"0.5 W\"");
  const PlatformDevice chip = ParseText(text).device("chip");
  EXPECT_EQ(chip.idle_power.value, 0.5);
  EXPECT_EQ(chip.idle_power.source, "of the table");
  EXPECT_EQ(chip.active_power.source, "datasheet");
}

TEST(ParsePlatform, TheWayBackCanBeSlower) {
  const std::string text = Replaced(kValidPlatform, "latency = {",
                                    "bandwidth_back = { value = \"300 MB/s\", source = \"measured\" }\nlatency = {");
  const Platform platform = ParseText(text);
  EXPECT_EQ(platform.link("usb").bandwidth.value, 4.4e8);
  EXPECT_EQ(platform.link("usb").bandwidth_back.value, 3e8);
}

constexpr char kReplay[] = R"(
[[device]]
name = "as-published"
kind = "cpu"
summary = "Replays"
precisions = ["fp32"]
warning = "very likely a CPU"
resource = "chip"
[device.power]
idle = { value = "1 W", source = "assumed" }
active = { value = "2 W", source = "assumed" }
[device.cost]
model = "replay"
[[device.cost.row]]
source = "a paper"
macs = 4096
time = "0.0586 ms"
time_with_load = "0.1518 ms"
[[device.cost.row]]
macs = { value = 16384, source = "a paper" }
time = { value = "0.2931 ms", source = "another paper" }
)";

TEST(ParsePlatform, ReadsRows) {
  const Platform platform = ParseText(std::string(kValidPlatform) + kReplay);
  const PlatformDevice& device = platform.device("as-published");
  EXPECT_EQ(device.warning, "very likely a CPU");
  EXPECT_EQ(device.resource, "chip");
  EXPECT_THAT(platform.PathTo(device), IsEmpty());
  ASSERT_EQ(device.cost.rows.size(), 2u);
  EXPECT_EQ(device.cost.rows[0].at("macs").value, 4096);
  EXPECT_EQ(device.cost.rows[0].at("time_with_load").source, "a paper");
  EXPECT_EQ(device.cost.rows[1].at("time").source, "another paper");
  EXPECT_EQ(device.cost.rows[1].count("time_with_load"), 0u);
}

TEST(Platform, PathLeadsFromTheHostToTheDevice) {
  std::string text = Replaced(kValidPlatform, "name = \"usb\"", "name = \"usb\"\nvia = \"hub\"");
  text +=
      "[[link]]\nname = \"hub\"\nbandwidth = { value = \"500 MB/s\", source = \"s\" }\nlatency = { value = \"0 ms\", "
      "source = \"s\" }\n";
  const Platform platform = ParseText(text);
  const auto path = platform.PathTo(platform.device("chip"));
  ASSERT_EQ(path.size(), 2u);
  EXPECT_EQ(path[0]->name, "hub");
  EXPECT_EQ(path[1]->name, "usb");
}

TEST(Platform, UnknownNamesListThoseThereAre) {
  const Platform platform = ParseText(kValidPlatform);
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { (void)platform.device("chop"); }),
              HasSubstr("did you mean 'chip'?"));
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { (void)platform.link("pcie"); }),
              HasSubstr("there are: usb"));
}

TEST(Platform, AHandMadeRingOfLinksEnds) {
  Platform platform;
  platform.links = {{.name = "a", .via = "b"}, {.name = "b", .via = "a"}};
  PlatformDevice device;
  device.link = "a";
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { (void)platform.PathTo(device); }), HasSubstr("'via'"));
}

TEST(Platform, KindsHaveTheNamesOfTheFiles) {
  EXPECT_EQ(ToString(DeviceKind::kCpu), "cpu");
  EXPECT_EQ(ToString(DeviceKind::kGpu), "gpu");
  EXPECT_EQ(ToString(DeviceKind::kEdgeTpu), "edgetpu");
  EXPECT_EQ(ToString(DeviceKind::kNpu), "npu");
}

}  // namespace
}  // namespace consort
