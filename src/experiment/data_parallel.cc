#include "experiment/data_parallel.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numeric>

#include "base/strings.h"
#include "experiment/data_parallel_report.h"
#include "experiment/plan_timing.h"
#include "experiment/present.h"
#include "experiment/roles.h"
#include "experiment/timing.h"

namespace consort::experiment {
namespace {

constexpr size_t kMostDevices = 3;
constexpr double kMsPerS = 1e3;
constexpr std::array<const char*, kMostDevices> kPlaces = {"first", "second", "third"};

// The ways to share so many steps, appended to what is shared already.
void ShareSteps(int64_t steps, size_t devices, std::vector<int64_t>& begun, std::vector<std::vector<int64_t>>& all) {
  if (devices == 1) {
    all.push_back(begun);
    all.back().push_back(steps);
    return;
  }
  for (int64_t given = 0; given <= steps; ++given) {
    begun.push_back(given);
    ShareSteps(steps - given, devices - 1, begun, all);
    begun.pop_back();
  }
}

int64_t StepOf(const Testbed& testbed, const Settings& settings) {
  if (!settings.Text("step").empty()) return settings.Number("step");
  return testbed.quick() && !testbed.all_emulated() ? 10 : 2;
}

std::vector<TestDevice> DevicesOf(const Testbed& testbed, const Settings& settings) {
  std::vector<TestDevice> devices = DevicesFor(testbed, settings.Text("devices"), kMostDevices);
  if (devices.size() <= kMostDevices) return devices;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("--param devices: {} devices; two or three share samples",
                                                       devices.size()));
}

Network NetworkOf(const Testbed& testbed, const Settings& settings, const std::string& name, int64_t batch) {
  Network network{name, {.batch = batch, .seed = testbed.seed()}};
  if (name == "seed-dense") network.make.scale = settings.Decimal("scale");
  return network;
}

std::vector<int64_t> SamplesOf(const Cell& cell) {
  std::vector<int64_t> samples;
  for (const char* place : kPlaces) {
    if (cell.key.contains(place)) samples.push_back(cell.key[place].get<int64_t>());
  }
  return samples;
}

Parts PartsOf(const std::vector<int64_t>& samples) {
  Part part;
  for (size_t device = 0; device < samples.size(); ++device) {
    if (samples[device] > 0) part.shares.push_back({device, samples[device]});
  }
  return {part};
}

// Who shares, in order: "cpu,gpu,edgetpu".
std::string PartsText(const std::vector<TestDevice>& devices) {
  std::vector<std::string> parts;
  for (const TestDevice& device : devices) parts.push_back(PartOf(device));
  return Join(parts, ",");
}

Row AloneRow(Testbed& testbed, const Settings& settings, const Cell& cell) {
  const int64_t samples = cell.key["samples"].get<int64_t>();
  const TestDevice& device = testbed.Find(TextOf(cell.key, "device"));
  DividedNetwork network(testbed, NetworkOf(testbed, settings, TextOf(cell.key, "network"), samples), {device});
  return ToJson(TimePlan(network, network.PlanOf({{"", {{0, 0}}}}), {.steady = false}));
}

Row SplitRow(Testbed& testbed, const Settings& settings, const Cell& cell) {
  const std::vector<TestDevice> devices = DevicesOf(testbed, settings);
  DividedNetwork network(
      testbed, NetworkOf(testbed, settings, TextOf(cell.key, "network"), settings.Number("samples")), devices);
  const bool planned = TextOf(cell.key, "what") == "planned";
  const Planned plan = planned ? network.Choose(Objective::kLatency, 1) : network.PlanOf(PartsOf(SamplesOf(cell)));
  const PlanTiming timing = TimePlan(network, plan, {.steady = false});
  Row row = ToJson(timing);
  row["wall_ms"] = row["call_ms"];
  row.erase("call_ms");
  row["on"] = network.Describe(plan.plan);
  for (const ReplicaTime& replica : timing.replicas) {
    for (size_t place = 0; place < devices.size(); ++place) {
      if (devices[place].name == replica.device)
        row[fmt::format("{}_ms", kPlaces[place])] = NumberOrNull(kMsPerS * replica.call_s);
    }
  }
  return row;
}

}  // namespace

std::vector<std::vector<int64_t>> WaysToShare(int64_t samples, int64_t step, size_t devices) {
  if (samples % step != 0)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} samples are no multiple of the step {}: --param samples=…, step=…", samples, step));
  std::vector<std::vector<int64_t>> all;
  std::vector<int64_t> begun;
  ShareSteps(samples / step, devices, begun, all);
  for (std::vector<int64_t>& way : all) {
    for (int64_t& of_device : way) of_device *= step;
  }
  return all;
}

const char* PlaceName(size_t place) { return kPlaces.at(place); }

std::string DataParallel::summary() const {
  return "every way to share a batch among two or three devices, beside the planner's shares";
}

std::vector<Parameter> DataParallel::parameters() const {
  return {{"networks", "seed-dense,seed-alexnet", "", "networks of the zoo that all devices run whole"},
          {"scale", "2", "", "of seed-dense: its input has 4^scale elements"},
          {"samples", "20", "", "of each call"},
          {"step", "", "", "samples are given in steps of so many (usual: 2, which makes 66 ways; on targets of this machine with --quick 10)"},
          {"planned", "yes", "", "yes or no: the planner's shares as well"},
          {"devices", "", "", "two or three devices (usual: the first three: CPU, GPU, Edge TPU)"}};
}

std::vector<std::string> DataParallel::reference_columns() const {
  return {"cpu_samples", "gpu_samples", "tpu_samples", "ideal_concurrent_max_derived", "actual"};
}

std::vector<Cell> DataParallel::Cells(Testbed& testbed, const Settings& settings) const {
  const std::vector<TestDevice> devices = DevicesOf(testbed, settings);
  const std::string parts = PartsText(devices);
  const int64_t samples = settings.Number("samples");
  const int64_t step = StepOf(testbed, settings);
  const std::vector<std::vector<int64_t>> ways = WaysToShare(samples, step, devices.size());
  const std::string planned = settings.Text("planned");
  if (planned != "yes" && planned != "no")
    throw Error(ErrorCode::kInvalidArgument, fmt::format("--param planned: '{}' is neither yes nor no", planned));
  std::vector<Cell> cells;
  for (const std::string& network : settings.Words("networks")) {
    zoo::CostsOf(network, NetworkOf(testbed, settings, network, samples).make);  // refuses what is none
    for (const TestDevice& device : devices) {
      for (int64_t own = step; own <= samples; own += step) {
        cells.push_back({fmt::format("{}/alone/{}/{}", network, device.name, own),
                         {{"network", network}, {"what", "alone"}, {"device", device.name}, {"samples", own}}});
      }
    }
    for (const std::vector<int64_t>& way : ways) {
      Cell& cell = cells.emplace_back(Cell{network, {{"network", network}, {"what", "split"}, {"parts", parts}}});
      for (size_t place = 0; place < way.size(); ++place) {
        cell.id += fmt::format("{}{}", place == 0 ? "/" : "+", way[place]);
        cell.key[kPlaces[place]] = way[place];
      }
    }
    if (planned == "yes")
      cells.push_back({network + "/planned", {{"network", network}, {"what", "planned"}}});
  }
  return cells;
}

Row DataParallel::Run(Testbed& testbed, const Settings& settings, const Cell& cell) const {
  try {
    return TextOf(cell.key, "what") == "alone" ? AloneRow(testbed, settings, cell) : SplitRow(testbed, settings, cell);
  } catch (const Error& error) {
    if (!IsRefusal(error)) throw;
    return Refused(error);
  }
}

std::vector<Row> SplitsWithIdeals(const std::vector<Row>& rows) {
  std::vector<Row> splits;
  std::vector<std::string> devices;
  for (const Row& row : rows) {
    if (TextOf(row, "what") != "split") continue;
    if (devices.empty()) {
      for (const Row& other : rows) {
        const std::string device = TextOf(other, "device");
        if (!device.empty() && (devices.empty() || devices.back() != device) && devices.size() < kMostDevices)
          devices.push_back(device);
      }
    }
    Row& split = splits.emplace_back(row);
    double sum_ms = 0, ideal_ms = 0;
    for (size_t place = 0; place < devices.size(); ++place) {
      const std::string own = Shown(row, kPlaces[place]);
      if (own.empty() || own == "0") continue;
      const Row* alone = FindRow(rows, {{"network", TextOf(row, "network")}, {"device", devices[place]}, {"samples", own}});
      const double alone_ms = alone == nullptr ? report::kNothing : NumberOf(*alone, "call_ms");
      sum_ms += alone_ms;
      ideal_ms = std::isnan(alone_ms) ? alone_ms : std::fmax(ideal_ms, alone_ms);
    }
    if (std::isnan(sum_ms)) ideal_ms = sum_ms;
    split["sum_ms"] = NumberOrNull(sum_ms);
    split["ideal_ms"] = NumberOrNull(ideal_ms);
    split["over_ideal"] = NumberOrNull(NumberOf(row, "wall_ms") / ideal_ms);
    split["over_sum"] = NumberOrNull(NumberOf(row, "wall_ms") / sum_ms);
  }
  return splits;
}

Outcome DataParallel::Report(const Findings& findings) const { return DataParallelReport(findings); }

}  // namespace consort::experiment
