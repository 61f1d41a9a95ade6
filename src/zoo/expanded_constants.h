// Weights that ConstantOfShape nodes make, as small files have them.
#ifndef CONSORT_ZOO_EXPANDED_CONSTANTS_H_
#define CONSORT_ZOO_EXPANDED_CONSTANTS_H_

#include "onnx/onnx_pb.h"

namespace consort::zoo {

// Makes initializers, without values, of the float32 tensors of more than one element that ConstantOfShape nodes make
// of a constant shape and that an operator reads as weights; before IR version 4 they become graph inputs too, and
// shapes that nothing reads any more go. Other nodes stay as they are.
void MakeInitializers(onnx::ModelProto& model);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_EXPANDED_CONSTANTS_H_
