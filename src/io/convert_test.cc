#include "io/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "consort/error.h"
#include "io/element.h"

namespace consort {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TensorSpec Form(DataType dtype, Shape shape, Quantization quantization = {}, Layout layout = Layout::kPlain) {
  return {dtype, std::move(shape), layout, std::move(quantization)};
}

Buffer Floats(const TensorSpec& spec, const std::vector<float>& values) {
  Buffer buffer = Buffer::Allocate(spec);
  std::copy(values.begin(), values.end(), buffer.as<float>().begin());
  return buffer;
}

TEST(Conversion, QuantizesAndBack) {
  const TensorSpec real = Form(DataType::kFloat32, {5});
  const TensorSpec quantized = Form(DataType::kInt8, {5}, {{0.5f}, {3}});
  const Buffer from = Floats(real, {0, 1, -0.75f, 100, -100});
  Buffer to = Buffer::Allocate(quantized);
  Conversion(real, quantized, "t").Apply(from.data(), to.data());
  EXPECT_THAT(to.as<int8_t>(), ElementsAre(3, 5, 1, 127, -128)) << "-1.5 goes to the even -2; the ends saturate";
  Buffer back = Buffer::Allocate(real);
  Conversion(quantized, real, "t").Apply(to.data(), back.data());
  EXPECT_THAT(back.as<float>(), ElementsAre(0, 1, -1, 62, -65.5f));
}

TEST(Conversion, LayoutsExchangeTheirAxes) {
  const TensorSpec nchw = Form(DataType::kFloat32, {2, 2, 1, 3}, {}, Layout::kNchw);
  const TensorSpec nhwc = Form(DataType::kFloat16, {2, 1, 3, 2}, {}, Layout::kNhwc);
  const Buffer from = Floats(nchw, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  Buffer to = Buffer::Allocate(nhwc);
  Conversion(nchw, nhwc, "t").Apply(from.data(), to.data());
  EXPECT_THAT(ToDoubles(to), ElementsAre(0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11));
  Buffer back = Buffer::Allocate(nchw);
  Conversion(nhwc, nchw, "t").Apply(to.data(), back.data());
  EXPECT_THAT(back.as<float>(), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
}

TEST(Conversion, LinesExchangeTheirAxesLikeImages) {
  const TensorSpec ncw = Form(DataType::kFloat32, {1, 2, 3});
  const TensorSpec nwc = Form(DataType::kInt8, {1, 3, 2}, {{1}, {0}}, Layout::kNhwc);
  const Buffer from = Floats(ncw, {0, 1, 2, 3, 4, 5});
  Buffer to = Buffer::Allocate(nwc), back = Buffer::Allocate(ncw);
  Conversion(ncw, nwc, "t").Apply(from.data(), to.data());
  EXPECT_THAT(to.as<int8_t>(), ElementsAre(0, 3, 1, 4, 2, 5));
  Conversion(nwc, ncw, "t").Apply(to.data(), back.data());
  EXPECT_THAT(back.as<float>(), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(Conversion, LongTensorsAndLargeIntegersArriveWhole) {
  const TensorSpec nchw = Form(DataType::kInt64, {1, 3, 10, 31}, {}, Layout::kNchw);
  const TensorSpec nhwc = Form(DataType::kInt64, {1, 10, 31, 3}, {}, Layout::kNhwc);
  Buffer from = Buffer::Allocate(nchw);
  for (int64_t i = 0; i < 930; ++i) from.as<int64_t>()[i] = (int64_t{1} << 60) + i;
  Buffer to = Buffer::Allocate(nhwc);
  Conversion(nchw, nhwc, "t").Apply(from.data(), to.data());
  for (int64_t i = 0; i < 930; ++i) EXPECT_EQ(to.as<int64_t>()[(i % 310) * 3 + i / 310], (int64_t{1} << 60) + i);
}

// Against what the formula gives element by element, NaN and both ends included.
TEST(Conversion, ImagesBecomeBytesInTheOtherLayoutAndBack) {
  const Quantization scales{{0.037F}, {-5}};
  const TensorSpec nchw = Form(DataType::kFloat32, {2, 3, 5, 7}, {}, Layout::kNchw);
  for (const DataType bytes : {DataType::kInt8, DataType::kUInt8}) {
    const TensorSpec nhwc = Form(bytes, {2, 5, 7, 3}, scales, Layout::kNhwc);
    std::vector<float> values(210);
    for (size_t i = 0; i < values.size(); ++i) values[i] = 0.083F * static_cast<float>(i) - 8;
    values[17] = std::numeric_limits<float>::quiet_NaN();
    values[18] = -std::numeric_limits<float>::infinity();
    const Buffer from = Floats(nchw, values);
    Buffer to = Buffer::Allocate(nhwc), back = Buffer::Allocate(nchw);
    Conversion(nchw, nhwc, "t").Apply(from.data(), to.data());
    Conversion(nhwc, nchw, "t").Apply(to.data(), back.data());
    const std::vector<double> stored = ToDoubles(to), real = ToDoubles(back);
    const double low = bytes == DataType::kInt8 ? -128 : 0, high = low + 255;
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t image = i / 105, channel = i / 35 % 3, pixel = i % 35;
      const double ratio = std::isnan(values[i]) ? 0 : std::nearbyint(double{values[i]} / scales.scale[0]);
      const double expected = std::clamp(ratio - 5, low, high);
      EXPECT_EQ(stored[image * 105 + pixel * 3 + channel], expected) << i;
      EXPECT_EQ(real[i], static_cast<float>((expected + 5) * scales.scale[0])) << i;
    }
  }
}

TEST(Conversion, EqualFormsNeedNone) {
  EXPECT_FALSE(Conversion::Needed(Form(DataType::kInt8, {4}), Form(DataType::kInt8, {4})));
  EXPECT_TRUE(Conversion::Needed(Form(DataType::kInt8, {4}), Form(DataType::kInt8, {4}, {{0.5f}, {0}})));
  EXPECT_TRUE(Conversion::Needed(Form(DataType::kInt8, {4}), Form(DataType::kUInt8, {4})));
}

TEST(Conversion, OtherShapesAndUnreadableTypesAreRefused) {
  EXPECT_THAT([] { Conversion(Form(DataType::kFloat32, {4}), Form(DataType::kFloat16, {5}), "logits"); },
              ThrowsMessage<Error>(HasSubstr("tensor 'logits' is float32 4 where it is made and float16 5")));
  EXPECT_THAT([] { Conversion(Form(DataType::kInt4, {4}), Form(DataType::kFloat16, {4}), "w"); },
              ThrowsMessage<Error>(HasSubstr("cannot be converted")));
}

}  // namespace
}  // namespace consort
