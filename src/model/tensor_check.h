// Checks of stored tensors.
#ifndef CONSORT_MODEL_TENSOR_CHECK_H_
#define CONSORT_MODEL_TENSOR_CHECK_H_

#include "onnx/onnx_pb.h"

namespace consort {

// Every initializer and attribute tensor of the model, its functions included: known element type, sizes that are not
// negative and do not overflow, and exactly the data that they need. Every dimension of inputs, outputs and value_info
// is not negative. Every input of the model has a type. Throws kInvalidModel naming the tensor.
void CheckTensors(const onnx::ModelProto& model);

}  // namespace consort

#endif  // CONSORT_MODEL_TENSOR_CHECK_H_
