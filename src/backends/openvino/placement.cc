#include "backends/openvino/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/strings.h"

namespace consort::openvino {
namespace {

// An executed node of the runtime model.
struct Kernel {
  std::string name;
  std::string layer;      // "Convolution"
  std::string primitive;  // "brgconv_avx512_f32"
  std::string precision;  // "f32"
  std::vector<OpId> ops;
};

bool Among(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string Info(const ov::Node& node, const char* key) {
  const auto& info = node.get_rt_info();
  const auto found = info.find(key);
  return found == info.end() ? "" : found->second.as<std::string>();
}

// "fp32", "bf16", "i64": Consort's word for a runtime precision where it has one.
std::string PrecisionWord(const std::string& precision) {
  if (precision == "f32") return "fp32";
  return precision == "f16" ? "fp16" : precision;
}

bool IsFloat(const std::string& precision) { return Among(precision, {"f32", "f16", "bf16", "f64"}); }

// A change of type or layout that surrounds what an op computes.
bool IsConversion(const std::string& layer) { return Among(layer, {"Convert", "Reorder", "reorder", "convert"}); }

class Reader {
 public:
  Reader(const Graph& graph, const SourceMap& source, const Target& target, std::string device)
      : graph_(graph),
        source_(source),
        device_(std::move(device)),
        precision_(std::string(ToString(target.precision.value_or(Precision::kFp32)))),
        asked_(target.device + "/" + precision_),
        identity_of_(source.alias),
        by_op_(graph.ops().size()) {}

  void ReadKernels(const ov::Model& runtime);
  void ReturnKernels();
  void Place(Placement& placement);

 private:
  void Classify(OpPlacement& op) const;
  void ClassifyExecuted(OpPlacement& op) const;
  void JudgePrecision(OpPlacement& op, const Kernel& kernel) const;
  bool ClassifyUnexecuted(OpPlacement& op) const;
  void ClassifyMerged(OpPlacement& op) const;
  const Kernel& MainKernel(OpId op) const;
  bool HasTensor(OpId op, DataType dtype) const;
  std::set<const Kernel*> Neighbours(OpId op, bool downstream) const;
  std::string Describe(const Kernel& kernel) const;
  void FindLive();
  void FindShapeOnly();

  const Graph& graph_;
  const SourceMap& source_;
  std::string device_;
  std::string precision_;
  std::string asked_;
  std::vector<OpId> identity_of_;  // by OpId: the op whose output stands for this one's, or kNone
  std::vector<Kernel> kernels_;
  std::vector<std::vector<int>> by_op_;
  std::vector<bool> live_;        // an output depends on it
  std::vector<bool> shape_only_;  // depends on shapes and constants, not on values
  std::vector<std::string> inserted_;
};

void Reader::ReadKernels(const ov::Model& runtime) {
  std::set<const ov::Node*> constant;
  for (const auto& node : runtime.get_ordered_ops()) {
    Kernel kernel{node->get_friendly_name(),
                  Info(*node, "layerType"),
                  Info(*node, "primitiveType"),
                  Info(*node, "runtimePrecision"),
                  {}};
    if (Among(kernel.layer, {"Input", "Output", "Parameter", "Result"})) continue;
    const auto inputs = node->input_values();
    const bool computed = std::all_of(inputs.begin(), inputs.end(), [&](const auto& input) {
      return constant.contains(input.get_node());  // the plugin computes it once, when it compiles
    });
    const std::string originals = Info(*node, "originalLayersNames");
    // A conversion that the plugin inserted has no original layers, but borrows the name of the node beside it.
    if (!originals.empty() || !IsConversion(kernel.layer)) kernel.ops = MarkedOps(originals + "," + kernel.name);
    std::erase_if(kernel.ops, [&](OpId op) { return op >= static_cast<OpId>(by_op_.size()); });
    if (kernel.layer == "Const" || (!inputs.empty() && computed)) {
      constant.insert(node.get());
      continue;
    }
    if (kernel.ops.empty())
      inserted_.push_back(fmt::format("{} '{}' on {}", kernel.layer, WithoutMarks(kernel.name), device_));
    for (OpId op : kernel.ops) by_op_[op].push_back(static_cast<int>(kernels_.size()));
    kernels_.push_back(std::move(kernel));
  }
}

// OpenVINO removes an identity by giving its name to the node before it: the kernel is that node's.
void Reader::ReturnKernels() {
  for (OpId id = static_cast<OpId>(graph_.ops().size()) - 1; id >= 0; --id) {
    const Op& op = graph_.op(id);
    if (!Among(op.type, {"Identity", "Dropout"}) || by_op_[id].empty() || op.inputs.empty() || op.inputs[0] == kNone)
      continue;
    const OpId before = graph_.tensor(op.inputs[0]).producer;
    if (before == kNone || !by_op_[before].empty()) continue;
    for (int index : by_op_[id]) std::replace(kernels_[index].ops.begin(), kernels_[index].ops.end(), id, before);
    std::swap(by_op_[id], by_op_[before]);
    identity_of_[id] = before;
  }
}

void Reader::FindLive() {
  live_.assign(graph_.ops().size(), false);
  for (OpId id = static_cast<OpId>(graph_.ops().size()) - 1; id >= 0; --id) {
    for (TensorId output : graph_.op(id).outputs) {
      if (output == kNone) continue;
      const Tensor& tensor = graph_.tensor(output);
      const auto& readers = tensor.consumers;
      if (tensor.is_output || std::any_of(readers.begin(), readers.end(), [&](OpId reader) { return live_[reader]; })) {
        live_[id] = true;
      }
    }
  }
}

void Reader::FindShapeOnly() {
  shape_only_.assign(graph_.ops().size(), false);
  for (OpId id = 0; id < static_cast<OpId>(graph_.ops().size()); ++id) {
    const Op& op = graph_.op(id);
    shape_only_[id] = Among(op.type, {"Shape", "Size"}) ||
                      (op.body_ops == 0 && std::all_of(op.inputs.begin(), op.inputs.end(), [&](TensorId input) {
                         if (input == kNone || graph_.tensor(input).kind == TensorKind::kInitializer) return true;
                         const OpId producer = graph_.tensor(input).producer;
                         return producer != kNone && (shape_only_[producer] || graph_.op(producer).constant);
                       }));
  }
}

std::string Reader::Describe(const Kernel& kernel) const {
  std::string text = fmt::format("{} kernel {}", kernel.layer, kernel.primitive);
  if (kernel.ops.size() < 2) return text;
  std::vector<std::string> names;
  for (OpId op : kernel.ops) names.push_back(graph_.op(op).name);
  return text + " for " + Join(names);
}

bool Reader::HasTensor(OpId id, DataType dtype) const {
  const auto is = [&](TensorId tensor) { return tensor != kNone && graph_.tensor(tensor).spec.dtype == dtype; };
  const Op& op = graph_.op(id);
  return std::any_of(op.inputs.begin(), op.inputs.end(), is) || std::any_of(op.outputs.begin(), op.outputs.end(), is);
}

// The kernel that does the op's work, if it has several: not a change of type or layout beside it.
const Kernel& Reader::MainKernel(OpId op) const {
  for (int index : by_op_[op]) {
    if (!IsConversion(kernels_[index].layer)) return kernels_[index];
  }
  return kernels_[by_op_[op].front()];
}

// Integer kernels compute the model's integers or its own quantized values. Sets the state, and adds to `why` what
// differs.
void Reader::JudgePrecision(OpPlacement& op, const Kernel& kernel) const {
  const std::string got = PrecisionWord(kernel.precision);
  op.got = device_ + "/" + got;
  op.state = PlacementState::kAsAsked;
  if (got.empty() || got == "undefined") {
    op.state = PlacementState::kUnknown;
    op.why += "; the plugin does not tell its precision";
  } else if (HasTensor(op.op, DataType::kFloat64) && got != "f64") {
    op.state = PlacementState::kElsewhere;
    op.why += "; the model's float64 is computed in " + got;
  } else if (IsFloat(kernel.precision) && got != precision_) {
    const bool own = (got == "fp16" && HasTensor(op.op, DataType::kFloat16)) ||
                     (got == "bf16" && HasTensor(op.op, DataType::kBFloat16));
    if (!own) op.state = PlacementState::kElsewhere;
    op.why += own ? "; the model's own type" : "; the plugin chose this precision";
  } else if (got == "i32" && HasTensor(op.op, DataType::kInt64)) {
    op.why += "; int64 is computed as int32";
  }
}

void Reader::ClassifyExecuted(OpPlacement& op) const {
  const Kernel& main = MainKernel(op.op);
  op.kernel = WithoutMarks(main.name);
  op.why = Describe(main);
  if (graph_.op(op.op).body_ops > 0) {
    // The runtime model lists the holder of a body, not the body.
    op.state = precision_ == "fp32" ? PlacementState::kAsAsked : PlacementState::kUnknown;
    op.got = device_ + "/" + precision_;
    op.why += fmt::format("; its {} inner ops run in it, at the compiled model's precision", graph_.op(op.op).body_ops);
    return;
  }
  JudgePrecision(op, main);
  for (int index : by_op_[op.op]) {
    const Kernel& other = kernels_[index];
    if (op.state != PlacementState::kAsAsked || IsConversion(other.layer)) continue;
    OpPlacement judged = op;
    JudgePrecision(judged, other);
    if (judged.state == PlacementState::kAsAsked) continue;
    judged.kernel = WithoutMarks(other.name);
    op = judged;
  }
}

// True when there is a reason why nothing is executed for the op.
bool Reader::ClassifyUnexecuted(OpPlacement& op) const {
  const Op& source = graph_.op(op.op);
  const bool moves_only = Among(source.type, {"Identity", "Dropout", "Cast", "CastLike", "Reshape", "Flatten",
                                              "Squeeze", "Unsqueeze", "Transpose", "Expand"});
  // A constant that bears the op's mark proves nothing: it may be the op's weights, prepared.
  if (source.constant) {
    op.why = "constant-folded";
  } else if (!live_[op.op]) {
    op.why = "dead: no output depends on it";
  } else if (shape_only_[op.op]) {
    op.why = "depends on shapes only, which were known at compile time";
  } else if (identity_of_[op.op] != kNone) {
    op.why = fmt::format("identity: its output is that of '{}'", graph_.op(identity_of_[op.op]).name);
  } else if (moves_only && !source_.present[op.op]) {
    op.why = "identity: the ONNX reader made no node of it";
  } else if (moves_only && device_ == "CPU") {
    op.why = "removed at compile time: it has no kernel, its neighbours exchange data directly";
  } else {
    return false;
  }
  op.state = PlacementState::kEliminated;
  return true;
}

// The nearest executed kernels before or after an op, through ops that have none.
std::set<const Kernel*> Reader::Neighbours(OpId start, bool downstream) const {
  std::set<const Kernel*> found;
  std::set<OpId> seen = {start};
  std::vector<OpId> open = {start};
  const auto visit = [&](OpId next) {
    if (next == kNone || !seen.insert(next).second) return;
    if (by_op_[next].empty()) return open.push_back(next);
    found.insert(&MainKernel(next));
  };
  while (!open.empty()) {
    const Op& op = graph_.op(open.back());
    open.pop_back();
    for (TensorId tensor : downstream ? op.outputs : op.inputs) {
      if (tensor == kNone) continue;
      if (!downstream) visit(graph_.tensor(tensor).producer);
      if (downstream)
        std::for_each(graph_.tensor(tensor).consumers.begin(), graph_.tensor(tensor).consumers.end(), visit);
    }
  }
  return found;
}

// The plugin names the op nowhere. With one device, an op between named kernels was merged into one of them.
void Reader::ClassifyMerged(OpPlacement& op) const {
  std::set<const Kernel*> neighbours = Neighbours(op.op, /*downstream=*/true);
  if (neighbours.size() != 1) neighbours = Neighbours(op.op, /*downstream=*/false);
  if (device_ != "CPU" || neighbours.size() != 1) {
    op.why = "the plugin's runtime model names it nowhere";
    return;
  }
  const Kernel& kernel = **neighbours.begin();
  op.kernel = WithoutMarks(kernel.name);
  op.why =
      fmt::format("not named by the plugin, whose only device is CPU; by the graph it was merged into this {} kernel",
                  kernel.layer);
  JudgePrecision(op, kernel);
}

void Reader::Classify(OpPlacement& op) const {
  if (!by_op_[op.op].empty()) {
    ClassifyExecuted(op);
  } else if (!ClassifyUnexecuted(op)) {
    ClassifyMerged(op);
  }
}

void Reader::Place(Placement& placement) {
  FindLive();
  FindShapeOnly();
  for (OpId id = 0; id < static_cast<OpId>(graph_.ops().size()); ++id) {
    OpPlacement& op = placement.ops.emplace_back();
    op.op = id;
    op.name = graph_.op(id).name;
    op.type = graph_.op(id).type;
    op.asked = asked_;
    Classify(op);
  }
  placement.inserted = std::move(inserted_);
}

}  // namespace

Placement UnknownPlacement(const Graph& graph, const Target& target, const std::string& why) {
  Placement placement;
  placement.evidence = "none: " + why;
  const std::string asked = fmt::format("{}/{}", target.device, ToString(target.precision.value_or(Precision::kFp32)));
  for (OpId id = 0; id < static_cast<OpId>(graph.ops().size()); ++id) {
    placement.ops.push_back({id, graph.op(id).name, graph.op(id).type, PlacementState::kUnknown, asked, "", "", why});
  }
  return placement;
}

Placement ReadPlacement(const ov::CompiledModel& compiled, const Graph& graph, const SourceMap& source,
                        const Target& target, Optimization optimization) {
  Placement placement;
  try {
    const std::string device = Join(compiled.get_property(ov::execution_devices), "+");
    const auto runtime = compiled.get_runtime_model();
    Reader reader(graph, source, target, device);
    reader.ReadKernels(*runtime);
    reader.ReturnKernels();
    reader.Place(placement);
    placement.evidence = fmt::format("OpenVINO's runtime model and execution devices ({})", device);
  } catch (const ov::Exception&) {
    return UnknownPlacement(graph, target, "the plugin has no runtime model");
  }
  if (optimization != Optimization::kFull)
    placement.evidence += "; OpenVINO has no optimisation levels: its full pipeline ran";
  return placement;
}

}  // namespace consort::openvino
