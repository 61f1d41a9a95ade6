#include "edgetpu/estimate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "edgetpu/listed_operators.h"
#include "model/test_models.h"

namespace consort {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(EdgeTpuEstimate, CountsWeightsInInt8) {
  const EdgeTpuEstimate estimate = EstimateOnEdgeTpu(test::Parse(test::ConvReluModel()), "coral-usb3");
  EXPECT_EQ(estimate.device, "coral-usb3");
  EXPECT_EQ(estimate.weight_bytes, 4 * 3 * 3 * 3 + 4);  // biases count one byte, too
  EXPECT_TRUE(estimate.fits());
  EXPECT_EQ(estimate.streaming_s, 0);
  EXPECT_GT(estimate.latency_s, 0);
  EXPECT_LT(estimate.low, 1);
}

TEST(EdgeTpuEstimate, StreamsWhatDoesNotFit) {
  const Model model = test::Parse(test::MatMulModel(1, 4096, 4096));
  const EdgeTpuEstimate fast = EstimateOnEdgeTpu(model, "coral-usb3"), slow = EstimateOnEdgeTpu(model, "coral-usb2");
  EXPECT_EQ(fast.weight_bytes, 4096 * 4096);
  EXPECT_EQ(fast.streamed_bytes, fast.weight_bytes - fast.cache_bytes);
  EXPECT_NEAR(fast.streaming_s, static_cast<double>(fast.streamed_bytes) / 439.8e6, 1e-9);
  EXPECT_GT(slow.streaming_s, 10 * fast.streaming_s);
}

TEST(EdgeTpuEstimate, NeedsAnEdgeTpu) {
  EXPECT_THROW(EstimateOnEdgeTpu(test::Parse(test::ConvReluModel()), "xeon-2.2ghz"), Error);
}

TEST(UnlistedOperators, AreThoseThatTheCompilerDoesNotKnow) {
  tflite::AuditReport report;
  report.kinds = {{.name = "CONV_2D", .count = 3}, {.name = "PADV2", .count = 2}, {.name = "QUANTIZE", .count = 1}};
  EXPECT_THAT(UnlistedOperators(report), ElementsAre("2 × PADV2"));
  report.kinds = {{.name = "edgetpu-custom-op", .count = 1, .on_edgetpu = true}};
  EXPECT_THAT(UnlistedOperators(report), IsEmpty());
}

}  // namespace
}  // namespace consort
