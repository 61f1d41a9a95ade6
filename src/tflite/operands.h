// What the lowering of every operator asks of its operands and attributes.
#ifndef CONSORT_TFLITE_OPERANDS_H_
#define CONSORT_TFLITE_OPERANDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tflite/draft.h"

namespace consort::tflite {

// Attributes of a node, or what stands for one that is left out.
int64_t IntAttribute(const onnx::NodeProto& node, const std::string& name, int64_t otherwise);
float FloatAttribute(const onnx::NodeProto& node, const std::string& name, float otherwise);
std::string TextAttribute(const onnx::NodeProto& node, const std::string& name, const std::string& otherwise);
// As many as `otherwise` has, unless that is empty; throws Refusal for another number.
std::vector<int64_t> IntsAttribute(const onnx::NodeProto& node, const std::string& name,
                                   const std::vector<int64_t>& otherwise);
// An attribute before some opset, the input from then on; nothing where neither is there. Throws Refusal for an input
// that is not constant.
std::optional<std::vector<int64_t>> AttributeOrInput(const Draft& draft, const QdqOp& op, const std::string& attribute,
                                                     int input);

// Axis counted from the front. Throws Refusal where there is none.
int64_t FromFront(int64_t axis, size_t rank);

// The value at an input. Throws Refusal where a constant or nothing stands there.
ValueId ValueAt(const QdqOp& op, size_t input);
// The only output that is read.
ValueId OutputOf(const QdqOp& op);
// nullptr where no constant stands there.
const QdqConstant* ConstantAt(const Draft& draft, const QdqOp& op, size_t input);

// Weights in int8 with zero point 0, per tensor or per index of `axis`. Throws Refusal for others.
const QdqConstant& WeightsAt(const Draft& draft, const QdqOp& op, size_t input, int axis);
// A bias in int32 of `count` entries at the scales of input times weights; zeros where the operator has none. Throws
// Refusal for one that is not constant or does not fit.
int BiasAt(Draft& draft, const QdqOp& op, size_t input, int64_t count, const Affine& x, const QdqConstant& weights);

// The weights in another order of axes.
ConstantTensor MovedWeights(const QdqConstant& weights, const Shape& shape, const Order& order);

// The activation that goes into an operator. Throws Refusal for bounds that no activation of TensorFlow Lite has,
// unless the output's own range keeps them.
Activation ActivationOf(const Draft& draft, const QdqOp& op);
// Whether int8 at that scale and zero point stays within the bounds, to half a step.
bool IsKept(const Clamp& clamp, const Affine& affine);

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_OPERANDS_H_
