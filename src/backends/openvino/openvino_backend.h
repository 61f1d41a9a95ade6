// OpenVINO: Intel's engine for CPUs (of any x86 or Arm maker), Intel GPUs and Intel NPUs.
#ifndef CONSORT_BACKENDS_OPENVINO_OPENVINO_BACKEND_H_
#define CONSORT_BACKENDS_OPENVINO_OPENVINO_BACKEND_H_

#include <memory>

#include "consort/backend.h"

namespace consort {

// Devices `cpu[:cores]`, `gpu:N` and `npu:N`. What OpenVINO has no notion of is refused or said, never ignored:
// - Threads: OpenVINO reads the process's cores once, at its first compilation, and binds multi-threaded work to them.
// So one
//   model on part of the cores runs with one thread; several threads need the whole process (or `--isolated`).
// - Optimisation levels: it has none; the placement's evidence says so when another than kFull was asked for.
// The cores that the process may use are taken when this is called: call it before any thread is confined.
std::unique_ptr<Backend> MakeOpenVinoBackend();

}  // namespace consort

#endif  // CONSORT_BACKENDS_OPENVINO_OPENVINO_BACKEND_H_
