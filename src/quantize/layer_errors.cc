#include "quantize/layer_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <span>

#include "consort/error.h"
#include "io/compare.h"
#include "model/model_rep.h"
#include "quantize/group_scales.h"
#include "quantize/softmax_inputs.h"

namespace consort {
namespace {

// Two observed tensors that are compared: the layer's float output and its quantized one.
struct Pair {
  std::string reference;
  std::string value;
  bool feeds_softmax = false;
  std::optional<Range> matters;  // values beyond count as its ends
};

Buffer Clamped(const Buffer& tensor, const Range& range) {
  Buffer copy = tensor.Clone();
  for (float& value : copy.as<float>()) value = std::clamp(value, range.low, range.high);
  return copy;
}

// As far as whoever reads the tensor can see.
Buffer Seen(const Buffer& tensor, const Pair& pair) {
  if (pair.feeds_softmax) return WithinReach(tensor);
  return pair.matters ? Clamped(tensor, *pair.matters) : tensor.Share();
}

class ErrorSums {
 public:
  void Add(const Buffer& value, const Buffer& reference) {
    const Comparison comparison = Compare(value, reference);
    square_reference_ += comparison.square_reference;
    square_difference_ += comparison.square_difference;
    cosine_ = std::min(cosine_, comparison.cosine);
  }
  TensorError error() const { return {SqnrDb(square_reference_, square_difference_), cosine_}; }

 private:
  double square_reference_ = 0;
  double square_difference_ = 0;
  double cosine_ = 1;
};

std::vector<std::string> Names(std::span<const Pair> pairs, std::string Pair::*name) {
  std::vector<std::string> names;
  for (const Pair& pair : pairs) names.push_back(pair.*name);
  return names;
}

const Buffer& Require(const std::vector<NamedTensor>& tensors, const std::string& name) {
  for (const NamedTensor& tensor : tensors) {
    if (tensor.name == name) return tensor.tensor;
  }
  throw Error(ErrorCode::kInternal, fmt::format("the engine did not give tensor '{}'", name));
}

// Pairs in groups of bounded size; two tensors each.
std::vector<std::vector<Pair>> Groups(const Graph& graph, const std::vector<Pair>& pairs) {
  std::vector<std::vector<Pair>> groups;
  size_t next = 0;
  for (const auto& names : GroupBySize(graph, Names(pairs, &Pair::reference), ObserveOptions().max_bytes / 2)) {
    groups.emplace_back(pairs.begin() + long(next), pairs.begin() + long(next + names.size()));
    next += names.size();
  }
  return groups;
}

using Errors = std::map<std::string, TensorError>;  // by Pair::reference

void Sum(std::span<const Pair> pairs, const std::vector<NamedTensor>& references,
         const std::vector<NamedTensor>& values, std::map<std::string, ErrorSums>& sums) {
  for (const Pair& pair : pairs) {
    const Buffer& reference = Require(references, pair.reference);
    const Buffer& value = Require(values, pair.value);
    sums[pair.reference].Add(Seen(value, pair), Seen(reference, pair));
  }
}

Errors ToErrors(const std::map<std::string, ErrorSums>& sums) {
  Errors errors;
  for (const auto& [name, sum] : sums) errors[name] = sum.error();
  return errors;
}

// Both tensors of a pair in one model.
Errors CompareWithin(const Model& model, const std::vector<Pair>& pairs, const Samples& samples,
                     const CompileModel& compile) {
  std::map<std::string, ErrorSums> sums;
  for (const auto& group : Groups(model.graph(), pairs)) {
    std::vector<std::string> names = Names(group, &Pair::reference);
    for (const std::string& name : Names(group, &Pair::value)) names.push_back(name);
    const RunModel run = compile(WithOutputs(model, names));
    for (int i = 0; i < samples.count; ++i) {
      const auto tensors = run(samples.get(i));
      Sum(group, tensors, tensors, sums);
    }
  }
  return ToErrors(sums);
}

// The reference in one model, the value in another.
Errors CompareAcross(const Model& reference, const Model& quantized, const std::vector<Pair>& pairs,
                     const Samples& samples, const CompileModel& compile) {
  std::map<std::string, ErrorSums> sums;
  for (const auto& group : Groups(reference.graph(), pairs)) {
    const RunModel run_reference = compile(WithOutputs(reference, Names(group, &Pair::reference)));
    const RunModel run_quantized = compile(WithOutputs(quantized, Names(group, &Pair::value)));
    for (int i = 0; i < samples.count; ++i) {
      const auto inputs = samples.get(i);
      Sum(group, run_reference(inputs), run_quantized(inputs), sums);
    }
  }
  return ToErrors(sums);
}

std::string TypeOf(const Graph& graph, const Unit& unit) {
  const std::string& type = graph.op(unit.op).type;
  return unit.activation == kNone ? type : type + "+" + graph.op(unit.activation).type;
}

}  // namespace

std::vector<LayerError> MeasureLayers(const Model& model, const QuantizationPlan& plan, const Ranges& ranges,
                                      const QdqOptions& options, const Model& quantized, const Samples& samples,
                                      const CompileModel& compile) {
  const Graph& graph = model.graph();
  const std::map<TensorId, Range> limited = LimitedBySums(model, plan, ranges);
  std::vector<Pair> alone, accumulated;
  for (const Unit& unit : plan.units) {
    const TensorId id = unit.outputs.front();
    const std::string& name = graph.tensor(id).name;
    const bool feeds_softmax = FeedsSoftmaxOnly(model, name);
    const auto limit = limited.find(id);
    const auto matters = limit == limited.end() ? std::nullopt : std::optional(limit->second);
    alone.push_back({name, LocalName(graph, id), feeds_softmax, matters});
    accumulated.push_back({name, unit.float_output ? name : DequantizedName(graph, id), feeds_softmax, matters});
  }
  const Model with_copies = ModelOf(WriteQdqBeside(model, plan, ranges, options), model.name());
  const Errors local = CompareWithin(with_copies, alone, samples, compile);
  const Errors whole = CompareAcross(model, quantized, accumulated, samples, compile);
  std::vector<LayerError> layers;
  for (const Unit& unit : plan.units) {
    const std::string& tensor = graph.tensor(unit.outputs.front()).name;
    layers.push_back(
        {unit.op, graph.op(unit.op).name, TypeOf(graph, unit), tensor, local.at(tensor), whole.at(tensor)});
  }
  std::stable_sort(layers.begin(), layers.end(), [](const LayerError& a, const LayerError& b) {
    return a.alone.sqnr_db < b.alone.sqnr_db;
  });
  return layers;
}

}  // namespace consort
