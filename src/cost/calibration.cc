#include "cost/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "consort/error.h"

namespace consort {
namespace {

constexpr int kMostSteps = 50;
constexpr double kEnough = 1e-6;
constexpr double kStep = 1e-4;  // relative, of the time per byte, for the bytes that the model charges for

[[noreturn]] void RefuseTimes(double small_s, double large_s) {
  throw Error(
      ErrorCode::kInfeasible,
      fmt::format(
          "no fixed cost and no bandwidth give both measurements, {:.4g} ms for the small input and {:.4g} ms for "
          "the large one: measure again on a quiet machine, or take a platform that is nearer to the device",
          1e3 * small_s, 1e3 * large_s));
}

// The cost model under other anchors.
class Anchored {
 public:
  Anchored(const Platform& platform, const std::string& device, const CostQuery& query)
      : platform_(platform), device_(device), query_(query), anchors_(AnchorsOf(platform, platform.device(device))) {}

  double Latency(const WorkList& works, const Calibration& figures) const {
    Platform changed = platform_;
    changed.Set(fmt::format("{}={:.17g}s", anchors_.fixed, figures.fixed_s));
    changed.Set(fmt::format("{}={:.17g}B/s", anchors_.rate, figures.bytes_per_s));
    return MakeCostModel(changed, changed.device(device_))->Cost(works, query_).latency_s;
  }

  // How much the latency grows per second that a byte takes.
  double Bytes(const WorkList& works, const Calibration& figures) const {
    Calibration slower = figures;
    slower.bytes_per_s /= 1 + kStep;
    return (Latency(works, slower) - Latency(works, figures)) / (kStep / figures.bytes_per_s);
  }

  Calibration Start() const {
    const PlatformDevice& device = platform_.device(device_);
    Calibration start{0, device.link.empty() ? device.cost.parameters.at("memory_bandwidth").value : 0};
    for (const Link* link : platform_.PathTo(device)) {
      const double bandwidth = link->bandwidth.value;
      start.bytes_per_s = start.bytes_per_s == 0 ? bandwidth : std::min(start.bytes_per_s, bandwidth);
    }
    return start;
  }

 private:
  const Platform& platform_;
  const std::string& device_;
  const CostQuery& query_;
  Anchors anchors_;
};

}  // namespace

Anchors AnchorsOf(const Platform& platform, const PlatformDevice& device) {
  const auto& schemas = BuiltinCostSchemas();
  const auto schema = schemas.find(device.cost.model);
  Anchors anchors;
  for (const char* name : {"round_trip", "call_overhead"}) {
    const auto has = [name](const ParameterSpec& spec) { return spec.name == name; };
    if (schema == schemas.end()) continue;
    const auto& parameters = schema->second.parameters;
    if (std::any_of(parameters.begin(), parameters.end(), has))
      anchors.fixed = fmt::format("{}.cost.{}", device.name, name);
  }
  if (anchors.fixed.empty())
    throw Error(ErrorCode::kUnsupported,
                fmt::format("'{}' has the cost model '{}', which has no fixed cost of a call to calibrate", device.name,
                            device.cost.model));
  const std::vector<const Link*> path = platform.PathTo(device);
  const auto slowest = std::min_element(
      path.begin(), path.end(), [](const Link* a, const Link* b) { return a->bandwidth.value < b->bandwidth.value; });
  anchors.rate = path.empty() ? device.name + ".cost.memory_bandwidth" : (*slowest)->name + ".bandwidth";
  return anchors;
}

Calibration SolveLine(double small_bytes, double small_s, double large_bytes, double large_s) {
  const double seconds_per_byte = (large_s - small_s) / (large_bytes - small_bytes);
  const double fixed_s = small_s - small_bytes * seconds_per_byte;
  if (!(seconds_per_byte > 0) || !std::isfinite(seconds_per_byte) || fixed_s < 0) RefuseTimes(small_s, large_s);
  return {fixed_s, 1 / seconds_per_byte};
}

Calibration Calibrate(const Platform& platform, const std::string& device, const CostQuery& query,
                      const CalibrationPoint& small, const CalibrationPoint& large) {
  const Anchored model(platform, device, query);
  Calibration figures = model.Start();
  for (int step = 0; step < kMostSteps; ++step) {
    const double small_s = model.Latency(small.works, figures);
    const double large_s = model.Latency(large.works, figures);
    if (std::abs(small_s - small.measured_s) <= kEnough * small.measured_s &&
        std::abs(large_s - large.measured_s) <= kEnough * large.measured_s) {
      return figures;
    }
    // What the model charges besides stays: the line goes through the measurements less that.
    const double small_bytes = model.Bytes(small.works, figures);
    const double large_bytes = model.Bytes(large.works, figures);
    const double small_rest_s = small_s - figures.fixed_s - small_bytes / figures.bytes_per_s;
    const double large_rest_s = large_s - figures.fixed_s - large_bytes / figures.bytes_per_s;
    figures = SolveLine(small_bytes, small.measured_s - small_rest_s, large_bytes, large.measured_s - large_rest_s);
  }
  RefuseTimes(small.measured_s, large.measured_s);
}

}  // namespace consort
