// The part of GraphBuilder that counts: MACs, bytes, bodies, totals.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "model/graph_builder.h"
#include "model/node_queries.h"
#include "model/op_cost.h"
#include "model/proto_walk.h"
#include "model/value_types.h"
#include "onnx/defs/tensor_proto_util.h"

namespace consort {
namespace {

OpCost Scaled(OpCost cost, int64_t trips) {
  cost.macs = SaturatingMultiply(cost.macs, trips);
  cost.activation_bytes = SaturatingMultiply(cost.activation_bytes, trips);
  return cost;
}

// The loop goes on as long as its first body output says; true when that is what it was told at first.
bool NeverStopsEarly(const onnx::GraphProto& body) {
  if (body.output().empty() || body.input_size() < 2) return false;
  const std::string& keep_in = body.input(1).name();
  std::string name = body.output(0).name();
  for (int i = body.node_size() - 1; i >= 0 && name != keep_in; --i) {
    const onnx::NodeProto& node = body.node(i);
    if (IsOp(node, "Identity") && node.output(0) == name) name = node.input(0);
  }
  return name == keep_in;
}

}  // namespace

OpCost GraphBuilder::Cost(const onnx::NodeProto& node, Op& op) {
  BodyCost bodies = CostOfBodies(node);
  op.body_ops = bodies.ops;
  if (op.constant) return {};
  const auto shape_of = [&](TensorId id) {
    return id == kNone || !graph_.tensors_[id].has_rank ? nullptr : &graph_.tensors_[id].spec.shape;
  };
  OperandShapes shapes;
  for (const TensorId id : op.inputs) shapes.inputs.push_back(shape_of(id));
  for (const TensorId id : op.outputs) shapes.outputs.push_back(shape_of(id));
  const MacCount count = CountMacs(node, shapes);
  OpCost cost = bodies.cost;
  cost.macs = SaturatingAdd(cost.macs, count.macs);
  cost.macs_known = cost.macs_known && count.known;
  cost.known = cost.known && count.known;
  return cost;
}

// Each operand once; outputs that nobody reads are not made.
void GraphBuilder::AddOperandBytes(Op& op) const {
  if (op.constant) return;
  std::set<TensorId> touched(op.inputs.begin(), op.inputs.end());
  touched.insert(op.captures.begin(), op.captures.end());
  touched.insert(op.outputs.begin(), op.outputs.end());
  touched.erase(kNone);
  OpCost& cost = op.cost;
  for (const TensorId id : touched) {
    if (facts_[id].constant) {
      cost.parameter_bytes = SaturatingAdd(cost.parameter_bytes, facts_[id].parameter_bytes);
    } else if (IsUsed(graph_.tensors_[id])) {
      const int64_t bytes = graph_.tensors_[id].bytes();
      cost.known = cost.known && bytes >= 0;
      cost.activation_bytes = SaturatingAdd(cost.activation_bytes, std::max<int64_t>(bytes, 0));
    }
  }
}

// If: the dearer branch. Loop and Scan: one trip times the trips, where they are fixed. Other ops with bodies: one run
// of each.
GraphBuilder::BodyCost GraphBuilder::CostOfBodies(const onnx::NodeProto& node) {
  BodyCost total;
  bool first = true;
  ForEachBody(node, [&](const onnx::GraphProto& graph) {
    const BodyCost body = CostOfBody(graph);
    const bool second = IsOp(node, "If") && !first;
    const bool macs_differ = second && body.cost.macs != total.cost.macs;
    const bool bytes_differ = second && body.cost.activation_bytes != total.cost.activation_bytes;
    total.cost.macs_known = total.cost.macs_known && body.cost.macs_known && !macs_differ;
    total.cost.known = total.cost.known && body.cost.known && !macs_differ && !bytes_differ;
    total.cost.macs = std::max(total.cost.macs, body.cost.macs);
    total.cost.activation_bytes = std::max(total.cost.activation_bytes, body.cost.activation_bytes);
    total.cost.parameter_bytes = SaturatingAdd(total.cost.parameter_bytes, body.cost.parameter_bytes);
    total.ops += body.ops;
    first = false;
  });
  if (first || IsOp(node, "If")) return total;
  const std::optional<int64_t> trips = TripCount(node);
  total.cost = Scaled(total.cost, trips.value_or(1));
  total.cost.known = total.cost.known && trips.has_value();
  total.cost.macs_known = total.cost.macs_known && (trips.has_value() || total.cost.macs == 0);
  return total;
}

// Constants that the body captures are counted by the op that holds it.
GraphBuilder::BodyCost GraphBuilder::CostOfBody(const onnx::GraphProto& body) {
  const Graph graph = GraphBuilder(body, this).Build();
  BodyCost total{.ops = static_cast<int>(graph.ops().size())};
  total.cost.parameter_bytes = graph.totals().parameter_bytes;
  body_parameters_ = SaturatingAdd(body_parameters_, graph.totals().parameters);
  body_parameter_bytes_ = SaturatingAdd(body_parameter_bytes_, graph.totals().parameter_bytes);
  for (const Op& op : graph.ops()) {
    total.cost.macs = SaturatingAdd(total.cost.macs, op.cost.macs);
    total.cost.activation_bytes = SaturatingAdd(total.cost.activation_bytes, op.cost.activation_bytes);
    total.cost.known = total.cost.known && op.cost.known;
    total.cost.macs_known = total.cost.macs_known && op.cost.macs_known;
    total.ops += op.body_ops;
  }
  return total;
}

std::optional<int64_t> GraphBuilder::TripCount(const onnx::NodeProto& node) {
  if (IsOp(node, "Loop")) {
    const auto* body = FindAttribute(node, "body");
    const bool open_ended = node.input_size() > 1 && !node.input(1).empty() && !ScalarValue(node.input(1)).value_or(0);
    if (body == nullptr || open_ended || !NeverStopsEarly(body->g()) || node.input_size() < 1) return std::nullopt;
    const std::optional<int64_t> trips = ScalarValue(node.input(0));
    return trips && *trips >= 0 ? trips : std::nullopt;
  }
  const auto* scanned = FindAttribute(node, "num_scan_inputs");
  if (!IsOp(node, "Scan") || scanned == nullptr || scanned->i() < 1 || scanned->i() > node.input_size())
    return std::nullopt;
  const TensorId first = Resolve(node.input(static_cast<int>(node.input_size() - scanned->i())));
  const auto* axes = FindAttribute(node, "scan_input_axes");
  const int64_t axis = axes != nullptr && !axes->ints().empty() ? axes->ints(0) : 0;
  if (first == kNone || axis < 0 || axis >= static_cast<int64_t>(graph_.tensors_[first].spec.shape.size()))
    return std::nullopt;
  const int64_t trips = graph_.tensors_[first].spec.shape[static_cast<size_t>(axis)];
  return trips == kDynamic ? std::nullopt : std::optional(trips);
}

std::optional<int64_t> GraphBuilder::ScalarValue(const std::string& name) {
  const TensorId id = name.empty() ? kNone : Resolve(name);
  const onnx::TensorProto* value = id == kNone ? nullptr : facts_[id].value;
  if (value == nullptr || value->data_location() == onnx::TensorProto::EXTERNAL) return std::nullopt;
  if (ElementCount({value->dims().begin(), value->dims().end()}) != 1) return std::nullopt;
  if (value->data_type() == onnx::TensorProto::INT64) return onnx::ParseData<int64_t>(value).front();
  if (value->data_type() != onnx::TensorProto::BOOL) return std::nullopt;
  return value->raw_data().empty() ? value->int32_data(0) : value->raw_data()[0];
}

// Initializers and the values of Constant ops; of ConstantOfShape what it expands to, not the shape that it reads.
bool GraphBuilder::IsParameter(TensorId id) const {
  const auto expands = [&](OpId op) { return graph_.ops_[op].type == "ConstantOfShape" && graph_.ops_[op].constant; };
  const Tensor& tensor = graph_.tensors_[id];
  if (!facts_[id].constant || facts_[id].captured) return false;
  if (!tensor.consumers.empty() && std::all_of(tensor.consumers.begin(), tensor.consumers.end(), expands)) return false;
  return tensor.producer == kNone || expands(tensor.producer) || graph_.ops_[tensor.producer].type == "Constant";
}

void GraphBuilder::CountTotals() {
  GraphTotals& totals = graph_.totals_;
  totals.parameters = body_parameters_;
  totals.parameter_bytes = body_parameter_bytes_;
  for (size_t id = 0; id < graph_.tensors_.size(); ++id) {
    const Tensor& tensor = graph_.tensors_[id];
    if (IsParameter(static_cast<TensorId>(id))) {
      totals.parameters = SaturatingAdd(totals.parameters, CheckedProduct(tensor.spec.shape).value_or(0));
      totals.parameter_bytes = SaturatingAdd(totals.parameter_bytes, KnownBytes(tensor));
    } else if (!facts_[id].constant && tensor.producer != kNone && IsUsed(tensor)) {
      totals.activation_bytes = SaturatingAdd(totals.activation_bytes, KnownBytes(tensor));
    }
  }
  for (const Op& op : graph_.ops_) {
    totals.macs = SaturatingAdd(totals.macs, op.cost.macs);
    totals.known = totals.known && op.cost.known;
    totals.macs_known = totals.macs_known && op.cost.macs_known;
  }
}

}  // namespace consort
