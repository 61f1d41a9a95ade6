#include "measure/nvml.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <stop_token>
#include <string_view>
#include <thread>
#include <utility>

#include "base/dynamic_library.h"
#include "consort/clock.h"
#include "consort/error.h"

namespace consort {
namespace {

using NvmlReturn = int;
using NvmlDevice = void*;
constexpr NvmlReturn kNvmlSuccess = 0;
constexpr double kMilli = 1e-3;
constexpr std::chrono::milliseconds kSampleEvery{20};

// What is used of the library. It stays initialised for the rest of the process.
struct Nvml {
  explicit Nvml(const DynamicLibrary& library)
      : count(library.Symbol<decltype(count)>("nvmlDeviceGetCount_v2")),
        handle(library.Symbol<decltype(handle)>("nvmlDeviceGetHandleByIndex_v2")),
        energy(library.OptionalSymbol<decltype(energy)>("nvmlDeviceGetTotalEnergyConsumption")),
        power(library.OptionalSymbol<decltype(power)>("nvmlDeviceGetPowerUsage")) {
    const NvmlReturn code = library.Symbol<NvmlReturn (*)()>("nvmlInit_v2")();
    if (code != kNvmlSuccess)
      throw Error(ErrorCode::kUnsupported, fmt::format("NVML does not start (error {}): is the driver loaded?", code));
  }

  NvmlReturn (*count)(unsigned* gpus);
  NvmlReturn (*handle)(unsigned index, NvmlDevice* device);
  NvmlReturn (*energy)(NvmlDevice device, unsigned long long* millijoules);
  NvmlReturn (*power)(NvmlDevice device, unsigned* milliwatts);
};

class CounterMeter : public EnergyMeter {
 public:
  CounterMeter(const Nvml& nvml, NvmlDevice device, int gpu)
      : nvml_(nvml), device_(device), name_(fmt::format("NVML (counter of GPU {})", gpu)), first_(Read()) {}

  const std::string& name() const override { return name_; }
  double ReadJoules() override { return kMilli * static_cast<double>(Read() - first_); }

 private:
  unsigned long long Read() const {
    unsigned long long millijoules = 0;
    if (nvml_.energy(device_, &millijoules) == kNvmlSuccess) return millijoules;
    throw Error(ErrorCode::kUnsupported, name_ + " cannot be read any more");
  }

  Nvml nvml_;
  NvmlDevice device_;
  std::string name_;
  unsigned long long first_;
};

// Power times the time since the sample before.
class SamplingMeter : public EnergyMeter {
 public:
  SamplingMeter(const Nvml& nvml, NvmlDevice device, int gpu)
      : nvml_(nvml), device_(device), name_(fmt::format("NVML (power samples of GPU {})", gpu)) {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      TimeNs before_ns = Clock::Real().NowNs();
      while (!stop.stop_requested()) {
        std::this_thread::sleep_for(kSampleEvery);
        const TimeNs now_ns = Clock::Real().NowNs();
        unsigned milliwatts = 0;
        if (nvml_.power(device_, &milliwatts) != kNvmlSuccess) failed_ = true;
        joules_ = joules_ + kMilli * milliwatts * 1e-9 * static_cast<double>(now_ns - before_ns);
        before_ns = now_ns;
      }
    });
  }

  const std::string& name() const override { return name_; }
  double ReadJoules() override {
    if (failed_) throw Error(ErrorCode::kUnsupported, name_ + " cannot be read any more");
    return joules_;
  }

 private:
  Nvml nvml_;
  NvmlDevice device_;
  std::string name_;
  std::atomic<double> joules_{0};
  std::atomic<bool> failed_{false};
  std::jthread thread_;  // last: ends before what it uses
};

// CUDA's count is the library's where there is one GPU, or where the user made it so.
void RequireSameCount(unsigned gpus) {
  const char* order = std::getenv("CUDA_DEVICE_ORDER");
  const bool ordered = order != nullptr && std::string_view(order) == "PCI_BUS_ID";
  if (gpus <= 1 || (ordered && std::getenv("CUDA_VISIBLE_DEVICES") == nullptr)) return;
  throw Error(ErrorCode::kUnsupported,
              fmt::format("which of {} GPUs it is, NVML does not know; CUDA_DEVICE_ORDER=PCI_BUS_ID, without "
                          "CUDA_VISIBLE_DEVICES, makes both count alike",
                          gpus));
}

std::unique_ptr<EnergyMeter> MeterOf(const Nvml& nvml, int gpu) {
  unsigned gpus = 0;
  NvmlDevice device = nullptr;
  if (nvml.count(&gpus) != kNvmlSuccess) gpus = 0;
  RequireSameCount(gpus);
  if (nvml.handle(static_cast<unsigned>(gpu), &device) != kNvmlSuccess)
    throw Error(ErrorCode::kUnsupported, fmt::format("NVML has no GPU {} (it has {})", gpu, gpus));
  unsigned long long millijoules = 0;
  if (nvml.energy != nullptr && nvml.energy(device, &millijoules) == kNvmlSuccess)
    return std::make_unique<CounterMeter>(nvml, device, gpu);
  unsigned milliwatts = 0;
  if (nvml.power != nullptr && nvml.power(device, &milliwatts) == kNvmlSuccess)
    return std::make_unique<SamplingMeter>(nvml, device, gpu);
  throw Error(ErrorCode::kUnsupported, fmt::format("NVML tells neither energy nor power of GPU {}", gpu));
}

}  // namespace

FoundMeter FindNvmlMeter(int gpu, const std::vector<std::string>& libraries) {
  try {
    return {MeterOf(Nvml(DynamicLibrary::Open("NVML", libraries)), gpu), ""};
  } catch (const Error& error) {
    return {nullptr, error.what()};
  }
}

FoundMeter FindNvmlMeter(int gpu) {
  const char* given = std::getenv("CONSORT_NVML_LIBRARY");
  return FindNvmlMeter(gpu, {given != nullptr ? given : "libnvidia-ml.so.1"});
}

}  // namespace consort
