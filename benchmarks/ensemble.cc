// Plans for the devices of a platform against what sessions make of them, on emulated devices that compute no numbers:
// device times come from cost models, by a virtual clock and by the real one. `ensemble --help` has the options.
//   gain           throughput over that of the best device alone, run in the same way
//   session/plan   throughput, and latency of one call alone, over what was predicted
// Goals: ResNet-50 on seed at least 2.0 times the best device, on coral-x4 at least 8 times; session and plan within
// 0.1 % by the virtual clock, 5 % by the real one.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "consort/error.h"
#include "ensemble_rows.h"

namespace consort {
namespace {

struct Arguments {
  std::vector<std::string> networks = {"resnet-50", "seed-alexnet", "inception-v1"};
  std::string platform = "seed";
  std::vector<double> gpu_speeds = {0.5, 1, 2, 4};
  int64_t batch = 1;
  RowsOptions rows;
};

// The largest distance of a session from its plan, as a share.
struct Apart {
  double throughput = 0;
  double latency = 0;
  std::string where;

  void See(const Given& given, const Prediction& predicted, const std::string& what) {
    const double by = std::abs(given.samples_per_s / predicted.samples_per_s - 1);
    if (by > throughput) where = what;
    throughput = std::max(throughput, by);
    latency = std::max(latency, std::abs(given.latency_s / predicted.latency_s - 1));
  }
};

struct Summary {
  Apart by_virtual;
  Apart by_real;
};

// Peak rate and memory bandwidth of the platform's GPUs at a multiple.
std::vector<std::string> GpuAt(const std::string& platform_name, double speed) {
  std::vector<std::string> settings;
  const Platform platform = LoadPlatform(platform_name, BuiltinCostSchemas());
  for (const PlatformDevice& device : platform.devices) {
    if (device.kind != DeviceKind::kGpu || speed == 1) continue;
    const auto& given = device.cost.parameters;
    settings.push_back(
        fmt::format("{}.cost.peak_fp32={:.6f}GFLOPS", device.name, speed * given.at("peak_fp32").value / 1e9));
    settings.push_back(fmt::format("{}.cost.memory_bandwidth={:.6f}GB/s", device.name,
                                   speed * given.at("memory_bandwidth").value / 1e9));
  }
  return settings;
}

double BestAlone(const std::vector<EnsembleRow>& rows, std::optional<Given> EnsembleRow::*by) {
  double best = 0;
  for (const EnsembleRow& row : rows) {
    if (row.plan.strategy == Strategy::kSingle && row.*by) best = std::max(best, (row.*by)->samples_per_s);
  }
  return best;
}

std::string Columns(const EnsembleRow& row, const std::optional<Given>& given, double best_alone) {
  if (!given) return fmt::format(" | {:>9} {:>7} {:>6} {:>9} {:>7}", "-", "-", "-", "-", "-");
  const Prediction& predicted = row.plan.predicted;
  return fmt::format(" | {:>9.2f} {:>7.4f} {:>5.2f}x {:>9.3f} {:>7.4f}", given->samples_per_s,
                     given->samples_per_s / predicted.samples_per_s, given->samples_per_s / best_alone,
                     1e3 * given->latency_s, given->latency_s / predicted.latency_s);
}

void Print(const std::vector<EnsembleRow>& rows, const std::string& what, Summary& summary) {
  const double best_virtual = BestAlone(rows, &EnsembleRow::by_virtual);
  const double best_real = BestAlone(rows, &EnsembleRow::by_real);
  for (const EnsembleRow& row : rows) {
    const Prediction& predicted = row.plan.predicted;
    fmt::print("  {:<14} {:<52} {:>9.2f} {:>5.2f}x {:>9.3f}{}{}\n", row.name, row.devices, predicted.samples_per_s,
               predicted.gain_over_best_single, 1e3 * predicted.latency_s, Columns(row, row.by_virtual, best_virtual),
               Columns(row, row.by_real, best_real));
    const std::string where = fmt::format("{}, {}", what, row.name);
    if (row.by_virtual) summary.by_virtual.See(*row.by_virtual, predicted, where);
    if (row.by_real) summary.by_real.See(*row.by_real, predicted, where);
  }
  std::fflush(stdout);
}

void PrintHeads() {
  const std::string given = fmt::format("{:>9} {:>7} {:>6} {:>9} {:>7}", "per s", "/plan", "gain", "ms", "/plan");
  fmt::print("  {:<14} {:<52} {:>26} | {:>42} | {:>42}\n", "", "", "plan, modelled", "session, virtual clock",
             "session, real clock");
  fmt::print("  {:<14} {:<52} {:>9} {:>6} {:>9} | {} | {}\n", "", "devices", "per s", "gain", "ms", given, given);
}

void RunNetwork(const Arguments& arguments, const std::string& network, double gpu_speed, Summary& summary) {
  test::Ensemble ensemble({.network = network,
                           .platform = arguments.platform,
                           .settings = GpuAt(arguments.platform, gpu_speed),
                           .make = {.batch = arguments.batch}});
  std::vector<EnsembleRow> rows = RowsOf(ensemble);
  double best_alone = 0;
  for (const EnsembleRow& row : rows) {
    if (row.plan.strategy == Strategy::kSingle) best_alone = std::max(best_alone, row.plan.predicted.samples_per_s);
  }
  for (EnsembleRow& row : rows) {
    row.plan.predicted.gain_over_best_single = row.plan.predicted.samples_per_s / best_alone;
    Run(ensemble, arguments.rows, row);
  }
  const std::string what =
      gpu_speed == 1 ? fmt::format("{} on {}", network, arguments.platform)
                     : fmt::format("{} on {}, GPU x{}", network, arguments.platform, gpu_speed);
  fmt::print("{}\n", what);
  Print(rows, what, summary);
}

void PrintApart(const std::string& clock, const Apart& apart) {
  if (apart.where.empty()) return;
  fmt::print("largest distance of a session from its plan, {} clock: throughput {:.3f} % ({}), latency {:.3f} %\n",
             clock, 1e2 * apart.throughput, apart.where, 1e2 * apart.latency);
}

void RunAll(const Arguments& arguments) {
  Summary summary;
  PrintHeads();
  for (const std::string& network : arguments.networks) {
    for (const double speed : arguments.gpu_speeds) RunNetwork(arguments, network, speed, summary);
  }
  PrintApart("virtual", summary.by_virtual);
  PrintApart("real", summary.by_real);
}

}  // namespace
}  // namespace consort

int main(int argc, char** argv) {
  consort::Arguments arguments;
  CLI::App program(
      "Plans for the emulated devices of a platform against what sessions make of them. Device times are modelled; "
      "sessions, queues and waits are real.");
  program.add_option("--network", arguments.networks, "networks of the zoo")->delimiter(',')->capture_default_str();
  program.add_option("--platform", arguments.platform, "a shipped platform")->capture_default_str();
  program.add_option("--gpu", arguments.gpu_speeds, "multiples of the GPU's peak rate and memory bandwidth")
      ->delimiter(',')
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_option("--batch", arguments.batch, "samples of a call")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_option("--calls", arguments.rows.virtual_calls, "calls by the virtual clock; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  program.add_option("--seconds", arguments.rows.real_seconds, "for each plan by the real clock; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  program
      .add_option("--queue-depth", arguments.rows.queue_depth, "calls that may wait in front of a stage; 0: as planned")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  CLI11_PARSE(program, argc, argv);
  try {
    consort::RunAll(arguments);
  } catch (const consort::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
