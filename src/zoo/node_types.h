// Reads and writes of one node's type and attributes.
#ifndef CONSORT_ZOO_NODE_TYPES_H_
#define CONSORT_ZOO_NODE_TYPES_H_

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "onnx/onnx_pb.h"

namespace consort::zoo {

inline bool IsOneOf(std::string_view type, std::initializer_list<std::string_view> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

// A new attribute without its value.
inline onnx::AttributeProto* AddAttribute(onnx::NodeProto* node, const std::string& name,
                                          onnx::AttributeProto::AttributeType type) {
  auto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(type);
  return attribute;
}

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_NODE_TYPES_H_
