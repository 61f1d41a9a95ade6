#include "experiment/dense_scaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiment/crossing.h"
#include "experiment/present.h"
#include "experiment/timing.h"

namespace consort::experiment {
namespace {

// Elements of seed-dense's image: its side is 2^scale, rounded down.
int64_t InputSize(double scale) {
  const auto side = static_cast<int64_t>(std::exp2(scale));
  return side * side;
}

// In the order of the sizes, whatever the order of the cells.
std::vector<const Row*> BySize(const std::vector<Row>& rows, const std::string& device, const std::string& batch) {
  std::vector<const Row*> chosen = Select(rows, {{"device", device}, {"batch", batch}});
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](const Row* a, const Row* b) { return NumberOf(*a, "input_size") < NumberOf(*b, "input_size"); });
  return chosen;
}

std::vector<Curve> CurvesOf(const std::vector<Row>& rows, const std::string& batch) {
  std::vector<Curve> curves;
  for (const std::string& device : ValuesOf(rows, "device")) {
    Curve curve{.device = device};
    for (const Row* row : BySize(rows, device, batch)) {
      curve.sizes.push_back(NumberOf(*row, "input_size"));
      curve.times.push_back(StableNumberOf(*row, "mean_ms"));
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

std::string Describe(const Crossing& crossing) {
  const std::string where = crossing.below == crossing.above
                                ? fmt::format("at {:.0f} inputs", crossing.at)
                                : fmt::format("between {:.0f} and {:.0f} inputs, about {:.0f}", crossing.below,
                                              crossing.above, crossing.at);
  return fmt::format("{} overtakes {} {}", crossing.faster_above, crossing.faster_below, where);
}

report::Table CrossingTable(const std::vector<Row>& rows) {
  report::Table table{.id = "dense-scaling-crossings",
                      .caption = "Where devices cross: between two sizes that were run, and about where straight lines "
                                 "between these meet in log-log.",
                      .columns = {{.title = "batch", .is_key = true},
                                  {.title = "faster below", .filters = true, .is_key = true},
                                  {.title = "faster above", .filters = true, .is_key = true},
                                  {.title = "from, inputs"},
                                  {.title = "to, inputs"},
                                  {.title = "about, inputs"}}};
  for (const std::string& batch : ValuesOf(rows, "batch")) {
    for (const Crossing& one : FindCrossings(CurvesOf(rows, batch))) {
      table.rows.push_back({{batch, one.faster_below, one.faster_above, one.below, one.above, std::round(one.at)}});
    }
  }
  return table;
}

report::Chart ChartOf(const std::vector<Row>& rows) {
  report::Chart chart{.id = "dense-scaling-latency",
                      .caption = "Mean time of a call against the number of inputs.",
                      .x = {.title = "inputs", .logarithmic = true},
                      .y = {.title = "mean time", .unit = "ms", .logarithmic = true}};
  const std::vector<std::string> batches = ValuesOf(rows, "batch");
  for (const std::string& device : ValuesOf(rows, "device")) {
    for (const std::string& batch : batches) {
      const std::string name = batches.size() == 1 ? device : fmt::format("{}, batch {}", device, batch);
      report::Series series = SeriesOf(name, BySize(rows, device, batch), "input_size", "mean_ms");
      if (!series.x.empty()) chart.series.push_back(std::move(series));
    }
  }
  return chart;
}

std::string VerdictOf(const std::vector<Row>& rows) {
  std::string verdict;
  for (const std::string& batch : ValuesOf(rows, "batch")) {
    std::string here;
    for (const Crossing& one : FindCrossings(CurvesOf(rows, batch))) here += (here.empty() ? "" : "; ") + Describe(one);
    verdict += fmt::format("{}Batch {}: {}.", verdict.empty() ? "" : " ", batch, here.empty() ? "no devices cross" : here);
  }
  return verdict;
}

}  // namespace

std::string DenseScaling::summary() const {
  return "five dense layers (zoo seed-dense) that grow with their input: latency, and where devices cross";
}

std::vector<Parameter> DenseScaling::parameters() const {
  return {{"scales", "1,1.5,2,2.5,3,3.5,4,4.5,5,5.5,6,6.5,7", "1,2,3,4,5,6", "side of the input image: 2^scale"},
          {"batches", "1", "", "samples of a call"},
          {"trials", "100", "", "calls by the virtual clock, each cell's mean is of"}};
}

std::vector<Cell> DenseScaling::Cells(Testbed& testbed, const Settings& settings) const {
  settings.Number("trials");  // refuses what is no number
  std::vector<Cell> cells;
  for (const double scale : settings.Decimals("scales")) {
    zoo::CostsOf("seed-dense", {.scale = scale});  // refuses a scale that it does not have
    for (const int64_t batch : settings.Numbers("batches")) {
      for (const TestDevice& device : testbed.devices()) {
        cells.push_back({fmt::format("{}/{}/{}", scale, batch, device.name),
                         {{"scale", scale}, {"input_size", InputSize(scale)}, {"batch", batch}, {"device", device.name}, {"kind", device.kind}}});
      }
    }
  }
  return cells;
}

Row DenseScaling::Run(Testbed& testbed, const Settings& settings, const Cell& cell) const {
  const Network network{"seed-dense",
                        {.scale = cell.key["scale"].get<double>(),
                         .batch = cell.key["batch"].get<int64_t>(),
                         .seed = testbed.seed()}};
  return ToJson(TimeCalls(testbed, testbed.Find(TextOf(cell.key, "device")), network,
                          {.trials = static_cast<int>(settings.Number("trials"))}));
}

Outcome DenseScaling::Report(const Findings& findings) const {
  const std::vector<Row>& rows = findings.rows;
  Outcome outcome{.verdict = VerdictOf(rows), .section = {.id = "dense-scaling", .title = "Dense layers by size"}};
  std::vector<report::Block>& blocks = outcome.section.blocks;
  blocks.push_back(PivotTable("dense-scaling-means", "Mean time of a call, ms.", rows,
                              {{"scale", "scale", ""}, {"input_size", "inputs", ""}, {"batch", "batch", ""}}, "device",
                              {"mean_ms", "", "ms"}));
  report::Table crossings = CrossingTable(rows);
  if (!crossings.rows.empty()) blocks.push_back(std::move(crossings));
  blocks.push_back(ChartOf(rows));
  AddRemarks(rows, blocks);
  return outcome;
}

}  // namespace consort::experiment
