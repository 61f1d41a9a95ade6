// The backends behind `emulated:` targets.
#ifndef CONSORT_EMULATE_EMULATED_BACKEND_H_
#define CONSORT_EMULATE_EMULATED_BACKEND_H_

#include <memory>
#include <vector>

#include "consort/backend.h"
#include "consort/registry.h"
#include "emulate/integer_numbers.h"
#include "platform/platform.h"

namespace consort {

// One backend for each host engine, named after it, so that `emulated:gtx1650@openvino` takes its numbers from OpenVINO
// and `emulated:gtx1650@null` has none. They offer the device `emulated`, whose unit names a device of a platform
// (emulate/device_names.h). `hosts` outlive them; the first is the default; `--isolate` isolates the host. Find lists
// the devices of the platform that is given. `integers` computes for Edge TPUs in the host's place, where it is there
// and the host has numbers. Throws what reading that platform throws.
std::vector<std::unique_ptr<Backend>> MakeEmulatedBackends(const std::vector<Backend*>& hosts,
                                                           const EmulationOptions& options,
                                                           MakeIntegerNumbers integers = nullptr);
// The same for a platform in memory.
std::vector<std::unique_ptr<Backend>> MakeEmulatedBackends(const std::vector<Backend*>& hosts,
                                                           std::shared_ptr<const Platform> platform, double jitter = 0,
                                                           uint64_t jitter_seed = 0);

}  // namespace consort

#endif  // CONSORT_EMULATE_EMULATED_BACKEND_H_
