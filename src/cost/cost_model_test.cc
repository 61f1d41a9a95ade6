#include "cost/cost_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "zoo/zoo.h"

namespace consort {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Quantity Of(double value) { return {value, "test"}; }

// A link of 100 MB/s, 1 MHz, 4×4 array, 1000 bytes of cache.
Platform TinyEdgeTpu() {
  Platform platform{.name = "test"};
  platform.links.push_back({"usb", "", Of(1e8), Of(5e7), Of(1e-4)});
  PlatformDevice device{.name = "tpu", .kind = DeviceKind::kEdgeTpu, .link = "usb", .precisions = {Precision::kInt8}};
  device.active_power = Of(2);
  device.cost = {"edgetpu",
                 {{"clock", Of(1e6)},
                  {"array_rows", Of(4)},
                  {"array_columns", Of(4)},
                  {"fill_drain", Of(10)},
                  {"parameter_cache", Of(1000)},
                  {"activation_rate", Of(1)},
                  {"weight_rate", Of(2)},
                  {"instruction_bytes", Of(0)},
                  {"round_trip", Of(3e-4)},
                  {"error_low", Of(0.1)},
                  {"error_high", Of(0.2)}},
                 {}};
  platform.devices.push_back(device);
  return platform;
}

Work Conv(int64_t reduction, int64_t channels, int64_t positions) {
  Work work{.name = "conv", .type = "Conv", .kind = WorkKind::kConv};
  work.reduction = reduction, work.channels = channels, work.positions = positions;
  work.macs = reduction * channels * positions;
  work.parameters = work.parameters_read = reduction * channels;
  return work;
}

WorkList ListOf(std::vector<Work> works) {
  WorkList list;
  list.works = std::move(works);
  for (const Work& work : list.works) list.macs += work.macs, list.parameters += work.parameters;
  return list;
}

Estimate Cost(const Platform& platform, const WorkList& works, const CostQuery& query = {}) {
  return MakeCostModel(platform, platform.devices.front())->Cost(works, query);
}

TEST(EdgeTpuModelTest, TilesOfTheArray) {
  // ceil(9/4) · ceil(5/4) = 6 tiles of 100 + 10 cycles; 45 parameters at 2 B/cycle: 22.5 more.
  const Estimate estimate = Cost(TinyEdgeTpu(), ListOf({Conv(9, 5, 100)}));
  EXPECT_DOUBLE_EQ(estimate.works[0].compute_seconds, (6 * 110 + 22.5) / 1e6);
  EXPECT_EQ(estimate.works[0].bound, Bound::kCompute);
  EXPECT_DOUBLE_EQ(estimate.latency_s, 3e-4 + estimate.works[0].seconds);
  EXPECT_DOUBLE_EQ(estimate.joules, 2 * estimate.latency_s);
  EXPECT_DOUBLE_EQ(estimate.low, 0.9);
  EXPECT_DOUBLE_EQ(estimate.high, 1.2);
}

TEST(EdgeTpuModelTest, DepthwiseUsesOneColumnPerFilter) {
  Work work = Conv(9, 8, 100);
  work.kind = WorkKind::kDepthwise;
  work.parameters_read = 0;
  // ceil(8/4) groups of channels, 9 passes each.
  EXPECT_DOUBLE_EQ(Cost(TinyEdgeTpu(), ListOf({work})).works[0].compute_seconds, 100 * 2 * 9 / 1e6);
}

TEST(EdgeTpuModelTest, ActivationsAndTransfersCount) {
  Work work{.name = "add", .type = "Add"};
  work.inputs = 600, work.outputs = 300;
  WorkList list = ListOf({work});
  list.inputs = 1000, list.outputs = 500;
  const Estimate estimate = Cost(TinyEdgeTpu(), list);
  EXPECT_DOUBLE_EQ(estimate.works[0].seconds, 900 / 1e6);
  EXPECT_EQ(estimate.works[0].bound, Bound::kMemory);
  EXPECT_DOUBLE_EQ(estimate.input_s, 1000 / 1e8);
  EXPECT_DOUBLE_EQ(estimate.output_s, 500 / 5e7);
  EXPECT_EQ(estimate.link_bytes(), 1500);
}

TEST(EdgeTpuModelTest, CacheFillsInOrderAndOutputsArePadded) {
  // Padded to 4 columns: 100·4 = 400 and 100·8 = 800 bytes; of the second 600 fit: three quarters.
  const Estimate estimate = Cost(TinyEdgeTpu(), ListOf({Conv(100, 3, 1), Conv(100, 5, 1)}));
  EXPECT_EQ(estimate.works[0].cached_bytes, 300);
  EXPECT_EQ(estimate.works[1].cached_bytes, 375);
  EXPECT_EQ(estimate.works[1].streamed_bytes, 125);
  EXPECT_EQ(estimate.streamed_bytes, 125);
  EXPECT_EQ(estimate.cache_bytes, 1000);
}

TEST(EdgeTpuModelTest, StreamingHidesBehindCompute) {
  const Work slow = Conv(4, 4, 100'000);  // 0.1 s of compute
  CostQuery query;
  query.on_chip_bytes = 0;
  const Estimate estimate = Cost(TinyEdgeTpu(), ListOf({slow}), query);
  EXPECT_EQ(estimate.streamed_bytes, 16);
  EXPECT_DOUBLE_EQ(estimate.works[0].seconds, estimate.works[0].compute_seconds);
  Platform platform = TinyEdgeTpu();
  platform.links[0].bandwidth.value = 10;
  EXPECT_DOUBLE_EQ(Cost(platform, ListOf({slow}), query).works[0].seconds, 1.6);
}

TEST(EdgeTpuModelTest, ReportedOffChipBytesAreThoseOfTheLastLayers) {
  CostQuery query;
  query.off_chip_bytes = 500;
  const Estimate estimate = Cost(TinyEdgeTpu(), ListOf({Conv(100, 3, 1), Conv(100, 4, 1)}), query);
  EXPECT_EQ(estimate.works[1].streamed_bytes, 400);
  EXPECT_EQ(estimate.works[0].streamed_bytes, 100);
}

TEST(EdgeTpuModelTest, LoadingEveryTimeSendsAllParameters) {
  CostQuery query;
  query.weights_resident = false;
  const Estimate estimate = Cost(TinyEdgeTpu(), ListOf({Conv(100, 4, 1)}), query);
  EXPECT_EQ(estimate.streamed_bytes, 400);
  EXPECT_DOUBLE_EQ(estimate.load_s, 1e-4 + 400 / 1e8);
}

TEST(EdgeTpuModelTest, FloatModelsAreAssumedToBeInt8) {
  const Model model = zoo::Structure("mobilenet-v1", {});
  const Platform platform = LoadPlatform("coral-usb3", BuiltinCostSchemas());
  const WorkList works = WorkOf(model.graph());
  const Estimate estimate = Cost(platform, works);
  EXPECT_THAT(estimate.notes, testing::Contains(HasSubstr("assumed int8")));
  EXPECT_EQ(estimate.input_bytes, 224 * 224 * 3);
  EXPECT_EQ(estimate.conversion_device, "");
}

TEST(EdgeTpuModelTest, ConversionIsCostedOnTheCpuOfThePlatform) {
  const Model model = zoo::Structure("mobilenet-v1", {});
  const Platform platform = LoadPlatform("seed", BuiltinCostSchemas());
  const WorkList works = WorkOf(model.graph());
  for (const PlatformDevice& device : platform.devices) {
    if (device.kind != DeviceKind::kEdgeTpu) continue;
    const Estimate estimate = MakeCostModel(platform, device)->Cost(works, {});
    EXPECT_GT(estimate.conversion_s, 0);
    EXPECT_NE(estimate.conversion_device, "");
    EXPECT_LT(estimate.conversion_s, estimate.latency_s);
  }
}

TEST(EdgeTpuModelTest, WhatCannotRunIsRefusedOrRunsOnTheCpu) {
  const Model model = zoo::Structure("bert-mini", {});
  const WorkList works = WorkOf(model.graph());
  const Platform alone = LoadPlatform("coral-usb3", BuiltinCostSchemas());
  try {
    Cost(alone, works);
    FAIL() << "a transformer with integer inputs does not map fully";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("coral-usb3"));
  }
}

TEST(EdgeTpuModelTest, TheCpusPartHasTheCpusPowerAndBand) {
  zoo::LayerWriter net("test");
  zoo::Value x = net.Input("image", {1, 8, 16, 16});
  x = net.Conv(x, 8, zoo::Square(3));
  x = net.Op("Erf", {x}, {1, 8, 16, 16});
  net.Output("out", net.Conv(x, 8, zoo::Square(3)));
  const Model model = zoo::StructureOf(std::move(net).Finish(), "test");
  const WorkList works = WorkOf(model.graph());
  Platform platform = TinyEdgeTpu();
  PlatformDevice cpu{.name = "cpu", .kind = DeviceKind::kCpu, .precisions = {Precision::kFp32}};
  cpu.active_power = Of(50);
  cpu.cost = {"roofline",
              {{"peak_fp32", Of(1e9)},
               {"compute_efficiency", Of(1)},
               {"memory_bandwidth", Of(1e9)},
               {"call_overhead", Of(1)},
               {"error_low", Of(0.5)},
               {"error_high", Of(0.5)}},
              {}};
  platform.devices.push_back(cpu);
  const Estimate estimate = Cost(platform, works);
  const double own_s = estimate.latency_s - estimate.host_s;
  EXPECT_GT(estimate.host_s, 1);
  EXPECT_DOUBLE_EQ(estimate.joules, 50 * estimate.host_s + 2 * own_s);
  EXPECT_DOUBLE_EQ(estimate.high, (1.5 * estimate.host_s + 1.2 * own_s) / estimate.latency_s);
  EXPECT_EQ(estimate.output_bytes, 8 * 16 * 16);
  EXPECT_THAT(estimate.notes, testing::Contains(HasSubstr("partly mapped: 2 of 3")));
}

Platform TinyGpu() {
  Platform platform{.name = "test"};
  platform.links.push_back({"pcie", "", Of(1e9), Of(1e9), Of(0)});
  PlatformDevice device{
      .name = "gpu", .kind = DeviceKind::kGpu, .link = "pcie", .precisions = {Precision::kFp32, Precision::kFp16}};
  device.cost = {"roofline",
                 {{"peak_fp32", Of(1e9)},
                  {"peak_fp16", Of(4e9)},
                  {"compute_efficiency", Of(0.5)},
                  {"memory_bandwidth", Of(1e8)},
                  {"memory_efficiency", Of(0.5)},
                  {"call_overhead", Of(1e-4)},
                  {"load_overhead", Of(2e-4)},
                  {"error_low", Of(0.3)},
                  {"error_high", Of(0.3)}},
                 {}};
  platform.devices.push_back(device);
  return platform;
}

TEST(RooflineModelTest, ArithmeticOrMemory) {
  Work busy = Conv(100, 100, 10'000);
  busy.inputs = busy.outputs = 100;
  Work wide{.name = "add", .type = "Add"};
  wide.inputs = wide.outputs = 1000;
  const Estimate estimate = Cost(TinyGpu(), ListOf({busy, wide}));
  EXPECT_DOUBLE_EQ(estimate.works[0].seconds, 2 * 1e8 / 5e8);
  EXPECT_EQ(estimate.works[0].bound, Bound::kCompute);
  EXPECT_DOUBLE_EQ(estimate.works[1].seconds, 2000 * 4 / 5e7);
  EXPECT_EQ(estimate.works[1].bound, Bound::kMemory);
  EXPECT_DOUBLE_EQ(estimate.latency_s, 1e-4 + estimate.works[0].seconds + estimate.works[1].seconds);
}

TEST(RooflineModelTest, PrecisionChangesRateAndBytes) {
  CostQuery query;
  query.precision = Precision::kFp16;
  const Estimate estimate = Cost(TinyGpu(), ListOf({Conv(100, 100, 10'000)}), query);
  EXPECT_DOUBLE_EQ(estimate.works[0].compute_seconds, 2 * 1e8 / 2e9);
  query.precision = Precision::kInt8;
  EXPECT_THROW(Cost(TinyGpu(), ListOf({Conv(1, 1, 1)}), query), Error);
}

TEST(RooflineModelTest, WeightsCrossTheLinkOnceOrEveryTime) {
  const WorkList list = ListOf({Conv(100, 100, 1)});
  const Estimate resident = Cost(TinyGpu(), list);
  EXPECT_DOUBLE_EQ(resident.load_s, 2e-4 + 40'000 / 1e9);
  EXPECT_EQ(resident.streamed_bytes, 0);
  CostQuery query;
  query.weights_resident = false;
  EXPECT_DOUBLE_EQ(Cost(TinyGpu(), list, query).latency_s, resident.latency_s + resident.load_s);
}

TEST(ReplayModelTest, GoesThroughThePublishedPoints) {
  Platform platform{.name = "test"};
  PlatformDevice device{.name = "tpu", .precisions = {Precision::kUInt8}};
  device.cost = {"replay", {}, {{{"macs", Of(1000)}, {"time", Of(1e-3)}}, {{"macs", Of(4000)}, {"time", Of(4e-3)}}}};
  platform.devices.push_back(device);
  const auto seconds = [&](int64_t positions) { return Cost(platform, ListOf({Conv(10, 10, positions)})).latency_s; };
  EXPECT_NEAR(seconds(10), 1e-3, 1e-12);
  EXPECT_NEAR(seconds(20), 2e-3, 1e-12);
  EXPECT_NEAR(seconds(40), 4e-3, 1e-12);
  EXPECT_THAT(Cost(platform, ListOf({Conv(10, 10, 80)})).notes, ElementsAre(HasSubstr("outside the sizes")));
}

TEST(CostModelTest, AnUnknownModelListsThoseThatThereAre) {
  Platform platform = TinyGpu();
  platform.devices[0].cost.model = "magic";
  try {
    MakeCostModel(platform, platform.devices[0]);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("edgetpu"));
    EXPECT_THAT(error.what(), HasSubstr("roofline"));
  }
}

TEST(CostModelTest, AMissingParameterIsNamed) {
  Platform platform = TinyGpu();
  platform.devices[0].cost.parameters.erase("memory_bandwidth");
  try {
    Cost(platform, ListOf({Conv(1, 1, 1)}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("memory_bandwidth"));
    EXPECT_THAT(error.what(), HasSubstr("gpu"));
  }
}

}  // namespace
}  // namespace consort
