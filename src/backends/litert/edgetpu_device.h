// An Edge TPU behind LiteRT and Coral's runtime.
#ifndef CONSORT_BACKENDS_LITERT_EDGETPU_DEVICE_H_
#define CONSORT_BACKENDS_LITERT_EDGETPU_DEVICE_H_

#include <memory>
#include <vector>

#include "consort/registry.h"

namespace consort::litert {

// `edgetpu`, `edgetpu:0` (the first of all), `edgetpu:usb:0`, `edgetpu:pci:1`. Its models are .tflite files that Coral's
// compiler has been through: any other is refused, so that nothing is called Edge TPU that a CPU computed. What the
// compiler left to the CPU runs there, and the placement says so. Compile makes one call, so that the parameters are on
// the chip before the first of its user's. Opening the device and preparing a model end with kTimeout when they take
// longer than OpenOptions::compile_timeout_ns (a minute, where that is kNever); the device is then given up, and every
// later Compile is kDeviceLost. Engine options: Performance, Usb.AlwaysDfu, Usb.MaxBulkInQueueLength. Throws
// kUnsupported with the remedy where Coral's runtime, or a device of that number, is missing.
std::shared_ptr<Device> OpenEdgeTpu(const Target& target, const OpenOptions& options);

// Throws kInvalidArgument for a unit that is not written like one of the above.
void CheckEdgeTpuUnit(const Target& target);

// The Edge TPUs that the runtime lists, or one finding that says why there is none.
std::vector<DeviceFinding> FindEdgeTpus();

}  // namespace consort::litert

#endif  // CONSORT_BACKENDS_LITERT_EDGETPU_DEVICE_H_
