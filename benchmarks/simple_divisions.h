// Divisions that somebody would think of first, as plans.
#ifndef CONSORT_BENCHMARKS_SIMPLE_DIVISIONS_H_
#define CONSORT_BENCHMARKS_SIMPLE_DIVISIONS_H_

#include <optional>

#include "plan/plan.h"
#include "support/ensemble.h"

namespace consort {

// A stage for each device, all of as many ops, in the order of devices that does best; nothing where none is possible.
std::optional<Plan> EqualLayers(test::Ensemble& ensemble);
// Likewise, multiply-accumulates in proportion to the devices' speeds; devices that cannot run the whole are left out.
std::optional<Plan> BySpeed(test::Ensemble& ensemble);

}  // namespace consort

#endif  // CONSORT_BENCHMARKS_SIMPLE_DIVISIONS_H_
