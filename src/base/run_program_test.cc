#include "base/run_program.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/files.h"
#include "consort/error.h"

namespace consort {
namespace {

const std::filesystem::path kShell = "/bin/sh";

ProgramEnd Script(const std::string& text, const RunProgramOptions& options = {}) {
  return RunProgram(kShell, {"-c", text}, options);
}

// Whether a process that was killed ends; who collects it is not ours to say.
bool IsSoonGone(const std::string& pid) {
  Clock& clock = Clock::Real();
  for (const TimeNs limit_ns = clock.NowNs() + 30'000'000'000; clock.NowNs() < limit_ns;) {
    std::string state;
    std::ifstream stat("/proc/" + pid + "/stat");
    if (!(stat >> state >> state >> state) || state == "Z" || state == "X") return true;
    clock.SleepUntil(clock.NowNs() + 10'000'000);
  }
  return false;
}

TEST(RunProgram, HearsBothStreamsAndTheExitCode) {
  const ProgramEnd end = Script("echo one; echo two >&2; exit 3");
  EXPECT_EQ(end.output, "one\ntwo\n");
  EXPECT_FALSE(end.succeeded());
  EXPECT_EQ(DescribeExit(end.status), "ended with exit code 3");
  EXPECT_TRUE(Script("true").succeeded());
}

TEST(RunProgram, TakesArgumentsAsTheyAre) {
  const ProgramEnd end = RunProgram("/bin/echo", {"$HOME", "a b", ";", "*"});
  EXPECT_EQ(end.output, "$HOME a b ; *\n");
}

TEST(RunProgram, RunsInItsFolderWithoutInput) {
  const TemporaryFolder folder;
  EXPECT_EQ(Script("pwd -P; cat", {.folder = folder.path()}).output,
            std::filesystem::canonical(folder.path()).string() + "\n");
}

TEST(RunProgram, TellsSignals) {
  EXPECT_EQ(DescribeExit(Script("kill -SEGV $$").status), "was ended by signal 11 (SIGSEGV)");
}

TEST(RunProgram, EndsWhatHangsWithItsChildren) {
  const ProgramEnd end = Script("echo begun; sleep 600 & echo $!; wait", {.timeout_ns = 2'000'000'000});
  EXPECT_TRUE(end.timed_out);
  ASSERT_TRUE(end.output.starts_with("begun\n")) << end.output;
  EXPECT_TRUE(IsSoonGone(end.output.substr(6, end.output.size() - 7)));
}

TEST(RunProgram, DoesNotWaitForWhatItLeavesBehind) {
  const ProgramEnd end = Script("sleep 600 & echo done", {.timeout_ns = 60'000'000'000});
  EXPECT_FALSE(end.timed_out);
  EXPECT_EQ(end.output, "done\n");
}

TEST(RunProgram, KeepsSoMuchOutputAndNoMore) {
  const ProgramEnd end = Script("i=0; while [ $i -lt 5000 ]; do echo 0123456789; i=$((i+1)); done",
                                {.max_output_bytes = 100});
  EXPECT_TRUE(end.succeeded());
  EXPECT_EQ(end.output.size(), 100U);
}

TEST(RunProgram, SaysWhatCannotBeStarted) {
  try {
    RunProgram("/nonexistent/compiler", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_STREQ(error.what(), "/nonexistent/compiler cannot be started: No such file or directory");
  }
}

TEST(RunProgram, FindsProgramsOnThePath) {
  EXPECT_EQ(FindProgram("sh").filename(), "sh");
  EXPECT_TRUE(FindProgram("no-such-program-here").empty());
}

TEST(LastLine, PassesOverEmptyOnes) {
  EXPECT_EQ(LastLine("first\nlast\n  \n\n"), "last");
  EXPECT_EQ(LastLine("\n \n"), "");
}

}  // namespace
}  // namespace consort
