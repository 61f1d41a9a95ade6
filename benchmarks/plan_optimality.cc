// How good plans are and how long planning takes, by the cost models of the shipped platforms: nothing here is measured
// but the planning times.
//   plan_optimality [RESTARTS]     (default: 100000)
// 1. The planner against every division tried one by one over all cut positions, and beside simple divisions.
// 2. Planning times.
// 3. The zoo: the planner against the best of so many random divisions, each improved until no move of a boundary
// helps.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "consort/error.h"
#include "consort/model.h"
#include "plan/cost_table.h"
#include "plan/modelled_costs.h"
#include "plan/planner.h"
#include "zoo/zoo.h"

namespace consort {
namespace {

using Steady = std::chrono::steady_clock;
double Since(Steady::time_point start) { return std::chrono::duration<double>(Steady::now() - start).count(); }

// A model on a platform, with the costs of all ranges between all cut positions.
struct Case {
  Case(Platform with, Model of)
      : platform(std::move(with)),
        model(std::move(of)),
        costs(platform, {}, [this](int64_t) -> const Graph& { return model.graph(); }) {
    query.units.op_weights = costs.OpWeights(1);
    query.units.divides_a_fusion = costs.Fusions(1);
  }
  Case(const Case&) = delete;

  PlanList Plan(Objective objective, std::optional<Strategy> strategy = std::nullopt) {
    query.objective = objective;
    query.strategy = strategy;
    return MakePlans(model.graph(), costs, query);
  }
  CostTable All() { return {costs, CutPositions(model.graph(), query.units), 1}; }

  Platform platform;
  Model model;
  ModelledCosts costs;
  PlanQuery query;
};

Platform Load(const std::string& name) { return LoadPlatform(name, BuiltinCostSchemas()); }
Model Zoo(const std::string& name) { return zoo::Structure(name, {}); }

// The GPU of seed at a multiple of its speed: peak rate and memory bandwidth.
Platform WithGpu(double speed) {
  Platform platform = Load("seed");
  auto& parameters = platform.devices[1].cost.parameters;
  parameters.at("peak_fp32").value *= speed;
  parameters.at("memory_bandwidth").value *= speed;
  return platform;
}

// --- Every division
// -----------------------------------------------------------------------------------------------------

// One stage of a division by indices of the table: classes are devices where no two are alike.
struct Piece {
  int begin = 0;
  int end = 0;
  std::vector<int> devices;  // classes
};

// Value of a division, worked out from the cells alone.
double ValueOf(const CostTable& table, const std::vector<Piece>& pieces, Objective objective) {
  double exclusive_s = 0;
  std::array<double, kMostShared> shared_s{};
  double latency_s = 0;
  double joules = 0;
  for (const Piece& piece : pieces) {
    double rate = 0;
    for (const int device : piece.devices) {
      if (!table.At(device, piece.begin, piece.end).possible) return kInfinite;
      rate += 1 / table.At(device, piece.begin, piece.end).pace_s;
    }
    double slowest_s = 0;
    for (const int device : piece.devices) {
      const CostCell& cell = table.At(device, piece.begin, piece.end);
      const double share = 1 / cell.pace_s / rate;
      exclusive_s = std::max(exclusive_s, share * cell.exclusive_s);
      for (int i = 0; i < kMostShared; ++i) shared_s[i] += share * cell.shared_s[i];
      slowest_s = std::max(slowest_s, cell.call_s);
      joules += share * cell.joules;
    }
    latency_s += slowest_s;
  }
  if (objective == Objective::kLatency) return latency_s;
  if (objective == Objective::kEnergy) return joules;
  return std::max(exclusive_s, *std::max_element(shared_s.begin(), shared_s.end()));
}

// The best of all divisions over all places: any number of stages, any devices, replicas where the throughput counts.
double Exhaustive(const CostTable& table, Objective objective, int64_t& tried) {
  double best = kInfinite;
  const int all = 1 << table.classes().size();
  std::vector<Piece> pieces;
  std::function<void(int, int)> extend = [&](int begin, int used) {
    for (int added = 1; added < all; ++added) {
      if ((added & used) != 0 || (objective != Objective::kThroughput && (added & (added - 1)) != 0)) continue;
      Piece piece{.begin = begin};
      for (int device = 0; device < static_cast<int>(table.classes().size()); ++device) {
        if ((added >> device & 1) != 0) piece.devices.push_back(device);
      }
      const bool last_devices = (used | added) == all - 1;
      for (int end = last_devices ? table.units() : begin + 1; end <= table.units(); ++end) {
        piece.end = end;
        pieces.push_back(piece);
        if (end == table.units()) {
          best = std::min(best, ValueOf(table, pieces, objective));
          ++tried;
        } else {
          extend(end, used | added);
        }
        pieces.pop_back();
      }
    }
  };
  extend(0, 0);
  return best;
}

// --- Simple divisions
// ---------------------------------------------------------------------------------------------------

// A stage per device, in the order that does best, of `parts` of the ops (or of the multiply-accumulates) each.
double Divided(const CostTable& table, const Graph& graph, const std::vector<double>& parts, bool by_macs) {
  std::vector<double> before(graph.ops().size() + 1);
  for (size_t op = 0; op < graph.ops().size(); ++op) {
    const double macs = static_cast<double>(graph.ops()[op].cost.macs);
    before[op + 1] = before[op] + (graph.ops()[op].constant ? 0 : by_macs ? macs : 1);
  }
  std::vector<int> order(parts.size());
  std::iota(order.begin(), order.end(), 0);
  double best = kInfinite;
  do {
    std::vector<Piece> pieces;
    double wanted = 0;
    for (size_t i = 0; i < order.size(); ++i) {
      wanted += parts[order[i]];
      const int begin = pieces.empty() ? 0 : pieces.back().end;
      int end = begin + 1;
      while (end < table.units() && before[table.positions()[end]] < wanted * before.back()) ++end;
      if (i + 1 == order.size()) end = table.units();
      if (begin >= table.units()) break;
      pieces.push_back({begin, end, {order[i]}});
    }
    best = std::min(best, ValueOf(table, pieces, Objective::kThroughput));
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

struct Simple {
  double equal_layers = 0;
  double by_speed = 0;
  double data_parallel = 0;
};

Simple SimpleDivisions(const CostTable& table, const Graph& graph) {
  const size_t devices = table.classes().size();
  std::vector<double> speeds;
  std::vector<int> all;
  for (size_t device = 0; device < devices; ++device) {
    all.push_back(static_cast<int>(device));
    const CostCell& whole = table.At(static_cast<int>(device), 0, table.units());
    speeds.push_back(whole.possible ? 1 / whole.call_s : 0);
  }
  const double sum = std::accumulate(speeds.begin(), speeds.end(), 0.0);
  for (double& speed : speeds) speed /= sum;
  return {Divided(table, graph, std::vector<double>(devices, 1.0 / static_cast<double>(devices)), false),
          Divided(table, graph, speeds, true), ValueOf(table, {{0, table.units(), all}}, Objective::kThroughput)};
}

void PrintAgainstExhaustive(const std::string& network, double gpu) {
  Case at(WithGpu(gpu), Zoo(network));
  const PlanList list = at.Plan(Objective::kThroughput);
  const double single = list.plans.at(list.best_single).evaluation.Value(Objective::kThroughput);
  const double found = list.plans.front().evaluation.Value(Objective::kThroughput);
  const CostTable table = at.All();
  int64_t tried = 0;
  const double best = Exhaustive(table, Objective::kThroughput, tried);
  const Simple simple = SimpleDivisions(table, at.model.graph());
  const std::string chosen = DevicesOf(at.costs, list.best().draft);
  fmt::print(
      "{:<14} GPU x{:<4} best single {:>8.2f}/s  planned {:>8.2f}/s = {:.3f}x  exhaustive {:>8.2f}/s (of {} "
      "divisions): {:.4f}  | equal "
      "layers {:.2f}x, by speed {:.2f}x, data-parallel {:.2f}x | {}: {}\n",
      network, gpu, 1 / single, 1 / found, single / found, 1 / best, tried, best / found, single / simple.equal_layers,
      single / simple.by_speed, single / simple.data_parallel, ToString(list.best().plan.strategy), chosen);
  std::fflush(stdout);
}

// --- Random restarts
// ----------------------------------------------------------------------------------------------------

class Restarts {
 public:
  Restarts(const CostTable& table, Objective objective) : table_(table), objective_(objective) {}

  double Best(int restarts) {
    double best = kInfinite;
    for (int i = 0; i < restarts; ++i) best = std::min(best, Improved(Random()));
    return best;
  }

 private:
  int Below(int limit) { return static_cast<int>(engine_() % static_cast<uint64_t>(limit)); }

  // Devices of one class each; replicas only where the throughput counts.
  std::vector<Piece> Random() {
    std::vector<int> left;
    for (size_t c = 0; c < table_.classes().size(); ++c)
      left.insert(left.end(), table_.classes()[c].devices.size(), static_cast<int>(c));
    for (size_t i = left.size(); i > 1; --i) std::swap(left[i - 1], left[Below(static_cast<int>(i))]);
    const int stages = 1 + Below(std::min<int>(static_cast<int>(left.size()), table_.units()));
    std::vector<int> cuts = {0, table_.units()};
    while (static_cast<int>(cuts.size()) < stages + 1) {
      const int cut = 1 + Below(table_.units() - 1);
      if (std::find(cuts.begin(), cuts.end(), cut) == cuts.end()) cuts.push_back(cut);
    }
    std::sort(cuts.begin(), cuts.end());
    std::vector<Piece> pieces;
    for (int i = 0; i < stages; ++i) pieces.push_back({cuts[i], cuts[i + 1], {left[i]}});
    for (size_t i = stages; i < left.size() && objective_ == Objective::kThroughput; ++i) {
      if (Below(2) == 0) pieces[Below(stages)].devices.push_back(left[i]);
    }
    return pieces;
  }

  // Moves boundaries by steps that halve, as long as that helps.
  double Improved(std::vector<Piece> pieces) {
    double value = ValueOf(table_, pieces, objective_);
    for (int step = std::max(1, table_.units() / 8); step > 0;) {
      bool better = false;
      for (size_t i = 1; i < pieces.size(); ++i) {
        for (const int move : {-step, step}) {
          const int cut = pieces[i].begin + move;
          if (cut <= pieces[i - 1].begin || cut >= pieces[i].end) continue;
          const int before = pieces[i].begin;
          pieces[i].begin = pieces[i - 1].end = cut;
          const double moved = ValueOf(table_, pieces, objective_);
          if (moved < value) {
            value = moved;
            better = true;
          } else {
            pieces[i].begin = pieces[i - 1].end = before;
          }
        }
      }
      if (!better) step /= 2;
    }
    return value;
  }

  const CostTable& table_;
  Objective objective_;
  std::mt19937_64 engine_{1};
};

void PrintAgainstRestarts(const std::string& platform, const std::string& network, int restarts, double& worst) {
  Case at(Load(platform), Zoo(network));
  const CostTable table = at.All();
  std::string line = fmt::format("{:<9} {:<24} {:>4} positions", platform, network, table.units() - 1);
  for (const Objective objective : {Objective::kThroughput, Objective::kLatency, Objective::kEnergy}) {
    const double planned = at.Plan(objective).plans.front().evaluation.Value(objective);
    const double restarted = Restarts(table, objective).Best(restarts);
    worst = std::max(worst, planned / restarted);
    line += fmt::format("  {} {:.4f}", ToString(objective), planned / restarted);
  }
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

// --- Times
// --------------------------------------------------------------------------------------------------------------

// seed and an RTX 2060 on a link of its own: four unlike devices.
Platform FourUnlike() {
  Platform platform = Load("seed");
  const Platform other = Load("rtx2060");
  platform.devices.push_back(other.devices.front());
  for (Link link : other.links) {
    link.name += "-2";
    platform.links.push_back(link);
  }
  if (!platform.devices.back().link.empty()) platform.devices.back().link += "-2";
  return platform;
}

Model Convolutions(int count) {
  zoo::LayerWriter net("convolutions");
  zoo::Value x = net.Input("image", {1, 16, 16, 16});
  for (int i = 0; i < count; ++i) x = net.Conv(x, 16, zoo::Square(3));
  net.Output("out", x);
  return zoo::StructureOf(std::move(net).Finish(), "convolutions");
}

void PrintTime(const std::string& what, Platform platform, Model model) {
  const auto start = Steady::now();
  Case at(std::move(platform), std::move(model));
  const PlanList list = at.Plan(Objective::kThroughput);
  fmt::print("{:<40} {:.3f} s: {} cut positions, {} units, {} chosen, {:.3f}x\n", what, Since(start),
             list.cut_positions, list.units, ToString(list.best().plan.strategy),
             list.best().plan.predicted.gain_over_best_single);
}

void Run(int restarts) {
  fmt::print("1. Throughput on seed, batch 1 (modelled): ratio to the exhaustive optimum over all cut positions\n");
  for (const char* network : {"resnet-50", "seed-alexnet", "inception-v1"}) {
    for (const double gpu : {0.5, 1.0, 2.0, 4.0}) PrintAgainstExhaustive(network, gpu);
  }
  fmt::print("\n2. Planning, everything included but reading the model\n");
  PrintTime("resnet-152 on four unlike devices", FourUnlike(), Zoo("resnet-152"));
  PrintTime("resnet-152 on coral-x4", Load("coral-x4"), Zoo("resnet-152"));
  PrintTime("a chain of 2,000 convolutions on seed", Load("seed"), Convolutions(2000));
  PrintTime("resnet-50 on coral-x4", Load("coral-x4"), Zoo("resnet-50"));
  fmt::print("\n3. Planned value / best of {} random restarts (1: equal, above: worse)\n", restarts);
  double worst = 0;
  for (const zoo::Architecture& architecture : zoo::Architectures()) {
    for (const char* platform : {"seed", "coral-x4", "coral-x4-hub"}) {
      try {
        PrintAgainstRestarts(platform, architecture.name, restarts, worst);
      } catch (const Error& error) {
        fmt::print("{:<9} {:<24} left out: {}\n", platform, architecture.name, error.what());
      }
    }
  }
  fmt::print("worst: {:.4f}\n", worst);
}

}  // namespace
}  // namespace consort

int main(int argc, char** argv) {
  consort::Run(argc > 1 ? std::atoi(argv[1]) : 100'000);
  return 0;
}
