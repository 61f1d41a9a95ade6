#include "cost/cost_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "consort/error.h"
#include "cost/models.h"

namespace consort {
namespace {

struct Entry {
  std::string name;
  const CostSchema& (*schema)();
  std::unique_ptr<CostModel> (*make)(const Platform&, const PlatformDevice&);
};

const std::array<Entry, 3>& Entries() {
  static const std::array<Entry, 3> entries = {{{"edgetpu", EdgeTpuSchema, MakeEdgeTpuModel},
                                                {"roofline", RooflineSchema, MakeRooflineModel},
                                                {"replay", ReplaySchema, MakeReplayModel}}};
  return entries;
}

}  // namespace

std::string_view ToString(Bound bound) {
  constexpr std::array<std::string_view, 5> kNames = {"nothing", "compute", "memory", "link", "overhead"};
  return kNames[static_cast<size_t>(bound)];
}

double LinkSeconds(const Link& link, const Estimate& estimate) {
  const auto out = static_cast<double>(estimate.input_bytes + estimate.streamed_bytes + estimate.instruction_bytes);
  const auto back = static_cast<double>(estimate.output_bytes);
  double seconds = 0;
  if (out > 0) seconds += out / link.bandwidth.value + link.latency.value;
  if (back > 0) seconds += back / link.bandwidth_back.value + link.latency.value;
  return std::min(seconds, estimate.latency_s);
}

const CostSchemas& BuiltinCostSchemas() {
  static const CostSchemas schemas = [] {
    CostSchemas all;
    for (const Entry& entry : Entries()) all[entry.name] = entry.schema();
    return all;
  }();
  return schemas;
}

std::unique_ptr<CostModel> MakeCostModel(const Platform& platform, const PlatformDevice& device) {
  std::vector<std::string> names;
  for (const Entry& entry : Entries()) {
    if (entry.name == device.cost.model) return entry.make(platform, device);
    names.push_back(entry.name);
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("device '{}': there is no cost model '{}'; there are {}",
                                                       device.name, device.cost.model, Join(names)));
}

}  // namespace consort
