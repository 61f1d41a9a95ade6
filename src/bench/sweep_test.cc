#include "bench/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"

namespace consort {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Sweep, TakesListsRangesAndFactors) {
  EXPECT_THAT(ParseSweep("3"), ElementsAre(3));
  EXPECT_THAT(ParseSweep("8,1,4"), ElementsAre(8, 1, 4));
  EXPECT_THAT(ParseSweep("2-5"), ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(ParseSweep("1-64*2"), ElementsAre(1, 2, 4, 8, 16, 32, 64));
  EXPECT_THAT(ParseSweep("3-30*3"), ElementsAre(3, 9, 27));
  EXPECT_THAT(ParseSweep("1-2,2-3,16"), ElementsAre(1, 2, 3, 16));
  EXPECT_THAT(ParseSweep("1-2147483647*2").size(), 31);
}

TEST(Sweep, NamesThePartThatIsWrong) {
  for (const char* text : {"", "0", "a", "1-", "-3", "1,,2", "1-2*", "1*2", "1-4x2", "1.5", "99999999999"}) {
    EXPECT_THROW(ParseSweep(text), Error) << text;
  }
  EXPECT_THAT([] { ParseSweep("1,x"); }, ThrowsMessage<Error>(HasSubstr("'x' is not N, N-M or N-M*FACTOR")));
  EXPECT_THAT([] { ParseSweep("8-1"); }, ThrowsMessage<Error>(HasSubstr("'8-1' does not rise")));
  EXPECT_THAT([] { ParseSweep("1-8*1"); }, ThrowsMessage<Error>(HasSubstr("'1-8*1' does not rise")));
  EXPECT_THAT([] { ParseSweep("1-2000000000"); }, ThrowsMessage<Error>(HasSubstr("more than 1000 values")));
}

}  // namespace
}  // namespace consort
