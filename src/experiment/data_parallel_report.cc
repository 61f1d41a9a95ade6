#include "experiment/data_parallel_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/strings.h"
#include "experiment/data_parallel.h"
#include "experiment/ids.h"
#include "experiment/present.h"
#include "experiment/published.h"

namespace consort::experiment {
namespace {

constexpr char kPublishedParts[] = "cpu,gpu,edgetpu";
constexpr char kWhyDifferent[] =
    "What is known of why, of the seed's own files: the published times are first calls of fresh processes (the GPU's hold its start, graph "
    "tracing and library set-up), the \"TPU\" is almost certainly TensorFlow Lite on the CPU, and what the authors call "
    "theoretical is the sum of the devices' times, not the largest. Beside ours stands the largest.";

std::vector<std::string> DevicesIn(const std::vector<Row>& rows) {
  std::vector<std::string> devices = ValuesOf(rows, "device");
  devices.erase(std::remove(devices.begin(), devices.end(), ""), devices.end());
  return devices;
}

std::vector<Row> OfNetwork(const std::vector<Row>& rows, const std::string& network) {
  std::vector<Row> own;
  for (const Row* row : Select(rows, {{"network", network}})) own.push_back(*row);
  return own;
}

const Row* FastestOf(const std::vector<Row>& splits) {
  const Row* fastest = nullptr;
  for (const Row& row : splits) {
    const double wall_ms = StableNumberOf(row, "wall_ms");
    if (!std::isnan(wall_ms) && (fastest == nullptr || wall_ms < NumberOf(*fastest, "wall_ms"))) fastest = &row;
  }
  return fastest;
}

// Samples of the first device to the right, of the second upwards; the rest goes to the third.
report::HeatMap TriangleOf(const std::vector<Row>& splits, const std::vector<std::string>& devices,
                           const std::string& network, const std::string& figure, const std::string& title,
                           const std::string& unit) {
  report::HeatMap map{.id = fmt::format("data-parallel-{}-{}", network, figure == "wall_ms" ? "wall" : "ratio"),
                      .caption = fmt::format("{}: {}, by the samples on {} and {}; the rest is on {}.", network, title,
                                             devices[0], devices[1], devices[2]),
                      .x = {.title = "samples on " + devices[0]},
                      .y = {.title = "samples on " + devices[1]},
                      .value_title = title,
                      .value_unit = unit,
                      .logarithmic = figure == "wall_ms",
                      .surface = figure == "wall_ms",
                      .origin = LeastReal(splits)};
  map.caption += MixedOrigins(splits);
  map.x.categories = ValuesOf(splits, "first");
  map.y.categories = map.x.categories;
  for (const std::string& second : map.y.categories) {
    std::vector<double>& values = map.values.emplace_back();
    std::vector<std::string>& texts = map.texts.emplace_back();
    for (const std::string& first : map.x.categories) {
      const Row* row = FindRow(splits, {{"first", first}, {"second", second}});
      values.push_back(row == nullptr ? report::kNothing : NumberOf(*row, figure));
      texts.push_back(row == nullptr ? "" : FormatNumber(NumberOf(*row, figure)));
    }
  }
  map.id = IdOf(map.id);
  return map;
}

// Of two devices: both figures over the samples of the first.
report::Chart LineOf(const std::vector<Row>& splits, const std::string& network, const std::string& first_device) {
  std::vector<const Row*> rows;
  for (const Row& row : splits) rows.push_back(&row);
  report::Chart chart{.id = fmt::format("data-parallel-{}-wall", IdOf(network)),
                      .caption = fmt::format("{}: time of a call, by the samples on {}.", network, first_device),
                      .x = {.title = "samples on " + first_device},
                      .y = {.title = "time of a call", .unit = "ms"}};
  chart.series = {SeriesOf("session", rows, "first", "wall_ms"), SeriesOf("ideal", rows, "first", "ideal_ms")};
  return chart;
}

report::Table SplitTable(const std::vector<Row>& splits, const std::vector<std::string>& devices,
                         const std::string& network) {
  std::vector<Field> keys;
  for (size_t place = 0; place < devices.size(); ++place) keys.push_back({PlaceName(place), devices[place], ""});
  return LongTable("data-parallel-" + IdOf(network),
                   network + ": what the session takes, what the devices take by themselves for their samples (the sum and "
                             "the largest, which is the ideal), and the ratios.",
                   splits, keys,
                   {{"wall_ms", "session", "ms"},
                    {"ideal_ms", "ideal", "ms"},
                    {"sum_ms", "sum", "ms"},
                    {"over_ideal", "over ideal", "x"},
                    {"over_sum", "over sum", "x"},
                    {"joules", "energy per sample", "J"}});
}

// The best of the grid, each device alone, the planner.
report::Table SummaryTable(const std::vector<Row>& rows, const std::vector<std::string>& devices) {
  report::Table table{.id = "data-parallel-best",
                      .caption = "The fastest way of the grid beside everything on one device and the planner's shares.",
                      .columns = {{.title = "network", .is_key = true},
                                  {.title = "which", .is_key = true},
                                  {.title = "samples"},
                                  {.title = "session", .unit = "ms"},
                                  {.title = "over the best", .unit = "x"}}};
  for (const std::string& network : ValuesOf(rows, "network")) {
    const std::vector<Row> own = OfNetwork(rows, network);
    const std::vector<Row> splits = SplitsWithIdeals(own);
    const Row* fastest = FastestOf(splits);
    if (fastest == nullptr) continue;
    const auto add = [&](const std::string& which, const Row* row) {
      if (row == nullptr) return;
      const std::string refused = TextOf(*row, "refused");
      const double wall_ms = NumberOf(*row, "wall_ms");
      if (std::isnan(wall_ms)) {
        table.rows.push_back({{network, which, "refused: " + refused, {}, {}}, OriginOf(*row)});
        return;
      }
      if (!TextOf(*row, "unstable").empty()) {
        table.rows.push_back({{network, which, TextOf(*row, "on"), "~" + FormatNumber(wall_ms), {}}, OriginOf(*row)});
        return;
      }
      table.rows.push_back(
          {{network, which, TextOf(*row, "on"), wall_ms, wall_ms / NumberOf(*fastest, "wall_ms")}, OriginOf(*row)});
    };
    add("best of the grid", fastest);
    for (size_t place = 0; place < devices.size(); ++place) {
      const auto all = std::find_if(splits.begin(), splits.end(), [&](const Row& row) {
        return TextOf(row, "on") == devices[place];
      });
      if (all != splits.end()) add("all on one", &*all);
    }
    add("planner", FindRow(own, {{"what", "planned"}}));
  }
  return table;
}

bool IsOf(const Reference& reference, const std::string& network) {
  const std::string file = std::filesystem::path(reference.file).filename().string();
  const bool alexnet = file.find("alexnet") != std::string::npos;
  return network == "seed-alexnet" ? alexnet : network == "seed-dense" && !alexnet;
}

std::vector<Overlay> OverlaysOf(const Reference& reference, const std::vector<Row>& splits, const std::string& network) {
  std::vector<Overlay> overlays;
  for (size_t i = 0; i < reference.rows.size(); ++i) {
    const Row* row = FindRow(splits, {{"first", reference.Text(i, "cpu_samples")},
                                      {"second", reference.Text(i, "gpu_samples")},
                                      {"third", reference.Text(i, "tpu_samples")}});
    if (row == nullptr || !IsInMs(reference, i) || TextOf(*row, "parts") != kPublishedParts) continue;
    overlays.push_back({.what = fmt::format("{}, {}", network, TextOf(*row, "on")),
                        .ours = NumberOf(*row, "ideal_ms"),
                        .published = reference.Number(i, "ideal_concurrent_max_derived"),
                        .origin = OriginOf(*row)});
  }
  return overlays;
}

std::string VerdictOf(const std::vector<Row>& rows) {
  std::vector<std::string> parts;
  for (const std::string& network : ValuesOf(rows, "network")) {
    const std::vector<Row> own = OfNetwork(rows, network);
    const std::vector<Row> splits = SplitsWithIdeals(own);
    const Row* fastest = FastestOf(splits);
    if (fastest == nullptr) continue;
    std::string text = fmt::format("{}: of {} ways {} is fastest ({})", network, splits.size(), TextOf(*fastest, "on"),
                                   FormatMs(NumberOf(*fastest, "wall_ms")));
    const Row* planned = FindRow(own, {{"what", "planned"}});
    if (planned != nullptr && !std::isnan(StableNumberOf(*planned, "wall_ms")))
      text += fmt::format(", the planner takes {} ({})", TextOf(*planned, "on"),
                          FormatMs(NumberOf(*planned, "wall_ms")));
    parts.push_back(std::move(text));
  }
  return parts.empty() ? "No way to share the samples could run." : Join(parts, "; ") + ".";
}

}  // namespace

Outcome DataParallelReport(const Findings& findings) {
  const std::vector<Row>& rows = findings.rows;
  const std::vector<std::string> devices = DevicesIn(rows);
  Outcome outcome{.verdict = VerdictOf(rows),
                  .section = {.id = "data-parallel", .title = "A batch shared among devices"}};
  std::vector<report::Block>& blocks = outcome.section.blocks;
  blocks.push_back(SummaryTable(rows, devices));
  AddRemarks(rows, blocks);
  for (const std::string& network : ValuesOf(rows, "network")) {
    const std::vector<Row> splits = SplitsWithIdeals(OfNetwork(rows, network));
    if (devices.size() == 3) {
      blocks.push_back(TriangleOf(splits, devices, network, "wall_ms", "time of a call", "ms"));
      blocks.push_back(TriangleOf(splits, devices, network, "over_ideal", "session over ideal", "x"));
    } else {
      blocks.push_back(LineOf(splits, network, devices[0]));
    }
    blocks.push_back(SplitTable(splits, devices, network));
    for (size_t i = 0; i < findings.references.size(); ++i) {
      const Reference& reference = *findings.references[i];
      if (!IsOf(reference, network)) continue;
      const std::string id = Numbered("data-parallel-published-" + IdOf(network), i);
      for (report::Block& block : OverlayBlocks(id, "Beside " + reference.file + ".", "ms",
                                                OverlaysOf(reference, splits, network), kWhyDifferent))
        blocks.push_back(std::move(block));
    }
  }
  return outcome;
}

}  // namespace consort::experiment
