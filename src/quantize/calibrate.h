// Ranges of a model's activations, from samples.
#ifndef CONSORT_QUANTIZE_CALIBRATE_H_
#define CONSORT_QUANTIZE_CALIBRATE_H_

#include <string>
#include <vector>

#include "quantize/observe.h"
#include "quantize/range_methods.h"

namespace consort {

// Of float32 tensors of the prepared model; of those that Softmax alone reads, WithinReach (softmax_inputs.h): a mask
// of -10000 would leave no steps for the others. Memory does not grow with the number of samples. Throws
// kInvalidArgument without samples, and naming the tensor where no value of it is finite; what `compile` and its calls
// throw.
Ranges Calibrate(const Model& model, const std::vector<std::string>& tensors, const Samples& samples,
                 const CompileModel& compile, const RangeOptions& options);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_CALIBRATE_H_
