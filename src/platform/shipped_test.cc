// The platforms that come with Consort.
#include "platform/shipped.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "platform/document.h"
#include "platform/platform.h"
#include "platform/test_support.h"

namespace consort {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

Platform Load(const std::string& name) { return LoadPlatform(name, TestSchemas()); }

class Shipped : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Platforms, Shipped, testing::ValuesIn(ShippedPlatforms()), [](const auto& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
});

void ExpectSourced(const Quantity& quantity, const std::string& what) {
  EXPECT_GT(quantity.source.size(), 9u) << what << " says too little of its source";
}

TEST_P(Shipped, IsValidAndEveryFigureHasASource) {
  const Platform platform = Load(GetParam());
  EXPECT_EQ(platform.name, GetParam());
  for (const Link& link : platform.links) {
    ExpectSourced(link.bandwidth, link.name);
    ExpectSourced(link.bandwidth_back, link.name);
    ExpectSourced(link.latency, link.name);
  }
  for (const PlatformDevice& device : platform.devices) {
    ExpectSourced(device.memory, device.name);
    ExpectSourced(device.idle_power, device.name);
    ExpectSourced(device.active_power, device.name);
    for (const auto& [name, figure] : device.cost.parameters) ExpectSourced(figure, device.name + "." + name);
    for (const auto& row : device.cost.rows) {
      for (const auto& [name, figure] : row) ExpectSourced(figure, device.name + " row " + name);
    }
    EXPECT_NO_THROW((void)platform.PathTo(device));
  }
}

// A roofline needs a peak for each precision that the device is said to have.
TEST_P(Shipped, HasAPeakForEveryPrecision) {
  const Platform platform = Load(GetParam());
  for (const PlatformDevice& device : platform.devices) {
    if (device.cost.model != "roofline") continue;
    for (const Precision precision : device.precisions) {
      EXPECT_EQ(device.cost.parameters.count("peak_" + std::string(ToString(precision))), 1u) << device.name;
    }
  }
}

TEST_P(Shipped, IsTheTextOfItsFile) {
  const std::filesystem::path file = std::filesystem::path(CONSORT_SOURCE_DIR) / "platforms" / (GetParam() + ".toml");
  EXPECT_EQ(ShippedPlatformText(GetParam()), ReadFile(file));
}

TEST(ShippedPlatforms, AreThoseOfTheFolder) {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(CONSORT_SOURCE_DIR) / "platforms")) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path().stem());
  }
  std::sort(files.begin(), files.end());
  EXPECT_EQ(ShippedPlatforms(), files);
  EXPECT_THAT(files, IsSupersetOf({"coral-pcie", "coral-usb2", "coral-usb3", "coral-x4", "coral-x4-hub", "gtx1650",
                                   "jetson-nano", "pi-coral", "raspberry-pi-4", "rtx2060", "seed", "seed-as-published",
                                   "shmt", "xeon-2.2ghz"}));
}

TEST(ShippedPlatforms, SeedHasTheConstantsThatAreFixed) {
  const Platform seed = Load("seed");
  const auto& gpu = seed.device("gtx1650").cost.parameters;
  EXPECT_EQ(gpu.at("peak_fp32").value, 2.9e12);
  EXPECT_DOUBLE_EQ(gpu.at("compute_efficiency").value, 0.4);
  EXPECT_EQ(gpu.at("memory_bandwidth").value, 1.28e11);
  EXPECT_DOUBLE_EQ(gpu.at("memory_efficiency").value, 0.7);
  EXPECT_EQ(seed.PathTo(seed.device("gtx1650")).front()->bandwidth.value, 1.2e10);
  const auto& cpu = seed.device("xeon-2.2ghz").cost.parameters;
  EXPECT_EQ(cpu.at("peak_fp32").value, 1.5e11);
  EXPECT_DOUBLE_EQ(cpu.at("compute_efficiency").value, 0.6);
  EXPECT_EQ(cpu.at("memory_bandwidth").value, 2e10);
  EXPECT_EQ(seed.device("coral-usb3").kind, DeviceKind::kEdgeTpu);
}

TEST(ShippedPlatforms, FourCoralsAtPortsOrAtOneBus) {
  const Platform ports = Load("coral-x4");
  const Platform hub = Load("coral-x4-hub");
  std::vector<std::string> first_of_ports, first_of_hub;
  for (const PlatformDevice& device : ports.devices) first_of_ports.push_back(ports.PathTo(device).front()->name);
  for (const PlatformDevice& device : hub.devices) {
    EXPECT_EQ(hub.PathTo(device).size(), 2u);
    first_of_hub.push_back(hub.PathTo(device).front()->name);
  }
  EXPECT_THAT(first_of_ports, ElementsAre("port-0", "port-1", "port-2", "port-3"));
  EXPECT_THAT(first_of_hub, ElementsAre("hub", "hub", "hub", "hub"));
  EXPECT_NE(ports.devices[0].resource, ports.devices[1].resource);
}

TEST(ShippedPlatforms, WhatThePaperPrintsAsEdgeTpuIsNotCalledOne) {
  const Platform platform = Load("seed-as-published");
  const PlatformDevice& device = platform.device("edgetpu-as-published");
  EXPECT_NE(device.kind, DeviceKind::kEdgeTpu);
  EXPECT_THAT(device.warning,
              AllOf(HasSubstr("very likely"), HasSubstr("edgetpu-custom-op"), HasSubstr("USB round trip")));
  ASSERT_EQ(device.cost.rows.size(), 5u);
  EXPECT_DOUBLE_EQ(device.cost.rows[4].at("time").value, 14.0038e-3);
  EXPECT_DOUBLE_EQ(device.cost.rows[0].at("time_with_load").value, 0.1518e-3);
}

TEST(Documentation, ItsExampleIsValid) {
  const std::string page = ReadFile(std::filesystem::path(CONSORT_SOURCE_DIR) / "docs" / "platforms.md");
  const std::string fence = "```toml\n";
  const size_t begin = page.find(fence);
  ASSERT_NE(begin, std::string::npos);
  const std::string example = page.substr(begin + fence.size(), page.find("\n```", begin) - begin - fence.size());
  Platform platform = ParsePlatform(example + "\n", "platforms.md", TestSchemas());
  EXPECT_EQ(platform.PathTo(platform.device("stick")).size(), 2u);
  EXPECT_NO_THROW(platform.Set("gpu.cost.peak_fp16=20TFLOPS"));
  EXPECT_NO_THROW(platform.Set("hub.bandwidth=100MB/s"));
}

TEST(LoadPlatform, ReadsAFileByItsPath) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "bench.toml";
  WriteFile(path, kValidPlatform);
  EXPECT_EQ(Load(path).name, "bench");
  WriteFile(path, "name = \n");
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidModel, [&] { Load(path); }), HasSubstr("bench.toml:1: not TOML"));
  WriteFile(path, std::string(kLargestPlatformFile + 1, ' '));
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidModel, [&] { Load(path); }),
              HasSubstr("bench.toml:1: the file is larger than 1.0 MiB"));
}

TEST(LoadPlatform, AnUnknownNameListsThose) {
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [] { Load("coral-usb4"); }),
              AllOf(HasSubstr("neither a shipped platform nor a file"), HasSubstr("did you mean 'coral-usb"),
                    HasSubstr("gtx1650")));
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [] { (void)ShippedPlatformText("gtx1660"); }),
              AllOf(HasSubstr("is not a shipped platform"), HasSubstr("did you mean 'gtx1650'?")));
}

TEST(LoadPlatform, AFolderIsNoFile) {
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [] { Load("/"); }), HasSubstr("folder"));
}

}  // namespace
}  // namespace consort
