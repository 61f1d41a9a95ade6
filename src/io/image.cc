#include "io/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "consort/error.h"
#include "io/element.h"
#include "io/image_codec.h"

namespace consort {
namespace {

// The source pixels that one target pixel is made of, and their weights, which sum to 1.
struct Tap {
  int first = 0;
  std::vector<float> weights;
};

// Taps along one axis: a triangle around the target pixel's centre, one source pixel wide to each side, or as wide as
// the target pixel is when averaging.
std::vector<Tap> MakeTaps(int source_size, int target_size, ResizeFilter filter) {
  const double step = static_cast<double>(source_size) / target_size;
  const double radius = filter == ResizeFilter::kAntialias ? std::max(step, 1.0) : 1.0;
  std::vector<Tap> taps(target_size);
  for (int target = 0; target < target_size; ++target) {
    const double centre = std::clamp((target + 0.5) * step, 0.5, source_size - 0.5);
    Tap& tap = taps[target];
    tap.first = std::max(0, static_cast<int>(std::floor(centre - radius + 0.5)));
    const int end = std::min(source_size, static_cast<int>(std::floor(centre + radius + 0.5)));
    double sum = 0;
    for (int source = tap.first; source < end; ++source) {
      const double weight = std::max(0.0, 1 - std::abs(source + 0.5 - centre) / radius);
      tap.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : tap.weights) weight = static_cast<float>(weight / sum);
  }
  return taps;
}

uint8_t RoundToByte(float value) { return static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f)); }

Image ResizeWidth(const Image& image, int width, ResizeFilter filter) {
  const std::vector<Tap> taps = MakeTaps(image.width, width, filter);
  Image result{width, image.height, std::vector<uint8_t>(size_t{3} * width * image.height)};
  uint8_t* out = result.rgb.data();
  for (int y = 0; y < image.height; ++y) {
    const uint8_t* row = image.rgb.data() + size_t{3} * y * image.width;
    for (const Tap& tap : taps) {
      float sum[3] = {0, 0, 0};
      const uint8_t* pixel = row + size_t{3} * tap.first;
      for (const float weight : tap.weights) {
        for (int channel = 0; channel < 3; ++channel) sum[channel] += weight * *pixel++;
      }
      for (const float value : sum) *out++ = RoundToByte(value);
    }
  }
  return result;
}

Image ResizeHeight(const Image& image, int height, ResizeFilter filter) {
  const std::vector<Tap> taps = MakeTaps(image.height, height, filter);
  const size_t stride = size_t{3} * image.width;
  Image result{image.width, height, std::vector<uint8_t>(stride * height)};
  std::vector<float> sums(stride);
  for (int y = 0; y < height; ++y) {
    std::fill(sums.begin(), sums.end(), 0.0f);
    const uint8_t* row = image.rgb.data() + stride * taps[y].first;
    for (const float weight : taps[y].weights) {
      for (float& sum : sums) sum += weight * *row++;
    }
    std::transform(sums.begin(), sums.end(), result.rgb.begin() + static_cast<int64_t>(stride) * y, RoundToByte);
  }
  return result;
}

uint8_t Luma(const uint8_t* pixel) {
  return static_cast<uint8_t>((pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16);
}

// The value of one channel of a pixel, in the order asked for.
uint8_t Channel(const uint8_t* pixel, int channel, ColorOrder order) {
  switch (order) {
    case ColorOrder::kRgb:
      return pixel[channel];
    case ColorOrder::kBgr:
      return pixel[2 - channel];
    case ColorOrder::kGray:
      break;
  }
  return Luma(pixel);
}

double PerChannel(const std::vector<double>& values, int channel, int channels, const char* what) {
  if (values.size() == 1) return values.front();
  if (values.size() != static_cast<size_t>(channels)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} has {} values; an image of {} channel(s) takes one or {}",
                                                         what, values.size(), channels, channels));
  }
  return values[channel];
}

// The element that each of the 256 values of a channel becomes.
Buffer ElementTable(const PixelFormat& format, int channel, int channels) {
  const double mean = PerChannel(format.mean, channel, channels, "mean");
  const double scale = PerChannel(format.scale, channel, channels, "scale");
  std::vector<double> values(256);
  for (int value = 0; value < 256; ++value) values[value] = (value - mean) * scale;
  Buffer table = Buffer::Allocate({.dtype = format.dtype, .shape = {256}});
  SetFromDoubles(values, table);
  return table;
}

}  // namespace

bool IsImage(std::string_view bytes) { return IsJpeg(bytes) || IsPng(bytes); }

Image DecodeImage(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  if (IsJpeg(bytes)) return DecodeJpeg(bytes, name, max_pixels);
  if (IsPng(bytes)) return DecodePng(bytes, name, max_pixels);
  throw Error(ErrorCode::kInvalidModel, name + ": is neither a JPEG nor a PNG image");
}

Image Resize(const Image& image, int width, int height, ResizeFilter filter) {
  if (width < 1 || height < 1 || image.rgb.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "images are resized to at least 1x1 pixels");
  }
  if (int64_t{width} * std::max(image.height, height) > kDefaultMaxPixels) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("an image of {}x{} pixels cannot be resized to {}x{}: too many pixels", image.width,
                            image.height, width, height));
  }
  Image result = width == image.width ? image : ResizeWidth(image, width, filter);
  return height == image.height ? result : ResizeHeight(result, height, filter);
}

Buffer ImageToTensor(const Image& image, const PixelFormat& format) {
  const int channels = format.color == ColorOrder::kGray ? 1 : 3;
  const bool planar = format.layout == Layout::kNchw;
  TensorSpec spec{.dtype = format.dtype, .layout = planar ? Layout::kNchw : Layout::kNhwc};
  spec.shape = planar ? Shape{1, channels, image.height, image.width} : Shape{1, image.height, image.width, channels};
  Buffer tensor = Buffer::Allocate(std::move(spec));
  const size_t pixels = size_t{1} * image.width * image.height;
  const size_t width = BitWidth(format.dtype) / 8;
  char* elements = static_cast<char*>(tensor.data());
  for (int channel = 0; channel < channels; ++channel) {
    const Buffer table = ElementTable(format, channel, channels);
    const char* entries = static_cast<const char*>(table.data());
    for (size_t pixel = 0; pixel < pixels; ++pixel) {
      const size_t at = planar ? channel * pixels + pixel : pixel * channels + channel;
      std::memcpy(elements + at * width, entries + Channel(&image.rgb[pixel * 3], channel, format.color) * width,
                  width);
    }
  }
  return tensor;
}

}  // namespace consort
