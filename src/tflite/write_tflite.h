// A quantized ONNX model as a full-integer TensorFlow Lite model.
#ifndef CONSORT_TFLITE_WRITE_TFLITE_H_
#define CONSORT_TFLITE_WRITE_TFLITE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "consort/model.h"
#include "tflite/refused.h"

namespace consort {

// The element type of the file's inputs and outputs. Between them everything is int8.
enum class TfLitePorts : uint8_t { kInt8, kUInt8, kFloat32 };

struct TfLiteOptions {
  TfLitePorts ports = TfLitePorts::kInt8;
  // Images go in and out as NCHW, as in ONNX, through TRANSPOSE operators. Otherwise they are NHWC, as all models of
  // TensorFlow Lite have them.
  bool keep_port_layout = false;
  std::string description = "full-integer int8 model written by consort";
};

// An input or output of the file.
struct TfLitePort {
  std::string name;  // as in the ONNX model
  TensorSpec spec;   // its type, sizes, layout, scale and zero point in the file
  Shape onnx_shape;
  std::vector<int> order;  // axis i of the file is axis order[i] of the ONNX model
};

struct TfLiteFile {
  std::string bytes;
  std::vector<TfLitePort> inputs;
  std::vector<TfLitePort> outputs;
};

// Writes a model that is quantized by QuantizeLinear and DequantizeLinear: activations in int8 or uint8, one scale and
// zero point per tensor; weights in int8 without zero point, per tensor or per output channel; biases in int32 or
// float32. All scales and zero points of the file are those of the model (uint8 ones are moved by 128); where
// TensorFlow Lite's kernel cannot write at an output's scale, a QUANTIZE operator follows it. Weights of images are
// transposed here; a TRANSPOSE operator is written only where values have to be read in an order other than the one in
// which they lie. Throws TfLiteRefused that lists every operator without a counterpart and why, kInvalidArgument
// for open shapes.
//
//   const TfLiteFile file = WriteTfLite(Model::Load("mobilenet-int8.onnx"));
//   WriteFile("mobilenet.tflite", file.bytes);
TfLiteFile WriteTfLite(const Model& qdq, const TfLiteOptions& options = {});

}  // namespace consort

#endif  // CONSORT_TFLITE_WRITE_TFLITE_H_
