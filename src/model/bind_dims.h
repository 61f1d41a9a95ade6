// Fixing symbolic dimensions.
#ifndef CONSORT_MODEL_BIND_DIMS_H_
#define CONSORT_MODEL_BIND_DIMS_H_

#include <vector>

#include "consort/model.h"
#include "onnx/onnx_pb.h"

namespace consort {

// The inputs that a caller gives: graph inputs that are not initializers, in order.
std::vector<const onnx::ValueInfoProto*> TrueInputs(const onnx::GraphProto& graph);

// Writes the sizes that `options` asks for into the inputs, and everywhere else where a bound name stands. Returns
// whether anything was asked for. Throws kInvalidArgument, listing what the model has, for an unknown input or
// dimension name, a rank or a fixed size that differs, a size below 1, one name bound to two sizes, or an input beyond
// a tebibyte.
bool BindDims(onnx::GraphProto& graph, const ModelOptions& options);

}  // namespace consort

#endif  // CONSORT_MODEL_BIND_DIMS_H_
