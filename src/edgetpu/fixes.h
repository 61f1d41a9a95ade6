// What can be done about an op that the Edge TPU does not take.
#ifndef CONSORT_EDGETPU_FIXES_H_
#define CONSORT_EDGETPU_FIXES_H_

#include <string>

#include "consort/graph.h"
#include "cost/edgetpu_support.h"

namespace consort {

// A clause without a full stop: "--shape x:1x3x224x224 fixes the sizes". Empty where there is nothing but another
// device, and for a verdict that the op runs.
std::string FixFor(const Graph& graph, const Op& op, const EdgeTpuVerdict& verdict);
// For an op that only the conversion refuses.
std::string FixForConversion(const Op& op);

}  // namespace consort

#endif  // CONSORT_EDGETPU_FIXES_H_
