#include "device/empty_call.h"

#include <algorithm>
#include <string>

namespace consort {
namespace {

// The size of the input axis of this symbolic name.
std::optional<int64_t> SizeOf(const std::string& name, const std::vector<Port>& inputs,
                              const std::vector<Shape>& given) {
  for (size_t port = 0; !name.empty() && port < inputs.size(); ++port) {
    const std::vector<std::string>& names = inputs[port].dim_names;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return given[port].at(static_cast<size_t>(found - names.begin()));
  }
  return std::nullopt;
}

}  // namespace

bool IsEmpty(const Shape& shape) { return std::find(shape.begin(), shape.end(), 0) != shape.end(); }

std::optional<Shape> EmptyShapeOf(const Port& output, const std::vector<Port>& inputs,
                                  const std::vector<Shape>& given) {
  Shape shape = output.spec.shape;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] != kDynamic) continue;
    if (axis >= output.dim_names.size()) return std::nullopt;
    const std::optional<int64_t> size = SizeOf(output.dim_names[axis], inputs, given);
    if (!size.has_value()) return std::nullopt;
    shape[axis] = *size;
  }
  if (!IsEmpty(shape)) return std::nullopt;
  return shape;
}

}  // namespace consort
