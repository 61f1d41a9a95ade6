#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "platform/platform.h"
#include "platform/test_support.h"

namespace consort {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Refusal(const std::string& assignment) {
  Platform platform = ParseText(kValidPlatform);
  return MessageOf(ErrorCode::kInvalidArgument, [&] { platform.Set(assignment); });
}

TEST(Set, ChangesAFigureAndItsSource) {
  Platform platform = ParseText(kValidPlatform);
  platform.Set("chip.cost.call_overhead=1 ms");
  platform.Set("chip.power.active=90W");
  platform.Set("chip.power.idle=1W");
  platform.Set("chip.memory=1GiB");
  platform.Set("chip.cost.compute_efficiency=0.8");
  const PlatformDevice& chip = platform.device("chip");
  EXPECT_EQ(chip.cost.parameters.at("call_overhead").value, 1e-3);
  EXPECT_EQ(chip.cost.parameters.at("call_overhead").source, "set by the user");
  EXPECT_EQ(chip.active_power.value, 90);
  EXPECT_EQ(chip.idle_power.value, 1);
  EXPECT_EQ(chip.memory.value, 1073741824);
  EXPECT_EQ(chip.cost.parameters.at("compute_efficiency").value, 0.8);
}

TEST(Set, GivesWhatTheFileLeftOut) {
  Platform platform = ParseText(kValidPlatform);
  platform.Set("chip.cost.peak_fp32=3TFLOPS");
  EXPECT_EQ(platform.device("chip").cost.parameters.at("peak_fp32").value, 3e12);
}

TEST(Set, BandwidthHoldsForBothWaysUnlessTheyDiffer) {
  Platform platform = ParseText(kValidPlatform);
  platform.Set("chip.link.bandwidth=24GB/s");
  EXPECT_EQ(platform.link("usb").bandwidth.value, 2.4e10);
  EXPECT_EQ(platform.link("usb").bandwidth_back.value, 2.4e10);
  platform.Set("chip.link.bandwidth_back=1GB/s");
  platform.Set("usb.bandwidth=2GB/s");
  EXPECT_EQ(platform.link("usb").bandwidth.value, 2e9);
  EXPECT_EQ(platform.link("usb").bandwidth_back.value, 1e9);
  platform.Set("usb.latency=1us");
  EXPECT_DOUBLE_EQ(platform.link("usb").latency.value, 1e-6);
}

TEST(Set, NamesMayHoldDots) {
  Platform platform = ParseText(Replaced(kValidPlatform, "name = \"chip\"", "name = \"xeon-2.2ghz\""));
  platform.Set("xeon-2.2ghz.power.active=90W");
  EXPECT_EQ(platform.device("xeon-2.2ghz").active_power.value, 90);
}

TEST(Set, TheLongestNameIsMeant) {
  Platform platform =
      ParseText(Replaced(kValidPlatform, "name = \"usb\"", "name = \"chip.power\"\n")
                    .replace(std::string(kValidPlatform).find("link = \"usb\"") + 8, 12, "link = \"chip.power\""));
  platform.Set("chip.power.latency=2us");
  EXPECT_DOUBLE_EQ(platform.link("chip.power").latency.value, 2e-6);
}

TEST(Set, ErrorsNameTheWayOut) {
  EXPECT_THAT(Refusal("chip.memory"), HasSubstr("is not KEY=VALUE, such as"));
  EXPECT_THAT(Refusal("chop.memory=1 GB"), AllOf(HasSubstr("begins with no device or link"),
                                                 HasSubstr("did you mean 'chip'?"), HasSubstr("there are chip, usb")));
  EXPECT_THAT(Refusal("chip.cost.peak_fp23=1 TFLOPS"),
              AllOf(HasSubstr("'chip' has no figure 'cost.peak_fp23'"), HasSubstr("did you mean 'cost.peak_fp32'?")));
  EXPECT_THAT(Refusal("chip.speed=1"), HasSubstr("there are memory, power.idle, power.active, cost.peak_fp32"));
  EXPECT_THAT(Refusal("chip.link.bandwidth=300"),
              AllOf(HasSubstr("chip.link.bandwidth: '300' has no unit"), HasSubstr("as in '300 MB/s'")));
  EXPECT_THAT(Refusal("chip.link.bandwidth=0 MB/s"), HasSubstr("above zero"));
  EXPECT_THAT(Refusal("usb.memory=1 GB"), HasSubstr("there are bandwidth, bandwidth_back, latency"));
  EXPECT_THAT(Refusal("=1 GB"), HasSubstr("begins with no device or link"));
  EXPECT_THAT(Refusal("chip=1 GB"), HasSubstr("begins with no device or link"));
}

TEST(Set, ADeviceInHostMemoryHasNoLink) {
  Platform platform = ParseText(Replaced(kValidPlatform, "link = \"usb\"\n", ""));
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { platform.Set("chip.link.bandwidth=1 GB/s"); }),
              HasSubstr("'chip' has no figure 'link.bandwidth'"));
}

}  // namespace
}  // namespace consort
