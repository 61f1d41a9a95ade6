// The two parts of a model against the whole of it, in numbers.
#ifndef CONSORT_CLI_EDGETPU_CHECK_H_
#define CONSORT_CLI_EDGETPU_CHECK_H_

#include "bench/accuracy.h"
#include "consort/registry.h"
#include "edgetpu/convert.h"

namespace consort {

// Where the parts run; the whole runs where the rest does.
inline constexpr char kHeadTarget[] = "cpu@litert";
inline constexpr char kRestTarget[] = "cpu@onnxruntime";

// The head's .tflite file on kHeadTarget, then the rest on kRestTarget with what crosses turned into real numbers in
// ONNX's order, against the whole float model, on the samples. Throws what opening, compiling and running throw.
Accuracy CheckEdgeTpuParts(const Registry& registry, const Model& whole, const EdgeTpuConversion& parts,
                           const Samples& samples);

}  // namespace consort

#endif  // CONSORT_CLI_EDGETPU_CHECK_H_
