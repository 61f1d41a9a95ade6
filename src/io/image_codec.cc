#include "io/image_codec.h"

#include <fmt/format.h>
#include <png.h>
#include <turbojpeg.h>

#include <memory>

#include "consort/error.h"

namespace consort {
namespace {

[[noreturn]] void Fail(const std::string& name, const std::string& why) {
  throw Error(ErrorCode::kInvalidModel, name + ": " + why);
}

// An image of that size, if the limit allows it.
Image Allocate(int64_t width, int64_t height, const std::string& name, int64_t max_pixels) {
  if (width < 1 || height < 1) Fail(name, "broken image: it has no pixels");
  if (width > max_pixels / height) {
    Fail(name, fmt::format("is an image of {}x{} pixels; more than {} are refused", width, height, max_pixels));
  }
  Image image{static_cast<int>(width), static_cast<int>(height), {}};
  image.rgb.resize(static_cast<size_t>(width * height * 3));
  return image;
}

struct DestroyDecompressor {
  void operator()(void* handle) const { tjDestroy(handle); }
};

// libpng's simplified reader, freed on every way out.
struct PngReader {
  PngReader() { image.version = PNG_IMAGE_VERSION; }
  ~PngReader() { png_image_free(&image); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  png_image image{};
};

}  // namespace

bool IsJpeg(std::string_view bytes) { return bytes.starts_with("\xFF\xD8\xFF"); }

bool IsPng(std::string_view bytes) { return bytes.starts_with("\x89PNG\r\n\x1A\n"); }

Image DecodeJpeg(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  const std::unique_ptr<void, DestroyDecompressor> decoder(tjInitDecompress());
  if (!decoder) throw Error(ErrorCode::kOutOfMemory, "the JPEG decoder cannot be started");
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0, height = 0, subsampling = 0, colorspace = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &subsampling, &colorspace) != 0) {
    Fail(name, std::string("broken JPEG: ") + tjGetErrorStr2(decoder.get()));
  }
  if (colorspace == TJCS_CMYK || colorspace == TJCS_YCCK) Fail(name, "is a CMYK JPEG; convert it to RGB");
  Image image = Allocate(width, height, name, max_pixels);
  // Warnings count as errors: libjpeg fills what is missing with gray.
  constexpr int kFlags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
  if (tjDecompress2(decoder.get(), data, bytes.size(), image.rgb.data(), width, 0, height, TJPF_RGB, kFlags) != 0) {
    Fail(name, std::string("broken JPEG: ") + tjGetErrorStr2(decoder.get()));
  }
  return image;
}

Image DecodePng(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  PngReader reader;
  png_image& png = reader.image;
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size())) {
    Fail(name, std::string("broken PNG: ") + png.message);
  }
  Image image = Allocate(png.width, png.height, name, max_pixels);
  png.format = PNG_FORMAT_RGBA;
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // 16-bit samples without a gamma chunk are sRGB, not linear
  std::vector<uint8_t> rgba(image.rgb.size() / 3 * 4);
  if (!png_image_finish_read(&png, nullptr, rgba.data(), 0, nullptr)) {
    Fail(name, std::string("broken PNG: ") + png.message);
  }
  for (size_t pixel = 0; pixel < rgba.size() / 4; ++pixel) {
    for (size_t channel = 0; channel < 3; ++channel) image.rgb[pixel * 3 + channel] = rgba[pixel * 4 + channel];
  }
  return image;
}

}  // namespace consort
