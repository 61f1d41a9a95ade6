#include "experiment/divided_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/clock_thread.h"
#include "base/strings.h"
#include "bench/plan_check.h"
#include "consort/error.h"
#include "emulate/virtual_clock.h"
#include "experiment/numbers.h"
#include "experiment/timing.h"
#include "plan/modelled_costs.h"
#include "plan/written_costs.h"
#include "tune/local_planner.h"

namespace consort::experiment {
namespace {

constexpr TimeNs kSecondNs = 1'000'000'000;
constexpr char kNumbersEngine[] = "onnxruntime";

// Nothing is known of targets before they run: a plan by hand needs no figures.
std::unique_ptr<CostSource> CostlessOf(const std::vector<TestDevice>& devices) {
  std::vector<PlanDevice> plan_devices;
  std::vector<std::string> resources;
  for (const TestDevice& device : devices) {
    const int resource = ResourceNamed(device.name, resources);
    plan_devices.push_back({.name = device.name, .target = device.target, .resources = {resource}});
  }
  return std::make_unique<WrittenCosts>(std::move(plan_devices), std::move(resources),
                                        [](int, OpId, OpId, int64_t) { return RangeCost{}; });
}

// Where the numbers of a device come from.
Target NumbersOf(const TestDevice& device) {
  Target target = device.target;
  if (!device.emulated()) return target;
  target.backend = kNumbersEngine;
  if (device.precision == Precision::kInt8 || device.precision == Precision::kUInt8) target.precision = device.precision;
  return target;
}

// Emulated devices' numbers come from the CPU.
std::string NumbersFrom(const std::vector<TestDevice>& devices) {
  std::vector<std::string> names;
  for (const TestDevice& device : devices) {
    Target target = NumbersOf(device);
    if (device.emulated()) target = {.device = "cpu", .backend = target.backend, .precision = target.precision};
    const std::string name = target.ToString();
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return Join(names);
}

}  // namespace

Json ToJson(const DividedNumbers& numbers) {
  const Accuracy& accuracy = numbers.accuracy;
  return {{"provenance", ToString(numbers.provenance)},
          {"numbers_from", numbers.from},
          {"cosine", NumberOrNull(accuracy.cosine)},
          {"max_error", NumberOrNull(accuracy.error)},
          {"sqnr_db", NumberOrNull(accuracy.sqnr_db)},
          {"top1", accuracy.top1 ? Json(*accuracy.top1) : Json()}};
}

DividedNetwork::DividedNetwork(Testbed& testbed, Network network, std::vector<TestDevice> devices)
    : testbed_(testbed), network_(std::move(network)), devices_(std::move(devices)) {}

bool DividedNetwork::all_emulated() const {
  return std::all_of(devices_.begin(), devices_.end(), [](const TestDevice& device) { return device.emulated(); });
}

const Model& DividedNetwork::ModelAt(int64_t batch) {
  const auto known = models_.find(batch);
  if (known != models_.end()) return known->second;
  Network at = network_;
  at.make.batch = batch;
  return models_.emplace(batch, all_emulated() ? testbed_.StructureOf(at) : testbed_.ModelOf(at)).first->second;
}

CostSource& DividedNetwork::Costs() {
  if (costs_ != nullptr) return *costs_;
  if (!all_emulated()) {
    costs_ = CostlessOf(devices_);
    return *costs_;
  }
  std::vector<PlatformChoice> choices;
  for (const TestDevice& device : devices_) {
    std::optional<Precision> precision;
    if (device.target.precision) precision = device.precision;
    choices.push_back({device.described->name, precision, device.target});
  }
  costs_ = std::make_unique<ModelledCosts>(*devices_.front().platform, choices,
                                           [this](int64_t batch) -> const Graph& { return ModelAt(batch).graph(); });
  return *costs_;
}

std::string DividedNetwork::FirstOp(const std::string& prefix) {
  for (const Op& op : graph().ops()) {
    if (!op.constant && op.name.starts_with(prefix)) return op.name;
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{} has no operator '{}…'", network_.name, prefix));
}

Draft DividedNetwork::DraftOf(const Graph& graph, const Parts& parts, int64_t batch) const {
  Draft draft{.batch = batch};
  for (const Part& part : parts) {
    DraftStage stage{.begin = part.first_op.empty() ? 0 : graph.FindOp(part.first_op)};
    for (const Share& share : part.shares) {
      const bool divides = share.samples > 0 && share.samples < batch;
      const double of_all = divides ? static_cast<double>(share.samples) / static_cast<double>(batch) : 1;
      stage.replicas.push_back(
          {.device = static_cast<int>(share.device), .share = of_all, .samples = divides ? share.samples : 0});
    }
    if (!draft.stages.empty()) draft.stages.back().end = stage.begin;
    draft.stages.push_back(std::move(stage));
  }
  draft.stages.back().end = static_cast<OpId>(graph.ops().size());
  return draft;
}

std::vector<TestDevice> DividedNetwork::DevicesOf(const Plan& plan) const {
  std::vector<TestDevice> used;
  std::copy_if(devices_.begin(), devices_.end(), std::back_inserter(used), [&plan](const TestDevice& device) {
    return std::any_of(plan.stages.begin(), plan.stages.end(), [&device](const Stage& stage) {
      return std::any_of(stage.replicas.begin(), stage.replicas.end(),
                         [&device](const Replica& replica) { return replica.target == device.target; });
    });
  });
  return used;
}

std::vector<TestDevice> DividedNetwork::DevicesOf(const Parts& parts) const {
  std::set<size_t> places;
  for (const Part& part : parts) {
    for (const Share& share : part.shares) places.insert(share.device);
  }
  std::vector<TestDevice> used;
  for (const size_t place : places) used.push_back(devices_.at(place));
  return used;
}

std::string DividedNetwork::NameOf(const Replica& replica) const {
  std::string name = replica.target.ToString();
  for (const TestDevice& device : devices_) {
    if (device.target == replica.target) name = device.name;
  }
  if (replica.threads > 0) name += fmt::format(":{}t", replica.threads);
  return replica.samples > 0 ? fmt::format("{} {}", name, replica.samples) : name;
}

std::string DividedNetwork::Describe(const Plan& plan) const {
  std::vector<std::string> stages;
  for (const Stage& stage : plan.stages) {
    std::vector<std::string> replicas;
    for (const Replica& replica : stage.replicas) replicas.push_back(NameOf(replica));
    stages.push_back(Join(replicas, " + "));
  }
  return Join(stages, " > ");
}

Planned DividedNetwork::PlanOf(const Parts& parts) {
  CostSource& costs = Costs();
  const Draft draft = DraftOf(graph(), parts, network_.make.batch);
  Evaluation evaluation = Evaluate(costs, draft);
  if (!evaluation.refused.empty()) throw Error(ErrorCode::kInfeasible, evaluation.refused);
  Plan plan = ToPlan(graph(), costs, draft, evaluation);
  if (all_emulated()) return Explained(std::move(plan), std::move(evaluation));
  plan.predicted = {};
  return {.plan = std::move(plan)};
}

// A call's time of links and of the CPU is among what it keeps busy, beside the device itself.
Planned DividedNetwork::Explained(Plan plan, Evaluation evaluation) {
  Planned planned{.plan = std::move(plan)};
  for (const std::vector<RangeCost>& stage : evaluation.costs) {
    for (const RangeCost& cost : stage) {
      ReplicaParts& parts = planned.parts.emplace_back(ReplicaParts{.link_s = cost.link_s});
      for (size_t i = 1; i < cost.busy.size(); ++i) {
        const std::string& resource = costs_->resources().at(static_cast<size_t>(cost.busy[i].resource));
        if (!resource.starts_with("link ")) parts.host_s += cost.busy[i].seconds;
      }
    }
  }
  planned.evaluation = std::move(evaluation);
  return planned;
}

Planned DividedNetwork::Choose(Objective objective, int most_stages) {
  PlanQuery query{.objective = objective, .batch = network_.make.batch, .max_stages = most_stages};
  return all_emulated() ? ChooseByModels(std::move(query)) : ChooseByRunning(std::move(query));
}

Planned DividedNetwork::ChooseByModels(PlanQuery query) {
  auto& costs = static_cast<ModelledCosts&>(Costs());
  query.units.op_weights = costs.OpWeights(query.batch);
  query.units.divides_a_fusion = costs.Fusions(query.batch);
  const PlanList list = MakePlans(graph(), costs, query);
  return Explained(list.best().plan, list.best().evaluation);
}

Planned DividedNetwork::ChooseByRunning(PlanQuery query) {
  LocalPlanOptions options{.query = std::move(query),
                           .platform = testbed_.platform(),
                           .tune = {.candidates = 2, .most_turns = 1, .time_ns = kSecondNs, .seed = testbed_.seed()}};
  for (const TestDevice& device : devices_) options.targets.push_back(device.target);
  options.profiler.units = testbed_.quick() ? 4 : 8;
  options.profiler.time_ns = testbed_.quick() ? kSecondNs / 50 : kSecondNs / 10;
  options.profiler.progress = [this](const std::string& what, int, int) { testbed_.Say(what); };
  const Registry registry = QuantizingRegistry(testbed_, network_);
  const ModelAtBatch model_at = [this](int64_t batch) { return ModelAt(batch); };
  Profile profile = EmptyProfile(ModelAt(network_.make.batch), options.profiler.compile, options.profiler.open);
  return {.plan = MakeLocalPlan(registry, model_at, options, SeededInputs(testbed_.seed()), profile).plan};
}

DividedNumbers DividedNetwork::Check(const Parts& parts, int64_t batch, int sets) {
  const auto model_at = [this](int64_t size) {
    Network at = network_;
    at.make.batch = size;
    return testbed_.ModelOf(at);
  };
  const Model model = model_at(batch);
  std::vector<TestDevice> devices = devices_;
  for (TestDevice& device : devices) device.target = NumbersOf(device);
  const std::unique_ptr<CostSource> costs = CostlessOf(devices);
  Plan plan = ToPlan(model.graph(), *costs, DraftOf(model.graph(), parts, batch),
                     Evaluate(*costs, DraftOf(model.graph(), parts, batch)));
  // Emulated devices would take their time.
  VirtualClock clock;
  const ClockMember member(clock, "experiment");
  PlanCheckOptions options{.input_sets = sets, .seed = testbed_.seed()};
  options.prepare.compile.prove_placement = false;
  if (all_emulated()) options.prepare.open.clock = &clock;
  const PlanAccuracy accuracy = CheckPlan(QuantizingRegistry(testbed_, network_), plan, model_at, options);
  if (!accuracy.whole) throw Error(ErrorCode::kUnsupported, accuracy.problem);
  const std::vector<TestDevice> used = DevicesOf(parts);
  return {*accuracy.whole, ProvenanceOf(used), NumbersFrom(used)};
}

}  // namespace consort::experiment
