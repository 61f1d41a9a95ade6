#include "quantize/group_scales.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "consort/error.h"
#include "model/model_rep.h"
#include "quantize/stored_values.h"

namespace consort {
namespace {

Range RangeOfStored(const onnx::TensorProto& tensor) {
  Range range;
  for (const float value : FloatsOf(tensor)) range.Include({value, value});
  return range;
}

// The ranges of sources joined, before sums limit them.
std::vector<Range> SourceRanges(const Model& model, const QuantizationPlan& plan, const Ranges& ranges) {
  const Graph& graph = model.graph();
  std::map<std::string, const onnx::TensorProto*> stored;
  for (const auto& tensor : model.rep().proto.graph().initializer()) stored[tensor.name()] = &tensor;
  std::vector<Range> joined;
  for (const ScaleGroup& group : plan.groups) {
    Range& range = joined.emplace_back();
    if (group.scale == OutputScale::kUnit) range = {0, 1};
    if (group.scale == OutputScale::kSymmetric) range = {-1, 1};
    if (group.scale != OutputScale::kOwn) continue;
    for (const TensorId id : group.sources) {
      const std::string& name = graph.tensor(id).name;
      const bool constant = graph.tensor(id).kind == TensorKind::kInitializer;
      if (!constant && !ranges.contains(name))
        throw Error(ErrorCode::kInvalidArgument, fmt::format("there is no range for tensor '{}'", name));
      range.Include(constant ? RangeOfStored(*stored.at(name)) : ranges.at(name));
    }
  }
  return joined;
}

// Limits on operands of sums.
class SumLimits {
 public:
  SumLimits(const Graph& graph, const QuantizationPlan& plan, const std::vector<Range>& joined)
      : graph_(graph), plan_(plan), joined_(joined) {
    for (const Unit& unit : plan.units) units_[unit.op] = &unit;
  }

  // Nothing where others than sums read the tensor.
  std::optional<Range> Of(TensorId id) const {
    const Tensor& tensor = graph_.tensor(id);
    if (tensor.is_output || tensor.consumers.empty()) return std::nullopt;
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    Range limit{kInfinity, -kInfinity};
    for (const OpId reader : tensor.consumers) {
      const auto unit = units_.find(reader);
      if (unit == units_.end() || graph_.op(reader).type != "Add") return std::nullopt;
      limit.Include(OfOperand(*unit->second, id));
    }
    return limit;
  }

 private:
  Range OfOperand(const Unit& sum, TensorId id) const {
    const bool first = sum.inputs[0].tensor == id;
    const Range& other = joined_[static_cast<size_t>(sum.inputs[first ? 1 : 0].group)];
    const Range& result = joined_[static_cast<size_t>(plan_.group_of.at(sum.outputs.front()))];
    return {result.low - other.high, result.high - other.low};
  }

  const Graph& graph_;
  const QuantizationPlan& plan_;
  const std::vector<Range>& joined_;
  std::map<OpId, const Unit*> units_;
};

}  // namespace

std::map<TensorId, Range> LimitedBySums(const Model& model, const QuantizationPlan& plan, const Ranges& ranges) {
  const std::vector<Range> joined = SourceRanges(model, plan, ranges);
  const SumLimits limits(model.graph(), plan, joined);
  std::vector<std::vector<TensorId>> members(joined.size());
  for (const auto& [id, group] : plan.group_of) members[static_cast<size_t>(group)].push_back(id);
  std::map<TensorId, Range> limited;
  for (size_t group = 0; group < joined.size(); ++group) {
    if (members[group].size() != 1) continue;
    const auto limit = limits.Of(members[group].front());
    if (!limit) continue;
    const Range range = {std::max(joined[group].low, std::min(0.0F, limit->low)),
                         std::min(joined[group].high, std::max(0.0F, limit->high))};
    if (range != joined[group]) limited[members[group].front()] = range;
  }
  return limited;
}

std::vector<Range> GroupRanges(const Model& model, const QuantizationPlan& plan, const Ranges& ranges) {
  std::vector<Range> of_groups = SourceRanges(model, plan, ranges);
  for (const auto& [id, range] : LimitedBySums(model, plan, ranges))
    of_groups[static_cast<size_t>(plan.group_of.at(id))] = range;
  return of_groups;
}

std::vector<QuantizationParameters> GroupParameters(const Model& model, const QuantizationPlan& plan,
                                                    const Ranges& ranges, const ActivationFormat& format) {
  const std::vector<Range> of_groups = GroupRanges(model, plan, ranges);
  std::vector<QuantizationParameters> parameters;
  for (size_t group = 0; group < of_groups.size(); ++group) {
    const OutputScale scale = plan.groups[group].scale;
    parameters.push_back(scale == OutputScale::kOwn ? ParametersFor(of_groups[group], format)
                                                    : FixedParameters(scale, format));
  }
  return parameters;
}

}  // namespace consort
