#include "emulate/modelled_time.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

namespace consort {
namespace {

// Transfers of inputs and outputs, and of each work what it needs over the link, no longer than the work itself.
double LinkSeconds(const Estimate& estimate) {
  double seconds = estimate.input_s + estimate.output_s;
  for (const WorkCost& work : estimate.works) seconds += std::min(work.seconds, work.link_seconds);
  return std::min(seconds, estimate.latency_s);
}

CallTime TimeOf(const Estimate& estimate) {
  return {.seconds = estimate.latency_s,
          .link_seconds = LinkSeconds(estimate),
          .low = estimate.low,
          .high = estimate.high,
          .notes = estimate.notes};
}

}  // namespace

ModelledTime::ModelledTime(Model model, std::shared_ptr<const CostModel> cost, const CostQuery& query)
    : model_(std::move(model)), cost_(std::move(cost)), query_(query) {
  const Graph& graph = model_.graph();
  estimate_ = cost_->Cost(WorkOf(graph), query_);
  open_ = std::any_of(graph.inputs().begin(), graph.inputs().end(),
                      [&graph](TensorId id) { return !IsStatic(graph.tensor(id).spec.shape); });
  if (!open_) last_ = &by_shapes_.emplace(std::vector<Shape>{}, TimeOf(estimate_)).first->second;
}

const CallTime& ModelledTime::Of(Binding& binding) {
  bool same = last_ != nullptr;
  for (int port = 0; open_ && same && port < binding.input_count(); ++port) {
    same = last_shapes_[port] == binding.input(port).spec().shape;
  }
  if (same) return *last_;
  last_ = nullptr;
  last_shapes_.clear();
  for (int port = 0; port < binding.input_count(); ++port) last_shapes_.push_back(binding.input(port).spec().shape);
  auto found = by_shapes_.find(last_shapes_);
  if (found == by_shapes_.end()) found = by_shapes_.emplace(last_shapes_, Estimated(last_shapes_)).first;
  last_ = &found->second;
  return *last_;
}

// An axis of size 0 counts as 1: what a call costs that does next to nothing.
CallTime ModelledTime::Estimated(const std::vector<Shape>& shapes) const {
  ModelOptions options;
  for (size_t port = 0; port < shapes.size(); ++port) {
    Shape shape = shapes[port];
    for (int64_t& size : shape) size = std::max<int64_t>(1, size);
    options.shapes[model_.graph().tensor(model_.graph().inputs()[port]).name] = std::move(shape);
  }
  const std::string bytes = model_.Serialize();
  const Model bound = Model::Parse(std::as_bytes(std::span(bytes)), model_.name(), options, model_.data_folder());
  return TimeOf(cost_->Cost(WorkOf(bound.graph()), query_));
}

}  // namespace consort
