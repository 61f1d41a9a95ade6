#include "consort/types.h"

#include <gtest/gtest.h>

#include <limits>

#include "consort/error.h"

namespace consort {
namespace {

TEST(Shape, TextAndBack) {
  EXPECT_EQ(ParseShape("1x3x224x224"), (Shape{1, 3, 224, 224}));
  EXPECT_EQ(ParseShape("?x3"), (Shape{kDynamic, 3}));
  EXPECT_EQ(FormatShape({kDynamic, 3}), "?x3");
  EXPECT_EQ(FormatShape({}), "scalar");
  EXPECT_EQ(ParseShape("scalar"), Shape{});
}

TEST(Shape, BadTextIsAnError) {
  for (const char* text : {"", "x", "1x", "0x3", "-1x3", "1xa", "1,3", "99999999999999999999"}) {
    EXPECT_THROW(ParseShape(text), Error) << text;
  }
}

TEST(Shape, CountsElements) {
  EXPECT_EQ(ElementCount({}), 1);
  EXPECT_EQ(ElementCount({2, 0, 3}), 0);
  EXPECT_THROW(ElementCount({kDynamic}), Error);
  EXPECT_THROW(ElementCount({std::numeric_limits<int64_t>::max(), 2}), Error);
}

TEST(TensorSpec, BytesFollowTheElementWidth) {
  EXPECT_EQ(ByteSize({DataType::kFloat32, {2, 3}}), 24);
  EXPECT_EQ(ByteSize({DataType::kInt4, {3}}), 2);
  EXPECT_EQ(ByteSize({DataType::kBool, {}}), 1);
  EXPECT_THROW(ByteSize({DataType::kString, {1}}), Error);
  EXPECT_THROW(ByteSize({DataType::kFloat64, {int64_t{1} << 60}}), Error);
}

TEST(Names, PrecisionsComeBack) {
  for (const char* name : {"fp32", "fp16", "bf16", "int8", "uint8"}) EXPECT_EQ(ToString(ParsePrecision(name)), name);
  EXPECT_THROW(ParsePrecision("FP32"), Error);
}

TEST(Names, EveryDataTypeHasItsOwn) {
  EXPECT_EQ(ToString(DataType::kFloat32), "float32");
  EXPECT_EQ(ToString(DataType::kOther), "other");
  EXPECT_EQ(BitWidth(DataType::kUInt4), 4);
}

}  // namespace
}  // namespace consort
