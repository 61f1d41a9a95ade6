#include "cost/work.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>

#include "consort/error.h"

namespace consort {
namespace {

const std::unordered_map<std::string, WorkKind>& Kinds() {
  static const std::unordered_map<std::string, WorkKind> kinds = {
      {"Conv", WorkKind::kConv},
      {"ConvInteger", WorkKind::kConv},
      {"QLinearConv", WorkKind::kConv},
      {"ConvTranspose", WorkKind::kConv},
      {"Gemm", WorkKind::kMatrix},
      {"MatMul", WorkKind::kMatrix},
      {"MatMulInteger", WorkKind::kMatrix},
      {"QLinearMatMul", WorkKind::kMatrix},
      {"LSTM", WorkKind::kRecurrent},
      {"GRU", WorkKind::kRecurrent},
      {"RNN", WorkKind::kRecurrent},
      {"Attention", WorkKind::kRecurrent},
      {"Einsum", WorkKind::kRecurrent},
      {"MaxPool", WorkKind::kPool},
      {"AveragePool", WorkKind::kPool},
      {"LpPool", WorkKind::kPool},
      {"GlobalAveragePool", WorkKind::kPool},
      {"GlobalMaxPool", WorkKind::kPool},
      {"Concat", WorkKind::kMove},
      {"Split", WorkKind::kMove},
      {"Slice", WorkKind::kMove},
      {"Gather", WorkKind::kMove},
      {"Transpose", WorkKind::kMove},
      {"Pad", WorkKind::kMove},
      {"Expand", WorkKind::kMove},
      {"Tile", WorkKind::kMove},
      {"DepthToSpace", WorkKind::kMove},
      {"SpaceToDepth", WorkKind::kMove},
  };
  return kinds;
}

// Only the description of the tensor changes, or a scale that the next kernel applies: no engine moves a byte.
bool IsFree(const std::string& type) {
  static const std::set<std::string> free = {"Reshape",         "Flatten", "Squeeze",  "Unsqueeze", "Identity",
                                             "Dropout",         "Cast",    "CastLike", "Shape",     "QuantizeLinear",
                                             "DequantizeLinear"};
  return free.count(type) != 0;
}

bool IsFusedAlways(const std::string& type) {
  static const std::set<std::string> fused = {"BatchNormalization", "Relu", "Clip", "LeakyRelu", "PRelu"};
  return fused.count(type) != 0;
}

// Walks a range of the graph's ops.
class Lister {
 public:
  Lister(const Graph& graph, OpId begin, OpId end) : graph_(graph), begin_(begin), end_(end) {}

  WorkList List() {
    list_.graph = &graph_;
    list_.begin = begin_;
    for (OpId id = begin_; id < end_; ++id) {
      const Op& op = graph_.op(id);
      if (!op.constant) Add(id, op);
    }
    AddBoundary();
    for (const Work& work : list_.works) {
      list_.macs += work.macs;
      list_.parameters += work.parameters;
      list_.known = list_.known && work.known;
    }
    return std::move(list_);
  }

 private:
  void Add(OpId id, const Op& op) {
    if (IsQuantized(op)) list_.quantized = true;
    const std::vector<TensorId> activations = ActivationsOf(graph_, op);
    const int host = HostOf(op, activations);
    if (host >= 0) {
      list_.works[host].ops.push_back(id);
    } else if (!IsFree(op.type)) {
      list_.works.push_back(Describe(id, op, activations));
    }
    const int owner = IsFree(op.type) && host < 0 ? -1 : host >= 0 ? host : static_cast<int>(list_.works.size()) - 1;
    for (const TensorId output : op.outputs) {
      if (output != kNone && owner >= 0) owner_[output] = owner;
    }
  }

  // The work that this op is fused into, or -1.
  int HostOf(const Op& op, const std::vector<TensorId>& activations) const {
    if (activations.size() != 1) return -1;
    const auto owner = owner_.find(activations.front());
    if (owner == owner_.end()) return -1;
    const Tensor& input = graph_.tensor(activations.front());
    const bool only_reader = input.consumers.size() == 1 && !input.is_output;
    const bool with_constant = op.type == "Add" || op.type == "Mul" || op.type == "Sub" || op.type == "Div";
    const bool computes = list_.works[static_cast<size_t>(owner->second)].kind != WorkKind::kMove;
    const bool fused = IsFree(op.type) || (only_reader && computes && (IsFusedAlways(op.type) || with_constant));
    return fused ? owner->second : -1;
  }

  Work Describe(OpId id, const Op& op, const std::vector<TensorId>& activations) const {
    Work work;
    work.name = op.name;
    work.type = op.type;
    work.ops = {id};
    work.macs = op.cost.macs;
    work.known = op.cost.known;
    for (const TensorId input : activations) work.inputs += ElementsOf(graph_.tensor(input));
    for (const TensorId output : op.outputs) {
      if (output != kNone) work.outputs += ElementsOf(graph_.tensor(output));
    }
    work.parameters = ParametersOf(op);
    work.parameters_read = op.type == "Gather" ? std::min(work.parameters, work.outputs) : work.parameters;
    const auto kind = Kinds().find(op.type);
    work.kind = kind != Kinds().end() ? kind->second : op.cost.macs > 0 ? WorkKind::kRecurrent : WorkKind::kElementwise;
    DescribeSum(op, work);
    return work;
  }

  // Elements; the table of costs counts bytes, over initializers and what folds to a constant.
  int64_t ParametersOf(const Op& op) const {
    if (op.cost.parameter_bytes == 0) return 0;
    for (const TensorId input : op.inputs) {
      if (input == kNone || IsActivation(graph_, input)) continue;
      const int64_t bytes = graph_.tensor(input).bytes();
      const int64_t count = ElementsOf(graph_.tensor(input));
      if (bytes > 0 && count > 0) return op.cost.parameter_bytes / std::max<int64_t>(1, bytes / count);
    }
    return op.cost.parameter_bytes / 4;
  }

  // What one output element sums over.
  void DescribeSum(const Op& op, Work& work) const {
    if (work.macs == 0 || op.outputs.empty() || op.outputs.front() == kNone || work.outputs == 0) return;
    const Shape& output = graph_.tensor(op.outputs.front()).spec.shape;
    if (work.kind == WorkKind::kMatrix && !output.empty()) {
      work.channels = output.back();
      work.reduction = work.macs / work.outputs;
      work.positions = work.outputs / std::max<int64_t>(1, work.channels);
    } else if (work.kind == WorkKind::kConv && output.size() >= 2) {
      DescribeConv(op, output, work);
    }
  }

  void DescribeConv(const Op& op, const Shape& output, Work& work) const {
    const size_t weights_input = op.type == "QLinearConv" ? 3 : 1;
    const Shape& data = graph_.tensor(op.inputs.at(0)).spec.shape;
    const Shape& weights = graph_.tensor(op.inputs.at(weights_input)).spec.shape;
    if (data.size() < 2 || weights.size() < 2 || weights[0] < 1 || weights[1] < 1) return;
    if (op.type == "ConvTranspose") {  // weights [cin, cout/group, …]: every input position spreads over the window
      work.positions = work.inputs / std::max<int64_t>(1, data[1]);
      work.groups = std::max<int64_t>(1, output[1] / weights[1]);
      work.reduction = data[1] / work.groups;
      work.channels = work.macs / std::max<int64_t>(1, work.positions * work.reduction);
      return;
    }
    work.channels = output[1];
    work.positions = work.outputs / std::max<int64_t>(1, output[1]);
    work.reduction = work.macs / work.outputs;
    work.groups = std::max<int64_t>(1, data[1] / weights[1]);
    if (work.groups > 1 && weights[1] == 1) work.kind = WorkKind::kDepthwise;
  }

  // What the range reads from outside and what it gives.
  void AddBoundary() {
    const bool whole = begin_ == 0 && end_ == static_cast<OpId>(graph_.ops().size());
    std::set<TensorId> read;
    std::set<TensorId> written;
    for (OpId id = begin_; id < end_; ++id) {
      const Op& op = graph_.op(id);
      if (op.constant) continue;
      for (const TensorId input : ActivationsOf(graph_, op)) {
        const OpId producer = graph_.tensor(input).producer;
        if (producer == kNone || producer < begin_) read.insert(input);
      }
      for (const TensorId output : op.outputs) {
        if (output != kNone && LeavesRange(graph_.tensor(output))) written.insert(output);
      }
    }
    if (whole) read.insert(graph_.inputs().begin(), graph_.inputs().end());
    for (const TensorId id : read) Count(id, list_.inputs, list_.input_bytes);
    for (const TensorId id : written) Count(id, list_.outputs, list_.output_bytes);
  }

  bool LeavesRange(const Tensor& tensor) const {
    return tensor.is_output || (!tensor.consumers.empty() && tensor.consumers.back() >= end_);
  }

  void Count(TensorId id, int64_t& elements, int64_t& bytes) const {
    const Tensor& tensor = graph_.tensor(id);
    elements += ElementsOf(tensor);
    bytes += std::max<int64_t>(0, tensor.bytes());
  }

  const Graph& graph_;
  OpId begin_;
  OpId end_;
  WorkList list_;
  std::unordered_map<TensorId, int> owner_;  // tensor → index of the work that makes it
};

}  // namespace

std::string_view ToString(WorkKind kind) {
  constexpr std::array<std::string_view, 7> kNames = {"conv", "depthwise",   "matrix", "recurrent",
                                                      "pool", "elementwise", "move"};
  return kNames[static_cast<size_t>(kind)];
}

bool IsActivation(const Graph& graph, TensorId id) {
  if (id == kNone) return false;
  const Tensor& tensor = graph.tensor(id);
  if (tensor.kind == TensorKind::kInitializer) return false;
  return tensor.producer == kNone || !graph.op(tensor.producer).constant;
}

std::vector<TensorId> ActivationsOf(const Graph& graph, const Op& op) {
  std::vector<TensorId> activations;
  for (const std::vector<TensorId>* ids : {&op.inputs, &op.captures}) {
    std::copy_if(ids->begin(), ids->end(), std::back_inserter(activations),
                 [&](TensorId id) { return IsActivation(graph, id); });
  }
  return activations;
}

int64_t ElementsOf(const Tensor& tensor) {
  int64_t count = 1;
  for (const int64_t size : tensor.spec.shape) count *= std::max<int64_t>(size, 1);
  return count;
}

bool IsQuantized(const Op& op) {
  return op.type == "QuantizeLinear" || op.type == "DequantizeLinear" || op.type.starts_with("QLinear") ||
         op.type.ends_with("Integer");
}

std::vector<bool> DividesAWork(const WorkList& works) {
  std::vector<bool> divides(works.graph->ops().size() + 1);
  for (const Work& work : works.works) {
    const auto [first, last] = std::minmax_element(work.ops.begin(), work.ops.end());
    for (OpId position = *first + 1; position <= *last; ++position) divides[position] = true;
  }
  return divides;
}

WorkList WorkOf(const Graph& graph) { return WorkOf(graph, 0, static_cast<OpId>(graph.ops().size())); }

WorkList WorkOf(const Graph& graph, OpId begin, OpId end) {
  if (begin < 0 || begin > end || end > static_cast<OpId>(graph.ops().size()))
    throw Error(ErrorCode::kInvalidArgument, "a range of ops lies outside the graph");
  return Lister(graph, begin, end).List();
}

}  // namespace consort
