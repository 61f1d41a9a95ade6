// NVIDIA's counters of energy.
#ifndef CONSORT_MEASURE_NVML_H_
#define CONSORT_MEASURE_NVML_H_

#include <string>
#include <vector>

#include "measure/energy.h"

namespace consort {

// The board of a GPU, by its index as CUDA counts: its energy counter (GPUs since Volta), else samples of its power,
// taken every 20 ms by a thread and summed. Loads NVIDIA's management library, which comes with the driver; without it,
// and where CUDA's count of several GPUs need not be the library's, there is no meter, and the reason says so.
// Functions and units: NVML API Reference, "Device Queries" (millijoules, milliwatts).
FoundMeter FindNvmlMeter(int gpu, const std::vector<std::string>& libraries);
// $CONSORT_NVML_LIBRARY, else libnvidia-ml.so.1.
FoundMeter FindNvmlMeter(int gpu);

}  // namespace consort

#endif  // CONSORT_MEASURE_NVML_H_
