#include "experiment/matvec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiment/ids.h"
#include "experiment/present.h"
#include "experiment/timing.h"

namespace consort::experiment {
namespace {

constexpr char kWithLoading[] = "with loading";
constexpr char kInferenceOnly[] = "inference only";
constexpr char kWhyDifferent[] =
    "What is known of why: the published \"Edge TPU\" times grow with the multiply-accumulates at 0.2 to 0.3 GMAC/s "
    "and, at the smallest sides, lie below one round trip over USB, and none of the authors' .tflite files that could be read "
    "holds an operator for it: they are almost certainly TensorFlow Lite on the host's CPU (platform seed-as-published "
    "replays them).";

// The published device that ours stands for, by its kind.
std::string PublishedClass(const std::string& kind) { return kind == "edgetpu" ? "usb_edge_tpu" : kind; }

// What is not stated was an inference only: the CPU's weights are in its memory.
const char* PublishedWeights(const Reference& reference, size_t row) {
  return reference.Text(row, "includes_memory_loading") == "yes" ? kWithLoading : kInferenceOnly;
}

void AddPublished(const Reference& reference, report::Chart& chart) {
  for (size_t i = 0; i < reference.rows.size(); ++i) {
    const std::string name = fmt::format("published: {}, {}", reference.Text(i, "device_class"), PublishedWeights(reference, i));
    const auto same = [&name](const report::Series& one) { return one.name == name; };
    auto series = std::find_if(chart.series.begin(), chart.series.end(), same);
    if (series == chart.series.end())
      series = chart.series.insert(series, {.name = name, .origin = report::Origin::kPublished});
    series->x.push_back(reference.Number(i, "matrix_side"));
    series->y.push_back(reference.Number(i, "time"));
  }
}

std::string Fastest(const std::vector<Row>& rows, const std::string& side) {
  const Row* best = nullptr;
  bool known = false;
  for (const Row* row : Select(rows, {{"side", side}, {"weights", kInferenceOnly}})) {
    const double mean = StableNumberOf(*row, "mean_ms");
    known = known || !std::isnan(NumberOf(*row, "mean_ms"));
    if (!std::isnan(mean) && (best == nullptr || mean < NumberOf(*best, "mean_ms"))) best = row;
  }
  if (best == nullptr) return fmt::format("{} {}", side, known ? "no time is stable" : "no device runs it");
  return fmt::format("{} {} is fastest ({})", side, TextOf(*best, "device"), FormatMs(NumberOf(*best, "mean_ms")));
}

report::Chart ChartOf(const Findings& findings) {
  const std::vector<Row>& rows = findings.rows;
  report::Chart chart{.id = "matvec-latency",
                      .caption = "Mean time of a call against the matrix's side.",
                      .x = {.title = "side", .logarithmic = true},
                      .y = {.title = "mean time", .unit = "ms", .logarithmic = true}};
  for (const std::string& device : ValuesOf(rows, "device")) {
    for (const char* weights : {kInferenceOnly, kWithLoading}) {
      report::Series series =
          SeriesOf(device + ", " + weights, Select(rows, {{"device", device}, {"weights", weights}}), "side", "mean_ms");
      if (!series.x.empty()) chart.series.push_back(std::move(series));
    }
  }
  for (const Reference* reference : findings.references) AddPublished(*reference, chart);
  return chart;
}

std::vector<Overlay> OverlaysOf(const Reference& reference, const std::vector<Row>& rows) {
  std::vector<Overlay> overlays;
  for (const Row& row : rows) {
    const std::string weights = TextOf(row, "weights");
    for (size_t i = 0; i < reference.rows.size(); ++i) {
      if (reference.Text(i, "matrix_side") != Shown(row, "side")) continue;
      if (reference.Text(i, "device_class") != PublishedClass(TextOf(row, "kind"))) continue;
      if (weights != PublishedWeights(reference, i)) continue;
      overlays.push_back({.group = fmt::format("{}, {}", TextOf(row, "device"), weights),
                          .what = Shown(row, "side"),
                          .ours = NumberOf(row, "mean_ms"),
                          .published = reference.Number(i, "time"),
                          .origin = OriginOf(row)});
    }
  }
  return overlays;
}

}  // namespace

std::string MatVec::summary() const { return "matrix times vector, by side: what loading costs, and which device is fastest"; }

std::vector<Parameter> MatVec::parameters() const {
  return {{"sides", "64,128,256,512,1024", "", "sides of the matrix"},
          {"trials", "100", "", "calls by the virtual clock, each cell's mean is of"}};
}

std::vector<std::string> MatVec::reference_columns() const {
  return {"matrix_side", "device_class", "includes_memory_loading", "time"};
}

std::vector<Cell> MatVec::Cells(Testbed& testbed, const Settings& settings) const {
  settings.Number("trials");  // refuses what is no number
  std::vector<Cell> cells;
  for (const int64_t side : settings.Numbers("sides")) {
    for (const char* weights : {kWithLoading, kInferenceOnly}) {
      for (const TestDevice& device : testbed.devices()) {
        cells.push_back({fmt::format("{}/{}/{}", side, weights, device.name),
                         {{"side", side}, {"weights", weights}, {"device", device.name}, {"kind", device.kind}}});
      }
    }
  }
  return cells;
}

Row MatVec::Run(Testbed& testbed, const Settings& settings, const Cell& cell) const {
  const Network network{"matvec", {.side = cell.key["side"].get<int64_t>(), .seed = testbed.seed()}};
  const bool loading = TextOf(cell.key, "weights") == kWithLoading;
  return ToJson(TimeCalls(testbed, testbed.Find(TextOf(cell.key, "device")), network,
                          {.weights = loading ? Weights::kLoadedByCall : Weights::kResident,
                           .trials = static_cast<int>(settings.Number("trials"))}));
}

Outcome MatVec::Report(const Findings& findings) const {
  const std::vector<Row>& rows = findings.rows;
  const std::vector<std::string> sides = ValuesOf(rows, "side");
  Outcome outcome{.verdict = fmt::format("At side {}; at side {}.", Fastest(rows, sides.front()), Fastest(rows, sides.back())),
                  .section = {.id = "matvec", .title = "Matrix times vector"}};
  std::vector<report::Block>& blocks = outcome.section.blocks;
  blocks.push_back(PivotTable("matvec-means", "Mean time of a call, ms.", rows,
                              {{"side", "side", ""}, {"weights", "weights", ""}}, "device", {"mean_ms", "", "ms"}));
  blocks.push_back(ChartOf(findings));
  blocks.push_back(LongTable("matvec-percentiles", "Every cell with its percentiles.", rows,
                             {{"side", "side", ""}, {"weights", "weights", ""}, {"device", "device", ""}},
                             {{"mean_ms", "mean", "ms"},
                              {"median_ms", "median", "ms"},
                              {"p90_ms", "90 %", "ms"},
                              {"p99_ms", "99 %", "ms"},
                              {"trials", "calls", ""},
                              {"joules", "energy", "J"}}));
  AddRemarks(rows, blocks);
  for (size_t i = 0; i < findings.references.size(); ++i) {
    const Reference& reference = *findings.references[i];
    for (report::Block& block : OverlayBlocks(Numbered("matvec-published", i), "Beside " + reference.file + ".", "ms",
                                              OverlaysOf(reference, rows), kWhyDifferent))
      blocks.push_back(std::move(block));
  }
  return outcome;
}

}  // namespace consort::experiment
