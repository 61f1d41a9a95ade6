// Which name each op reads and who makes it, across the bodies of control flow.
#ifndef CONSORT_MODEL_SCOPES_H_
#define CONSORT_MODEL_SCOPES_H_

#include <string>
#include <vector>

#include "onnx/onnx_pb.h"

namespace consort {

// Names that the bodies of a node read from outside the node, unique, in the order of their first use.
std::vector<std::string> Captures(const onnx::NodeProto& node);

// Checks that every name is made once and by somebody, and that no op waits for itself; orders ops topologically where
// they are not (stable: an order that is topological stays). Returns whether ops were moved. Throws kInvalidModel
// naming the node.
bool ResolveScopes(onnx::GraphProto& graph);

}  // namespace consort

#endif  // CONSORT_MODEL_SCOPES_H_
