// Which device of a testbed plays which part in the seed's experiments.
#ifndef CONSORT_EXPERIMENT_ROLES_H_
#define CONSORT_EXPERIMENT_ROLES_H_

#include <string>
#include <utility>
#include <vector>

#include "experiment/testbed.h"

namespace consort::experiment {

// The Edge TPU's place and the GPU's. On a testbed without these two kinds, other devices stand in for them.
struct Pair {
  TestDevice a;  // the Edge TPU's
  TestDevice b;  // the GPU's
};

// Of two devices or more: the Edge TPU and the GPU, emulated or real; where there is none the device whose name says so
// ("edgetpu-as-published"), else the second device as A and the first as B.
Pair UsualPair(const std::vector<TestDevice>& devices);

// The part that a device plays: "edgetpu" where it is one or stands for one by its name, else its kind.
std::string PartOf(const TestDevice& device);

// `text`: "A,B", names of two devices; empty: the testbed's usual pair. Throws kInvalidArgument for another number of
// names, for a device that is not there, where the testbed has only one, and for devices of two platforms.
Pair PairOf(const Testbed& testbed, const std::string& text);

// `text`: names, comma separated; empty: the first `most` devices, CPUs before GPUs before the rest, as the seed counts
// them. Throws kInvalidArgument for fewer than two, and where all are emulated and of more than one platform.
std::vector<TestDevice> DevicesFor(const Testbed& testbed, const std::string& text, size_t most);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_ROLES_H_
