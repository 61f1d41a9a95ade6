// A quantized model as the integer graph that it stands for.
#ifndef CONSORT_TFLITE_QDQ_GRAPH_H_
#define CONSORT_TFLITE_QDQ_GRAPH_H_

#include <optional>
#include <string>
#include <vector>

#include "consort/model.h"
#include "onnx/onnx_pb.h"
#include "tflite/constants.h"
#include "tflite/refused.h"
#include "tflite/schema.h"

namespace consort::tflite {

// real = scale * (stored - zero_point); stored is int8 (uint8 of the model is moved down by 128).
struct Affine {
  float scale = 1;
  int zero_point = 0;
  bool operator==(const Affine&) const = default;
};

// What TensorFlow Lite's kernels write and nothing else (tensorflow.org/lite/performance/quantization_spec): 0 … 1 of
// SOFTMAX and LOGISTIC, -1 … 1 of TANH.
inline constexpr Affine kUnitRange = {1.0F / 256, -128};
inline constexpr Affine kSignedUnitRange = {1.0F / 128, 0};

// What flows between operators: the float tensor of that name, in int8.
struct QdqValue {
  std::string name;
  Shape shape;  // static; axes as in ONNX
  Affine affine;
};
using ValueId = int;  // index into QdqGraph::values; kNone

// A constant operand: int8 or int32 with its scales, or float32 where nothing quantized it.
struct QdqConstant {
  std::string name;
  Shape shape;
  ElementType type = ElementType::kFloat32;
  std::vector<int32_t> values;  // of the integer types; uint8 was moved down by 128
  std::vector<float> floats;    // of float32
  std::vector<float> scale;     // one, or one per index of `axis`
  std::vector<int64_t> zero_point;
  int axis = 0;
};

// Neither: left out, or arithmetic on shapes.
struct Operand {
  ValueId value = kNone;
  int constant = kNone;  // index into QdqGraph::constants
};

// Bounds that an activation behind an operator keeps its output in: 0 and infinity for Relu.
struct Clamp {
  float low;
  float high;
};

struct QdqOp {
  const onnx::NodeProto* node = nullptr;
  std::vector<Operand> inputs;
  std::vector<ValueId> outputs;
  std::optional<Clamp> clamp = {};  // of an activation that stands behind it without quantization between
};

struct QdqPort {
  std::string name;
  ValueId value = kNone;
};

struct QdqGraph {
  int64_t opset = 0;  // of ai.onnx
  std::vector<QdqValue> values;
  std::vector<QdqConstant> constants;
  std::vector<QdqOp> ops;  // in an order in which they can run; QuantizeLinear: from one quantization to another
  std::vector<QdqPort> inputs;
  std::vector<QdqPort> outputs;
  std::vector<TfLiteRefusal> refusals;  // what is not quantized
};

// Takes away QuantizeLinear and DequantizeLinear: what they stand around becomes operators on int8 values. Shapes have
// to be static (else kInvalidArgument naming the tensor and the options that bind it). Refers to nodes of `model`,
// whose constants lie in its message.
QdqGraph RecogniseQdq(const Model& model, const Constants& constants);

// The bounds of a Relu or Clip node; nothing for other nodes and for bounds that are not constant.
std::optional<Clamp> ClampOf(const onnx::NodeProto& node, const Constants& constants);

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_QDQ_GRAPH_H_
