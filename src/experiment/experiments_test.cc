// What the experiments of one device make of their rows.
#include <gtest/gtest.h>

#include <set>

#include "experiment/alignment.h"
#include "experiment/dense_scaling.h"
#include "experiment/experiment.h"
#include "experiment/matvec.h"
#include "experiment/present.h"
#include "experiment/scaling.h"
#include "experiment/sharding_report.h"
#include "experiment/test_support.h"

namespace consort::experiment {
namespace {

std::vector<const Row*> Pointers(const std::vector<Row>& rows) {
  std::vector<const Row*> pointers;
  for (const Row& row : rows) pointers.push_back(&row);
  return pointers;
}

// What a table of the report holds in a column of its first row.
std::string FirstCell(const Outcome& outcome, const std::string& id, size_t column) {
  for (const report::Block& block : outcome.section.blocks) {
    const auto* table = std::get_if<report::Table>(&block);
    if (table != nullptr && table->id == id) return std::get<std::string>(table->rows.at(0).cells.at(column));
  }
  return "no such table";
}

Outcome ReportOf(const Experiment& experiment, const std::vector<Row>& rows) {
  const Testbed testbed({.platform = "seed"});
  return experiment.Report({rows, Settings(experiment.parameters(), {}, false), testbed, {}});
}

TEST(ExperimentsTest, NamesAreUniqueAndFound) {
  std::set<std::string> names;
  for (const Experiment* experiment : Experiments()) {
    EXPECT_TRUE(names.insert(experiment->name()).second);
    EXPECT_EQ(&FindExperiment(experiment->name()), experiment);
    EXPECT_FALSE(experiment->summary().empty());
  }
  EXPECT_ERROR(FindExperiment("mat-vec"), ErrorCode::kInvalidArgument, "did you mean 'matvec'");
}

TEST(ExperimentsTest, CellsAreUniqueAndTheSameEveryTime) {
  Testbed testbed({.platform = "seed"});
  for (const Experiment* experiment : Experiments()) {
    const Settings settings(experiment->parameters(), {}, true);
    std::vector<std::string> first;
    for (const Cell& cell : experiment->Cells(testbed, settings)) first.push_back(cell.id);
    std::vector<std::string> again;
    for (const Cell& cell : experiment->Cells(testbed, settings)) again.push_back(cell.id);
    EXPECT_EQ(first, again) << experiment->name();
    EXPECT_EQ(std::set<std::string>(first.begin(), first.end()).size(), first.size()) << experiment->name();
    EXPECT_FALSE(first.empty()) << experiment->name();
  }
}

TEST(ExperimentsTest, NetworksThatAreNoneAreRefusedBeforeAnythingRuns) {
  Testbed testbed({.platform = "seed"});
  for (const char* name : {"alignment", "precision", "scaling"}) {
    const Experiment& experiment = FindExperiment(name);
    const Settings settings(experiment.parameters(), {{"models", "resnet-51"}}, false);
    EXPECT_ERROR(experiment.Cells(testbed, settings), ErrorCode::kInvalidArgument, "resnet-5");
  }
}

TEST(ExperimentsTest, SettingsThatCannotBeAreRefusedBeforeAnythingRuns) {
  struct Case {
    const char* experiment;
    const char* parameter;
    const char* value;
    const char* message;
  };
  Testbed testbed({.platform = "seed"});
  for (const Case& one : std::initializer_list<Case>{{"data-parallel", "networks", "nonsense", "nonsense"},
                                                     {"data-parallel", "scale", "", "--param scale"},
                                                     {"data-parallel", "scale", "9", "9"},
                                                     {"data-parallel", "planned", "maybe", "neither yes nor no"},
                                                     {"sharding", "networks", "resnet-50", "--param networks: 'resnet-50'"},
                                                     {"sharding", "sets", "x", "--param sets"},
                                                     {"dense-scaling", "scales", "-3", "-3"},
                                                     {"modern", "networks", "nonsense", "nonsense"},
                                                     {"modern", "sets", "x", "--param sets"}}) {
    const Experiment& experiment = FindExperiment(one.experiment);
    const Settings settings(experiment.parameters(), {{one.parameter, one.value}}, false);
    EXPECT_ERROR(experiment.Cells(testbed, settings), ErrorCode::kInvalidArgument, one.message);
  }
}

TEST(AlignmentTest, TheBestIsTheLeastAndItsMarginTheSeconds) {
  const std::vector<Row> rows = {{{"device", "a"}, {"mean_ms", 3.0}},
                                 {{"device", "b"}, {"mean_ms", 2.0}},
                                 {{"device", "b"}, {"mean_ms", 1.5}},
                                 {{"device", "c"}, {"refused", "no"}}};
  const Winner winner = WinnerOf(Pointers(rows), "mean_ms");
  EXPECT_EQ(winner.device, "b");
  EXPECT_EQ(winner.second, "a");
  EXPECT_EQ(winner.margin, 2);
  EXPECT_EQ(Describe(winner), "b x2");
}

TEST(AlignmentTest, LessThanFivePercentIsATie) {
  const auto describe = [](double a, double b) {
    const std::vector<Row> rows = {{{"device", "a"}, {"joules", a}}, {{"device", "b"}, {"joules", b}}};
    return Describe(WinnerOf(Pointers(rows), "joules"));
  };
  EXPECT_EQ(describe(1, 1.04), "a = b");
  EXPECT_EQ(describe(1.04, 1), "b = a");
  EXPECT_EQ(describe(1, 1.06), "a x1.1");
}

TEST(ExperimentsTest, UnstableRowsNameNoWinner) {
  const auto row = [](const char* device, int size, double ms, bool unstable) {
    Row one = {{"cell", "c"}, {"model", "m"}, {"side", size}, {"weights", "inference only"}, {"scale", 1}, {"input_size", size},
               {"batch", 1}, {"device", device}, {"mean_ms", ms}, {"ms_per_sample", ms}};
    if (unstable) one["unstable"] = "the cores were not free";
    return one;
  };
  const std::vector<Row> rows = {row("a", 4, 1, true), row("b", 4, 2, false), row("a", 16, 3, false), row("b", 16, 2, false)};
  EXPECT_EQ(ReportOf(MatVec(), rows).verdict, "At side 4 b is fastest (2 ms); at side 16 b is fastest (2 ms).");
  EXPECT_EQ(ReportOf(MatVec(), {rows[0]}).verdict, "At side 4 no time is stable; at side 4 no time is stable.");
  EXPECT_EQ(ReportOf(DenseScaling(), rows).verdict, "Batch 1: no devices cross.");
  EXPECT_EQ(FirstCell(ReportOf(Alignment(), {rows[0], rows[1]}), "alignment-best", 1), "b alone");
}

TEST(ExperimentsTest, UnstableDivisionsAreNotTheBest) {
  const auto row = [](const char* strategy, double ms) {
    return Row{{"what", "time"}, {"network", "n"}, {"batch", 1}, {"strategy", strategy}, {"call_ms", ms}};
  };
  std::vector<Row> rows = {row("0", 4), row("2", 1), row("3", 2)};
  rows[1]["unstable"] = "the cores were not free";
  EXPECT_EQ(TextOf(*BestOf(rows, "call_ms").at(0).divided, "strategy"), "3");
}

TEST(AlignmentTest, LatencyIsThatOfTheSmallestBatchInWhateverOrder) {
  const auto row = [](const char* device, int batch, double ms) {
    return Row{{"cell", "c"}, {"model", "m"}, {"batch", batch}, {"device", device}, {"mean_ms", ms}, {"ms_per_sample", ms / batch}};
  };
  const Outcome outcome = ReportOf(Alignment(), {row("a", 64, 10), row("b", 64, 20), row("a", 1, 4), row("b", 1, 2)});
  EXPECT_EQ(FirstCell(outcome, "alignment-best", 1), "b x2");
}

TEST(DenseScalingTest, CrossingsDoNotDependOnTheOrderOfTheScales) {
  const auto row = [](const char* device, int size, double ms) {
    return Row{{"cell", "c"}, {"scale", 1}, {"input_size", size}, {"batch", 1}, {"device", device}, {"mean_ms", ms}};
  };
  const std::vector<Row> rows = {row("a", 64, 8), row("b", 64, 2), row("a", 4, 1), row("b", 4, 2), row("a", 16, 2), row("b", 16, 2.5)};
  EXPECT_EQ(ReportOf(DenseScaling(), rows).verdict, "Batch 1: b overtakes a between 16 and 64 inputs, about 19.");
}

TEST(AlignmentTest, OneAloneAndNone) {
  const std::vector<Row> rows = {{{"device", "a"}, {"joules", 1.0}}, {{"device", "b"}, {"joules", nullptr}}};
  EXPECT_EQ(Describe(WinnerOf(Pointers(rows), "joules")), "a alone");
  EXPECT_EQ(Describe(WinnerOf(Pointers(rows), "mean_ms")), "none");
}

TEST(ScalingTest, SpeedupsAreAgainstOneDeviceOfTheSameKind) {
  const auto row = [](const char* links, int count, double rate) {
    return Row{{"model", "m"}, {"device", "d"}, {"links", links}, {"count", count}, {"samples_per_s", rate}};
  };
  const std::vector<Row> rows = WithSpeedups({row("own", 1, 10), row("own", 4, 30), row("hub", 4, 20)});
  EXPECT_EQ(NumberOf(rows[1], "speedup"), 3);
  EXPECT_EQ(NumberOf(rows[1], "efficiency"), 75);
  EXPECT_TRUE(rows[2]["speedup"].is_null());
}

}  // namespace
}  // namespace consort::experiment
