#include "backends/litert/litert_placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace consort::litert {
namespace {

constexpr std::string_view kXnnpackNode = "TfLiteXNNPackDelegate";

// "fp32" for floats; an integer type's own name ("int8").
std::string PrecisionWord(DataType dtype) {
  if (dtype == DataType::kFloat32) return "fp32";
  return dtype == DataType::kFloat16 ? "fp16" : std::string(ToString(dtype));
}

// A change between float and quantized values, at the border of what computes in either.
bool IsConversion(const PlanNode& node) {
  return node.type == "QUANTIZE" || node.type == "DEQUANTIZE" || node.type == "CAST";
}

// True when the operator computes in another precision than the target names. Plain integers (indices, shapes) are
// none.
bool Differs(const PlanNode& node, const Target& target) {
  if (!target.precision || IsConversion(node)) return false;
  const bool floating = node.output_type == DataType::kFloat32 || node.output_type == DataType::kFloat16;
  return (floating || node.quantized) && PrecisionWord(node.output_type) != ToString(*target.precision);
}

// The operator and what was asked for; nothing yet of where it runs.
OpPlacement Unplaced(const PlanNode& node, const Target& target) {
  OpPlacement op;
  op.op = node.index;
  op.name = node.output.empty() ? fmt::format("{}_{}", node.type, node.index) : node.output;
  op.type = node.type;
  op.asked = target.precision ? fmt::format("{}/{}", target.device, ToString(*target.precision)) : target.device;
  return op;
}

// The indices of nodes that a plan still holds.
std::set<int> IndicesOf(const std::vector<PlanNode>& plan) {
  std::set<int> indices;
  for (const PlanNode& node : plan) indices.insert(node.index);
  return indices;
}

OpPlacement PlaceOnAccelerator(const PlanNode& node, const Target& target) {
  OpPlacement op = Unplaced(node, target);
  op.got = fmt::format("{}/{}", target.device, PrecisionWord(node.output_type));
  op.kernel = node.type;
  op.why = "taken by the delegate of the accelerator";
  op.state = Differs(node, target) ? PlacementState::kElsewhere : PlacementState::kAsAsked;
  return op;
}

OpPlacement PlaceOnCpu(const PlanNode& node, bool delegated, const Target& target) {
  OpPlacement op = Unplaced(node, target);
  const std::string precision = PrecisionWord(node.output_type);
  op.got = (delegated ? "XNNPACK/" : "built-in kernel/") + precision;
  op.kernel = delegated ? std::string(kXnnpackNode) : node.type;
  op.why = delegated ? "taken by XNNPACK, on the CPU" : "left to LiteRT's built-in kernel, on the CPU";
  op.state = PlacementState::kAsAsked;
  if (target.device != "cpu") op.state = PlacementState::kElsewhere;
  if (Differs(node, target)) {
    op.state = PlacementState::kElsewhere;
    op.why += "; the file holds this operator in " + precision;
  }
  return op;
}

}  // namespace

Placement ReadPlacement(const Interpreter& interpreter, const Target& target) {
  Placement placement;
  if (interpreter.plan_after().empty()) {
    placement.evidence = "none: the proof of placement was switched off";
    for (const PlanNode& node : interpreter.plan_before()) {
      placement.ops.push_back(Unplaced(node, target));
      placement.ops.back().why = "compiled without proof of placement";
    }
    return placement;
  }
  const bool accelerated = !interpreter.plan_between().empty();
  const std::set<int> left = IndicesOf(accelerated ? interpreter.plan_between() : interpreter.plan_before());
  const std::set<int> built_in = IndicesOf(interpreter.plan_after());
  const auto is_xnnpack = [](const PlanNode& node) { return node.type == kXnnpackNode; };
  for (const PlanNode& node : interpreter.plan_before()) {
    placement.ops.push_back(left.contains(node.index)
                                ? PlaceOnCpu(node, !built_in.contains(node.index), target)
                                : PlaceOnAccelerator(node, target));
  }
  placement.evidence =
      fmt::format("LiteRT's execution plan before and after delegation ({} XNNPACK partitions)",
                  std::count_if(interpreter.plan_after().begin(), interpreter.plan_after().end(), is_xnnpack));
  return placement;
}

}  // namespace consort::litert
