// A library that looks like NVIDIA's, with one GPU whose figures the test says. Built without the energy counter
// (TEST_NVML_NO_COUNTER) it is one of a GPU before Volta.
#include <atomic>

namespace {

constexpr int kSuccess = 0;
constexpr int kInvalidArgument = 2;
constexpr int kNotSupported = 3;
std::atomic<unsigned long long> energy_mj{0};
std::atomic<unsigned> power_mw{0};
std::atomic<unsigned> gpus{1};
int gpu = 0;

}  // namespace

extern "C" {

void TestSetNvml(unsigned long long millijoules, unsigned milliwatts, unsigned count) {
  energy_mj = millijoules;
  power_mw = milliwatts;
  gpus = count;
}

int nvmlInit_v2() { return kSuccess; }

int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = gpus;
  return kSuccess;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = &gpu;
  return index < gpus ? kSuccess : kInvalidArgument;
}

#ifndef TEST_NVML_NO_COUNTER
int nvmlDeviceGetTotalEnergyConsumption(void* device, unsigned long long* millijoules) {
  *millijoules = energy_mj;
  return device == &gpu ? kSuccess : kInvalidArgument;
}
#endif

int nvmlDeviceGetPowerUsage(void* device, unsigned* milliwatts) {
  *milliwatts = power_mw;
  if (power_mw == 0) return kNotSupported;
  return device == &gpu ? kSuccess : kInvalidArgument;
}
}
