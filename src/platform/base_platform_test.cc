// `base`: devices and links that are taken from another platform.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "platform/parse_platform.h"
#include "platform/test_support.h"

namespace consort {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kHead[] = "name = \"mine\"\nsummary = \"Mine\"\n";
constexpr char kLoop[] = "name = \"loop\"\nsummary = \"s\"\n[[device]]\nname = \"x\"\nbase = \"back\"\n";
constexpr char kBack[] = "name = \"back\"\nsummary = \"s\"\n[[device]]\nname = \"x\"\nbase = \"loop\"\n";
constexpr char kTwo[] =
    "name = \"two\"\nsummary = \"s\"\n[[device]]\nname = \"x\"\nbase = \"bench\"\n[[device]]\nname = \"y\"\nbase = "
    "\"bench\"\n";

// "bench" is the valid platform of the tests; "two" has two devices made of it; "loop" and "back" take from each other.
Platform Parse(const std::string& text) {
  static const ShippedFile kFiles[] = {{"back", kBack}, {"bench", kValidPlatform}, {"loop", kLoop}, {"two", kTwo}};
  return ParsePlatformWith(text, "mine.toml", TestSchemas(), kFiles, {});
}

std::string Refusal(const std::string& tables) {
  return MessageOf(ErrorCode::kInvalidModel, [&] { Parse(kHead + tables); });
}

TEST(Base, GivesADeviceWithTheLinksOnItsWay) {
  const Platform platform = Parse(std::string(kHead) + "[[device]]\nname = \"a\"\nbase = \"bench\"\n");
  const PlatformDevice& device = platform.device("a");
  EXPECT_EQ(device.kind, DeviceKind::kNpu);
  EXPECT_EQ(device.resource, "a");
  EXPECT_EQ(device.cost.parameters.at("peak_int8").source, "datasheet");
  ASSERT_EQ(platform.PathTo(device).size(), 1u);
  EXPECT_EQ(platform.link("usb").bandwidth.value, 4.4e8);
}

TEST(Base, KeysBesideItOverride) {
  const Platform platform = Parse(
      std::string(kHead) +
      "[[device]]\nname = \"a\"\nbase = \"bench/chip\"\nkind = \"gpu\"\nprecisions = [\"fp32\"]\nmissing_ops = []\n"
      "[device.power]\nactive = { value = \"3 W\", source = \"mine\" }\n"
      "[device.cost]\ncall_overhead = { value = \"1 ms\", source = \"mine\" }\n");
  const PlatformDevice& device = platform.device("a");
  EXPECT_EQ(device.kind, DeviceKind::kGpu);
  EXPECT_THAT(device.precisions, ElementsAre(Precision::kFp32));
  EXPECT_TRUE(device.missing_ops.empty());
  EXPECT_EQ(device.summary, "A chip");
  EXPECT_EQ(device.idle_power.source, "datasheet");
  EXPECT_EQ(device.active_power.source, "mine");
  EXPECT_EQ(device.cost.parameters.at("call_overhead").value, 1e-3);
  EXPECT_EQ(device.cost.parameters.at("peak_int8").value, 4e12);
}

TEST(Base, AnotherCostModelStartsWithoutFigures) {
  const std::string tables =
      "[[device]]\nname = \"a\"\nbase = \"bench\"\n[device.cost]\nmodel = \"replay\"\n"
      "[[device.cost.row]]\nsource = \"s\"\nmacs = 1\ntime = \"1 ms\"\n";
  const Platform platform = Parse(kHead + tables);
  EXPECT_EQ(platform.device("a").cost.model, "replay");
  EXPECT_TRUE(platform.device("a").cost.parameters.empty());
  EXPECT_EQ(platform.device("a").cost.rows.size(), 1u);
}

TEST(Base, ALinkOfItsOwnReplacesTheBases) {
  const Platform platform =
      Parse(std::string(kHead) +
            "[[link]]\nname = \"slow\"\nbase = \"bench/usb\"\nbandwidth = { value = \"1 MB/s\", source = \"mine\" }\n"
            "[[device]]\nname = \"a\"\nbase = \"bench\"\nlink = \"slow\"\n");
  ASSERT_EQ(platform.links.size(), 1u);
  EXPECT_EQ(platform.link("slow").bandwidth.value, 1e6);
  EXPECT_EQ(platform.link("slow").bandwidth_back.value, 1e6);
  EXPECT_DOUBLE_EQ(platform.link("slow").latency.value, 1e-5);
}

TEST(Base, TwoDevicesOfOneBaseShareItsLinkButNotItsHardware) {
  const Platform platform = Parse(
      std::string(kHead) + "[[device]]\nname = \"a\"\nbase = \"bench\"\n[[device]]\nname = \"b\"\nbase = \"bench\"\n");
  EXPECT_EQ(platform.links.size(), 1u);
  EXPECT_EQ(platform.device("a").link, platform.device("b").link);
  EXPECT_NE(platform.device("a").resource, platform.device("b").resource);
}

TEST(Base, ABaseCanHaveABase) {
  const Platform platform = Parse(std::string(kHead) + "[[device]]\nname = \"a\"\nbase = \"two/y\"\n");
  EXPECT_EQ(platform.device("a").cost.parameters.at("peak_int8").value, 4e12);
}

TEST(Base, UnknownPlatform) {
  EXPECT_THAT(Refusal("[[device]]\nname = \"a\"\nbase = \"bank\"\n"),
              AllOf(StartsWith("mine.toml:5: "), HasSubstr("no shipped platform is called 'bank'"),
                    HasSubstr("did you mean 'back'?")));
  EXPECT_THAT(Refusal("[[device]]\nname = \"a\"\nbase = \"/etc/passwd\"\n"),
              HasSubstr("no shipped platform is called ''"));
}

TEST(Base, UnknownDevice) {
  EXPECT_THAT(Refusal("[[device]]\nname = \"a\"\nbase = \"bench/chap\"\n"),
              AllOf(StartsWith("mine.toml:5: "), HasSubstr("platform 'bench' has no device 'chap'"),
                    HasSubstr("with one of chip")));
}

TEST(Base, ADeviceOfSeveralMustBeNamed) {
  EXPECT_THAT(Refusal("[[device]]\nname = \"a\"\nbase = \"two\"\n"),
              AllOf(StartsWith("mine.toml:5: "), HasSubstr("several devices"),
                    HasSubstr("base = \"two/NAME\" with one of x, y")));
}

TEST(Base, ThatHangsOnItself) {
  EXPECT_THAT(
      Refusal("[[device]]\nname = \"a\"\nbase = \"loop\"\n"),
      AllOf(StartsWith("platforms/back.toml:5: "), HasSubstr("takes from platform 'loop', which takes from this one"),
            HasSubstr("write out the figures")));
}

TEST(Base, ALinkOfTheSameNameIsNotGuessed) {
  EXPECT_THAT(Refusal("[[link]]\nname = \"usb\"\nbase = \"bench\"\n[[device]]\nname = \"a\"\nbase = \"bench\"\n"),
              AllOf(StartsWith("mine.toml:8: "),
                    HasSubstr("brings a link 'usb' from platform 'bench', and there is another of that name (line 4)"),
                    HasSubstr("write link = ")));
  EXPECT_THAT(Refusal("[[device]]\nname = \"a\"\nbase = \"bench\"\n[[device]]\nname = \"b\"\nbase = \"two/x\"\n"),
              AllOf(StartsWith("mine.toml:8: "), HasSubstr("brings a link 'usb' from platform 'two'")));
}

TEST(Base, ErrorsInABaseNameItsFile) {
  static const ShippedFile kFiles[] = {{"broken", "name = \n"}};
  const std::string text = std::string(kHead) + "[[device]]\nname = \"a\"\nbase = \"broken\"\n";
  EXPECT_THAT(
      MessageOf(ErrorCode::kInvalidModel, [&] { ParsePlatformWith(text, "mine.toml", TestSchemas(), kFiles, {}); }),
      StartsWith("platforms/broken.toml:1: not TOML"));
}

}  // namespace
}  // namespace consort
