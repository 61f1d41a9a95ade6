// Calls with empty inputs.
#ifndef CONSORT_DEVICE_EMPTY_CALL_H_
#define CONSORT_DEVICE_EMPTY_CALL_H_

#include <optional>
#include <vector>

#include "consort/device.h"

namespace consort {

// True for a shape without elements.
bool IsEmpty(const Shape& shape);

// The shape of an output where it follows from the shapes that the inputs have in a call, by the symbolic names of axes,
// and is empty; else nothing. A call all of whose outputs are empty computes nothing: it can be answered without the
// engine, and some engines crash on it.
std::optional<Shape> EmptyShapeOf(const Port& output, const std::vector<Port>& inputs, const std::vector<Shape>& given);

}  // namespace consort

#endif  // CONSORT_DEVICE_EMPTY_CALL_H_
