#include "experiment/sharding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "experiment/plan_timing.h"
#include "experiment/present.h"
#include "experiment/roles.h"
#include "experiment/sharding_report.h"
#include "experiment/timing.h"

namespace consort::experiment {
namespace {

constexpr char kTime[] = "time";
constexpr char kNumbers[] = "numbers";
constexpr char kNone[] = "none";
constexpr char kPlanned[] = "planned for ";
constexpr int kBlocks = 4;
constexpr int kCheckedBatch = 4;
constexpr double kMsPerS = 1e3;

// What the testbed can bear where the user gives none.
std::vector<int64_t> BatchesOf(const Testbed& testbed, const Settings& settings) {
  if (!settings.Text("batches").empty()) return settings.Numbers("batches");
  if (testbed.all_emulated()) return {1, 4, 16, 64, 256, 1024};
  return testbed.quick() ? std::vector<int64_t>{1, 4} : std::vector<int64_t>{1, 4, 16, 64};
}

std::vector<std::string> NetworksOf(const Testbed& testbed, const Settings& settings) {
  if (!settings.Text("networks").empty()) return settings.Words("networks");
  if (testbed.quick() && !testbed.all_emulated()) return {"seed-cnn"};
  return {"seed-cnn", "seed-cnn-large"};
}

// The strategies are of four blocks, which these alone have.
void CheckNetwork(const std::string& name) {
  if (name == "seed-cnn" || name == "seed-cnn-large") return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("--param networks: '{}' is neither seed-cnn nor seed-cnn-large, which have the blocks", name));
}

// Of the devices {A, B}.
Parts PartsOf(DividedNetwork& network, int strategy) {
  constexpr size_t kA = 0, kB = 1;
  const int first_blocks = strategy % kAllOnB;  // on the device that begins
  const size_t rest = strategy < kAllOnB ? kA : kB;
  if (first_blocks == 0) return {{"", {{rest}}}};
  const size_t begins = rest == kA ? kB : kA;
  return {{"", {{begins}}}, {network.FirstOp(fmt::format("block{}/", first_blocks + 1)), {{rest}}}};
}

DividedNetwork NetworkOf(Testbed& testbed, const Settings& settings, const Cell& cell) {
  const Pair pair = PairOf(testbed, settings.Text("pair"));
  const int64_t batch = cell.key.value("batch", int64_t{kCheckedBatch});
  return {testbed, {TextOf(cell.key, "network"), {.batch = batch, .seed = testbed.seed()}}, {pair.a, pair.b}};
}

Planned PlanOf(DividedNetwork& network, const std::string& strategy) {
  if (!strategy.starts_with(kPlanned)) return network.PlanOf(PartsOf(network, std::stoi(strategy)));
  return network.Choose(ParseObjective(strategy.substr(std::string(kPlanned).size())));
}

Row TimeRow(DividedNetwork& network, const std::string& strategy) {
  const Planned planned = PlanOf(network, strategy);
  const PlanTiming timing = TimePlan(network, planned);
  const auto batch = static_cast<double>(network.network().make.batch);
  Row row = ToJson(timing);
  row["on"] = network.Describe(planned.plan);
  row["per_inference_ms"] = NumberOrNull(kMsPerS * timing.call_s / batch);
  row["steady_per_inference_ms"] = NumberOrNull(kMsPerS * timing.between_s / batch);
  double on_each_s[2] = {0, 0};
  double link_s = 0;
  for (const ReplicaTime& replica : timing.replicas) {
    const size_t place = replica.device == network.devices()[0].name ? 0 : 1;
    on_each_s[place] += replica.call_s;
    link_s += replica.link_s;
  }
  row["a_ms"] = NumberOrNull(kMsPerS * on_each_s[0]);
  row["b_ms"] = NumberOrNull(kMsPerS * on_each_s[1]);
  row["link_ms"] = NumberOrNull(kMsPerS * link_s);
  return row;
}

Row NumbersRow(DividedNetwork& network, int strategy, int sets) {
  Row row = ToJson(network.Check(PartsOf(network, strategy), kCheckedBatch, sets));
  row["samples"] = sets * kCheckedBatch;
  return row;
}

}  // namespace

bool IsDivided(const std::string& strategy) {
  return strategy != std::to_string(kAllOnA) && strategy != std::to_string(kAllOnB) && !strategy.starts_with(kPlanned);
}

std::string Sharding::summary() const {
  return "a CNN of four blocks on two devices, divided in the seed's eight ways and in the planner's";
}

std::vector<Parameter> Sharding::parameters() const {
  return {{"networks", "", "", "seed-cnn, seed-cnn-large (usual: both; on targets of this machine with --quick the first)"},
          {"batches", "", "", "samples of a call (usual: 1,4,16,64,256,1024; on targets of this machine 1,4,16,64, with --quick 1,4)"},
          {"pair", "", "", "devices A,B (usual: the Edge TPU and the GPU)"},
          {"objectives", "latency,throughput", "latency", "what the planner's own choice is made for"},
          {"sets", "2", "1", "sets of 4 seeded inputs that the numbers are compared on; none: they are not"}};
}

std::vector<std::string> Sharding::reference_columns() const {
  return {"network", "part", "strategy", "batch", "time"};
}

std::vector<Cell> Sharding::Cells(Testbed& testbed, const Settings& settings) const {
  const Pair pair = PairOf(testbed, settings.Text("pair"));
  std::vector<std::string> strategies;
  for (int strategy = 0; strategy < kStrategies; ++strategy) strategies.push_back(std::to_string(strategy));
  std::vector<std::string> timed = strategies;
  for (const std::string& objective : settings.Words("objectives")) {
    ParseObjective(objective);
    timed.push_back(kPlanned + objective);
  }
  if (settings.Text("sets") != kNone) settings.Number("sets");  // refuses what is no number
  std::vector<Cell> cells;
  for (const std::string& network : NetworksOf(testbed, settings)) {
    CheckNetwork(network);
    const auto key = [&](const char* what) {
      return Json{{"network", network}, {"what", what}, {"a", pair.a.name}, {"b", pair.b.name}, {"a_part", PartOf(pair.a)}};
    };
    for (const int64_t batch : BatchesOf(testbed, settings)) {
      for (const std::string& strategy : timed) {
        Cell& cell = cells.emplace_back(Cell{fmt::format("{}/{}/{}", network, batch, strategy), key(kTime)});
        cell.key["batch"] = batch;
        cell.key["strategy"] = strategy;
      }
    }
    for (const std::string& strategy : settings.Text("sets") == kNone ? std::vector<std::string>() : strategies) {
      Cell& cell = cells.emplace_back(Cell{fmt::format("{}/numbers/{}", network, strategy), key(kNumbers)});
      cell.key["strategy"] = strategy;
    }
  }
  return cells;
}

Row Sharding::Run(Testbed& testbed, const Settings& settings, const Cell& cell) const {
  DividedNetwork network = NetworkOf(testbed, settings, cell);
  const std::string strategy = TextOf(cell.key, "strategy");
  try {
    if (TextOf(cell.key, "what") == kTime) return TimeRow(network, strategy);
    return NumbersRow(network, std::stoi(strategy), static_cast<int>(settings.Number("sets")));
  } catch (const Error& error) {
    if (!IsRefusal(error)) throw;
    return Refused(error);
  }
}

Outcome Sharding::Report(const Findings& findings) const { return ShardingReport(findings); }

}  // namespace consort::experiment
