// The order in which a tensor's axes lie in memory.
#ifndef CONSORT_TFLITE_LAYOUT_H_
#define CONSORT_TFLITE_LAYOUT_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "consort/types.h"

namespace consort::tflite {

// Axis i in memory is axis order[i] of the ONNX tensor: {0, 2, 3, 1} holds NCHW as NHWC.
using Order = std::vector<int>;

Order PlainOrder(size_t rank);
// Channels (axis 1) behind all others; plain below rank 3.
Order ChannelsLast(size_t rank);

// The sizes in memory.
Shape InOrder(const Shape& shape, const Order& order);
// Where an ONNX axis lies.
int PlaceOf(const Order& order, int axis);

// How a tensor lies in memory: as an array of `shape` with its axes in `order`. The tensor itself may have other axes
// that hold the same elements in a row (what Flatten makes of an image).
struct Arrangement {
  Shape shape;
  Order order;
};

// The same arrangement for a tensor of the axes of `shape`, which differs by axes of size 1 only; nothing where it
// differs by more. Axes of size 1 stand where ChannelsLast, or else the plain order, has them if the rest allows it.
std::optional<Order> OrderFor(const Arrangement& arrangement, const Shape& shape);

// Whether elements lie in the ONNX tensor's own order.
bool IsPlain(const Arrangement& arrangement);
// Whether two orders of one shape are the same in memory: axes of size 1 do not count.
bool SameInMemory(const Shape& shape, const Order& a, const Order& b);

// Elements of `shape`, moved into the order.
template <typename T>
std::vector<T> MovedInto(const std::vector<T>& values, const Shape& shape, const Order& order) {
  const Shape sizes = InOrder(shape, order);
  std::vector<int64_t> strides(shape.size(), 1);  // of ONNX axes
  for (size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  std::vector<T> moved(values.size());
  std::vector<int64_t> at(shape.size(), 0);
  int64_t from = 0;
  for (T& element : moved) {
    element = values[static_cast<size_t>(from)];
    for (size_t i = sizes.size(); i-- > 0;) {
      const int64_t stride = strides[static_cast<size_t>(order[i])];
      from += stride;
      if (++at[i] < sizes[i]) break;
      from -= stride * sizes[i];
      at[i] = 0;
    }
  }
  return moved;
}

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_LAYOUT_H_
