#include "experiment/alignment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/strings.h"
#include "experiment/present.h"
#include "experiment/timing.h"

namespace consort::experiment {
namespace {

// An objective: the field of a row that is to be small, and what it is called.
struct Objective {
  const char* field;
  const char* title;
  const char* caption;
};
constexpr Objective kTime = {"ms_per_sample", "Latency and throughput",
                             "Best device by the time of a call (a device works on one call at a time, so that at one "
                             "batch latency and throughput have one winner), and how many times longer the second takes."};
constexpr Objective kEnergy = {"joules", "energy", "Best device by joules of an inference, and how many times more the second takes."};

report::HeatMap MapOf(const std::vector<Row>& rows, const Objective& objective) {
  report::HeatMap map{.id = fmt::format("alignment-{}", objective.field == kTime.field ? "time" : "energy"),
                      .caption = objective.caption + MixedOrigins(rows),
                      .x = {.title = "batch", .categories = ValuesOf(rows, "batch")},
                      .y = {.title = "model", .categories = ValuesOf(rows, "model")},
                      .value_title = "margin over the second",
                      .logarithmic = true,
                      .origin = LeastReal(rows)};
  for (const std::string& model : map.y.categories) {
    std::vector<double>& values = map.values.emplace_back();
    std::vector<std::string>& texts = map.texts.emplace_back();
    for (const std::string& batch : map.x.categories) {
      const Winner winner = WinnerOf(Select(rows, {{"model", model}, {"batch", batch}}), objective.field);
      values.push_back(winner.device.empty() ? report::kNothing : winner.margin);
      texts.push_back(Describe(winner));
    }
  }
  return map;
}

// Of each model: the best at a batch of one, by throughput at whatever batch, and by energy at whatever batch.
report::Table BestTable(const std::vector<Row>& rows) {
  report::Table table{.id = "alignment-best",
                      .caption = "The best device of each model: for the latency of one sample (at the smallest batch), for "
                                 "throughput and for energy (each at its best batch).",
                      .columns = {{.title = "model", .is_key = true},
                                  {.title = "latency", .filters = true},
                                  {.title = "throughput", .filters = true},
                                  {.title = "energy", .filters = true}}};
  const Row* smallest = nullptr;
  for (const Row& row : rows) {
    if (smallest == nullptr || NumberOf(row, "batch") < NumberOf(*smallest, "batch")) smallest = &row;
  }
  const std::string least = smallest == nullptr ? "" : Shown(*smallest, "batch");
  for (const std::string& model : ValuesOf(rows, "model")) {
    table.rows.push_back({{model, Describe(WinnerOf(Select(rows, {{"model", model}, {"batch", least}}), "mean_ms")),
                           Describe(WinnerOf(Select(rows, {{"model", model}}), "ms_per_sample")),
                           Describe(WinnerOf(Select(rows, {{"model", model}}), "joules"))},
                          LeastReal(rows)});
  }
  return table;
}

std::string CountsOf(const std::vector<Row>& rows, const Objective& objective) {
  std::map<std::string, int> counts;
  int ties = 0;
  int cells = 0;
  for (const std::string& model : ValuesOf(rows, "model")) {
    for (const std::string& batch : ValuesOf(rows, "batch")) {
      const Winner winner = WinnerOf(Select(rows, {{"model", model}, {"batch", batch}}), objective.field);
      if (winner.device.empty()) continue;
      ++cells;
      if (winner.tie()) {
        ++ties;
      } else {
        ++counts[winner.device];
      }
    }
  }
  if (cells == 0) return fmt::format("{}: not known", objective.title);
  std::vector<std::string> parts;
  for (const auto& [device, count] : counts) parts.push_back(fmt::format("{} {}", device, count));
  if (ties > 0) parts.push_back(fmt::format("ties {}", ties));
  return fmt::format("{}: {} (wins of {})", objective.title, Join(parts), cells);
}

// Joules of counters and joules of a formula are not ranked against each other. The kind is "modelled" or a counter's.
bool OfOneKind(const std::vector<const Row*>& rows, const std::string& field) {
  const auto is_modelled = [](const Row* row) { return TextOf(*row, "energy_source").starts_with("modelled"); };
  const auto modelled = std::count_if(rows.begin(), rows.end(), is_modelled);
  return field != kEnergy.field || modelled == 0 || modelled == static_cast<std::ptrdiff_t>(rows.size());
}

zoo::MakeOptions MakeOf(int64_t batch, uint64_t seed) { return {.batch = batch, .seed = seed}; }

}  // namespace

Winner WinnerOf(const std::vector<const Row*>& rows, const std::string& field) {
  std::map<std::string, const Row*> best;  // by device: its best row
  for (const Row* row : rows) {
    const double value = StableNumberOf(*row, field);
    if (std::isnan(value)) continue;
    const Row*& known = best[TextOf(*row, "device")];
    if (known == nullptr || value < NumberOf(*known, field)) known = row;
  }
  std::vector<const Row*> order;
  for (const auto& [device, row] : best) order.push_back(row);
  std::stable_sort(order.begin(), order.end(),
                   [&field](const Row* a, const Row* b) { return NumberOf(*a, field) < NumberOf(*b, field); });
  if (order.empty() || !OfOneKind(order, field)) return {};
  Winner winner{.device = TextOf(*order[0], "device"), .value = NumberOf(*order[0], field), .origin = OriginOf(*order[0])};
  if (order.size() == 1) return winner;
  winner.second = TextOf(*order[1], "device");
  winner.margin = NumberOf(*order[1], field) / winner.value;
  return winner;
}

std::string Describe(const Winner& winner) {
  if (winner.device.empty()) return "none";
  if (winner.second.empty()) return winner.device + " alone";
  return winner.tie() ? fmt::format("{} = {}", winner.device, winner.second)
                      : fmt::format("{} x{:.2g}", winner.device, winner.margin);
}

std::string Alignment::summary() const {
  return "which device is best for which model, batch and objective (latency, throughput, energy)";
}

std::vector<Parameter> Alignment::parameters() const {
  return {{"models",
           "matvec,seed-dense,lenet,seed-cnn,seed-alexnet,squeezenet-1.0,mobilenet-v2,efficientnet-edgetpu-s,inception-v1,"
           "densenet-121,unet-mobilenet-v2,resnet-50,vgg-16,bert-tiny,bert-mini,bert-base,gpt-tiny",
           "matvec,seed-dense,lenet,seed-cnn,mobilenet-v2,inception-v1,bert-tiny", "networks of the zoo"},
          {"batches", "1,4,16,64", "1,8", "samples of a call"},
          {"trials", "20", "", "calls by the virtual clock, each cell's mean is of"}};
}

std::vector<Cell> Alignment::Cells(Testbed& testbed, const Settings& settings) const {
  settings.Number("trials");  // refuses what is no number
  std::vector<Cell> cells;
  for (const std::string& model : settings.Words("models")) {
    zoo::CostsOf(model, MakeOf(1, 0));  // refuses a name that is none
    for (const int64_t batch : settings.Numbers("batches")) {
      for (const TestDevice& device : testbed.devices()) {
        cells.push_back({fmt::format("{}/{}/{}", model, batch, device.name),
                         {{"model", model}, {"batch", batch}, {"device", device.name}, {"kind", device.kind}}});
      }
    }
  }
  return cells;
}

Row Alignment::Run(Testbed& testbed, const Settings& settings, const Cell& cell) const {
  const auto batch = cell.key["batch"].get<int64_t>();
  const CallTiming timing =
      TimeCalls(testbed, testbed.Find(TextOf(cell.key, "device")),
                {TextOf(cell.key, "model"), MakeOf(batch, testbed.seed())},
                {.trials = static_cast<int>(settings.Number("trials"))});
  Row row = ToJson(timing);
  if (!timing.refused.empty()) return row;
  row["ms_per_sample"] = 1e3 * timing.mean_s / static_cast<double>(batch);
  row["samples_per_s"] = static_cast<double>(batch) / timing.mean_s;
  return row;
}

Outcome Alignment::Report(const Findings& findings) const {
  const std::vector<Row>& rows = findings.rows;
  Outcome outcome{.verdict = fmt::format("{}; {}.", CountsOf(rows, kTime), CountsOf(rows, kEnergy)),
                  .section = {.id = "alignment", .title = "Which device for which model"}};
  std::vector<report::Block>& blocks = outcome.section.blocks;
  blocks.push_back(BestTable(rows));
  blocks.push_back(MapOf(rows, kTime));
  blocks.push_back(MapOf(rows, kEnergy));
  blocks.push_back(LongTable("alignment-cells", "Every cell.", rows,
                             {{"model", "model", ""}, {"batch", "batch", ""}, {"device", "device", ""}},
                             {{"mean_ms", "call", "ms"}, {"samples_per_s", "samples/s", ""}, {"joules", "energy", "J"}}));
  AddRemarks(rows, blocks);
  return outcome;
}

}  // namespace consort::experiment
