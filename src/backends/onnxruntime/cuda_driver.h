// The NVIDIA driver, loaded at run time: which CUDA devices respond, and memory on them.
#ifndef CONSORT_BACKENDS_ONNXRUNTIME_CUDA_DRIVER_H_
#define CONSORT_BACKENDS_ONNXRUNTIME_CUDA_DRIVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "consort/buffer.h"

namespace consort {

struct CudaDeviceFact {
  std::string name;  // "NVIDIA H100 80GB HBM3"
  int64_t memory_bytes = 0;
};

// What the driver answers. Asked once per process.
struct CudaFacts {
  std::vector<CudaDeviceFact> devices;
  std::string driver;   // "CUDA 13.0"
  std::string problem;  // why there are no devices; "" when there are
};
const CudaFacts& FindCudaDevices();

// Uninitialised memory on a device, in the primary context that engines use too. Throws kUnsupported, kOutOfMemory.
Buffer AllocateCuda(const TensorSpec& spec, int device_index);

}  // namespace consort

#endif  // CONSORT_BACKENDS_ONNXRUNTIME_CUDA_DRIVER_H_
