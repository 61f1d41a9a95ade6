// Fits three overheads of the platform `seed` to Table 1 of "Optimizing Inference on Heterogeneous Platforms" and
// prints the table beside the model: a call of the GPU, bringing weights to it, a call of the CPU. All other constants
// are fixed in the platform file.
//
//   build/release/bin/fit_table1 FIGURES
//
// FIGURES is a folder with seed_table1_matvec.csv. The sum of relative errors is made smallest (not of their squares:
// the source is not monotone, and single cells should not pull).
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <vector>

#include "consort/error.h"
#include "cost/cost_model.h"
#include "published_figures.h"
#include "zoo/zoo.h"

namespace consort {
namespace {

constexpr double kListedError = 0.30;

struct Cell {
  int64_t side = 0;
  std::string device;
  bool with_loading = false;
  double ms = 0;
};

std::vector<Cell> ReadTable(const std::filesystem::path& figures) {
  std::vector<Cell> cells;
  for (const CsvRow& row : ReadCsv(figures / "seed_table1_matvec.csv")) {
    const std::string& label = row.at("device_label");
    if (label == "Edge TPU") continue;  // very likely the host's CPU: platform seed-as-published replays them
    const std::string device = label.find("GTX") != std::string::npos ? "gtx1650" : "xeon-2.2ghz";
    cells.push_back({static_cast<int64_t>(NumberOf(row, "matrix_side")), device,
                     row.at("includes_memory_loading") == "yes", NumberOf(row, "time")});
  }
  return cells;
}

class Seed {
 public:
  Seed() : platform_(LoadPlatform("seed", BuiltinCostSchemas())) {}

  double Ms(const Cell& cell) {
    CostQuery query;
    query.weights_resident = !cell.with_loading;
    return MakeCostModel(platform_, platform_.device(cell.device))->Cost(Product(cell.side), query).latency_s * 1e3;
  }
  double ErrorOf(const Cell& cell) { return Ms(cell) / cell.ms - 1; }

  // Finds the value of one overhead that makes the cells' errors smallest.
  double Fit(const std::string& device, const std::string& overhead, const std::vector<Cell>& cells) {
    double& value = Overhead(device, overhead);
    const auto loss = [&](const std::vector<double>& values) {
      value = values.front();
      double sum = 0;
      for (const Cell& cell : cells) sum += std::abs(ErrorOf(cell));
      return sum;
    };
    return value = Minimise({1e-4}, loss).front();
  }

 private:
  double& Overhead(const std::string& device, const std::string& name) {
    for (PlatformDevice& candidate : platform_.devices) {
      if (candidate.name == device) return candidate.cost.parameters[name].value;
    }
    throw consort::Error(ErrorCode::kInvalidArgument, fmt::format("platform seed has no device '{}'", device));
  }

  const WorkList& Product(int64_t side) {
    auto known = models_.find(side);
    if (known == models_.end()) {
      zoo::MakeOptions options;
      options.side = side;
      known = models_.emplace(side, zoo::Structure("matvec", options)).first;
      works_[side] = WorkOf(known->second.graph());
    }
    return works_[side];
  }

  Platform platform_;
  std::map<int64_t, Model> models_;
  std::map<int64_t, WorkList> works_;
};

int Main(const std::filesystem::path& figures) {
  const std::vector<Cell> cells = ReadTable(figures);
  std::vector<Cell> gpu;
  std::vector<Cell> gpu_loading;
  std::vector<Cell> cpu;
  for (const Cell& cell : cells)
    (cell.device != "gtx1650" ? cpu : cell.with_loading ? gpu_loading : gpu).push_back(cell);
  Seed seed;
  fmt::print("fitted overheads (modelled):\n");
  fmt::print("  gtx1650.cost.call_overhead      {:.4f} ms\n", seed.Fit("gtx1650", "call_overhead", gpu) * 1e3);
  fmt::print("  gtx1650.cost.load_overhead      {:.4f} ms\n", seed.Fit("gtx1650", "load_overhead", gpu_loading) * 1e3);
  fmt::print("  xeon-2.2ghz.cost.call_overhead  {:.4f} ms\n\n", seed.Fit("xeon-2.2ghz", "call_overhead", cpu) * 1e3);
  fmt::print("{:6}{:14}{:16}{:>10}{:>10}{:>9}\n", "side", "device", "weights", "published", "modelled", "error");
  std::vector<double> errors;
  for (const Cell& cell : cells) {
    errors.push_back(seed.ErrorOf(cell));
    fmt::print("{:<6}{:14}{:16}{:>10.4f}{:>10.4f}{:>+8.1f}%{}\n", cell.side, cell.device,
               cell.with_loading ? "loaded each time" : "resident", cell.ms, seed.Ms(cell), 100 * errors.back(),
               std::abs(errors.back()) > kListedError ? "  above 30 %" : "");
  }
  fmt::print("\nmedian {:.1f} %, mean {:.1f} % of {} cells\n", 100 * MedianOfMagnitudes(errors),
             100 * MeanOfMagnitudes(errors), errors.size());
  return 0;
}

}  // namespace
}  // namespace consort

int main(int argc, char** argv) {
  try {
    if (argc == 2) return consort::Main(argv[1]);
    fmt::print(stderr, "usage: fit_table1 FIGURES\n");
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "fit_table1: {}\n", error.what());
    return 1;
  }
}
