#include "experiment/sharding_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "experiment/ids.h"
#include "experiment/present.h"
#include "experiment/published.h"
#include "experiment/sharding.h"
#include "plan/planner.h"

namespace consort::experiment {
namespace {

constexpr char kWhyDifferent[] =
    "What is known of why, of the seed's own file: the published times of the \"TPU part\" are one invoke times the batch, of a device that is "
    "almost certainly TensorFlow Lite on the host's CPU; the network's input size is assumed. Published times of the "
    "GPU's part name no network and are not laid beside ours.";

// Rows of times that have the figure.
std::vector<Row> TimedRows(const std::vector<Row>& rows) {
  std::vector<Row> timed;
  for (const Row& row : rows) {
    if (TextOf(row, "what") == "time") timed.push_back(row);
  }
  return timed;
}

const Row* Faster(const Row* a, const Row* b, const std::string& figure) {
  if (b == nullptr || std::isnan(StableNumberOf(*b, figure))) return a;
  return a == nullptr || NumberOf(*b, figure) < NumberOf(*a, figure) ? b : a;
}

double Gain(const Row* single, const Row* other, const std::string& figure) {
  if (single == nullptr || other == nullptr) return report::kNothing;
  return NumberOf(*single, figure) / NumberOf(*other, figure);
}

// "0: all on A", "2: 2 blocks on B, rest on A".
std::string TitleOf(const std::string& strategy) {
  const int number = std::stoi(strategy);
  const int blocks = number % kAllOnB;
  const bool rest_on_a = number < kAllOnB;
  const char* rest = rest_on_a ? "A" : "B";
  if (blocks == 0) return fmt::format("{}: all on {}", number, rest);
  return fmt::format("{}: {} block{} on {}, rest on {}", number, blocks, blocks == 1 ? "" : "s", rest_on_a ? "B" : "A", rest);
}

std::string CellText(const Row& row, const std::string& figure) {
  const std::string refused = TextOf(row, "refused");
  if (!refused.empty()) return "refused";
  const double value = NumberOf(row, figure);
  return std::isnan(value) ? "-" : FormatMs(value);
}

// Strategy × batch, of one network.
report::HeatMap MapOf(const std::vector<Row>& rows, const std::string& network, const std::string& figure,
                      const std::string& caption) {
  report::HeatMap map{.id = fmt::format("sharding-{}-{}", network, figure == "per_inference_ms" ? "call" : "steady"),
                      .caption = fmt::format("{}: {}", network, caption),
                      .x = {.title = "batch"},
                      .y = {.title = "strategy"},
                      .value_title = "time per inference",
                      .value_unit = "ms",
                      .logarithmic = true,
                      .surface = true};
  std::vector<Row> own;
  for (const Row* row : Select(rows, {{"network", network}})) {
    if (!TextOf(*row, "strategy").starts_with("planned")) own.push_back(*row);
  }
  map.origin = LeastReal(own);
  map.caption += MixedOrigins(own);
  map.x.categories = ValuesOf(rows, "batch");
  for (const std::string& strategy : ValuesOf(rows, "strategy")) {
    if (strategy.starts_with("planned")) continue;
    map.y.categories.push_back(TitleOf(strategy));
    std::vector<double>& values = map.values.emplace_back();
    std::vector<std::string>& texts = map.texts.emplace_back();
    for (const std::string& batch : map.x.categories) {
      const Row* row = FindRow(rows, {{"network", network}, {"batch", batch}, {"strategy", strategy}});
      values.push_back(row == nullptr ? report::kNothing : NumberOf(*row, figure));
      texts.push_back(row == nullptr ? "not run" : CellText(*row, figure));
    }
  }
  return map;
}

report::Cell NumberCell(double value) {
  return std::isnan(value) ? report::Cell{std::string("-")} : report::Cell{value};
}

report::Cell NameCell(const Row* row) {
  if (row == nullptr) return std::string("none");
  const std::string strategy = TextOf(*row, "strategy");
  return IsDivided(strategy) ? strategy : TextOf(*row, "on");
}

report::Table BestTable(const std::vector<Row>& rows, const std::string& figure, const std::string& id,
                        const std::string& caption) {
  report::Table table{.id = id, .caption = caption};
  table.columns = {{.title = "network", .filters = true, .is_key = true},
                   {.title = "batch", .is_key = true},
                   {.title = "better alone"},
                   {.title = "time", .unit = "ms"},
                   {.title = "best by hand"},
                   {.title = "time", .unit = "ms"},
                   {.title = "gain", .unit = "x"},
                   {.title = "planner"},
                   {.title = "time", .unit = "ms"},
                   {.title = "gain", .unit = "x"}};
  const auto time = [&figure](const Row* row) {
    return NumberCell(row == nullptr ? report::kNothing : NumberOf(*row, figure));
  };
  for (const ShardingBest& best : BestOf(rows, figure)) {
    const Row* origin = best.single != nullptr ? best.single : best.divided;
    table.rows.push_back({{best.network, static_cast<double>(best.batch), NameCell(best.single), time(best.single),
                           NameCell(best.divided), time(best.divided), NumberCell(best.gain(figure)),
                           NameCell(best.planned), time(best.planned), NumberCell(best.planned_gain(figure))},
                          origin == nullptr ? report::Origin::kNone : OriginOf(*origin)});
  }
  return table;
}

report::Table NumbersTable(const std::vector<Row>& rows) {
  std::vector<Row> numbers;
  for (const Row& row : rows) {
    if (TextOf(row, "what") == "numbers") numbers.push_back(row);
  }
  return LongTable("sharding-numbers",
                   "Numbers against the undivided network in fp32 on cpu@onnxruntime. Those of emulated devices are "
                   "computed on this machine: in 8 bits where the device computes so, else in fp32.",
                   numbers, {{"network", "network", ""}, {"strategy", "strategy", ""}},
                   {{"cosine", "cosine", ""},
                    {"max_error", "largest error", ""},
                    {"sqnr_db", "SQNR", "dB"},
                    {"top1", "top-1 agreement", ""}});
}

// Published are the parts of an Edge TPU.
std::vector<Overlay> OverlaysOf(const Reference& reference, const std::vector<Row>& rows) {
  std::vector<Overlay> overlays;
  for (size_t i = 0; i < reference.rows.size(); ++i) {
    const bool large = reference.Text(i, "network").starts_with("base_conv");
    if (!large || !reference.Text(i, "part").starts_with("TPU")) continue;
    const Row* row = FindRow(rows, {{"network", "seed-cnn-large"},
                                    {"batch", reference.Text(i, "batch")},
                                    {"strategy", reference.Text(i, "strategy")}});
    const bool has_part = reference.Number(i, "time") > 0;
    if (row == nullptr || !has_part || !IsInMs(reference, i) || TextOf(*row, "a_part") != "edgetpu") continue;
    overlays.push_back({.what = fmt::format("strategy {}, batch {}", reference.Text(i, "strategy"), reference.Text(i, "batch")),
                        .ours = NumberOf(*row, "a_ms"),
                        .published = reference.Number(i, "time"),
                        .origin = OriginOf(*row)});
  }
  return overlays;
}

// Of how many networks and batches dividing is worth it.
std::string Verdict(const std::vector<ShardingBest>& calls) {
  int helps = 0, known = 0;
  double most = 0;
  const ShardingBest* where = nullptr;
  for (const ShardingBest& best : calls) {
    const double gain = best.gain("call_ms");
    if (std::isnan(gain)) continue;
    ++known;
    helps += gain > kLeastGain ? 1 : 0;
    if (gain <= most) continue;
    most = gain;
    where = &best;
  }
  if (where == nullptr) return "No network ran both divided and on one device.";
  return fmt::format(
      "For one batch at a time, dividing by hand beats the better device alone in {} of {} cases (by more than 2 %); the "
      "most it gives is {:.3g} times ({}, batch {}, strategy {}).",
      helps, known, most, where->network, where->batch, TextOf(*where->divided, "strategy"));
}

}  // namespace

double ShardingBest::gain(const std::string& figure) const { return Gain(single, divided, figure); }
double ShardingBest::planned_gain(const std::string& figure) const { return Gain(single, planned, figure); }

std::vector<ShardingBest> BestOf(const std::vector<Row>& rows, const std::string& figure) {
  const std::string planned = figure == "between_ms" ? "planned for throughput" : "planned for latency";
  std::vector<ShardingBest> all;
  for (const Row& row : rows) {
    if (TextOf(row, "what") != "time") continue;
    const std::string network = TextOf(row, "network");
    const auto batch = static_cast<int64_t>(NumberOf(row, "batch"));
    auto best = std::find_if(all.begin(), all.end(), [&](const ShardingBest& one) {
      return one.network == network && one.batch == batch;
    });
    if (best == all.end()) best = all.insert(best, {.network = network, .batch = batch});
    const std::string strategy = TextOf(row, "strategy");
    if (strategy == planned) best->planned = Faster(best->planned, &row, figure);
    if (strategy.starts_with("planned")) continue;
    const Row*& place = IsDivided(strategy) ? best->divided : best->single;
    place = Faster(place, &row, figure);
  }
  return all;
}

Outcome ShardingReport(const Findings& findings) {
  const std::vector<Row>& rows = findings.rows;
  const std::vector<Row> timed = TimedRows(rows);
  Outcome outcome{.verdict = Verdict(BestOf(rows, "call_ms")),
                  .section = {.id = "sharding", .title = "A CNN on two devices"}};
  std::vector<report::Block>& blocks = outcome.section.blocks;
  blocks.push_back(report::Paragraph{fmt::format("A: {}. B: {}.", TextOf(rows.front(), "a"), TextOf(rows.front(), "b"))});
  blocks.push_back(BestTable(rows, "call_ms", "sharding-best-call",
                             "One batch at a time: the better device alone, the best of the six divisions by hand, the "
                             "planner's choice for latency. Times are of the batch."));
  blocks.push_back(BestTable(rows, "between_ms", "sharding-best-steady",
                             "Batches without pause, both devices busy: the time between two results."));
  for (const std::string& network : ValuesOf(timed, "network")) {
    blocks.push_back(MapOf(timed, network, "per_inference_ms", "one batch at a time, per inference."));
    blocks.push_back(MapOf(timed, network, "steady_per_inference_ms", "batches without pause, per inference."));
  }
  blocks.push_back(NumbersTable(rows));
  AddRemarks(rows, blocks);
  blocks.push_back(LongTable("sharding-rows", "Every division, with what each device takes of a batch.", timed,
                             {{"network", "network", ""}, {"batch", "batch", ""}, {"strategy", "strategy", ""}},
                             {{"call_ms", "batch", "ms"},
                              {"per_inference_ms", "per inference", "ms"},
                              {"between_ms", "between results", "ms"},
                              {"a_ms", "on A", "ms"},
                              {"b_ms", "on B", "ms"},
                              {"link_ms", "transfers", "ms"},
                              {"joules", "energy per inference", "J"}}));
  for (size_t i = 0; i < findings.references.size(); ++i) {
    const Reference& reference = *findings.references[i];
    for (report::Block& block : OverlayBlocks(Numbered("sharding-published", i), "The part on A, beside " + reference.file + ".",
                                              "ms", OverlaysOf(reference, rows), kWhyDifferent))
      blocks.push_back(std::move(block));
  }
  return outcome;
}

}  // namespace consort::experiment
