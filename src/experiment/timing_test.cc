#include "experiment/timing.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cost/simulation.h"

namespace consort::experiment {
namespace {

TEST(TimingTest, EmulatedCallsTakeWhatTheCostModelSays) {
  Testbed testbed({.platform = "seed"});
  const Network network{"lenet", {.batch = 4}};
  for (const TestDevice& device : testbed.devices()) {
    const CallTiming timing = TimeCalls(testbed, device, network, {.trials = 3});
    ASSERT_EQ(timing.refused, "") << device.name;
    EXPECT_EQ(timing.provenance, Provenance::kEmulated);
    EXPECT_EQ(timing.trials, 3);
    const Model batch_4 = testbed.StructureOf(network);
    const Model batch_1 = testbed.StructureOf({"lenet", {.batch = 1}});
    const auto graph = [&](int64_t batch) -> const Graph& { return (batch == 4 ? batch_4 : batch_1).graph(); };
    const Simulated simulated = Simulate(*testbed.platform(), *device.described, graph, {.batch = 4});
    EXPECT_NEAR(timing.mean_s, simulated.latency_s(), 1e-8) << device.name;
    EXPECT_NEAR(timing.joules, simulated.joules(), 1e-12) << device.name;
    EXPECT_LT(timing.low_s, timing.mean_s);
    EXPECT_GT(timing.high_s, timing.mean_s);
  }
}

TEST(TimingTest, LoadingTheWeightsCostsTime) {
  Testbed testbed({.platform = "seed", .devices = {"coral-usb3"}});
  const Network network{"matvec", {.side = 1024}};
  const TestDevice& device = testbed.devices().front();
  const double resident = TimeCalls(testbed, device, network).mean_s;
  const double loaded = TimeCalls(testbed, device, network, {.weights = Weights::kLoadedByCall}).mean_s;
  EXPECT_GT(loaded, resident + 1e6 / 440e6 / 2);  // a byte for each of 2^20 weights over USB 3
}

TEST(TimingTest, JitterSpreadsCallsTheSameWayEveryTime) {
  const Network network{"lenet", {}};
  const auto run = [&network] {
    Testbed testbed({.platform = "seed", .devices = {"gtx1650"}, .jitter = 0.1});
    return ToJson(TimeCalls(testbed, testbed.devices().front(), network)).dump();
  };
  EXPECT_EQ(run(), run());
  Testbed testbed({.platform = "seed", .devices = {"gtx1650"}, .jitter = 0.1});
  const CallTiming timing = TimeCalls(testbed, testbed.devices().front(), network);
  EXPECT_LT(timing.least_s, timing.median_s);
  EXPECT_LT(timing.median_s, timing.p99_s);
}

TEST(TimingTest, WhatADeviceCannotRunIsRefusedWithTheReason) {
  Testbed testbed({.platform = "seed", .settings = {"gtx1650.memory=1MiB"}, .devices = {"gtx1650"}});
  const CallTiming timing = TimeCalls(testbed, testbed.devices().front(), {"seed-alexnet", {}});
  EXPECT_NE(timing.refused.find("memory"), std::string::npos) << timing.refused;
  EXPECT_EQ(ToJson(timing).size(), 2);
}

TEST(TimingTest, NumbersThatAreNotKnownAreNull) {
  EXPECT_TRUE(NumberOrNull(std::nan("")).is_null());
  EXPECT_EQ(NumberOrNull(1.5), 1.5);
}

}  // namespace
}  // namespace consort::experiment
