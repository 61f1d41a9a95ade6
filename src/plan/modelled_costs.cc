#include "plan/modelled_costs.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "consort/error.h"
#include "cost/parameters.h"

namespace consort {
namespace {

// Parameters, and the activations of the layer that has most.
int64_t MemoryBytes(const WorkList& works, int64_t element_bytes) {
  int64_t activations = 0;
  for (const Work& work : works.works) activations = std::max(activations, work.inputs + work.outputs);
  return (works.parameters + activations) * element_bytes;
}

// Why the device cannot run some op of a range whatever its cost model says; empty: it can.
std::string MissingOp(const PlatformDevice& device, const Graph& graph, OpId begin, OpId end) {
  if (device.missing_ops.empty()) return "";
  for (OpId id = begin; id < end; ++id) {
    const Op& op = graph.op(id);
    if (op.constant ||
        std::find(device.missing_ops.begin(), device.missing_ops.end(), op.type) == device.missing_ops.end())
      continue;
    return fmt::format("'{}' lacks the operator {} of '{}'", device.name, op.type, op.name);
  }
  return "";
}

Target TargetOf(const PlatformChoice& choice) {
  if (choice.target) return *choice.target;
  return {.device = "emulated", .unit = choice.device, .precision = choice.precision};
}

void AddSeconds(int resource, double seconds, std::vector<Busy>& busy) {
  if (seconds <= 0) return;
  for (Busy& known : busy) {
    if (known.resource != resource) continue;
    known.seconds += seconds;
    return;
  }
  busy.push_back({resource, seconds});
}

}  // namespace

ModelledCosts::ModelledCosts(const Platform& platform, const std::vector<PlatformChoice>& choices, GraphAtBatch graph)
    : graph_(std::move(graph)) {
  for (const PlatformDevice& device : platform.devices) {
    if (device.kind == DeviceKind::kCpu && host_ == nullptr) host_ = &device;
  }
  if (host_ != nullptr)
    host_resource_ = ResourceNamed(host_->resource.empty() ? host_->name : host_->resource, resources_);
  std::vector<PlatformChoice> all = choices;
  if (all.empty()) {
    for (const PlatformDevice& device : platform.devices) all.push_back({device.name, std::nullopt});
  }
  for (const PlatformChoice& choice : all) Add(platform, choice);
  remembered_.resize(devices_.size());
}

void ModelledCosts::Add(const Platform& platform, const PlatformChoice& choice) {
  const PlatformDevice& device = platform.device(choice.device);
  Modelled modelled{.device = &device, .model = MakeCostModel(platform, device), .links = platform.PathTo(device)};
  modelled.query.precision = choice.precision;
  modelled.element_bytes = ElementBytes(ChoosePrecision(device, modelled.query));
  modelled.one_at_a_time = device.kind == DeviceKind::kEdgeTpu;
  PlanDevice plan_device{.name = choice.device, .target = TargetOf(choice)};
  if (choice.precision) plan_device.name += fmt::format("/{}", ToString(*choice.precision));
  for (size_t i = 0; i < devices_.size(); ++i) {
    if (devices_[i].name == plan_device.name)
      throw Error(ErrorCode::kInvalidArgument, fmt::format("device '{}' is given twice", plan_device.name));
    const bool alike =
        AreAlike(platform, *modelled_[i].device, device) && devices_[i].target.precision == choice.precision;
    if (alike && plan_device.alike < 0)
      plan_device.alike = devices_[i].alike < 0 ? static_cast<int>(i) : devices_[i].alike;
  }
  plan_device.resources.push_back(ResourceNamed(device.resource.empty() ? device.name : device.resource, resources_));
  for (const Link* link : modelled.links)
    plan_device.resources.push_back(ResourceNamed("link " + link->name, resources_));
  if (modelled.one_at_a_time && host_resource_ != kNone) plan_device.resources.push_back(host_resource_);
  plan_device.memory_bytes = static_cast<int64_t>(device.memory.value);
  plan_device.idle_watts = device.idle_power.value;
  plan_device.active_watts = device.active_power.value;
  devices_.push_back(std::move(plan_device));
  modelled_.push_back(std::move(modelled));
}

RangeWorks& ModelledCosts::WorksAt(int64_t batch) {
  const auto found = works_.find(batch);
  return found != works_.end() ? found->second : works_.emplace(batch, graph_(batch)).first->second;
}

bool ModelledCosts::HasBatch(int64_t batch) {
  try {
    WorksAt(batch);
    return true;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInvalidArgument) return false;
    throw;
  }
}

const ModelledCosts::Remembered& ModelledCosts::Estimated(int device, OpId begin, OpId end, int64_t batch) {
  const int first = devices_[device].alike < 0 ? device : devices_[device].alike;
  Remembered& known = remembered_[first];
  const Modelled& modelled = modelled_[first];
  const int64_t of_call = modelled.one_at_a_time ? 1 : batch;
  if (of_call != batch && !HasBatch(of_call)) {
    known.refused =
        fmt::format("'{}' takes one sample at a time, and the model's batch is fixed", devices_[first].name);
    return known;
  }
  const WorkList& works = WorksAt(of_call).Of(begin, end);
  if (known.works == &works && known.begin == begin && known.end == end && known.batch == of_call) return known;
  known = {.works = &works, .begin = begin, .end = end, .batch = of_call};
  known.refused = MissingOp(*modelled.device, *works.graph, begin, end);
  if (!known.refused.empty()) return known;
  try {
    known.estimate = modelled.model->Cost(works, modelled.query);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    known.refused = error.what();
  }
  return known;
}

RangeCost ModelledCosts::Cost(int device, OpId begin, OpId end, int64_t batch) {
  const Remembered& known = Estimated(device, begin, end, batch);
  const Modelled& modelled = modelled_[device];
  RangeCost cost;
  cost.refused = known.refused;
  if (!cost.refused.empty()) return cost;
  const double calls = modelled.one_at_a_time ? static_cast<double>(batch) : 1;
  cost.call_s = calls * known.estimate->latency_s;
  cost.joules = calls * known.estimate->joules;
  cost.memory_bytes = MemoryBytes(*known.works, modelled.element_bytes);
  AddBusy(device, *known.estimate, calls, cost);
  return cost;
}

void ModelledCosts::AddBusy(int device, const Estimate& estimate, double calls, RangeCost& cost) {
  const std::vector<int>& resources = devices_[device].resources;
  AddSeconds(resources.front(), cost.call_s, cost.busy);
  const std::vector<const Link*>& links = modelled_[device].links;
  for (size_t i = 0; i < links.size(); ++i) {
    const double seconds = calls * LinkSeconds(*links[i], estimate);
    cost.link_s = std::max(cost.link_s, seconds);
    AddSeconds(resources[1 + i], seconds, cost.busy);
  }
  // Its joules are in the estimate's.
  if (host_ != nullptr) AddSeconds(host_resource_, calls * estimate.host_s, cost.busy);
}

std::vector<double> ModelledCosts::OpWeights(int64_t batch) {
  const Graph& graph = graph_(batch);
  const auto ops = static_cast<OpId>(graph.ops().size());
  std::vector<double> weights(ops);
  for (size_t device = 0; device < devices_.size(); ++device) {
    const Remembered& known = Estimated(static_cast<int>(device), 0, ops, batch);
    if (!known.refused.empty() || devices_[device].alike >= 0) continue;
    std::vector<double> seconds;
    for (const WorkCost& work : known.estimate->works) seconds.push_back(work.seconds);
    const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
    const std::vector<double> per_op = WorksAt(modelled_[device].one_at_a_time ? 1 : batch).PerOp(seconds);
    for (OpId op = 0; op < ops && sum > 0; ++op) weights[op] += per_op[op] / sum;
  }
  const bool known = std::any_of(weights.begin(), weights.end(), [](double weight) { return weight > 0; });
  for (OpId op = 0; op < ops && !known; ++op) weights[op] = graph.op(op).constant ? 0 : 1;
  return weights;
}

std::function<bool(int)> ModelledCosts::Fusions(int64_t batch) {
  const RangeWorks& works = WorksAt(batch);
  return [&works](int position) { return works.DividesWork(position); };
}

}  // namespace consort
