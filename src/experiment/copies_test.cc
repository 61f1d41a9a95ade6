#include "experiment/copies.h"

#include <gtest/gtest.h>

#include "cost/cost_model.h"
#include "cost/simulation.h"
#include "experiment/experiment.h"
#include "experiment/test_support.h"

namespace consort::experiment {
namespace {

Platform Seed() { return LoadPlatform("seed", BuiltinCostSchemas()); }

std::vector<const PlatformDevice*> CopiesIn(const Platform& platform, int count) {
  std::vector<const PlatformDevice*> copies;
  for (int i = 0; i < count; ++i) copies.push_back(&platform.devices.at(static_cast<size_t>(i)));
  return copies;
}

TEST(CopiesTest, AreAlikeAndShareNothing) {
  const Platform seed = Seed();
  const Platform made = CopiesOf(seed, seed.device("coral-usb3"), 3, Wiring::kOwn);
  ASSERT_EQ(made.devices.size(), 4);  // and the CPU
  EXPECT_TRUE(AreAlike(made, made.devices[0], made.devices[2]));
  EXPECT_TRUE(SharingALink(made, CopiesIn(made, 3)).empty());
  EXPECT_EQ(made.devices[2].name, "coral-usb3-3");
}

TEST(CopiesTest, OnAHubShareItsWay) {
  const Platform seed = Seed();
  const Platform made = CopiesOf(seed, seed.device("coral-usb3"), 3, Wiring::kShared);
  EXPECT_EQ(SharingALink(made, CopiesIn(made, 3)), (std::vector<std::vector<int>>{{0, 1, 2}}));
  EXPECT_EQ(made.PathTo(made.devices[1]).size(), 2);
  EXPECT_EQ(made.link("hub").bandwidth.value, made.link("port-1").bandwidth.value);
}

TEST(CopiesTest, InTheHostsMemoryHaveNoLinks) {
  const Platform seed = Seed();
  const Platform made = CopiesOf(seed, seed.device("xeon-2.2ghz"), 2, Wiring::kShared);
  EXPECT_EQ(made.devices.size(), 2);
  EXPECT_TRUE(made.links.empty());
}

TEST(CopiesTest, BedHasTheCopiesInTheirPrecision) {
  const Testbed testbed({.platform = "rtx2060", .devices = {"rtx2060/fp16"}, .seed = 7});
  const auto bed = CopiesBed(testbed, testbed.devices().front(), 2, Wiring::kOwn);
  ASSERT_EQ(bed->devices().size(), 2);
  EXPECT_EQ(bed->devices()[1].name, "rtx2060-2/fp16");
  EXPECT_EQ(bed->devices()[1].precision, Precision::kFp16);
  EXPECT_EQ(bed->seed(), 7);
}

TEST(CopiesTest, JitterIsThatOfTheTestbed) {
  const Experiment& scaling = FindExperiment("scaling");
  const Settings settings(scaling.parameters(), {{"models", "lenet"}, {"counts", "2"}}, true);
  const auto call_ms = [&](double jitter) {
    Testbed testbed({.platform = "seed", .seed = 3, .jitter = jitter});
    return NumberOf(scaling.Run(testbed, settings, scaling.Cells(testbed, settings).front()), "call_ms");
  };
  EXPECT_GT(call_ms(0), 0);
  EXPECT_NE(call_ms(0.3), call_ms(0));
  EXPECT_EQ(call_ms(0.3), call_ms(0.3));
}

TEST(CopiesTest, CoresOfThisMachineEnd) {
  const Testbed testbed({.devices = {"cpu@onnxruntime"}});
  EXPECT_EQ(CopiesBed(testbed, testbed.devices().front(), 1, Wiring::kOwn)->devices().size(), 1);
  EXPECT_ERROR(CopiesBed(testbed, testbed.devices().front(), 4096, Wiring::kOwn), ErrorCode::kInfeasible,
               "4096 of cpu@onnxruntime: there are");
}

}  // namespace
}  // namespace consort::experiment
