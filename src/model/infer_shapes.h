// Shape inference.
#ifndef CONSORT_MODEL_INFER_SHAPES_H_
#define CONSORT_MODEL_INFER_SHAPES_H_

#include "onnx/onnx_pb.h"

namespace consort {

// Writes the inferred type of every tensor into value_info and the outputs, bodies included; values of shape
// computations are followed. What depends on an op of a custom domain stays unknown. Hints of the exporter that
// contradict what is inferred are dropped. Throws kInvalidModel naming the node where types or shapes cannot be right.
void InferShapes(onnx::ModelProto& model);

}  // namespace consort

#endif  // CONSORT_MODEL_INFER_SHAPES_H_
