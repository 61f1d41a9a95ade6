// Energy of a device's work: by a counter where there is one, else by its power and the time it was busy.
#ifndef CONSORT_BENCH_DEVICE_ENERGY_H_
#define CONSORT_BENCH_DEVICE_ENERGY_H_

#include <cstdint>

#include "consort/device.h"
#include "consort/emulation.h"
#include "measure/energy.h"
#include "plan/plan.h"

namespace consort {

// The counter that covers a device of this machine: RAPL of all packages for a CPU, NVML of the board for a GPU that
// CUDA drives. None for an emulated device, nor for others: the reason says so.
FoundMeter EnergyMeterFor(const DeviceInfo& device);

// The counters that together cover the devices of a plan, each once. None where a device is emulated: those of the
// others would count the work that makes its numbers.
FoundMeter EnergyMeterOfPlan(const Plan& plan);

// Of an emulated device whose calls hold so many samples: the platform's active power × busy time.
EnergyFigure ModelledEnergy(const EmulationReport& emulation, int64_t samples);

// Of a device whose power while it works the user states (> 0), busy for so many seconds per inference.
EnergyFigure StatedEnergy(double watts, double busy_s);

}  // namespace consort

#endif  // CONSORT_BENCH_DEVICE_ENERGY_H_
