#include "tflite/quantizers.h"

#include <algorithm>
#include <cmath>

#include "model/model_rep.h"
#include "model/node_queries.h"

namespace consort::tflite {
namespace {

constexpr int kUInt8Shift = 128;  // uint8 and int8 that stand for the same number differ by it

// 1 before opset 13 and where nothing is said.
int AxisOf(const onnx::NodeProto& node) {
  const auto* axis = FindAttribute(node, "axis");
  return axis == nullptr ? 1 : static_cast<int>(axis->i());
}

bool HasBlocks(const onnx::NodeProto& node) {
  const auto* size = FindAttribute(node, "block_size");
  return size != nullptr && size->i() != 0;
}

// One scale, or as many as the axis has indices; as many zero points.
bool HasScalePerIndex(const QdqConstant& constant) {
  const size_t scales = constant.scale.size();
  if (constant.zero_point.size() != scales) return false;
  if (scales == 1) return true;
  const bool has_axis = constant.axis >= 0 && static_cast<size_t>(constant.axis) < constant.shape.size();
  return has_axis && static_cast<size_t>(constant.shape[static_cast<size_t>(constant.axis)]) == scales;
}

// Of an element, counted in memory: which scale is its own.
size_t ScaleIndexOf(const QdqConstant& constant, size_t element) {
  if (constant.scale.size() == 1) return 0;
  size_t behind = 1;
  for (size_t axis = static_cast<size_t>(constant.axis) + 1; axis < constant.shape.size(); ++axis) {
    behind *= static_cast<size_t>(constant.shape[axis]);
  }
  return element / behind % constant.scale.size();
}

// From uint8 to int8.
void MoveDown(QdqConstant& constant) {
  for (int32_t& value : constant.values) value -= kUInt8Shift;
  for (int64_t& value : constant.zero_point) value -= kUInt8Shift;
}

Shape ShapeOf(const onnx::TensorProto& tensor) { return {tensor.dims().begin(), tensor.dims().end()}; }

}  // namespace

Quantizers::Quantizers(const Model& model, const Constants& constants) : model_(model), constants_(constants) {}

const onnx::NodeProto& Quantizers::node(OpId op) const { return model_.rep().proto.graph().node(op); }

bool Quantizers::IsQuantizer(OpId op) const {
  return IsOp(node(op), "QuantizeLinear") || IsOp(node(op), "DequantizeLinear");
}

std::optional<Affine> Quantizers::Of(OpId op) const {
  const Op& quantizer = model_.graph().op(op);
  const bool quantizes = IsOp(node(op), "QuantizeLinear");
  const TensorId integers = quantizes ? quantizer.outputs.front() : quantizer.inputs.front();
  const DataType dtype = model_.graph().tensor(integers).spec.dtype;
  if ((dtype != DataType::kInt8 && dtype != DataType::kUInt8) || HasBlocks(node(op))) return std::nullopt;
  const auto scale = constants_.Floats(node(op), 1);
  const bool has_zero_point = node(op).input_size() > 2 && !node(op).input(2).empty();
  const auto zero_point = constants_.Ints(node(op), 2);
  if (!scale || scale->size() != 1 || (has_zero_point && (!zero_point || zero_point->size() != 1))) return std::nullopt;
  if (!(scale->front() > 0) || !std::isfinite(scale->front())) return std::nullopt;
  const int given = has_zero_point ? static_cast<int>(zero_point->front()) : 0;
  return Affine{scale->front(), dtype == DataType::kUInt8 ? given - kUInt8Shift : given};
}

std::optional<Affine> Quantizers::Around(TensorId tensor) const {
  for (const OpId op : model_.graph().tensor(tensor).consumers) {
    if (IsQuantizer(op) && model_.graph().op(op).inputs.front() == tensor) return Of(op);
  }
  return std::nullopt;
}

std::string Quantizers::WhyNone(TensorId tensor) const {
  for (const OpId op : model_.graph().tensor(tensor).consumers) {
    if (IsQuantizer(op)) return "quantized, but not to int8 or uint8 with one scale and zero point for the tensor";
  }
  return "not quantized: no QuantizeLinear reads it";
}

std::optional<QdqConstant> Quantizers::Constant(TensorId tensor) const {
  const Tensor& entry = model_.graph().tensor(tensor);
  if (entry.producer != kNone && IsOp(node(entry.producer), "DequantizeLinear")) {
    return Dequantized(entry.producer);
  }
  const onnx::TensorProto* stored = constants_.Find(entry.name);
  if (stored == nullptr) return std::nullopt;
  const auto values = ValuesOf<float>(*stored);
  if (!values) return std::nullopt;
  return QdqConstant{.name = entry.name, .shape = ShapeOf(*stored), .floats = *values};
}

std::optional<QdqConstant> Quantizers::Dequantized(OpId op) const {
  const onnx::NodeProto& dequantizer = node(op);
  const TensorId integers = model_.graph().op(op).inputs.front();
  const OpId maker = model_.graph().tensor(integers).producer;
  if (maker != kNone && IsOp(node(maker), "QuantizeLinear")) return Quantized(maker);
  const onnx::TensorProto* stored = constants_.Find(dequantizer.input(0));
  if (stored == nullptr || stored->data_type() == onnx::TensorProto::INT64) return std::nullopt;
  std::optional<QdqConstant> constant = ScalesOf(dequantizer, ShapeOf(*stored));
  const auto values = ValuesOf<int32_t>(*stored);
  if (!constant || !values) return std::nullopt;
  constant->name = dequantizer.output(0);
  constant->type = stored->data_type() == onnx::TensorProto::INT32 ? ElementType::kInt32 : ElementType::kInt8;
  constant->values = *values;
  if (stored->data_type() == onnx::TensorProto::UINT8) MoveDown(*constant);
  return constant;
}

std::optional<QdqConstant> Quantizers::Quantized(OpId op) const {
  const onnx::NodeProto& quantizer = node(op);
  const onnx::TensorProto* stored = constants_.Find(quantizer.input(0));
  const DataType dtype = model_.graph().tensor(model_.graph().op(op).outputs.front()).spec.dtype;
  if (stored == nullptr || (dtype != DataType::kInt8 && dtype != DataType::kUInt8)) return std::nullopt;
  std::optional<QdqConstant> constant = ScalesOf(quantizer, ShapeOf(*stored));
  const auto reals = ValuesOf<float>(*stored);
  if (!constant || !reals) return std::nullopt;
  constant->name = stored->name();
  constant->type = ElementType::kInt8;
  const int least = dtype == DataType::kInt8 ? -128 : 0;
  for (size_t i = 0; i < reals->size(); ++i) {
    const size_t at = ScaleIndexOf(*constant, i);
    const auto zero_point = static_cast<float>(constant->zero_point[at]);
    const float steps = std::nearbyint((*reals)[i] / constant->scale[at]) + zero_point;
    constant->values.push_back(static_cast<int32_t>(std::clamp<float>(steps, least, least + 255)));
  }
  if (dtype == DataType::kUInt8) MoveDown(*constant);
  return constant;
}

std::optional<QdqConstant> Quantizers::ScalesOf(const onnx::NodeProto& quantizer, const Shape& shape) const {
  const auto scale = constants_.Floats(quantizer, 1);
  if (!scale || HasBlocks(quantizer)) return std::nullopt;
  QdqConstant constant = {.shape = shape, .scale = *scale};
  constant.zero_point = constants_.Ints(quantizer, 2).value_or(std::vector<int64_t>(scale->size(), 0));
  const int axis = AxisOf(quantizer);
  constant.axis = axis < 0 ? axis + static_cast<int>(shape.size()) : axis;
  if (!HasScalePerIndex(constant)) return std::nullopt;
  return constant;
}

}  // namespace consort::tflite
