// OpenVINO: Intel's engine for CPUs (of any x86 or Arm maker), Intel GPUs and Intel NPUs.
#ifndef CONSORT_BACKENDS_OPENVINO_OPENVINO_BACKEND_H_
#define CONSORT_BACKENDS_OPENVINO_OPENVINO_BACKEND_H_

#include <memory>

#include "consort/backend.h"

namespace consort {

// Devices `cpu[:cores]`, `gpu:N` and `npu:N`. What OpenVINO has no notion of is refused or said, never ignored:
// - Cores: OpenVINO reads the process's cores once, at its first compilation. Each call computes on all of them, with one
//   thread too: it sets the calling thread's mask to them meanwhile. So a target on part of the
//   cores runs in a process of its own that has only these (program consort-worker); its DeviceInfo says so.
// - 64-bit integers: it computes them as int32. A call with an input value that does not fit is refused (kUnsupported).
// - Optimisation levels: it has none; the placement's evidence says so when another than kFull was asked for.
// The cores that the process may use are taken when this is called: call it before any thread is confined. OpenVINO's
// thread pool counts the main thread's cores at the first compilation: do not confine the main thread before that.
std::unique_ptr<Backend> MakeOpenVinoBackend();

}  // namespace consort

#endif  // CONSORT_BACKENDS_OPENVINO_OPENVINO_BACKEND_H_
