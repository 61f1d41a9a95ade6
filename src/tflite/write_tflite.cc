#include "tflite/write_tflite.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>

#include "consort/error.h"
#include "model/model_rep.h"
#include "tflite/draft.h"
#include "tflite/format.h"
#include "tflite/lower.h"

namespace consort {
namespace {

using namespace tflite;  // NOLINT: the passes that this file strings together

constexpr char kPortsMetadata[] = "consort_ports";
constexpr int kUInt8Shift = 128;

// All constants in the message.
Model WithConstants(const Model& model) {
  if (!model.has_external_data()) return model;
  const std::string bytes = model.Serialize({.inline_external_data = true});
  return Model::Parse(std::as_bytes(std::span(bytes)), model.name());
}

// Whether an operator that reads the value, directly or through others that take it as it lies, wants channels last.
bool WantsChannelsLast(const QdqGraph& graph, ValueId value) {
  std::set<ValueId> reached = {value};
  for (const QdqOp& op : graph.ops) {  // in the order in which they run
    const Lowering* lowering = FindLowering(*op.node);
    const bool reads = std::any_of(op.inputs.begin(), op.inputs.end(),
                                   [&](const Operand& operand) { return reached.contains(operand.value); });
    if (lowering == nullptr || !reads || lowering->taste == Taste::kPlain) continue;
    if (lowering->taste == Taste::kChannelsLast) return true;
    reached.insert(op.outputs.begin(), op.outputs.end());
    reached.erase(kNone);
  }
  return false;
}

ElementType TypeOf(TfLitePorts ports) {
  if (ports == TfLitePorts::kFloat32) return ElementType::kFloat32;
  return ports == TfLitePorts::kUInt8 ? ElementType::kUInt8 : ElementType::kInt8;
}

Layout LayoutOf(const Shape& shape, const Order& order) {
  if (shape.size() != 4) return Layout::kPlain;
  return order == ChannelsLast(4) ? Layout::kNhwc : Layout::kNchw;
}

class Conversion {
 public:
  Conversion(const QdqGraph& graph, const Constants& constants, const TfLiteOptions& options)
      : graph_(graph), options_(options), draft_(graph, constants), refusals_(graph.refusals) {}

  TfLiteFile Run(const std::string& name) {
    for (const QdqPort& port : graph_.inputs) AddInput(port);
    for (const QdqOp& op : graph_.ops) Lower(op);
    RequireAll(name);
    for (const QdqPort& port : graph_.outputs) AddOutput(port);
    DropUnread();
    draft_.AddMetadata(kPortsMetadata, PortsText());
    Contents contents = draft_.contents();
    contents.description = options_.description;
    file_.bytes = FormatContents(contents);
    return std::move(file_);
  }

 private:
  void Lower(const QdqOp& op) {
    if (op.outputs.front() == kNone && op.outputs.size() == 1) return;  // refused already
    const Lowering* lowering = FindLowering(*op.node);
    try {
      if (lowering == nullptr) throw Refusal{std::string(WhyMissing(*op.node))};
      lowering->lower(draft_, op);
    } catch (const Refusal& refusal) {
      refusals_.push_back({op.node->name(), op.node->op_type(), refusal.why});
      for (const ValueId out : op.outputs) {  // so that those behind it can be looked at, too
        if (out != kNone && !draft_.has(out)) draft_.Define(out, PlainOrder(draft_.value(out).shape.size()));
      }
    }
  }

  void RequireAll(const std::string& name) const {
    if (!refusals_.empty()) throw TfLiteRefused(name, refusals_);
  }

  // --- Ports ---

  void AddInput(const QdqPort& port) {
    const QdqValue& value = draft_.value(port.value);
    const bool moves = !options_.keep_port_layout && WantsChannelsLast(graph_, port.value);
    const Order order = moves ? ChannelsLast(value.shape.size()) : PlainOrder(value.shape.size());
    const int inner = draft_.Define(port.value, order);
    int outer = inner;
    if (options_.ports != TfLitePorts::kInt8) {
      outer = AddPortTensor(port, order);
      draft_.tensor(inner).name += "_int8";
      draft_.AddQuantize(outer, inner);
    }
    draft_.subgraph().inputs.push_back(outer);
    file_.inputs.push_back(Describe(port, order, outer));
  }

  void AddOutput(const QdqPort& port) {
    const QdqValue& value = draft_.value(port.value);
    const Arrangement lies = draft_.native(port.value).arrangement;
    const bool image = lies.shape == value.shape && lies.order == ChannelsLast(value.shape.size());
    const Order order = image && !options_.keep_port_layout ? lies.order : PlainOrder(value.shape.size());
    const int inner = draft_.Take(port.value, order);
    int outer = inner;
    if (options_.ports != TfLitePorts::kInt8) {
      outer = AddPortTensor(port, order);
      Leave(inner, outer);
    } else if (IsPort(inner)) {  // a tensor can have one name only
      outer = draft_.AddTensor(port.name, InOrder(value.shape, order), value.affine);
      draft_.AddReshape(inner, outer);
    }
    draft_.tensor(outer).name = port.name;
    draft_.subgraph().outputs.push_back(outer);
    file_.outputs.push_back(Describe(port, order, outer));
  }

  int AddPortTensor(const QdqPort& port, const Order& order) {
    const QdqValue& value = draft_.value(port.value);
    Affine affine = value.affine;
    if (options_.ports == TfLitePorts::kUInt8) affine.zero_point += kUInt8Shift;
    return draft_.AddTensor(port.name, InOrder(value.shape, order), affine, TypeOf(options_.ports));
  }

  void Leave(int inner, int outer) {
    if (options_.ports == TfLitePorts::kUInt8) return draft_.AddQuantize(inner, outer);
    draft_.AddOperator(Builtin::kDequantize, 2, {inner}, {outer}, {.table = OptionsTable::kDequantize});
  }

  bool IsPort(int tensor) {
    for (const auto* ports : {&draft_.subgraph().inputs, &draft_.subgraph().outputs}) {
      if (std::find(ports->begin(), ports->end(), tensor) != ports->end()) return true;
    }
    return false;
  }

  TfLitePort Describe(const QdqPort& port, const Order& order, int tensor) {
    const QdqValue& value = draft_.value(port.value);
    const TensorEntry& entry = draft_.tensor(tensor);
    TfLitePort described = {.name = port.name, .onnx_shape = value.shape, .order = order};
    described.spec.dtype = options_.ports == TfLitePorts::kFloat32 ? DataType::kFloat32
                           : options_.ports == TfLitePorts::kUInt8 ? DataType::kUInt8
                                                                   : DataType::kInt8;
    described.spec.shape = InOrder(value.shape, order);
    described.spec.layout = LayoutOf(value.shape, order);
    described.spec.quantization = {.scale = entry.scale, .zero_point = entry.zero_point};
    return described;
  }

  std::string PortsText() const {
    std::string text;
    for (const auto* ports : {&file_.inputs, &file_.outputs}) {
      for (const TfLitePort& port : *ports) {
        text += fmt::format("{} '{}' {} {} of ONNX's {}\n", ports == &file_.inputs ? "input" : "output", port.name,
                            FormatShape(port.spec.shape), ToString(port.spec.layout), FormatShape(port.onnx_shape));
      }
    }
    return text;
  }

  // --- The whole ---

  // Operators that nothing behind them reads.
  void DropUnread() {
    SubgraphEntry& subgraph = draft_.subgraph();
    std::set<int32_t> read(subgraph.outputs.begin(), subgraph.outputs.end());
    std::vector<OperatorEntry> kept;
    for (auto op = subgraph.operators.rbegin(); op != subgraph.operators.rend(); ++op) {
      const bool needed = std::any_of(op->outputs.begin(), op->outputs.end(),
                                      [&](int32_t tensor) { return read.contains(tensor); });
      if (!needed) continue;
      read.insert(op->inputs.begin(), op->inputs.end());
      kept.push_back(std::move(*op));
    }
    std::reverse(kept.begin(), kept.end());
    subgraph.operators = std::move(kept);
  }

  const QdqGraph& graph_;
  const TfLiteOptions& options_;
  Draft draft_;
  std::vector<TfLiteRefusal> refusals_;
  TfLiteFile file_;
};

}  // namespace

TfLiteFile WriteTfLite(const Model& qdq, const TfLiteOptions& options) {
  const Model model = WithConstants(qdq);
  const Constants constants(model.rep().proto.graph());
  const QdqGraph graph = RecogniseQdq(model, constants);
  return Conversion(graph, constants, options).Run(model.name());
}

}  // namespace consort
