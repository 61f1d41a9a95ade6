// Names of ops.
#ifndef CONSORT_MODEL_NODE_NAMES_H_
#define CONSORT_MODEL_NODE_NAMES_H_

#include "onnx/onnx_pb.h"

namespace consort {

// Gives every op of the graph and its bodies a name that no other has: its own, or "<Type>_<index>" where it has none
// or an earlier op has it (ops of the main graph come first). Returns whether a name was given.
bool NameNodes(onnx::GraphProto& graph);

}  // namespace consort

#endif  // CONSORT_MODEL_NODE_NAMES_H_
