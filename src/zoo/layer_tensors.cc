// LayerWriter's operators without weights that add, multiply and move tensors.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "consort/error.h"
#include "zoo/layer_shapes.h"
#include "zoo/layers.h"
#include "zoo/node_types.h"

namespace consort::zoo {
namespace {

size_t AxisOf(int64_t axis, const Shape& shape) {
  const auto rank = static_cast<int64_t>(shape.size());
  const int64_t index = axis < 0 ? axis + rank : axis;
  if (index >= 0 && index < rank) return static_cast<size_t>(index);
  throw Error(ErrorCode::kInternal, fmt::format("axis {} of shape {}", axis, FormatShape(shape)));
}

}  // namespace

Value LayerWriter::Add(const Value& a, const Value& b) { return Binary("Add", NewName("Add"), a, b); }
Value LayerWriter::Mul(const Value& a, const Value& b) { return Binary("Mul", NewName("Mul"), a, b); }

Value LayerWriter::Scale(const Value& x, float factor) {
  const std::string name = NewName("Scale");
  return Binary("Mul", name, x, Scalar(name + "/factor", factor));
}

Value LayerWriter::MatMul(const Value& a, const Value& b) {
  if (a.shape.size() < 2 || b.shape.size() < 2 || a.shape.back() != b.shape[b.shape.size() - 2]) {
    throw Error(ErrorCode::kInternal,
                fmt::format("shapes {} and {} cannot be multiplied", FormatShape(a.shape), FormatShape(b.shape)));
  }
  Shape shape = Broadcast(Shape(a.shape.begin(), a.shape.end() - 2), Shape(b.shape.begin(), b.shape.end() - 2));
  shape.push_back(a.shape[a.shape.size() - 2]);
  shape.push_back(b.shape.back());
  const std::string name = NewName("MatMul");
  AddNode("MatMul", name, {a.name, b.name});
  return {name, shape};
}

Value LayerWriter::Concat(const std::vector<Value>& parts, int64_t axis) {
  const std::string name = NewName("Concat");
  std::vector<std::string> inputs;
  Shape shape = parts.at(0).shape;
  const size_t along = AxisOf(axis, shape);
  shape[along] = 0;
  for (const Value& part : parts) {
    inputs.push_back(part.name);
    const int64_t length = part.shape.at(along);
    shape[along] = shape[along] == kDynamic || length == kDynamic ? kDynamic : shape[along] + length;
  }
  AddAttribute(AddNode("Concat", name, inputs), "axis", onnx::AttributeProto::INT)->set_i(axis);
  return {name, shape};
}

Value LayerWriter::Transpose(const Value& x, const std::vector<int64_t>& order) {
  const std::string name = NewName("Transpose");
  auto* permutation = AddAttribute(AddNode("Transpose", name, {x.name}), "perm", onnx::AttributeProto::INTS);
  for (const int64_t axis : order) permutation->add_ints(axis);
  Shape shape;
  for (const int64_t axis : order) shape.push_back(x.shape.at(AxisOf(axis, x.shape)));
  return {name, shape};
}

Value LayerWriter::Reshape(const Value& x, const std::vector<int64_t>& target) {
  const Shape shape = ReshapeTo(x.shape, target);
  const std::string name = NewName("Reshape");
  const Value wanted = Ints(name + "/shape", target, false);
  AddNode("Reshape", name, {x.name, wanted.name});
  return {name, shape};
}

Value LayerWriter::Slice(const Value& x, int64_t axis, int64_t begin, int64_t end) {
  Shape shape = x.shape;
  int64_t& length = shape[AxisOf(axis, shape)];
  const auto clamp = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + length : at, 0, length); };
  const bool within = begin >= 0 && end >= begin;  // readable without the length
  if (length != kDynamic)
    length = std::max<int64_t>(0, clamp(end) - clamp(begin));
  else if (within)
    length = end - begin;
  const std::string name = NewName("Slice");
  std::vector<std::string> inputs = {x.name};
  for (const auto& [role, value] : {std::pair{"begin", begin}, {"end", end}, {"axis", axis}}) {
    inputs.push_back(Ints(fmt::format("{}/{}", name, role), {value}, false).name);
  }
  AddNode("Slice", name, inputs);
  return {name, shape};
}

}  // namespace consort::zoo
