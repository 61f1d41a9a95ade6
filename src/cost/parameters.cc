#include "cost/parameters.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "consort/error.h"

namespace consort {

Parameters::Parameters(const PlatformDevice& device, const std::vector<ParameterSpec>& specs)
    : device_(device), specs_(specs) {
  for (const auto& [name, figure] : device.cost.parameters) given_.push_back({name, &figure.value});
}

bool Parameters::has(std::string_view name) const {
  return std::any_of(given_.begin(), given_.end(), [name](const Known& known) { return known.name == name; });
}

double Parameters::operator()(std::string_view name) const {
  for (const Known& known : given_) {
    if (known.name == name) return *known.value;
  }
  for (const ParameterSpec& spec : specs_) {
    if (spec.name == name && !spec.required) return spec.otherwise;
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("device '{}' has no '{}', which the cost model '{}' needs: add it under [device.cost]",
                          device_.name, name, device_.cost.model));
}

int64_t ElementBytes(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      return 4;
    case Precision::kFp16:
    case Precision::kBf16:
      return 2;
    default:
      return 1;
  }
}

Precision ChoosePrecision(const PlatformDevice& device, const CostQuery& query) {
  if (device.precisions.empty())
    throw Error(ErrorCode::kInvalidArgument, fmt::format("device '{}' lists no precisions", device.name));
  if (!query.precision) return device.precisions.front();
  if (std::find(device.precisions.begin(), device.precisions.end(), *query.precision) != device.precisions.end())
    return *query.precision;
  std::vector<std::string> valid;
  for (const Precision precision : device.precisions) valid.emplace_back(ToString(precision));
  throw Error(ErrorCode::kUnsupported, fmt::format("device '{}' does not compute in {}; it has {}", device.name,
                                                   ToString(*query.precision), Join(valid)));
}

TransferPath PathOf(const Platform& platform, const PlatformDevice& device) {
  TransferPath path;
  for (const Link* link : platform.PathTo(device)) {
    path.latency_s += link->latency.value;
    const auto slower = [&](double pace, double of_link) {
      return path.host_memory ? of_link : std::min(pace, of_link);
    };
    path.out_bytes_per_s = slower(path.out_bytes_per_s, link->bandwidth.value);
    path.back_bytes_per_s = slower(path.back_bytes_per_s, link->bandwidth_back.value);
    path.host_memory = false;
  }
  return path;
}

void SetBand(const Parameters& parameters, Estimate& estimate) {
  estimate.low = std::max(0.0, 1 - parameters("error_low"));
  estimate.high = 1 + parameters("error_high");
}

}  // namespace consort
