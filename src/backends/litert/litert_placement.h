// Which kernels compute the operators of a .tflite model.
#ifndef CONSORT_BACKENDS_LITERT_LITERT_PLACEMENT_H_
#define CONSORT_BACKENDS_LITERT_LITERT_PLACEMENT_H_

#include "backends/litert/interpreter.h"
#include "consort/placement.h"
#include "consort/target.h"

namespace consort::litert {

// An operator that is gone from the plan once a delegate has seen it is computed by that delegate: the accelerator, where
// there is one, or XNNPACK. One that stays is computed by a built-in kernel; both of the latter are on the CPU, which is
// elsewhere for a target that is none. Without the plan that XNNPACK leaves every operator is unknown, and the evidence says so. A
// target's precision, if it names one, is compared with the type of each operator's output.
Placement ReadPlacement(const Interpreter& interpreter, const Target& target);

}  // namespace consort::litert

#endif  // CONSORT_BACKENDS_LITERT_LITERT_PLACEMENT_H_
