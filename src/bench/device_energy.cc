#include "bench/device_energy.h"

#include <fmt/format.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "measure/nvml.h"

namespace consort {

FoundMeter EnergyMeterFor(const DeviceInfo& device) {
  if (device.provenance != Provenance::kMeasured) return {nullptr, "the device is emulated"};
  if (device.target.device == "cpu") return FindRaplMeter();
  if (device.target.device == "cuda") {
    const int64_t gpu = ParseInteger(device.target.unit).value_or(0);
    return FindNvmlMeter(static_cast<int>(gpu));
  }
  return {nullptr, fmt::format("no counter is known for devices '{}'; --watts states a power", device.target.device)};
}

FoundMeter EnergyMeterOfPlan(const Plan& plan) {
  std::vector<FoundMeter> meters;
  std::set<std::string> seen;
  for (const Stage& stage : plan.stages) {
    for (const Replica& replica : stage.replicas) {
      const Target& target = replica.target;
      if (IsEmulated(target))
        return {nullptr, "the plan has emulated devices, and this machine's counters would count what makes their numbers"};
      // All CPU targets are on the same packages.
      if (!seen.insert(target.device == "cpu" ? "cpu" : target.device + ":" + target.unit).second) continue;
      meters.push_back(EnergyMeterFor(DeviceInfo{.target = target, .provenance = Provenance::kMeasured}));
    }
  }
  return SumOfMeters(std::move(meters));
}

EnergyFigure ModelledEnergy(const EmulationReport& emulation, int64_t samples) {
  if (emulation.modelled_joules <= 0)
    return {std::nullopt, fmt::format("not known: the platform gives no power for {}", emulation.cost_model)};
  return {emulation.modelled_joules / static_cast<double>(samples),
          fmt::format("modelled: active power × busy time, {}", emulation.cost_model)};
}

EnergyFigure StatedEnergy(double watts, double busy_s) {
  return {watts * busy_s, fmt::format("modelled: {:g} W, as stated, × busy time", watts)};
}

}  // namespace consort
