#include "cost/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "zoo/zoo.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(SolveLine, GoesThroughBothPoints) {
  const Calibration line = SolveLine(100, 0.0003, 1e6 + 100, 0.0028);
  EXPECT_DOUBLE_EQ(line.bytes_per_s, 4e8);
  EXPECT_DOUBLE_EQ(line.fixed_s, 0.0003 - 100 / 4e8);
}

TEST(SolveLine, RefusesWhatNoLinkDoes) {
  EXPECT_THAT([] { SolveLine(100, 0.002, 1000, 0.001); },
              ThrowsMessage<Error>(HasSubstr("no fixed cost and no bandwidth")));
  EXPECT_THAT([] { SolveLine(900, 0.001, 1000, 0.002); }, ThrowsMessage<Error>(HasSubstr("1 ms for the small input")))
      << "the fixed cost would be negative";
  EXPECT_THROW(SolveLine(100, 0.001, 100, 0.002), Error);
}

// A model that averages an image, and its works.
struct Probe {
  explicit Probe(int64_t side) : model(Build(side)), works(WorkOf(model.graph())) {}

  static Model Build(int64_t side) {
    zoo::LayerWriter net("probe");
    net.Output("mean", net.GlobalAveragePool(net.Input("image", {1, 4, side, side})));
    return zoo::StructureOf(std::move(net).Finish(), "probe");
  }

  Model model;
  WorkList works;
};

// A device with other figures than its platform says is measured: they come back.
void ExpectKnownAnswer(const std::string& platform_name, const std::string& device, double fixed_s,
                       double bytes_per_s) {
  const Platform described = LoadPlatform(platform_name, BuiltinCostSchemas());
  const Anchors anchors = AnchorsOf(described, described.device(device));
  Platform real = described;
  real.Set(anchors.fixed + "=" + std::to_string(1e9 * fixed_s) + "ns");
  real.Set(anchors.rate + "=" + std::to_string(bytes_per_s) + "B/s");
  const auto model = MakeCostModel(real, real.device(device));
  const Probe small_probe(4);
  const Probe large_probe(512);
  CalibrationPoint small{small_probe.works};
  CalibrationPoint large{large_probe.works};
  small.measured_s = model->Cost(small.works, {}).latency_s;
  large.measured_s = model->Cost(large.works, {}).latency_s;
  const Calibration found = Calibrate(described, device, {}, small, large);
  EXPECT_NEAR(found.fixed_s, fixed_s, 1e-4 * fixed_s) << device;
  EXPECT_NEAR(found.bytes_per_s, bytes_per_s, 1e-4 * bytes_per_s) << device;
}

TEST(Calibrate, GivesBackTheLinkAndTheRoundTripOfAnEdgeTpu) {
  ExpectKnownAnswer("coral-usb3", "coral-usb3", 0.41e-3, 3.1e8);
  ExpectKnownAnswer("coral-usb3", "coral-usb3", 1.9e-3, 3.5e7);
}

TEST(Calibrate, GivesBackTheFiguresOfRooflines) {
  ExpectKnownAnswer("gtx1650", "gtx1650", 0.2e-3, 6e9);
  ExpectKnownAnswer("xeon-2.2ghz", "xeon-2.2ghz", 0.03e-3, 9e9);
}

TEST(Calibrate, TakesTheSlowestLinkOnTheWay) {
  Platform platform = LoadPlatform("coral-x4-hub", BuiltinCostSchemas());
  platform.Set("hub.bandwidth=100MB/s");
  EXPECT_EQ(AnchorsOf(platform, platform.device("coral-1")).rate, "hub.bandwidth");
  EXPECT_EQ(AnchorsOf(platform, platform.device("coral-1")).fixed, "coral-1.cost.round_trip");
}

TEST(Calibrate, RefusesAReplay) {
  const Platform platform = LoadPlatform("seed-as-published", BuiltinCostSchemas());
  for (const PlatformDevice& device : platform.devices) {
    if (device.cost.model != "replay") continue;
    EXPECT_THAT([&] { AnchorsOf(platform, device); }, ThrowsMessage<Error>(HasSubstr("no fixed cost of a call")));
  }
}

TEST(Calibrate, RefusesMeasurementsThatNothingFits) {
  const Platform platform = LoadPlatform("coral-usb3", BuiltinCostSchemas());
  const Probe small_probe(4);
  const Probe large_probe(512);
  const CalibrationPoint small{small_probe.works, 0.003};
  const CalibrationPoint large{large_probe.works, 0.001};
  EXPECT_THAT([&] { Calibrate(platform, "coral-usb3", {}, small, large); },
              ThrowsMessage<Error>(HasSubstr("measure again on a quiet machine")));
}

}  // namespace
}  // namespace consort
