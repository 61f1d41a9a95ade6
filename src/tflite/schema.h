// What Consort needs of TensorFlow Lite's file format: the numbers of schema.fbs, version 3
// (tensorflow/compiler/mlir/lite/schema/schema.fbs, 2.21). A table's fields are numbered as they stand there; a union
// takes two numbers, its type's first.
#ifndef CONSORT_TFLITE_SCHEMA_H_
#define CONSORT_TFLITE_SCHEMA_H_

#include <cstdint>

namespace consort::tflite {

inline constexpr char kFileIdentifier[] = "TFL3";
inline constexpr uint32_t kSchemaVersion = 3;
inline constexpr char kEdgeTpuCode[] = "edgetpu-custom-op";  // custom_code of what edgetpu_compiler makes

enum class ElementType : int8_t {
  kFloat32 = 0,
  kFloat16 = 1,
  kInt32 = 2,
  kUInt8 = 3,
  kInt64 = 4,
  kString = 5,
  kBool = 6,
  kInt16 = 7,
  kComplex64 = 8,
  kInt8 = 9,
  kFloat64 = 10,
  kComplex128 = 11,
  kUInt64 = 12,
  kResource = 13,
  kVariant = 14,
  kUInt32 = 15,
  kUInt16 = 16,
  kInt4 = 17,
  kBFloat16 = 18
};

// BuiltinOperator, as far as Consort writes or counts them; operator_names.h knows all names.
enum class Builtin : int32_t {
  kAdd = 0,
  kAveragePool2D = 1,
  kConcatenation = 2,
  kConv2D = 3,
  kDepthwiseConv2D = 4,
  kDequantize = 6,
  kFullyConnected = 9,
  kLogistic = 14,
  kMaxPool2D = 17,
  kMul = 18,
  kRelu = 19,
  kRelu6 = 21,
  kReshape = 22,
  kResizeBilinear = 23,
  kSoftmax = 25,
  kTanh = 28,
  kCustom = 32,
  kPad = 34,
  kTranspose = 39,
  kMean = 40,
  kSub = 41,
  kStridedSlice = 45,
  kSplit = 49,
  kPadV2 = 60,
  kSlice = 65,
  kTransposeConv = 67,
  kResizeNearestNeighbor = 97,
  kLeakyRelu = 98,
  kWhere = 109,
  kQuantize = 114,
  kHardSwish = 117,
  kBatchMatMul = 126,
  kLargerCodes = 127,  // stands in the old 8-bit field for every code above it
  kConv3D = 132
};

// The type of the union BuiltinOptions.
enum class OptionsTable : uint8_t {
  kNone = 0,
  kConv2D = 1,
  kDepthwiseConv2D = 2,
  kPool2D = 5,
  kFullyConnected = 8,
  kSoftmax = 9,
  kConcatenation = 10,
  kAdd = 11,
  kResizeBilinear = 15,
  kReshape = 17,
  kMul = 21,
  kPad = 22,
  kTranspose = 26,
  kReducer = 27,
  kSub = 28,
  kStridedSlice = 32,
  kSplit = 35,
  kDequantize = 38,
  kPadV2 = 43,
  kSlice = 48,
  kTransposeConv = 49,
  kResizeNearestNeighbor = 74,
  kLeakyRelu = 75,
  kQuantize = 89,
  kHardSwish = 91,
  kBatchMatMul = 101
};

enum class PaddingScheme : int8_t { kSame = 0, kValid = 1 };
enum class Activation : int8_t { kNone = 0, kRelu = 1, kRelu6 = 3 };

// Fields of the tables. Of options only those that Consort sets.
enum class ModelField { kVersion, kOperatorCodes, kSubgraphs, kDescription, kBuffers, kMetadataBuffer, kMetadata };
enum class SubgraphField { kTensors, kInputs, kOutputs, kOperators, kName };
enum class TensorField {
  kShape,
  kType,
  kBuffer,
  kName,
  kQuantization,
  kIsVariable,
  kSparsity,
  kShapeSignature,
  kHasRank
};
enum class QuantizationField { kMin, kMax, kScale, kZeroPoint, kDetailsType, kDetails, kAxis };
enum class CodeField { kOldBuiltin, kCustom, kVersion, kBuiltin };
enum class OperatorField { kCode, kInputs, kOutputs, kOptionsType, kOptions, kCustomOptions };
enum class BufferField { kData, kOffset, kSize };
enum class MetadataField { kName, kBuffer };

enum class Conv2DField { kPadding, kStrideW, kStrideH, kActivation, kDilationW, kDilationH };
enum class DepthwiseConv2DField { kPadding, kStrideW, kStrideH, kMultiplier, kActivation, kDilationW, kDilationH };
enum class TransposeConvField { kPadding, kStrideW, kStrideH, kActivation };
enum class Pool2DField { kPadding, kStrideW, kStrideH, kFilterW, kFilterH, kActivation };
enum class FullyConnectedField { kActivation, kWeightsFormat, kKeepNumDims };
enum class ArithmeticField { kActivation };  // of AddOptions, SubOptions and MulOptions
enum class SoftmaxField { kBeta };
enum class ConcatenationField { kAxis, kActivation };
enum class ReshapeField { kNewShape };
enum class ReducerField { kKeepDims };
enum class SplitField { kNumSplits };
enum class LeakyReluField { kAlpha };
enum class ResizeBilinearField { kOldHeight, kOldWidth, kAlignCorners, kHalfPixelCenters };
enum class ResizeNearestNeighborField { kAlignCorners, kHalfPixelCenters };

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_SCHEMA_H_
