#include "experiment/runner.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/files.h"
#include "experiment/test_support.h"

namespace consort::experiment {
namespace {

// As many cells as asked for; counts what it runs.
class Counting : public Experiment {
 public:
  std::string name() const override { return "counting"; }
  std::string summary() const override { return "counts"; }
  std::vector<Parameter> parameters() const override { return {{"cells", "4", "", "how many"}}; }
  std::vector<Cell> Cells(Testbed&, const Settings& settings) const override {
    std::vector<Cell> cells;
    for (int64_t i = 0; i < settings.Number("cells"); ++i) cells.push_back({std::to_string(i), {{"number", i}}});
    return cells;
  }
  Row Run(Testbed&, const Settings&, const Cell& cell) const override {
    ++runs;
    if (cell.id == fails_at) throw Error(ErrorCode::kInternal, "broken");
    return {{"square", cell.key["number"].get<int64_t>() * cell.key["number"].get<int64_t>()}};
  }
  Outcome Report(const Findings&) const override { return {}; }

  mutable int runs = 0;
  std::string fails_at;
};

class RunnerTest : public testing::Test {
 protected:
  RunnerResult Run(const Counting& experiment, const std::string& cells = "4", bool fresh = false) {
    const Settings settings(experiment.parameters(), {{"cells", cells}}, false);
    return RunExperiment(experiment, testbed_, settings, {.folder = folder_.path(), .fresh = fresh});
  }

  TemporaryFolder folder_;
  Testbed testbed_{{.platform = "seed"}};
};

TEST_F(RunnerTest, RowsBeginWithTheirCell) {
  const RunnerResult result = Run(Counting());
  ASSERT_EQ(result.rows.size(), 4);
  EXPECT_EQ(result.rows[3].dump(), R"({"cell":"3","number":3,"square":9})");
  EXPECT_EQ(result.header["testbed"]["platform"]["name"], "seed");
  EXPECT_FALSE(TextOf(result.header, "consort").empty());
}

TEST_F(RunnerTest, GoesOnWhereAnErrorEndedIt) {
  Counting failing;
  failing.fails_at = "2";
  EXPECT_ERROR(Run(failing), ErrorCode::kInternal, "broken");
  const Counting whole;
  const RunnerResult result = Run(whole);
  EXPECT_EQ(result.resumed, 2);
  EXPECT_EQ(whole.runs, 2);
  EXPECT_EQ(result.rows.size(), 4);
  const Counting again;
  EXPECT_EQ(Run(again).resumed, 4);
  EXPECT_EQ(again.runs, 0);
}

TEST_F(RunnerTest, OtherSettingsAreRefusedUnlessFresh) {
  Run(Counting());
  EXPECT_ERROR(Run(Counting(), "5"), ErrorCode::kInvalidArgument, "settings.cells is 4 there and 5 here");
  EXPECT_EQ(Run(Counting(), "5", true).rows.size(), 5);
}

// One cell is refused as long as the device is away.
class Losing : public Counting {
 public:
  Row Run(Testbed& testbed, const Settings& settings, const Cell& cell) const override {
    if (away && cell.id == "1") return Refused(Error(ErrorCode::kDeviceLost, "the device went away"));
    return Counting::Run(testbed, settings, cell);
  }
  bool away = true;
};

TEST_F(RunnerTest, RefusalsThatMayPassAreRunAgain) {
  Testbed testbed({.devices = {"cpu@onnxruntime"}});
  Losing losing;
  const auto run = [&](const Counting& experiment) {
    return RunExperiment(experiment, testbed, Settings(experiment.parameters(), {}, false), {.folder = folder_.path()});
  };
  const RunnerResult first = run(losing);
  ASSERT_EQ(first.rows.size(), 4);
  EXPECT_EQ(first.rows[1].dump(), R"({"cell":"1","number":1,"refused":"the device went away"})");
  losing.away = false;
  const RunnerResult second = run(losing);
  EXPECT_EQ(second.resumed, 3);
  EXPECT_EQ(second.rows[1].dump(), R"({"cell":"1","number":1,"square":1})");
  EXPECT_EQ(run(losing).resumed, 4);
}

TEST_F(RunnerTest, ByTheVirtualClockRefusalsStay) {
  EXPECT_EQ(TextOf(Run(Losing()).rows[1], "refused"), "the device went away");
  EXPECT_EQ(Run(Losing()).resumed, 4);
}

// "none" leaves no cell, "twice" names one again.
class Lacking : public Counting {
 public:
  std::vector<Parameter> parameters() const override { return {{"cells", "none", "", "which"}}; }
  std::vector<Cell> Cells(Testbed&, const Settings& settings) const override {
    if (settings.Text("cells") == "none") return {};
    return {{"a", Json::object()}, {"a", Json::object()}};
  }
};

TEST_F(RunnerTest, NoCellAndOneTwiceAreRefusedBeforeAFileIsMade) {
  EXPECT_ERROR(Run(Lacking(), "none"), ErrorCode::kInvalidArgument, "no cell is left to run");
  EXPECT_ERROR(Run(Lacking(), "twice"), ErrorCode::kInvalidArgument, "cell 'a' stands twice");
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "counting.jsonl"));
}

TEST_F(RunnerTest, RowsOfOtherCellsAreRefused) {
  const RunnerResult result = Run(Counting());
  std::ofstream(result.file) << result.header.dump() << "\n" << R"({"cell":"1"})" << "\n" << R"({"cell":"1"})" << "\n";
  EXPECT_ERROR(Run(Counting()), ErrorCode::kInvalidArgument, ":3: cell '1' is none of these, or stands twice");
  std::ofstream(result.file) << result.header.dump() << "\n" << R"({"cell":"9"})" << "\n";
  EXPECT_ERROR(Run(Counting()), ErrorCode::kInvalidArgument, ":2: cell '9' is none of these");
}

}  // namespace
}  // namespace consort::experiment
