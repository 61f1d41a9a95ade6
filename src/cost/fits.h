// Whether a device of a platform can run and hold a model, or a part of one: asked before any time is modelled.
#ifndef CONSORT_COST_FITS_H_
#define CONSORT_COST_FITS_H_

#include <optional>
#include <string>

#include "consort/graph.h"
#include "cost/work.h"
#include "platform/platform.h"

namespace consort {

// The one asked for, else the device's first, else fp32.
Precision PrecisionOn(const PlatformDevice& device, std::optional<Precision> asked);

// Throws kUnsupported naming the operators among those from `begin` up to `end` that the platform lists as missing_ops
// of the device. Ops that fold to constants run nowhere and are skipped. `who` is how messages call the device.
void RequireOps(const PlatformDevice& device, const std::string& who, const Graph& graph, OpId begin, OpId end);
// Of the whole graph.
void RequireOps(const PlatformDevice& device, const std::string& who, const Graph& graph);

// Throws kOutOfMemory where the weights, at the precision, are more than the device's memory. A memory of 0 is not
// limited.
void RequireMemory(const PlatformDevice& device, const std::string& who, const WorkList& works, Precision precision);

}  // namespace consort

#endif  // CONSORT_COST_FITS_H_
