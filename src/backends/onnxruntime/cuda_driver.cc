#include "backends/onnxruntime/cuda_driver.h"

#include <fmt/format.h>

#include "base/dynamic_library.h"
#include "consort/error.h"

namespace consort {
namespace {

// The driver API's types, reduced to what is called here (CUDA Driver API reference; its ABI is stable).
using Result = int;
using DeviceHandle = int;
using ContextHandle = void*;
using DevicePointer = unsigned long long;
constexpr Result kSuccess = 0;
constexpr Result kOutOfMemory = 2;

struct Driver {
  Driver() : library(DynamicLibrary::Open("the NVIDIA driver", {"libcuda.so.1"})) {
    init = library.Symbol<Result (*)(unsigned)>("cuInit");
    version = library.Symbol<Result (*)(int*)>("cuDriverGetVersion");
    count = library.Symbol<Result (*)(int*)>("cuDeviceGetCount");
    get = library.Symbol<Result (*)(DeviceHandle*, int)>("cuDeviceGet");
    name = library.Symbol<Result (*)(char*, int, DeviceHandle)>("cuDeviceGetName");
    total_memory = library.Symbol<Result (*)(size_t*, DeviceHandle)>("cuDeviceTotalMem_v2");
    error_name = library.Symbol<Result (*)(Result, const char**)>("cuGetErrorName");
    retain = library.Symbol<Result (*)(ContextHandle*, DeviceHandle)>("cuDevicePrimaryCtxRetain");
    release = library.Symbol<Result (*)(DeviceHandle)>("cuDevicePrimaryCtxRelease_v2");
    push = library.Symbol<Result (*)(ContextHandle)>("cuCtxPushCurrent_v2");
    pop = library.Symbol<Result (*)(ContextHandle*)>("cuCtxPopCurrent_v2");
    allocate = library.Symbol<Result (*)(DevicePointer*, size_t)>("cuMemAlloc_v2");
    free = library.Symbol<Result (*)(DevicePointer)>("cuMemFree_v2");
    Check(init(0), "cuInit");
  }

  void Check(Result result, const char* call) const {
    if (result == kSuccess) return;
    const char* text = nullptr;
    if (error_name(result, &text) != kSuccess || text == nullptr) text = "unknown error";
    throw Error(result == kOutOfMemory ? ErrorCode::kOutOfMemory : ErrorCode::kUnsupported, fmt::format("{}: {}", call, text));
  }

  DynamicLibrary library;
  Result (*init)(unsigned);
  Result (*version)(int*);
  Result (*count)(int*);
  Result (*get)(DeviceHandle*, int);
  Result (*name)(char*, int, DeviceHandle);
  Result (*total_memory)(size_t*, DeviceHandle);
  Result (*error_name)(Result, const char**);
  Result (*retain)(ContextHandle*, DeviceHandle);
  Result (*release)(DeviceHandle);
  Result (*push)(ContextHandle);
  Result (*pop)(ContextHandle*);
  Result (*allocate)(DevicePointer*, size_t);
  Result (*free)(DevicePointer);
};

const Driver& LoadedDriver() {
  static const Driver driver;  // a failed construction is tried again at the next call
  return driver;
}

// Holds a device's primary context, current on this thread while it lives.
class CurrentContext {
 public:
  CurrentContext(const Driver& driver, int index) : driver_(driver) {
    driver.Check(driver.get(&device_, index), "cuDeviceGet");
    ContextHandle context = nullptr;
    driver.Check(driver.retain(&context, device_), "cuDevicePrimaryCtxRetain");
    driver.push(context);
  }
  ~CurrentContext() {
    ContextHandle context = nullptr;
    driver_.pop(&context);
    driver_.release(device_);
  }
  CurrentContext(const CurrentContext&) = delete;
  CurrentContext& operator=(const CurrentContext&) = delete;

 private:
  const Driver& driver_;
  DeviceHandle device_ = 0;
};

// One allocation; holds the context so that the engine's last session may go first.
struct Allocation {
  Allocation(const Driver& driver_in, int index, size_t bytes) : driver(driver_in), index(index) {
    driver.Check(driver.get(&device, index), "cuDeviceGet");
    driver.Check(driver.retain(&context, device), "cuDevicePrimaryCtxRetain");
    const CurrentContext current(driver, index);
    const Result result = driver.allocate(&pointer, bytes);
    if (result != kSuccess) driver.release(device);
    driver.Check(result, "cuMemAlloc");
  }
  ~Allocation() {
    driver.push(context);
    driver.free(pointer);
    ContextHandle popped = nullptr;
    driver.pop(&popped);
    driver.release(device);
  }
  const Driver& driver;
  int index;
  DeviceHandle device = 0;
  ContextHandle context = nullptr;
  DevicePointer pointer = 0;
};

CudaFacts AskDriver() {
  CudaFacts facts;
  try {
    const Driver& driver = LoadedDriver();
    int version = 0;
    int count = 0;
    driver.Check(driver.version(&version), "cuDriverGetVersion");
    facts.driver = fmt::format("CUDA {}.{}", version / 1000, version % 1000 / 10);
    driver.Check(driver.count(&count), "cuDeviceGetCount");
    for (int i = 0; i < count; ++i) {
      DeviceHandle device = 0;
      char name[256] = "";
      size_t bytes = 0;
      driver.Check(driver.get(&device, i), "cuDeviceGet");
      driver.Check(driver.name(name, sizeof(name), device), "cuDeviceGetName");
      driver.Check(driver.total_memory(&bytes, device), "cuDeviceTotalMem");
      facts.devices.push_back({name, static_cast<int64_t>(bytes)});
    }
    if (facts.devices.empty()) facts.problem = "the driver lists no device";
  } catch (const Error& error) {
    facts.problem = error.what();
  }
  return facts;
}

}  // namespace

const CudaFacts& FindCudaDevices() {
  static const CudaFacts facts = AskDriver();
  return facts;
}

Buffer AllocateCuda(const TensorSpec& spec, int device_index) {
  const auto bytes = static_cast<size_t>(ByteSize(spec));
  auto allocation = std::make_shared<Allocation>(LoadedDriver(), device_index, bytes == 0 ? 1 : bytes);
  void* data = reinterpret_cast<void*>(static_cast<uintptr_t>(allocation->pointer));
  return Buffer::Wrap(spec, {MemorySpace::Kind::kDevice, device_index}, data, std::move(allocation));
}

}  // namespace consort
