#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/dynamic_library.h"
#include "base/files.h"
#include "base/strings.h"
#include "consort/clock.h"
#include "consort/error.h"

namespace consort {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Strings, SplitKeepsEmptyParts) {
  EXPECT_THAT(Split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(Split("", ','), ElementsAre(""));
}

TEST(Strings, ParseIntegerTakesTheWholeText) {
  EXPECT_EQ(ParseInteger("-12"), -12);
  EXPECT_EQ(ParseInteger("12x"), std::nullopt);
  EXPECT_EQ(ParseInteger(""), std::nullopt);
  EXPECT_EQ(ParseInteger("99999999999999999999"), std::nullopt);
}

TEST(Strings, FormatBytes) {
  EXPECT_EQ(FormatBytes(812), "812 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
}

TEST(Files, WhatWasWrittenIsRead) {
  TemporaryFolder folder;
  WriteFile(folder.path() / "a", "content");
  EXPECT_EQ(ReadFile(folder.path() / "a"), "content");
}

TEST(Files, RefusesWhatIsNoRegularFile) {
  TemporaryFolder folder;
  const std::string pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT([&] { ReadFile(pipe); }, ThrowsMessage<Error>(HasSubstr("not a regular file")));
  EXPECT_THAT([&] { ReadFile(folder.path()); }, ThrowsMessage<Error>(HasSubstr("is a folder")));
  EXPECT_THAT([&] { ReadFile(folder.path() / "none"); }, ThrowsMessage<Error>(HasSubstr("No such file")));
}

TEST(Files, RefusesWhatIsTooLarge) {
  TemporaryFolder folder;
  WriteFile(folder.path() / "a", "content");
  EXPECT_THAT([&] { ReadFile(folder.path() / "a", 3); }, ThrowsMessage<Error>(HasSubstr("larger than the limit")));
}

TEST(Files, AFailedWriteLeavesNothingBehind) {
  TemporaryFolder folder;
  EXPECT_THROW(WriteFile(folder.path() / "none" / "a", "content"), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Files, HashTellsContentApart) {
  EXPECT_EQ(ContentHash("a"), ContentHash("a"));
  EXPECT_NE(ContentHash("a"), ContentHash("b"));
}

TEST(Files, TemporaryFolderIsRemoved) {
  std::filesystem::path path;
  {
    TemporaryFolder folder;
    path = folder.path();
    WriteFile(path / "a", "content");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(DynamicLibrary, TakesTheFirstThatLoads) {
  const DynamicLibrary library = DynamicLibrary::Open("libm", {"libnone-such.so", "libm.so.6"});
  EXPECT_THAT(library.path(), HasSubstr("libm.so"));
  EXPECT_EQ(library.Symbol<double (*)(double)>("sqrt")(4.0), 2.0);
  EXPECT_EQ(library.OptionalSymbol<void*>("none_such"), nullptr);
  EXPECT_THAT([&] { library.Symbol<void*>("none_such"); }, ThrowsMessage<Error>(HasSubstr("no symbol 'none_such'")));
}

TEST(DynamicLibrary, NamesEveryCandidateThatFailed) {
  EXPECT_THAT([] { DynamicLibrary::Open("Engine", {"libnone-a.so", "libnone-b.so"}); },
              ThrowsMessage<Error>(testing::AllOf(HasSubstr("Engine"), HasSubstr("libnone-a"), HasSubstr("libnone-b"))));
}

TEST(Clock, SleepsUntilTheDeadline) {
  Clock& clock = Clock::Real();
  const TimeNs deadline_ns = clock.NowNs() + 1'000'000;
  clock.SleepUntil(deadline_ns);
  EXPECT_GE(clock.NowNs(), deadline_ns);
}

}  // namespace
}  // namespace consort
