// Images as model inputs: decoding, resizing, and the arithmetic between pixels and tensor elements.
#ifndef CONSORT_IO_IMAGE_H_
#define CONSORT_IO_IMAGE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "consort/buffer.h"

namespace consort {

// 8-bit red, green, blue; rows from the top, no padding.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgb;  // 3 * width * height
};

inline constexpr int64_t kDefaultMaxPixels = 100'000'000;

// Whether the bytes begin as a JPEG or PNG file does.
bool IsImage(std::string_view bytes);

// Decodes JPEG or PNG. Gray becomes three equal channels, alpha is dropped, 16 bits become 8; an EXIF orientation is
// not applied. Throws kInvalidModel naming `name` when the file is broken (a cut-off one is) or has more than
// `max_pixels`, which is checked before memory is taken.
Image DecodeImage(std::string_view bytes, const std::string& name, int64_t max_pixels = kDefaultMaxPixels);

// How a smaller image is made. Both are bilinear with half-pixel centres and round to 8 bits after each of the two
// passes.
enum class ResizeFilter : uint8_t {
  kAntialias,  // averages over what a pixel covers, as Pillow's BILINEAR does
  kPoint,      // between the two nearest pixels only, as OpenCV's INTER_LINEAR does
};

// Sizes from 1 to what gives kDefaultMaxPixels; else kInvalidArgument.
Image Resize(const Image& image, int width, int height, ResizeFilter filter);

enum class ColorOrder : uint8_t { kRgb, kBgr, kGray };

// How pixels become elements: (pixel - mean) * scale, with pixels from 0 to 255 and mean and scale one per channel in
// the tensor's order of channels, or one for all; computed in double. PP-OCR's detector wants, in RGB or BGR order,
// mean 123.675,116.28,103.53 and scale 0.0171248,0.017507,0.0174292, that is (pixel/255 - 0.485)/0.229 and so on.
struct PixelFormat {
  ColorOrder color = ColorOrder::kRgb;
  Layout layout = Layout::kNchw;        // kNchw or kNhwc
  DataType dtype = DataType::kFloat32;  // integers are rounded to nearest and saturate
  std::vector<double> mean = {0.0};
  std::vector<double> scale = {1.0};
};

// A tensor of one image: 1 x channels x height x width, or 1 x height x width x channels. Gray is 0.299 R + 0.587 G +
// 0.114 B. Throws kInvalidArgument when mean or scale has neither one value nor one per channel.
Buffer ImageToTensor(const Image& image, const PixelFormat& format);

}  // namespace consort

#endif  // CONSORT_IO_IMAGE_H_
