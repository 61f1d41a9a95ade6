// Compiling for whoever computes numbers and has no engine of its own.
#ifndef CONSORT_BENCH_COMPILE_ON_CPU_H_
#define CONSORT_BENCH_COMPILE_ON_CPU_H_

#include "consort/registry.h"
#include "quantize/observe.h"

namespace consort {

// Where the figures of quantized models are computed.
inline constexpr char kQuantizeTarget[] = "cpu@onnxruntime";

// Compiles for kQuantizeTarget, with all optimisations, so that integer kernels are used. `registry` outlives it.
CompileModel CompileOnCpu(const Registry& registry);

}  // namespace consort

#endif  // CONSORT_BENCH_COMPILE_ON_CPU_H_
