// Fuzz target: bytes as a platform file; the first line may be an assignment for Platform::Set ("# set KEY=VALUE").
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "consort/error.h"
#include "platform/platform.h"

namespace {

using consort::Dimension;

// Two models: one of figures, as the shipped platforms gtx1650 and xeon-2.2ghz have, and one of rows.
const consort::CostSchemas& Schemas() {
  static const consort::CostSchemas schemas = {
      {"roofline",
       {{{"peak_fp32", Dimension::kComputeRate, false},
         {"compute_efficiency", Dimension::kRatio},
         {"memory_bandwidth", Dimension::kBandwidth},
         {"memory_efficiency", Dimension::kRatio, false},
         {"call_overhead", Dimension::kTime},
         {"load_overhead", Dimension::kTime, false},
         {"error_low", Dimension::kRatio, false},
         {"error_high", Dimension::kRatio, false}},
        {}}},
      {"replay", {{}, {{"macs", Dimension::kCount}, {"time", Dimension::kTime}}}},
  };
  return schemas;
}

// What every loaded platform promises.
void Check(const consort::Platform& platform) {
  for (const consort::Link& link : platform.links) {
    if (!(link.bandwidth.value > 0) || !std::isfinite(link.bandwidth.value) || link.bandwidth.source.empty())
      std::abort();
  }
  for (const consort::PlatformDevice& device : platform.devices) {
    if (device.precisions.empty() || Schemas().count(device.cost.model) == 0) std::abort();
    if (platform.PathTo(device).empty() != device.link.empty()) std::abort();
    for (const auto& [name, figure] : device.cost.parameters) {
      if (!std::isfinite(figure.value) || figure.source.empty()) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::string_view kSet = "# set ";
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    consort::Platform platform = consort::ParsePlatform(text, "fuzzed", Schemas());
    Check(platform);
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(kSet)) platform.Set(line.substr(kSet.size()));
    Check(platform);
  } catch (const consort::Error&) {
  }
  return 0;
}
