#include "consort/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"

namespace consort {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Target, PartsAreRead) {
  const Target target = Target::Parse("cpu:0-1@openvino/bf16");
  EXPECT_EQ(target.device, "cpu");
  EXPECT_EQ(target.unit, "0-1");
  EXPECT_EQ(target.backend, "openvino");
  EXPECT_EQ(target.precision, Precision::kBf16);
}

TEST(Target, TextComesBack) {
  for (const char* text : {"cpu", "cpu:0-1@openvino", "cuda:0/fp16", "gpu:0@openvino", "npu:0", "edgetpu:0",
                           "emulated:coral-usb3", "remote:host:8001", "cpu@onnxruntime/fp32"}) {
    EXPECT_EQ(Target::Parse(text).ToString(), text);
  }
}

TEST(Target, BadOnesAreNamed) {
  for (const char* text : {"", ":0", "cpu:", "cpu@", "@openvino", "cpu/", "cpu/fp8", "c pu", "cpu@open vino"}) {
    EXPECT_THAT([&] { Target::Parse(text); }, ThrowsMessage<Error>(HasSubstr("target '"))) << text;
  }
  EXPECT_THAT([] { Target::Parse("cpu/fp8"); }, ThrowsMessage<Error>(HasSubstr("fp32, fp16, bf16, int8, uint8")));
}

TEST(Target, ListsAreSplit) {
  EXPECT_EQ(ParseTargets("cpu,cpu@openvino").size(), 2u);
  EXPECT_THROW(ParseTargets("cpu,,cpu"), Error);
  EXPECT_THROW(ParseTargets(""), Error);
}

TEST(CoreSet, RangesAreReadAndWritten) {
  EXPECT_THAT(CoreSet::Parse("4+0-1+1").cores(), ElementsAre(0, 1, 4));
  EXPECT_EQ(CoreSet::Parse("4+0-1").ToString(), "0-1+4");
}

TEST(CoreSet, BadOnesAreNamed) {
  for (const char* text : {"", "a", "1-", "-1", "3-1", "0,1", "100000", "1--2"}) {
    EXPECT_THROW(CoreSet::Parse(text), Error) << text;
  }
}

TEST(CoreSet, ContainsComparesSets) {
  EXPECT_TRUE(CoreSet({0, 1, 2}).Contains(CoreSet({0, 2})));
  EXPECT_FALSE(CoreSet({0, 1}).Contains(CoreSet({2})));
  EXPECT_FALSE(CoreSet::Available().empty());
}

}  // namespace
}  // namespace consort
