#include "experiment/scaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "cost/simulation.h"
#include "experiment/copies.h"
#include "experiment/plan_timing.h"
#include "experiment/present.h"
#include "experiment/timing.h"

namespace consort::experiment {
namespace {

constexpr char kDivided[] = "data-parallel";
constexpr char kPipeline[] = "pipeline";
constexpr char kOwnLinks[] = "own links";
constexpr char kOneHub[] = "one hub";
// Whose cost model balances the stages of targets of this machine.
constexpr char kBalancedBy[] = "xeon-2.2ghz";

// Those named; else the Edge TPUs, or, without one, all.
std::vector<TestDevice> DevicesFor(const Testbed& testbed, const Settings& settings) {
  std::vector<TestDevice> devices;
  for (const std::string& name : settings.Words("devices")) devices.push_back(testbed.Find(name));
  if (!devices.empty()) return devices;
  for (const TestDevice& device : testbed.devices()) {
    if (device.kind == "edgetpu") devices.push_back(device);
  }
  return devices.empty() ? testbed.devices() : devices;
}

std::vector<const char*> WiringsOf(const TestDevice& device) {
  const bool linked = device.emulated() && !device.described->link.empty();
  return linked ? std::vector<const char*>{kOwnLinks, kOneHub} : std::vector<const char*>{kOwnLinks};
}

// The whole network on every device, the samples of a call as evenly as they go; devices for which none is left are idle.
Parts DividedParts(int64_t batch, int count) {
  Part whole;
  for (int i = 0; i < count; ++i) {
    const int64_t samples = batch / count + (i < batch % count ? 1 : 0);
    if (samples > 0) whole.shares.push_back({.device = static_cast<size_t>(i), .samples = samples});
  }
  return {whole};
}

// A stage on each device, the slowest as fast as can be by the cost model.
Parts PipelineParts(const Graph& graph, const Platform& platform, const PlatformDevice& device, Precision precision,
                    int count) {
  std::vector<const PlatformDevice*> devices;
  for (const PlatformDevice& one : platform.devices) {
    if (static_cast<int>(devices.size()) < count && AreAlike(platform, one, device)) devices.push_back(&one);
  }
  StagesOptions options{.stages = count, .sharing_a_link = SharingALink(platform, devices), .device = &device};
  options.query.precision = precision;
  const Division division = DivideIntoStages(graph, *MakeCostModel(platform, device), options);
  Parts parts;
  for (const Segment& stage : division.stages) {
    const std::string first = parts.empty() ? "" : graph.op(stage.begin).name;
    parts.push_back({.first_op = first, .shares = {{.device = parts.size()}}});
  }
  return parts;
}

Parts PipelineOf(Testbed& bed, const Network& network, int count) {
  Network one = network;
  one.make.batch = 1;
  const Model model = bed.StructureOf(one);
  const TestDevice& first = bed.devices().front();
  if (first.emulated()) return PipelineParts(model.graph(), *first.platform, *first.described, first.precision, count);
  const TestDevice stand_in = bed.Shipped(kBalancedBy);
  return PipelineParts(model.graph(), *stand_in.platform, *stand_in.described, stand_in.precision, count);
}

Row RowOf(const PlanTiming& timing, int64_t batch) {
  Row row = ToJson(timing);
  row["samples_per_s"] = NumberOrNull(static_cast<double>(batch) / timing.between_s);
  return row;
}

std::string NameOf(const Row& row) {
  return fmt::format("{}, {}, {}, {}", TextOf(row, "model"), TextOf(row, "device"), TextOf(row, "links"), TextOf(row, "strategy"));
}

report::Chart ChartOf(const std::vector<Row>& rows) {
  report::Chart chart{.id = "scaling-speedup",
                      .caption = "Throughput over that of one device, against the number of devices.",
                      .x = {.title = "devices", .logarithmic = true},
                      .y = {.title = "speedup", .logarithmic = true}};
  std::vector<std::string> names;
  for (const Row& row : rows) {
    const std::string name = NameOf(row);
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    names.push_back(name);
    const Wanted wanted = {{"model", TextOf(row, "model")},
                           {"device", TextOf(row, "device")},
                           {"links", TextOf(row, "links")},
                           {"strategy", TextOf(row, "strategy")}};
    report::Series series = SeriesOf(name, Select(rows, wanted), "count", "speedup");
    if (!series.x.empty()) chart.series.push_back(std::move(series));
  }
  return chart;
}

// At the largest count: the best and the worst.
std::string VerdictOf(const std::vector<Row>& rows) {
  double most = 0;
  for (const Row& row : rows) most = std::max(most, NumberOf(row, "count"));
  const Row* best = nullptr;
  const Row* worst = nullptr;
  for (const Row& row : rows) {
    const double speedup = FlagOf(row, "of_unstable") ? report::kNothing : StableNumberOf(row, "speedup");
    if (NumberOf(row, "count") != most || std::isnan(speedup)) continue;
    if (best == nullptr || speedup > NumberOf(*best, "speedup")) best = &row;
    if (worst == nullptr || speedup < NumberOf(*worst, "speedup")) worst = &row;
  }
  if (best == nullptr) return fmt::format("Nothing runs on {:.0f} devices, or no time is stable.", most);
  const auto say = [](const Row& row) { return fmt::format("{:.3g} times ({})", NumberOf(row, "speedup"), NameOf(row)); };
  return fmt::format("{:.0f} devices give from {} to {} the throughput of one.", most, say(*worst), say(*best));
}

}  // namespace

std::vector<Row> WithSpeedups(std::vector<Row> rows) {
  const std::vector<Row> given = rows;
  for (Row& row : rows) {
    const Row* one = FindRow(given, {{"model", TextOf(row, "model")},
                                     {"device", TextOf(row, "device")},
                                     {"links", TextOf(row, "links")},
                                     {"count", "1"}});
    const double speedup =
        one == nullptr ? report::kNothing : NumberOf(row, "samples_per_s") / NumberOf(*one, "samples_per_s");
    row["speedup"] = NumberOrNull(speedup);
    row["of_unstable"] = one != nullptr && !TextOf(*one, "unstable").empty();
    row["efficiency"] = NumberOrNull(100 * speedup / NumberOf(row, "count"));
  }
  return rows;
}

std::string Scaling::summary() const {
  return "1 to 16 alike devices: throughput and efficiency of a divided batch against a pipeline";
}

std::vector<Parameter> Scaling::parameters() const {
  return {{"models", "mobilenet-v2,inception-v3,resnet-50", "mobilenet-v2", "networks of the zoo"},
          {"devices", "", "", "which devices to have many of (default: the Edge TPUs; without one, all)"},
          {"counts", "1,2,4,8,16", "1,2,4", "how many"},
          {"batch", "16", "4", "samples of a call, divided or going through the stages one call after the other"}};
}

std::vector<Cell> Scaling::Cells(Testbed& testbed, const Settings& settings) const {
  settings.Number("batch");  // refuses what is no number
  std::vector<Cell> cells;
  for (const std::string& model : settings.Words("models")) {
    zoo::CostsOf(model, {});  // refuses a name that is none
    for (const TestDevice& device : DevicesFor(testbed, settings)) {
      for (const char* links : WiringsOf(device)) {
        for (const char* strategy : {kDivided, kPipeline}) {
          for (const int64_t count : settings.Numbers("counts")) {
            cells.push_back({fmt::format("{}/{}/{}/{}/{}", model, device.name, links, strategy, count),
                             {{"model", model}, {"device", device.name}, {"links", links}, {"strategy", strategy}, {"count", count}}});
          }
        }
      }
    }
  }
  return cells;
}

Row Scaling::Run(Testbed& testbed, const Settings& settings, const Cell& cell) const {
  const int64_t batch = settings.Number("batch");
  const Network network{TextOf(cell.key, "model"), {.batch = batch, .seed = testbed.seed()}};
  const int count = cell.key["count"].get<int>();
  testbed.Say(cell.id);
  try {
    const Wiring wiring = TextOf(cell.key, "links") == kOneHub ? Wiring::kShared : Wiring::kOwn;
    const auto bed = CopiesBed(testbed, testbed.Find(TextOf(cell.key, "device")), count, wiring);
    DividedNetwork divided(*bed, network, bed->devices());
    const bool pipeline = count > 1 && TextOf(cell.key, "strategy") == kPipeline;
    const Parts parts = pipeline ? PipelineOf(*bed, network, count) : DividedParts(batch, count);
    return RowOf(TimePlan(divided, divided.PlanOf(parts)), batch);
  } catch (const Error& error) {
    if (!IsRefusal(error)) throw;
    return Refused(error);
  }
}

Outcome Scaling::Report(const Findings& findings) const {
  const std::vector<Row> rows = WithSpeedups(findings.rows);
  Outcome outcome{.verdict = VerdictOf(rows), .section = {.id = "scaling", .title = "More of the same device"}};
  std::vector<report::Block>& blocks = outcome.section.blocks;
  blocks.push_back(PivotTable("scaling-speedups", "Throughput over that of one device, by the number of devices.", rows,
                              {{"model", "model", ""}, {"device", "device", ""}, {"links", "links", ""}, {"strategy", "strategy", ""}},
                              "count", {"speedup", "", ""}));
  blocks.push_back(LongTable("scaling-cells",
                             "Every cell: samples a second with all devices busy, and how much of each device that uses.", rows,
                             {{"model", "model", ""}, {"device", "device", ""}, {"links", "links", ""}, {"strategy", "strategy", ""}, {"count", "count", ""}},
                             {{"samples_per_s", "samples/s", ""},
                              {"efficiency", "efficiency", "%"},
                              {"call_ms", "call", "ms"},
                              {"joules", "energy", "J"}}));
  blocks.push_back(ChartOf(rows));
  blocks.push_back(report::Paragraph{fmt::format(
      "Calls hold {} samples. A pipeline's stages are balanced by the device's cost model, those of targets of this machine "
      "by that of {}. A pipeline may gain more than it has devices where one device cannot keep all parameters and each "
      "stage's does.",
      findings.settings.Text("batch"), kBalancedBy)});
  AddRemarks(rows, blocks);
  return outcome;
}

}  // namespace consort::experiment
