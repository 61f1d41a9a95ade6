// Shapes that layers make: pads and sizes under sliding windows, broadcasting, reshaping.
#ifndef CONSORT_ZOO_LAYER_SHAPES_H_
#define CONSORT_ZOO_LAYER_SHAPES_H_

#include <cstdint>
#include <vector>

#include "zoo/layers.h"

namespace consort::zoo {

// One spatial axis under a window.
struct WindowAxis {
  int64_t begin = 0;   // padding in front
  int64_t end = 0;     // padding behind
  int64_t output = 0;  // windows that fit
};

// Throws kInvalidArgument when no window fits into `size`.
WindowAxis SlideOver(int64_t size, int64_t window, int64_t stride, int64_t dilation, Padding padding);
// For a transposed convolution: output = size × stride. Throws kInvalidArgument when the window is smaller than the
// stride.
WindowAxis SpreadOver(int64_t size, int64_t window, int64_t stride);

// The shape of NumPy broadcasting. Throws kInvalidArgument when the shapes do not fit. A dynamic axis fits any.
Shape Broadcast(const Shape& a, const Shape& b);
// The shape after an ONNX Reshape to `target` (0 keeps an axis, -1 takes what is left). Throws kInvalidArgument.
Shape ReshapeTo(const Shape& shape, const std::vector<int64_t>& target);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_LAYER_SHAPES_H_
