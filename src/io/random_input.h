// Inputs made from a seed, for runs without files.
#ifndef CONSORT_IO_RANDOM_INPUT_H_
#define CONSORT_IO_RANDOM_INPUT_H_

#include <cstdint>
#include <string>

#include "consort/buffer.h"

namespace consort {

// A tensor of `spec` that depends on the seed and the port's name only: the same on every machine, whatever other ports
// there are. Floating-point elements are uniform in [0, 1) on a grid that their type represents exactly (2^-24 for
// float32, 2^-11 for float16, 2^-8 for bfloat16, 2^-53 for float64); integers and bool are 0 or 1, which is valid as an
// index, a token or a mask. Integers with a scale stand for the numbers that a float32 tensor would get. Throws kInvalidArgument for a dynamic shape, kUnsupported for int4.
Buffer RandomInput(const TensorSpec& spec, uint64_t seed, const std::string& port);

}  // namespace consort

#endif  // CONSORT_IO_RANDOM_INPUT_H_
