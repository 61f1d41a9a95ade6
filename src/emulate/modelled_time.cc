#include "emulate/modelled_time.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "emulate/one_sample.h"

namespace consort {

ModelledTime::ModelledTime(Model model, ModelledTimeOptions options)
    : model_(std::move(model)), options_(std::move(options)), given_(GivenOf(model_)) {
  works_ = WorkOf(given_.model.graph());
  estimate_ = options_.cost->Cost(works_, options_.query);
  whole_ = TimeOf(estimate_, given_.times);
  const Graph& graph = model_.graph();
  open_ = std::any_of(graph.inputs().begin(), graph.inputs().end(),
                      [&graph](TensorId id) { return !IsStatic(graph.tensor(id).spec.shape); });
  if (!open_) last_ = &by_shapes_.emplace(std::vector<Shape>{}, whole_).first->second;
}

// A model whose samples are fixed inside is left as it is: whether the device can run that says its cost model.
ModelledTime::Given ModelledTime::GivenOf(const Model& model) const {
  const int64_t samples = options_.order == SampleOrder::kOneByOne ? SamplesOf(model.graph()) : 1;
  if (samples > 1) {
    if (std::optional<Model> one = WithOneSample(model)) return {std::move(*one), samples};
  }
  return {model, 1};
}

CallTime ModelledTime::TimeOf(const Estimate& estimate, int64_t times) const {
  const auto count = static_cast<double>(times);
  CallTime time{.seconds = count * estimate.latency_s,
                .joules = count * estimate.joules,
                .low = estimate.low,
                .high = estimate.high,
                .notes = estimate.notes};
  for (const SharedResource& shared : options_.shared) {
    time.shared_seconds.push_back(count * (shared.link ? LinkSeconds(*shared.link, estimate) : estimate.host_s));
  }
  return time;
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
  const Given given = GivenOf(bound);
  return TimeOf(options_.cost->Cost(WorkOf(given.model.graph()), options_.query), given.times);
}

}  // namespace consort
