// Small questions about one ONNX node.
#ifndef CONSORT_MODEL_NODE_QUERIES_H_
#define CONSORT_MODEL_NODE_QUERIES_H_

#include <algorithm>
#include <string_view>

#include "onnx/onnx_pb.h"

namespace consort {

// An op of ai.onnx of that type.
inline bool IsOp(const onnx::NodeProto& node, std::string_view type) {
  return node.domain().empty() && node.op_type() == type;
}

// nullptr when the node has no attribute of that name.
inline const onnx::AttributeProto* FindAttribute(const onnx::NodeProto& node, std::string_view name) {
  const auto found = std::find_if(node.attribute().begin(), node.attribute().end(),
                                  [&](const auto& attribute) { return attribute.name() == name; });
  return found == node.attribute().end() ? nullptr : &*found;
}

}  // namespace consort

#endif  // CONSORT_MODEL_NODE_QUERIES_H_
