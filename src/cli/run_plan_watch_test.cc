#include "cli/run_plan_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "plan/drawing.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr TimeNs kSecond = 1'000'000'000;

SessionReport TwoStages() {
  SessionReport report{.delivered = 100, .failed = 2, .retries = 1};
  report.stages = {{{.name = "emulated:seed.a-device-with-a-very-long-name@onnxruntime", .calls = 60, .busy_ns = kSecond},
                    {.name = "cpu@onnxruntime", .state = ReplicaState::kSpare}},
                   {{.name = "cpu@openvino", .state = ReplicaState::kDistrusted, .calls = 41, .busy_ns = kSecond / 2}}};
  report.waiting = {3, 0};
  return report;
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(WatchFrame, SaysWhatIsAskedOfEveryReplica) {
  const std::vector<std::string> lines =
      LinesOf(WatchFrame(TwoStages(), 2 * kSecond, {.title = "net.onnx", .calls = 500, .batch = 4}));
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_THAT(lines[0], HasSubstr("net.onnx: 100 of 500 calls, 2.000 s, 200.0 per second, 2 failed, 1 retried"));
  EXPECT_EQ(lines[1], "stage 0, 3 waiting");
  EXPECT_THAT(lines[2], HasSubstr("active"));
  EXPECT_THAT(lines[2], HasSubstr("60 calls"));
  EXPECT_THAT(lines[2], HasSubstr(" 50 %"));
  EXPECT_THAT(lines[2], HasSubstr("████████········"));
  EXPECT_THAT(lines[3], HasSubstr("spare"));
  EXPECT_EQ(lines[4], "stage 1, 0 waiting");
  EXPECT_THAT(lines[5], HasSubstr("distrusted"));
  EXPECT_THAT(lines[5], HasSubstr(" 25 %"));
}

TEST(WatchFrame, FitsEightyColumnsWhateverTheNames) {
  SessionReport report = TwoStages();
  report.delivered = 1'000'000'000;
  report.stages[0][0].calls = 999'999'999;
  report.losses = {{.stage = 0, .replica = std::string(200, 'd'), .why = "it \033[31mwent\nadrift"}};
  const WatchOptions options{.title = std::string(100, 't'), .calls = 2'000'000'000};
  for (const std::string& line : LinesOf(WatchFrame(report, 3600 * kSecond, options))) {
    EXPECT_LE(Columns(line), 80u) << line;
    EXPECT_THAT(line, Not(HasSubstr("\033")));
  }
}

TEST(WatchFrame, NothingIsDividedByNoTime) {
  EXPECT_THAT(WatchFrame(TwoStages(), 0, {.title = "net", .calls = 5}), Not(HasSubstr("per second")));
}

}  // namespace
}  // namespace consort
