#include "io/image.h"

#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cstdlib>

#include "io/test_support.h"

namespace consort {
namespace {

// A smooth picture, so that JPEG changes it little.
Image Gradient(int width, int height) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.rgb.push_back(static_cast<uint8_t>(255 * x / width));
      image.rgb.push_back(static_cast<uint8_t>(255 * y / height));
      image.rgb.push_back(static_cast<uint8_t>(127 + 64 * x / width));
    }
  }
  return image;
}

std::string EncodeJpeg(const Image& image) {
  tjhandle encoder = tjInitCompress();
  unsigned char* data = nullptr;
  unsigned long size = 0;
  EXPECT_EQ(
      tjCompress2(encoder, image.rgb.data(), image.width, 0, image.height, TJPF_RGB, &data, &size, TJSAMP_444, 95, 0),
      0);
  std::string bytes(reinterpret_cast<char*>(data), size);
  tjFree(data);
  tjDestroy(encoder);
  return bytes;
}

std::string EncodePng(const void* pixels, int width, int height, png_uint_32 format) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = width, png.height = height, png.format = format;
  png_alloc_size_t size = 0;
  EXPECT_TRUE(png_image_write_to_memory(&png, nullptr, &size, 0, pixels, 0, nullptr));
  std::string bytes(size, '\0');
  EXPECT_TRUE(png_image_write_to_memory(&png, bytes.data(), &size, 0, pixels, 0, nullptr));
  bytes.resize(size);
  return bytes;
}

std::string EncodePng(const Image& image) {
  return EncodePng(image.rgb.data(), image.width, image.height, PNG_FORMAT_RGB);
}

void ExpectBroken(const std::string& bytes, const std::string& part, int64_t max_pixels = kDefaultMaxPixels) {
  ExpectError([&] { DecodeImage(bytes, "page.jpg", max_pixels); }, ErrorCode::kInvalidModel, "page.jpg: " + part);
}

TEST(DecodeImage, PngIsExact) {
  const Image image = Gradient(31, 17);
  const Image decoded = DecodeImage(EncodePng(image), "page.png");
  EXPECT_EQ(decoded.width, 31);
  EXPECT_EQ(decoded.height, 17);
  EXPECT_EQ(decoded.rgb, image.rgb);
}

TEST(DecodeImage, GrayIsSpreadAndAlphaDropped) {
  const uint8_t gray[] = {0, 100, 200, 255};
  EXPECT_EQ(DecodeImage(EncodePng(gray, 2, 2, PNG_FORMAT_GRAY), "g").rgb,
            (std::vector<uint8_t>{0, 0, 0, 100, 100, 100, 200, 200, 200, 255, 255, 255}));
  const uint8_t rgba[] = {10, 20, 30, 128, 40, 50, 60, 255};
  EXPECT_EQ(DecodeImage(EncodePng(rgba, 2, 1, PNG_FORMAT_RGBA), "a").rgb,
            (std::vector<uint8_t>{10, 20, 30, 40, 50, 60}));
}

TEST(DecodeImage, JpegIsClose) {
  const Image image = Gradient(64, 48);
  const Image decoded = DecodeImage(EncodeJpeg(image), "page.jpg");
  ASSERT_EQ(decoded.rgb.size(), image.rgb.size());
  int worst = 0;
  for (size_t i = 0; i < image.rgb.size(); ++i) worst = std::max(worst, std::abs(decoded.rgb[i] - image.rgb[i]));
  EXPECT_LE(worst, 6);
}

TEST(DecodeImage, RefusesWhatIsCutOffOrNoImage) {
  ExpectBroken("hello", "is neither a JPEG nor a PNG image");
  ExpectBroken("", "is neither");
  for (const std::string& bytes : {EncodeJpeg(Gradient(64, 48)), EncodePng(Gradient(64, 48))}) {
    for (size_t size = 8; size + 16 < bytes.size(); size += 53) ExpectBroken(bytes.substr(0, size), "broken ");
  }
}

TEST(DecodeImage, ChangedBytesNeverCrash) {
  for (const std::string& bytes : {EncodeJpeg(Gradient(24, 16)), EncodePng(Gradient(24, 16))}) {
    for (size_t at = 0; at < bytes.size(); ++at) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ 0x55);
      try {
        const Image image = DecodeImage(changed, "changed", 1'000'000);
        EXPECT_EQ(image.rgb.size(), size_t{3} * image.width * image.height);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kInvalidModel) << error.what();
      }
    }
  }
}

TEST(DecodeImage, LimitsPixelsBeforeTakingMemory) {
  ExpectBroken(EncodePng(Gradient(20, 10)), "is an image of 20x10 pixels; more than 199 are refused", 199);
  ExpectBroken(EncodeJpeg(Gradient(20, 10)), "is an image of 20x10", 199);
  EXPECT_EQ(DecodeImage(EncodeJpeg(Gradient(20, 10)), "page.jpg", 200).width, 20);
  std::string huge = EncodeJpeg(Gradient(20, 10));
  huge.replace(huge.find("\xFF\xC0") + 5, 4, "\xFF\xDC\xFF\xDC");
  ExpectBroken(huge, "is an image of 65500x65500 pixels");
}

TEST(Resize, SameSizeIsTheSame) {
  const Image image = Gradient(9, 7);
  EXPECT_EQ(Resize(image, 9, 7, ResizeFilter::kAntialias).rgb, image.rgb);
}

TEST(Resize, AntialiasAveragesAndPointDoesNot) {
  Image image{8, 1, {}};
  for (int x = 0; x < 8; ++x) image.rgb.insert(image.rgb.end(), 3, x == 0 ? 255 : 0);
  const Image averaged = Resize(image, 2, 1, ResizeFilter::kAntialias);
  // A triangle 8 pixels wide around x = 2, clipped at the border: weights 5/8, 7/8, 7/8, 5/8, 3/8, 1/8 after the first
  // 3 / 8.
  EXPECT_EQ(averaged.rgb[0], static_cast<uint8_t>(255 * 0.625 / (0.625 + 0.875 + 0.875 + 0.625 + 0.375 + 0.125) + 0.5));
  const Image point = Resize(image, 2, 1, ResizeFilter::kPoint);
  EXPECT_EQ(point.rgb[0], 0);  // between pixels 1 and 2
}

TEST(Resize, EnlargesBetweenPixelCentres) {
  const Image image{2, 1, {0, 0, 0, 200, 100, 40}};
  const Image result = Resize(image, 4, 1, ResizeFilter::kAntialias);
  EXPECT_EQ(result.rgb, (std::vector<uint8_t>{0, 0, 0, 50, 25, 10, 150, 75, 30, 200, 100, 40}));
  EXPECT_EQ(Resize(image, 4, 1, ResizeFilter::kPoint).rgb, result.rgb);
}

TEST(Resize, BothAxes) {
  const Image small = Resize(Gradient(64, 64), 16, 8, ResizeFilter::kAntialias);
  EXPECT_EQ(small.rgb.size(), 3u * 16 * 8);
  EXPECT_LT(small.rgb[0], small.rgb[3 * 15]);          // red grows to the right
  EXPECT_LT(small.rgb[1], small.rgb[3 * 16 * 7 + 1]);  // green grows downwards
}

TEST(Resize, RefusesImpossibleSizes) {
  const Image image = Gradient(4, 4);
  EXPECT_THROW(Resize(image, 0, 4, ResizeFilter::kPoint), Error);
  EXPECT_THROW(Resize(image, 1 << 30, 1 << 30, ResizeFilter::kPoint), Error);
}

TEST(ImageToTensor, LayoutsAndColorOrders) {
  const Image image{2, 1, {1, 2, 3, 11, 12, 13}};
  const Buffer nchw = ImageToTensor(image, {});
  EXPECT_EQ(nchw.spec(), (TensorSpec{.dtype = DataType::kFloat32, .shape = {1, 3, 1, 2}, .layout = Layout::kNchw}));
  EXPECT_EQ(ToDoubles(nchw), (std::vector<double>{1, 11, 2, 12, 3, 13}));
  const Buffer nhwc =
      ImageToTensor(image, {.color = ColorOrder::kBgr, .layout = Layout::kNhwc, .dtype = DataType::kUInt8});
  EXPECT_EQ(nhwc.spec().shape, (Shape{1, 1, 2, 3}));
  EXPECT_EQ(ToDoubles(nhwc), (std::vector<double>{3, 2, 1, 13, 12, 11}));
  const Buffer gray = ImageToTensor(Image{1, 1, {255, 128, 0}}, {.color = ColorOrder::kGray});
  EXPECT_EQ(ToDoubles(gray), (std::vector<double>{151}));  // 76.2 + 75.1
}

TEST(ImageToTensor, SubtractsTheMeanThenScales) {
  const Image image{1, 1, {100, 0, 255}};
  const Buffer tensor = ImageToTensor(image, {.mean = {100, 10, 55}, .scale = {2, 0.5, 0.01}});
  EXPECT_EQ(tensor.as<float>()[0], 0.0f);
  EXPECT_EQ(tensor.as<float>()[1], -5.0f);
  EXPECT_EQ(tensor.as<float>()[2], 2.0f);
  const Buffer int8 = ImageToTensor(image, {.dtype = DataType::kInt8, .mean = {128}});
  EXPECT_EQ(ToDoubles(int8), (std::vector<double>{-28, -128, 127}));
}

TEST(ImageToTensor, MeanAndScaleFitTheChannels) {
  const Image image = Gradient(2, 2);
  ExpectError([&] { ImageToTensor(image, {.mean = {1, 2}}); }, ErrorCode::kInvalidArgument, "mean has 2 values");
  ExpectError(
      [&] {
        ImageToTensor(image, {.color = ColorOrder::kGray, .scale = {1, 2, 3}});
      },
      ErrorCode::kInvalidArgument, "scale has 3 values");
}

}  // namespace
}  // namespace consort
