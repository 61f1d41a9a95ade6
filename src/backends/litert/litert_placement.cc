#include "backends/litert/litert_placement.h"

#include <fmt/format.h>

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

OpPlacement Place(const PlanNode& node, bool delegated, const Target& target) {
  OpPlacement op = Unplaced(node, target);
  const std::string precision = PrecisionWord(node.output_type);
  op.got = (delegated ? "XNNPACK/" : "built-in kernel/") + precision;
  op.kernel = delegated ? std::string(kXnnpackNode) : node.type;
  op.why = delegated ? "taken by XNNPACK, on the CPU" : "left to LiteRT's built-in kernel, on the CPU";
  op.state = PlacementState::kAsAsked;
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
  std::set<int> stay;
  int partitions = 0;
  for (const PlanNode& node : interpreter.plan_after()) {
    stay.insert(node.index);
    partitions += node.type == kXnnpackNode;
  }
  for (const PlanNode& node : interpreter.plan_before()) {
    placement.ops.push_back(Place(node, !stay.contains(node.index), target));
  }
  placement.evidence =
      fmt::format("LiteRT's execution plan before and after delegation ({} XNNPACK partitions)", partitions);
  return placement;
}

}  // namespace consort::litert
