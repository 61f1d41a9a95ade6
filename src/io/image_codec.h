// The two decoders behind DecodeImage.
#ifndef CONSORT_IO_IMAGE_CODEC_H_
#define CONSORT_IO_IMAGE_CODEC_H_

#include <string>
#include <string_view>

#include "io/image.h"

namespace consort {

bool IsJpeg(std::string_view bytes);
bool IsPng(std::string_view bytes);

// As DecodeImage, for one format each.
Image DecodeJpeg(std::string_view bytes, const std::string& name, int64_t max_pixels);
Image DecodePng(std::string_view bytes, const std::string& name, int64_t max_pixels);

}  // namespace consort

#endif  // CONSORT_IO_IMAGE_CODEC_H_
