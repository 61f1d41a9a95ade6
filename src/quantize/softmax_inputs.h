// Tensors that Softmax alone reads: values far below the largest of their row have no share in what comes out.
#ifndef CONSORT_QUANTIZE_SOFTMAX_INPUTS_H_
#define CONSORT_QUANTIZE_SOFTMAX_INPUTS_H_

#include <string>

#include "consort/buffer.h"
#include "consort/model.h"

namespace consort {

// e^-12 is 6e-6, and the steps of a quantized Softmax are 1/256.
inline constexpr float kSoftmaxReach = 12;

// Whether Softmax along the last axis is all that reads the tensor.
bool FeedsSoftmaxOnly(const Model& model, const std::string& tensor);

// A copy of a float32 tensor in which values that lie lower are kSoftmaxReach below the largest of their row (of the
// last axis).
Buffer WithinReach(const Buffer& tensor);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_SOFTMAX_INPUTS_H_
