// Model-local functions.
#ifndef CONSORT_MODEL_INLINE_FUNCTIONS_H_
#define CONSORT_MODEL_INLINE_FUNCTIONS_H_

#include "onnx/onnx_pb.h"

namespace consort {

// Replaces every call of a model-local function by its body. Returns whether there was one. Throws kInvalidModel when
// functions call each other in a circle, would expand beyond a million ops, or need an opset that the model's does not
// fit.
bool InlineFunctions(onnx::ModelProto& model);

}  // namespace consort

#endif  // CONSORT_MODEL_INLINE_FUNCTIONS_H_
