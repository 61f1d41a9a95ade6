// Devices that run in a child process.
#ifndef CONSORT_DEVICE_ISOLATED_H_
#define CONSORT_DEVICE_ISOLATED_H_

#include <memory>

#include "consort/registry.h"

namespace consort {

// Opens the device of a resolved target in a process of its own (`consort-worker`): a crash or a hang of its engine
// ends that process only, and every call of this device then fails with kDeviceLost. The process is found through
// $CONSORT_WORKER, beside the running program, or in ../libexec/consort; kUnsupported says so when there is none. It
// ends with the device's last executable, and when this process ends.
//
// Tensors travel in shared memory: buffers of Allocate(spec, kShared) and outputs that the backend allocates are not
// copied, other host buffers are copied into and out of shared memory that is kept from call to call.
std::shared_ptr<Device> OpenIsolated(const Target& resolved, const OpenOptions& options);

}  // namespace consort

#endif  // CONSORT_DEVICE_ISOLATED_H_
