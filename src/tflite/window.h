// Sliding windows over images: geometry, padding and the layout that TensorFlow Lite has for them.
#ifndef CONSORT_TFLITE_WINDOW_H_
#define CONSORT_TFLITE_WINDOW_H_

#include <cstdint>
#include <optional>

#include "tflite/draft.h"

namespace consort::tflite {

// One axis of a window.
struct WindowAxis {
  int64_t in = 1;
  int64_t out = 1;
  int64_t size = 1;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t begin = 0;  // padding before the first element
  int64_t end = 0;    // padding behind the last that a window reaches; what no window reaches is left out
  int64_t given_end = 0;  // as the node says it

  int64_t extent() const { return (size - 1) * dilation + 1; }
};

struct Window {
  WindowAxis height;  // of 1 where the image has one spatial axis
  WindowAxis width;

  bool padded() const;
  bool dilated() const { return height.dilation != 1 || width.dilation != 1; }
  // TensorFlow's name for the padding: VALID for none, SAME where ceil(in / stride) windows have the odd element at the
  // end; nothing for any other.
  std::optional<PaddingScheme> scheme() const;
};

// The window of a Conv, MaxPool or AveragePool node: kernel of sizes `kernel`, on images of ONNX shapes `in` and `out`
// (N, C and one or two more axes).
Window WindowOf(const onnx::NodeProto& node, const Shape& kernel, const Shape& in, const Shape& out);

// The value as a tensor N, H, W, C; H is 1 for N, C, L. Throws Refusal for other ranks.
int TakeImage(Draft& draft, ValueId id);
// A tensor N, H, W, C of a value's image in a quantization that need not be its own, to be written; then SettleImage.
int NewImage(Draft& draft, ValueId id, const Affine& affine);
void SettleImage(Draft& draft, ValueId id, int image);

// The image with the window's padding around it: zeros, or the lowest number.
enum class Fill : uint8_t { kZero, kLowest };
int PaddedImage(Draft& draft, int image, const Window& window, Fill fill);

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_WINDOW_H_
