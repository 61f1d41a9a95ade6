// What the networks for images share: their input, convolutions with batch norm, the classifier.
#ifndef CONSORT_ZOO_IMAGE_NETWORKS_H_
#define CONSORT_ZOO_IMAGE_NETWORKS_H_

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "consort/error.h"
#include "zoo/layers.h"
#include "zoo/zoo.h"

namespace consort::zoo {

inline constexpr int64_t kImageNetClasses = 1000;
// Of networks that halve the image five times: one pixel is left.
inline constexpr int64_t kLeastSide = 32;

// The sides of images that a network takes.
struct ImageSide {
  std::string network;
  int64_t usual = 224;
  int64_t least = kLeastSide;
  int64_t multiple = 1;
};

// The side asked for. Throws kInvalidArgument outside what the network takes.
inline int64_t SideOf(const MakeOptions& options, const ImageSide& side) {
  const int64_t size = options.size.value_or(side.usual);
  if (size < side.least || size > kLargestNumber) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} takes images whose side is {} to {}, not {}: give --size {} or more", side.network,
                            side.least, kLargestNumber, size, side.least));
  }
  if (size % side.multiple != 0) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{} takes images whose side is a multiple of {}, not {}: the next ones are {} and {}", side.network,
                    side.multiple, size, size - size % side.multiple, size - size % side.multiple + side.multiple));
  }
  return size;
}

// The input "image": batch × channels × side × side.
inline Value ImageInput(LayerWriter& net, const MakeOptions& options, const ImageSide& side, int64_t channels = 3) {
  const int64_t size = SideOf(options, side);
  return net.Input("image", {options.batch, channels, size, size});
}

// The multiplier of channels asked for, 1 by default. Throws kInvalidArgument outside 0.1 … 2.
inline double WidthOf(const MakeOptions& options, const std::string& network) {
  const double width = options.width.value_or(1);
  if (width >= 0.1 && width <= 2) return width;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} takes a width from 0.1 to 2, not {}: give --width within that", network, width));
}

inline Value ConvNorm(LayerWriter& net, const Value& x, int64_t channels, const Window& window, float epsilon = 1e-3F) {
  return net.BatchNorm(net.Conv(x, channels, window), epsilon);
}

inline Value ConvNormRelu(LayerWriter& net, const Value& x, int64_t channels, const Window& window,
                          float epsilon = 1e-3F) {
  return net.Relu(ConvNorm(net, x, channels, window, epsilon));
}

// The mean over the image, one fully connected layer, the output "logits".
inline void Classify(LayerWriter& net, const Value& x, int64_t classes = kImageNetClasses) {
  net.Output("logits", net.Dense(net.Flatten(net.GlobalAveragePool(x)), classes));
}

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_IMAGE_NETWORKS_H_
