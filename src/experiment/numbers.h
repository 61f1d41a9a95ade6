// The numbers that networks compute in a precision: integer forms, and how far they are from fp32.
#ifndef CONSORT_EXPERIMENT_NUMBERS_H_
#define CONSORT_EXPERIMENT_NUMBERS_H_

#include <string>

#include "bench/accuracy.h"
#include "experiment/testbed.h"

namespace consort::experiment {

// Sets of seeded inputs that scales of integers come from; their seeds lie this far behind the testbed's, so that
// numbers are checked on others.
inline constexpr int kCalibrationSets = 8;
inline constexpr uint64_t kCalibrationSeeds = 1'000'000;

// The built-in registry, in which "cpu@openvino/int8" takes the network's float model or a shard of it: ranges are
// those of the whole network's tensors (at batch 1), measured on cpu@onnxruntime when they are first needed. The testbed
// outlives it.
Registry QuantizingRegistry(Testbed& testbed, const Network& network);

// Numbers of a precision beside fp32 on cpu@onnxruntime.
struct NumbersCheck {
  Accuracy accuracy;
  std::string from;  // what computed them: "cpu@openvino/bf16"; "cpu@onnxruntime, weights rounded to bf16"
};

// Of a network at batch 1 on `inputs` seeded sets. A target of this machine computes them itself, in its precision; for a
// platform's device cpu@onnxruntime does, in the numeric form of that precision. Throws what quantizing, compiling and
// running throw.
NumbersCheck CheckNumbers(Testbed& testbed, const TestDevice& device, const Network& network, int inputs);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_NUMBERS_H_
