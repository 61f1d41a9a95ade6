#include "edgetpu/estimate.h"

#include <fmt/format.h>

#include <algorithm>

#include "consort/error.h"
#include "cost/cost_model.h"
#include "cost/parameters.h"

namespace consort {

EdgeTpuEstimate EstimateOnEdgeTpu(const Model& head, const std::string& platform_name) {
  const Platform platform = LoadPlatform(platform_name, BuiltinCostSchemas());
  const auto device = std::find_if(platform.devices.begin(), platform.devices.end(), [](const PlatformDevice& other) {
    return other.kind == DeviceKind::kEdgeTpu;
  });
  if (device == platform.devices.end()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("platform '{}' has no Edge TPU: take coral-usb3, coral-usb2 or coral-pcie", platform.name));
  }
  const WorkList works = WorkOf(head.graph());
  const Estimate estimate = MakeCostModel(platform, *device)->Cost(works, {});
  return {.device = device->name,
          .weight_bytes = works.parameters,
          .cache_bytes = estimate.cache_bytes,
          .streamed_bytes = estimate.streamed_bytes,
          .streaming_s = static_cast<double>(estimate.streamed_bytes) / PathOf(platform, *device).out_bytes_per_s,
          .latency_s = estimate.latency_s,
          .low = estimate.low,
          .high = estimate.high};
}

}  // namespace consort
