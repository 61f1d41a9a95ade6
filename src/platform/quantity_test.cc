#include "platform/quantity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "platform/test_support.h"

namespace consort {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct Read {
  const char* text;
  Dimension dimension;
  double value;
};

class Reading : public testing::TestWithParam<Read> {};
INSTANTIATE_TEST_SUITE_P(
    Quantity, Reading,
    testing::Values(Read{"440 MB/s", Dimension::kBandwidth, 4.4e8}, Read{"440MB/s", Dimension::kBandwidth, 4.4e8},
                    Read{"480 Mbit/s", Dimension::kBandwidth, 6e7},
                    Read{"1.5 GiB/s", Dimension::kBandwidth, 1610612736}, Read{"0.28 ms", Dimension::kTime, 2.8e-4},
                    Read{"35 µs", Dimension::kTime, 3.5e-5}, Read{"35us", Dimension::kTime, 3.5e-5},
                    Read{"0 ms", Dimension::kTime, 0}, Read{"7.7 MiB", Dimension::kBytes, 8074035.2},
                    Read{"12 GB", Dimension::kBytes, 1.2e10}, Read{"0 B", Dimension::kBytes, 0},
                    Read{"500 MHz", Dimension::kFrequency, 5e8}, Read{"2.9 TFLOPS", Dimension::kComputeRate, 2.9e12},
                    Read{"4 TOPS", Dimension::kComputeRate, 4e12}, Read{"96 GOPS", Dimension::kComputeRate, 9.6e10},
                    Read{"10 W", Dimension::kPower, 10}, Read{"250 mW", Dimension::kPower, 0.25},
                    Read{"32.5 B/cycle", Dimension::kBytesPerCycle, 32.5}, Read{"40 %", Dimension::kRatio, 0.4},
                    Read{"0.4", Dimension::kRatio, 0.4}, Read{" 64 ", Dimension::kCount, 64},
                    Read{"1e3", Dimension::kCount, 1000}),
    [](const auto& info) { return "Row" + std::to_string(info.index); });

TEST_P(Reading, GivesSiUnits) {
  const Read& row = GetParam();
  EXPECT_DOUBLE_EQ(ParseQuantity(row.text, row.dimension), row.value) << row.text;
}

struct Refused {
  const char* text;
  Dimension dimension;
  const char* problem;
  const char* way_out;
};

class Refusing : public testing::TestWithParam<Refused> {};
INSTANTIATE_TEST_SUITE_P(
    Quantity, Refusing,
    testing::Values(Refused{"440", Dimension::kBandwidth, "no unit", "as in '440 MB/s'"},
                    Refused{"440 MHz", Dimension::kBandwidth, "'MHz' does not fit", "B/s, kB/s, MB/s"},
                    Refused{"440 mb/s", Dimension::kBandwidth, "'mb/s' does not fit", "MB/s"},
                    Refused{"fast", Dimension::kTime, "'fast' is not a time", "as in '15 ms'"},
                    Refused{"", Dimension::kTime, "'' is not a time", "as in '15 ms'"},
                    Refused{"-1 MB/s", Dimension::kBandwidth, "-1e+06 is not", "above zero"},
                    Refused{"0 GHz", Dimension::kFrequency, "0 is not", "above zero"},
                    Refused{"-1 ms", Dimension::kTime, "-0.001 is not", "zero or more"},
                    Refused{"0 %", Dimension::kRatio, "0 is not", "above zero"},
                    Refused{"nan W", Dimension::kPower, "a power", "finite number"},
                    Refused{"inf s", Dimension::kTime, "a time", "finite number"},
                    Refused{"1e999 s", Dimension::kTime, "out of range", "smaller number"},
                    Refused{"1e300 TB/s", Dimension::kBandwidth, "a bandwidth must be", "finite number"},
                    Refused{"1e9 TB/s", Dimension::kBandwidth, "beyond any machine", "at most 1e+04 TB/s"},
                    Refused{"1e18 OPS OPS", Dimension::kComputeRate, "'OPS OPS' does not fit", "TFLOPS"},
                    Refused{"1.5", Dimension::kCount, "1.5 is not", "a whole number"},
                    Refused{"64 B", Dimension::kCount, "no unit", "the number alone"}),
    [](const auto& info) { return "Row" + std::to_string(info.index); });

TEST_P(Refusing, NamesTheWayOut) {
  const Refused& row = GetParam();
  const std::string message = MessageOf(ErrorCode::kInvalidArgument, [&] { ParseQuantity(row.text, row.dimension); });
  EXPECT_THAT(message, AllOf(HasSubstr(row.problem), HasSubstr(row.way_out)));
}

TEST(Quantity, IsShownInTheUnitThatReadsBest) {
  EXPECT_EQ(FormatQuantity(4.4e8, Dimension::kBandwidth), "440 MB/s");
  EXPECT_EQ(FormatQuantity(1.2e10, Dimension::kBandwidth), "12 GB/s");
  EXPECT_EQ(FormatQuantity(2.8e-4, Dimension::kTime), "0.28 ms");
  EXPECT_EQ(FormatQuantity(14.0038e-3, Dimension::kTime), "14.0038 ms");
  EXPECT_EQ(FormatQuantity(1.0 / 3, Dimension::kTime), "0.3333 s");
  EXPECT_EQ(FormatQuantity(0, Dimension::kTime), "0 ms");
  EXPECT_EQ(FormatQuantity(3.5e-5, Dimension::kTime), "35 us");
  EXPECT_EQ(FormatQuantity(5e8, Dimension::kFrequency), "500 MHz");
  EXPECT_EQ(FormatQuantity(2.9e12, Dimension::kComputeRate), "2.9 TFLOPS");
  EXPECT_EQ(FormatQuantity(0.5, Dimension::kPower), "500 mW");
  EXPECT_EQ(FormatQuantity(75, Dimension::kPower), "75 W");
  EXPECT_EQ(FormatQuantity(32.5, Dimension::kBytesPerCycle), "32.5 B/cycle");
  EXPECT_EQ(FormatQuantity(0.4, Dimension::kRatio), "40 %");
  EXPECT_EQ(FormatQuantity(1048576, Dimension::kCount), "1048576");
}

TEST(Quantity, BytesAreBinaryWhereThatIsExact) {
  EXPECT_EQ(FormatQuantity(7.7 * 1024 * 1024, Dimension::kBytes), "7.7 MiB");
  EXPECT_EQ(FormatQuantity(4e9, Dimension::kBytes), "4 GB");
  EXPECT_EQ(FormatQuantity(5354, Dimension::kBytes), "5.354 kB");
  EXPECT_EQ(FormatQuantity(65536, Dimension::kBytes), "64 KiB");
  EXPECT_EQ(FormatQuantity(123456789, Dimension::kBytes), "123.5 MB");
  EXPECT_EQ(FormatQuantity(0, Dimension::kBytes), "0 MB");
}

TEST(Quantity, WhatIsShownIsReadBack) {
  for (const Dimension dimension :
       {Dimension::kRatio, Dimension::kCount, Dimension::kTime, Dimension::kBytes, Dimension::kBandwidth,
        Dimension::kFrequency, Dimension::kComputeRate, Dimension::kPower, Dimension::kBytesPerCycle}) {
    for (const double value : {1.0, 2.0, 37.0, 512.0}) {
      EXPECT_DOUBLE_EQ(ParseQuantity(FormatQuantity(value, dimension), dimension), value) << Describe(dimension);
    }
  }
}

}  // namespace
}  // namespace consort
