#include "experiment/plan_timing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "experiment/roles.h"
#include "experiment/test_support.h"

namespace consort::experiment {
namespace {

using ::testing::ElementsAre;
using ::testing::Throws;

TEST(RolesTest, TheSeedsDevicesAndThoseThatStandForThem) {
  Testbed seed({.platform = "seed"});
  EXPECT_EQ(PairOf(seed, "").a.name, "coral-usb3");
  EXPECT_EQ(PairOf(seed, "").b.name, "gtx1650");
  EXPECT_EQ(PairOf(seed, "gtx1650,xeon-2.2ghz").b.name, "xeon-2.2ghz");
  Testbed published({.platform = "seed-as-published"});
  EXPECT_EQ(PairOf(published, "").a.name, "edgetpu-as-published");
  EXPECT_EQ(PairOf(published, "").b.name, "gtx1650");
  Testbed sticks({.platform = "coral-x4"});
  EXPECT_NE(PairOf(sticks, "").a.name, PairOf(sticks, "").b.name);
  EXPECT_THAT([&] { PairOf(seed, "gtx1650"); }, Throws<Error>());
  EXPECT_THAT([&] { PairOf(seed, "gtx1650,gtx1650"); }, Throws<Error>());
  EXPECT_THAT([&] { PairOf(seed, "gtx1650,coral"); }, Throws<Error>());
  Testbed alone({.platform = "coral-usb3"});
  EXPECT_THAT([&] { PairOf(alone, ""); }, Throws<Error>());
}

TEST(RolesTest, RealDevicesPlayThePartsOfTheirKinds) {
  const std::vector<TestDevice> devices = {{.name = "cpu@onnxruntime", .kind = "cpu"},
                                           {.name = "cuda:0@onnxruntime", .kind = "gpu"},
                                           {.name = "npu:0@openvino", .kind = "npu"},
                                           {.name = "edgetpu:0@tflite", .kind = "edgetpu"}};
  EXPECT_EQ(UsualPair(devices).a.name, "edgetpu:0@tflite");
  EXPECT_EQ(UsualPair(devices).b.name, "cuda:0@onnxruntime");
  EXPECT_EQ(UsualPair({devices[0], devices[1]}).b.name, "cuda:0@onnxruntime");
}

TEST(RolesTest, DevicesOfTwoPlatformsAreRefused) {
  Testbed apart({.devices = {"gtx1650", "coral-usb3"}});
  EXPECT_ERROR(PairOf(apart, ""), ErrorCode::kInvalidArgument, "--platform gives one that has both");
  EXPECT_ERROR(DevicesFor(apart, "", 3), ErrorCode::kInvalidArgument, "coral-usb3");
  Testbed mixed({.platform = "seed", .devices = {"rtx2060", "coral-usb3"}});
  EXPECT_ERROR(PairOf(mixed, ""), ErrorCode::kInvalidArgument, "of platform rtx2060");
}

TEST(DividedNetworkTest, DevicesOfOneShippedPlatformNeedNoPlatformGiven) {
  Testbed testbed({.devices = {"rtx2060", "rtx2060/fp16"}});
  const Pair pair = PairOf(testbed, "");
  DividedNetwork network(testbed, {"seed-cnn", {}}, {pair.a, pair.b});
  EXPECT_TRUE(network.PlanOf({{"", {{0}}}}).evaluation);
}

TEST(RolesTest, SamplesAreSharedInTheSeedsOrder) {
  Testbed seed({.platform = "seed"});
  std::vector<std::string> names;
  for (const TestDevice& device : DevicesFor(seed, "", 3)) names.push_back(device.name);
  EXPECT_THAT(names, ElementsAre("xeon-2.2ghz", "gtx1650", "coral-usb3"));
}

TEST(PlanTimingTest, ASessionTakesWhatTheCostModelsSay) {
  Testbed testbed({.platform = "seed"});
  const Pair pair = PairOf(testbed, "");
  DividedNetwork network(testbed, {"seed-cnn", {.batch = 4}}, {pair.a, pair.b});
  const Planned planned = network.PlanOf({{"", {{1}}}, {network.FirstOp("block2/"), {{0}}}});
  ASSERT_TRUE(planned.evaluation);
  EXPECT_EQ(network.Describe(planned.plan), "gtx1650 > coral-usb3");
  const PlanTiming timing = TimePlan(network, planned);
  EXPECT_EQ(timing.provenance, Provenance::kEmulated);
  EXPECT_NEAR(timing.call_s, planned.evaluation->prediction.latency_s, 1e-6);
  EXPECT_NEAR(timing.SumOfCalls(), timing.call_s, 1e-6);
  // Both at once: the slower one sets the pace.
  EXPECT_NEAR(timing.between_s, timing.SlowestCall(), 0.02 * timing.SlowestCall());
  EXPECT_GT(timing.joules, 0);
}

TEST(PlanTimingTest, WhatIsTooLargeForMemoryIsModelled) {
  Testbed testbed({.platform = "seed", .settings = {"gtx1650.memory=64GiB"}});
  const Pair pair = PairOf(testbed, "");
  DividedNetwork network(testbed, {"seed-cnn-large", {.batch = 1024}}, {pair.a, pair.b});
  const Planned planned = network.PlanOf({{"", {{1}}}, {network.FirstOp("block2/"), {{0}}}});
  const PlanTiming timing = TimePlan(network, planned);
  EXPECT_EQ(timing.provenance, Provenance::kModelled);
  EXPECT_DOUBLE_EQ(timing.call_s, planned.evaluation->prediction.latency_s);
}

// A platform's device beside a target of this machine: by the real clock, and yet what is emulated says so.
TEST(PlanTimingTest, APlanOfAMixedTestbedIsWhatItsOwnDevicesAre) {
  Testbed testbed({.platform = "seed", .devices = {"gtx1650", "cpu@onnxruntime"}, .quick = true});
  DividedNetwork network(testbed, {"seed-dense", {.scale = 1, .batch = 2}}, testbed.devices());
  const auto timed = [&network](const Parts& parts) {
    return TimePlan(network, network.PlanOf(parts), {.steady = false, .time_s = 0.1});
  };
  EXPECT_EQ(timed({{"", {{0}}}}).provenance, Provenance::kEmulated);
  EXPECT_EQ(timed({{"", {{1}}}}).provenance, Provenance::kMeasured);
  const PlanTiming both = timed({{"", {{0, 1}, {1, 1}}}});
  EXPECT_EQ(both.provenance, Provenance::kEmulated);
  ASSERT_EQ(both.replicas.size(), 2U);
  EXPECT_GT(both.call_s, 0);
}

TEST(PlanTimingTest, WarningsAreThoseOfThePlansDevices) {
  Testbed testbed({.platform = "seed-as-published"});
  const Pair pair = PairOf(testbed, "");
  DividedNetwork network(testbed, {"seed-dense", {.scale = 1, .batch = 1}}, {pair.a, pair.b});
  EXPECT_EQ(TimePlan(network, network.PlanOf({{"", {{0}}}})).notes.size(), 1U);
  EXPECT_TRUE(TimePlan(network, network.PlanOf({{"", {{1}}}})).notes.empty());
}

TEST(DividedNetworkTest, AnUnknownPartIsRefused) {
  Testbed testbed({.platform = "seed"});
  const Pair pair = PairOf(testbed, "");
  DividedNetwork network(testbed, {"seed-cnn", {}}, {pair.a, pair.b});
  EXPECT_THAT([&] { network.FirstOp("block9/"); }, Throws<Error>());
}

}  // namespace
}  // namespace consort::experiment
