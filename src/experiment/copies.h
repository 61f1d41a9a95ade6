// A device many times over.
#ifndef CONSORT_EXPERIMENT_COPIES_H_
#define CONSORT_EXPERIMENT_COPIES_H_

#include <memory>

#include "experiment/testbed.h"
#include "platform/platform.h"

namespace consort::experiment {

// How copies hang on the host.
enum class Wiring : uint8_t {
  kOwn,    // each on links of its own, as coral-x4
  kShared  // each on a port of its own at one hub, whose way to the host is as fast as one port, as coral-x4-hub
};

// `count` copies of a device, "gtx1650-1" …, and the platform's other CPUs, which run what a copy cannot. Copies differ
// in their names and resources alone. A device in the host's memory has no links: both wirings are the same.
Platform CopiesOf(const Platform& platform, const PlatformDevice& device, int count, Wiring wiring);

// The copies as a testbed, with the seed, the jitter and the haste of `testbed`. A CPU target of this machine becomes as many targets
// of one core each. Throws kInfeasible for more of these than the machine has cores, and for any other target of this
// machine, of which there is one.
std::unique_ptr<Testbed> CopiesBed(const Testbed& testbed, const TestDevice& device, int count, Wiring wiring);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_COPIES_H_
