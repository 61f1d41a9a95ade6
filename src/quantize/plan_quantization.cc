#include "quantize/plan_quantization.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "model/model_rep.h"
#include "quantize/plan_moves.h"
#include "quantize/stored_values.h"

namespace consort {
namespace {

// Disjoint sets of scales that become one.
class Sets {
 public:
  int Add() {
    parents_.push_back(static_cast<int>(parents_.size()));
    return parents_.back();
  }
  int Find(int set) {
    while (parents_[static_cast<size_t>(set)] != set) set = parents_[static_cast<size_t>(set)];
    return set;
  }
  // `into` stays the representative.
  void Join(int into, int other) { parents_[static_cast<size_t>(Find(other))] = Find(into); }
  size_t size() const { return parents_.size(); }

 private:
  std::vector<int> parents_;
};

class Planning {
 public:
  Planning(const Model& model, const std::set<OpId>& keep_float)
      : graph_(model.graph()), nodes_(model.rep().proto.graph()), keep_float_(keep_float) {
    for (const auto& tensor : nodes_.initializer()) {
      if (HoldsFloats(tensor)) stored_[tensor.name()] = &tensor;
    }
  }

  // Moves that are idle stay float, or not.
  QuantizationPlan Run(bool leave_idle_moves) {
    quantized_.resize(graph_.ops().size());
    for (OpId id = 0; id < static_cast<OpId>(graph_.ops().size()); ++id) quantized_[size_t(id)] = Decide(id);
    if (leave_idle_moves) LeaveIdleMoves();
    for (OpId id = 0; id < static_cast<OpId>(graph_.ops().size()); ++id) {
      if (quantized_[size_t(id)] && !fused_.contains(id)) AddUnit(id);
    }
    NumberGroups();
    return std::move(plan_);
  }

 private:
  const onnx::TensorProto* Stored(const std::string& name) const {
    const auto found = stored_.find(name);
    return found == stored_.end() ? nullptr : found->second;
  }
  std::function<const onnx::TensorProto*(const std::string&)> Lookup() const {
    return [this](const std::string& name) { return Stored(name); };
  }

  bool Decide(OpId id) {
    const Op& op = graph_.op(id);
    if (op.constant) return false;
    std::string why;
    if (keep_float_.contains(id)) {
      why = "kept in float";
    } else if (RuleFor(op) == nullptr) {
      why = "no integer form";
    } else {
      why = WhyFloat(graph_, op, nodes_.node(id), Lookup());
    }
    if (!why.empty()) plan_.why_float[id] = why;
    return why.empty();
  }

  bool Moves(OpId id) const {
    const OpRule* rule = RuleFor(graph_.op(id));
    return rule != nullptr && (rule->output == OutputScale::kShared || rule->output == OutputScale::kJoined);
  }

  // Neighbours in integers: makers of the activations and readers of the outputs.
  std::vector<OpId> Neighbours(OpId id) const {
    std::vector<OpId> neighbours;
    for (const TensorId input : graph_.op(id).inputs) {
      if (input != kNone && graph_.tensor(input).producer != kNone) neighbours.push_back(graph_.tensor(input).producer);
    }
    for (const TensorId output : graph_.op(id).outputs) {
      if (output == kNone) continue;
      const auto& readers = graph_.tensor(output).consumers;
      neighbours.insert(neighbours.end(), readers.begin(), readers.end());
    }
    std::erase_if(neighbours, [this](OpId other) { return !quantized_[size_t(other)]; });
    return neighbours;
  }

  // Ops that move values and reach no computing integer op through others of their kind.
  void LeaveIdleMoves() {
    std::vector<bool> busy(graph_.ops().size());
    std::vector<OpId> open;
    for (OpId id = 0; id < static_cast<OpId>(graph_.ops().size()); ++id) {
      if (quantized_[size_t(id)] && !Moves(id)) open.push_back(id), busy[size_t(id)] = true;
    }
    while (!open.empty()) {
      const OpId id = open.back();
      open.pop_back();
      for (const OpId other : Neighbours(id)) {
        if (!busy[size_t(other)]) busy[size_t(other)] = true, open.push_back(other);
      }
    }
    for (OpId id = 0; id < static_cast<OpId>(graph_.ops().size()); ++id) {
      if (!quantized_[size_t(id)] || busy[size_t(id)]) continue;
      quantized_[size_t(id)] = false;
      plan_.why_float[id] = kMovesFloats;
    }
  }

  // The Relu or Relu6 that is the only reader of the op's output.
  OpId ActivationOf(OpId id) const {
    if (!TakesActivation(graph_.op(id))) return kNone;
    const Tensor& output = graph_.tensor(graph_.op(id).outputs.front());
    if (output.is_output || output.consumers.size() != 1) return kNone;
    const OpId reader = output.consumers.front();
    if (!quantized_[size_t(reader)] || !IsRectifier(graph_.op(reader), nodes_.node(reader), Lookup())) return kNone;
    return reader;
  }

  void AddUnit(OpId id) {
    Unit unit{.op = id, .activation = ActivationOf(id)};
    if (unit.activation != kNone) fused_.insert(unit.activation);
    const Op& op = graph_.op(id);
    const OpRule& rule = *RuleFor(op);
    for (size_t i = 0; i < op.inputs.size() && (rule.activations < 0 || int(i) < rule.activations); ++i) {
      if (IsMatMulWeights(op, i)) continue;
      unit.inputs.push_back({static_cast<int>(i), op.inputs[i], SetOf(op.inputs[i])});
    }
    for (const TensorId output : graph_.op(unit.last()).outputs) {
      if (output != kNone) unit.outputs.push_back(output);
    }
    unit.float_output = LeavesAsFloat(unit);
    if (!unit.float_output) Scale(unit, rule.output);
    plan_.units.push_back(std::move(unit));
  }

  bool LeavesAsFloat(const Unit& unit) const {
    const std::string& type = graph_.op(unit.op).type;
    if (type != "MatMul" && type != "Gemm") return false;
    const Tensor& output = graph_.tensor(unit.outputs.front());
    return !output.is_output && !output.consumers.empty() &&
           std::none_of(output.consumers.begin(), output.consumers.end(), [this](OpId id) { return quantized_[size_t(id)]; });
  }

  // A constant right factor is weights, with a scale per column.
  bool IsMatMulWeights(const Op& op, size_t input) const {
    return op.type == "MatMul" && input == 1 && Stored(graph_.tensor(op.inputs[1]).name) != nullptr;
  }

  int NewSet(OutputScale scale = OutputScale::kOwn) {
    groups_.push_back({.scale = scale});
    return sets_.Add();
  }
  // The set of a tensor; a new one for what integer ops read first and do not make.
  int SetOf(TensorId tensor) {
    const auto [place, is_new] = plan_.group_of.try_emplace(tensor, 0);
    if (is_new) {
      place->second = NewSet();
      groups_.back().sources.push_back(tensor);
    }
    return place->second;
  }
  void Put(TensorId tensor, int set) { plan_.group_of[tensor] = set; }
  OutputScale FixedScale(int set) { return groups_[size_t(sets_.Find(set))].scale; }
  void Join(int into, int other) {
    into = sets_.Find(into), other = sets_.Find(other);
    if (into == other) return;
    auto& sources = groups_[size_t(into)].sources;
    const auto& others = groups_[size_t(other)].sources;
    sources.insert(sources.end(), others.begin(), others.end());
    sets_.Join(into, other);
  }

  void Scale(Unit& unit, OutputScale output) {
    if (output == OutputScale::kShared) {
      for (const TensorId id : unit.outputs) Put(id, unit.inputs.front().group);
    } else if (output == OutputScale::kJoined) {
      JoinInputs(unit);
    } else {
      for (const TensorId id : unit.outputs) {
        Put(id, NewSet(output));
        groups_.back().sources.push_back(id);
      }
    }
  }

  // One scale for all. Where some inputs have a fixed scale and others another one, those are read with the joint one.
  void JoinInputs(Unit& unit) {
    const OutputScale first = FixedScale(unit.inputs.front().group);
    const bool alike = std::all_of(unit.inputs.begin(), unit.inputs.end(),
                                   [&](const UnitInput& input) { return FixedScale(input.group) == first; });
    const int joint = alike ? unit.inputs.front().group : NewSet();
    for (UnitInput& input : unit.inputs) {
      const bool fixed = FixedScale(input.group) != OutputScale::kOwn;
      if (!fixed || alike) {
        Join(joint, input.group);
      } else {
        const auto& sources = groups_[size_t(sets_.Find(input.group))].sources;
        auto& joint_sources = groups_[size_t(sets_.Find(joint))].sources;
        joint_sources.insert(joint_sources.end(), sources.begin(), sources.end());
      }
      input.group = joint;
    }
    Put(unit.outputs.front(), joint);
  }

  // Sets become groups, numbered in order.
  void NumberGroups() {
    std::map<int, int> numbers;
    for (size_t set = 0; set < sets_.size(); ++set) {
      if (sets_.Find(int(set)) != int(set)) continue;
      numbers[int(set)] = static_cast<int>(plan_.groups.size());
      plan_.groups.push_back(std::move(groups_[set]));
    }
    for (auto& [tensor, set] : plan_.group_of) set = numbers.at(sets_.Find(set));
    for (Unit& unit : plan_.units) {
      for (UnitInput& input : unit.inputs) input.group = numbers.at(sets_.Find(input.group));
    }
  }

  const Graph& graph_;
  const onnx::GraphProto& nodes_;
  const std::set<OpId>& keep_float_;
  std::unordered_map<std::string, const onnx::TensorProto*> stored_;
  std::vector<bool> quantized_;
  std::set<OpId> fused_;
  Sets sets_;
  std::vector<ScaleGroup> groups_;  // by set; that of a representative holds
  QuantizationPlan plan_;
};

}  // namespace

std::vector<std::string> QuantizationPlan::TensorsToObserve(const Graph& graph) const {
  std::set<TensorId> wanted;
  for (const ScaleGroup& group : groups) {
    for (const TensorId id : group.sources) {
      if (group.scale == OutputScale::kOwn && graph.tensor(id).kind != TensorKind::kInitializer) wanted.insert(id);
    }
  }
  std::vector<std::string> names;
  for (const TensorId id : wanted) names.push_back(graph.tensor(id).name);
  return names;
}

std::vector<std::string> QuantizationPlan::AllTensors(const Graph& graph) const {
  std::vector<std::string> names;
  for (const auto& [id, group] : group_of) {
    if (graph.tensor(id).kind != TensorKind::kInitializer) names.push_back(graph.tensor(id).name);
  }
  return names;
}

QuantizationPlan PlanQuantization(const Model& model, const std::set<OpId>& keep_float) {
  return Planning(model, keep_float).Run(/*leave_idle_moves=*/true);
}

QuantizationPlan PlanMoves(const Model& model) {
  const std::set<OpId> none;
  return Planning(model, none).Run(/*leave_idle_moves=*/false);
}

}  // namespace consort
