// Fingerprints that tie a plan to the graph and the platform that it was made for.
#ifndef CONSORT_PLAN_FINGERPRINT_H_
#define CONSORT_PLAN_FINGERPRINT_H_

#include <string>

#include "consort/graph.h"
#include "platform/platform.h"

namespace consort {

// Of what a plan divides: the ops that compute, with their names, types and tensors, the bytes of parameters that each
// reads, and the shapes of the model's inputs without axis 0. The same for every batch and for all values of the
// weights.
std::string FingerprintOf(const Graph& graph);

// Of every figure of a platform that a prediction may rest on; sources and summaries do not count.
std::string FingerprintOf(const Platform& platform);

}  // namespace consort

#endif  // CONSORT_PLAN_FINGERPRINT_H_
