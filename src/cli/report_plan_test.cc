// What the pages of `run --plan`, `bench --plan` and `plan` say of replicas: times that can be compared, and each bar
// with its own origin.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/report_bench.h"
#include "cli/report_plan.h"
#include "cli/report_run.h"
#include "model/test_models.h"
#include "report/check.h"

namespace consort {
namespace {

using report::Cell;
using report::Origin;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;

template <typename Block>
const Block& BlockOf(const report::Document& document, const std::string& id) {
  for (const report::Section& section : document.sections) {
    for (const report::Block& block : section.blocks) {
      const auto* found = std::get_if<Block>(&block);
      if (found != nullptr && found->id == id) return *found;
    }
  }
  throw std::out_of_range(id);
}

size_t ColumnOf(const report::Table& table, const std::string& title) {
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].title == title) return i;
  }
  throw std::out_of_range(title);
}

double NumberAt(const report::Table& table, size_t row, const std::string& title) {
  return std::get<double>(table.rows.at(row).cells.at(ColumnOf(table, title)));
}

// A series of that name, origin, places and values.
auto Bars(const std::string& name, Origin origin, const std::vector<double>& places,
          const std::vector<double>& values) {
  return AllOf(Field(&report::Series::name, name), Field(&report::Series::origin, origin),
               Field(&report::Series::x, places),
               Field(&report::Series::y, testing::Pointwise(testing::DoubleNear(1e-9), values)));
}

class PlanPages : public ::testing::Test {
 protected:
  // A real device whose calls take 6 ms and 4 ms of conversions, then an emulated one of 2 ms.
  static Plan Mixed() {
    Plan plan{.model = "test.onnx", .strategy = Strategy::kPipeline};
    plan.stages = {{.begin = 0, .end = 2}, {.begin = 2, .end = 4}};
    plan.stages[0].replicas = {{.target = Target::Parse("cpu@litert/int8"),
                                .call_s = 10e-3,
                                .convert_in_s = 3e-3,
                                .convert_out_s = 1e-3,
                                .provenance = Provenance::kMeasured}};
    plan.stages[1].replicas = {
        {.target = Target::Parse("emulated:gtx1650"), .call_s = 2e-3, .provenance = Provenance::kModelled}};
    return plan;
  }

  const Model model_ = test::Parse(test::SkipModel());
};

TEST_F(PlanPages, RunsArePutBesideThePlansTimesWithoutConversions) {
  PlanRunReport ran{.plan = Mixed(), .model = "test.onnx", .ran = true};
  for (const Stage& stage : ran.plan.stages) {
    ReplicaRun replica{.planned = stage.replicas[0], .session = {.calls = 4}};
    replica.call_s = 3e-3;
    if (IsEmulated(replica.planned.target)) replica.provenance = Provenance::kEmulated;
    ran.stages.push_back({.replicas = {replica}});
  }
  const report::Document document = PlanRunDocument(ran, model_.graph());
  EXPECT_EQ(report::ProblemOf(document), "");
  const auto& table = BlockOf<report::Table>(document, "replicas");
  EXPECT_DOUBLE_EQ(NumberAt(table, 0, "planned"), 6);
  EXPECT_DOUBLE_EQ(NumberAt(table, 0, "as run over planned"), 0.5);
  EXPECT_DOUBLE_EQ(NumberAt(table, 1, "as run over planned"), 1.5);
  EXPECT_THAT(BlockOf<report::Chart>(document, "predicted-measured").series,
              ElementsAre(Bars("planned", Origin::kMeasured, {0}, {6}), Bars("planned", Origin::kModelled, {1}, {2}),
                          Bars("as run", Origin::kMeasured, {0}, {3}), Bars("as run", Origin::kEmulated, {1}, {3})));
}

TEST_F(PlanPages, BenchesArePutBesideThePlansTimesWithoutConversions) {
  PlanBenchReport bench{.model = model_, .plan = Mixed(), .name = "plan.json"};
  for (const char* name : {"first", "second"})
    bench.session.stages.push_back({{.name = name, .calls = 2, .busy_ns = 6'000'000}});
  const auto table_of = [](const PlanBenchReport& report) {
    return BlockOf<report::Table>(PlanBenchDocument(report, {}), "replicas");
  };
  report::Table table = table_of(bench);
  EXPECT_DOUBLE_EQ(NumberAt(table, 0, "planned"), 6);
  EXPECT_DOUBLE_EQ(NumberAt(table, 0, "ratio"), 0.5);
  EXPECT_DOUBLE_EQ(NumberAt(table, 1, "ratio"), 1.5);
  EXPECT_EQ(table.rows[0].origin, Origin::kMeasured);
  EXPECT_EQ(table.rows[1].origin, Origin::kEmulated);
  bench.emulation = {{.calls = 2, .overruns = 1}};
  table = table_of(bench);
  EXPECT_DOUBLE_EQ(NumberAt(table, 0, "mean"), 3);
  EXPECT_EQ(table.rows[1].cells[ColumnOf(table, "mean")], Cell()) << "the host was late: no emulated time";
}

TEST_F(PlanPages, PlansThatWereRunOnRealAndOnEmulatedDevicesHaveBarsOfTheirOwn) {
  Plan real = Mixed();
  real.stages = {{.begin = 0, .end = 4, .replicas = {{.target = Target::Parse("cpu"), .call_s = 5e-3}}}};
  PlanList list;
  list.plans.push_back({.plan = real});
  PlanReport planned{.graph = model_.graph(), .list = list, .model = "test.onnx"};
  planned.targets = {Target::Parse("cpu"), Target::Parse("emulated:gtx1650")};
  for (const Plan& plan : {real, Mixed()}) {
    TunedPlan& run = planned.runs.emplace_back(TunedPlan{.plan = plan, .turn = 1});
    run.measured.median_ns.estimate = 4e6;
  }
  const report::Document document = PlanDocument(planned);
  const auto& chart = BlockOf<report::Chart>(document, "predicted-measured");
  ASSERT_EQ(chart.series.size(), 3U);
  EXPECT_THAT(chart.series[1], Bars("as run", Origin::kMeasured, {0}, {4}));
  EXPECT_THAT(chart.series[2], Bars("as run", Origin::kEmulated, {1}, {4}));
}

}  // namespace
}  // namespace consort
