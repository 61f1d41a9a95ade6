// Fuzz target: bytes as an image, resized and turned into a tensor.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "consort/error.h"
#include "io/image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int64_t kMaxPixels = 1 << 18;
  try {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const consort::Image image = consort::DecodeImage(bytes, "fuzzed", kMaxPixels);
    if (image.rgb.size() != size_t{3} * image.width * image.height) std::abort();
    const consort::Image small = consort::Resize(image, 7, 5, consort::ResizeFilter::kAntialias);
    consort::ImageToTensor(small, {.color = consort::ColorOrder::kBgr, .mean = {1, 2, 3}});
  } catch (const consort::Error&) {
  }
  return 0;
}
