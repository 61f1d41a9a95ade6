// The values that a model keeps: initializers and Constant nodes.
#ifndef CONSORT_TFLITE_CONSTANTS_H_
#define CONSORT_TFLITE_CONSTANTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "onnx/onnx_pb.h"

namespace consort::tflite {

// The elements as T, each converted; nothing for element types other than float, int8, uint8, int32 and int64.
template <typename T>
std::optional<std::vector<T>> ValuesOf(const onnx::TensorProto& tensor);

// Finds constants by name. The graph outlives it; its data lies in the message (no external data). Immutable.
class Constants {
 public:
  explicit Constants(const onnx::GraphProto& graph);

  // nullptr for a name that is no constant.
  const onnx::TensorProto* Find(const std::string& name) const;
  // The values of a node's input as integers or as numbers; nothing where it is left out or no constant.
  std::optional<std::vector<int64_t>> Ints(const onnx::NodeProto& node, int input) const;
  std::optional<std::vector<float>> Floats(const onnx::NodeProto& node, int input) const;

 private:
  std::unordered_map<std::string, const onnx::TensorProto*> tensors_;
  // Constant nodes that hold plain numbers.
  std::unordered_map<std::string, onnx::TensorProto> written_out_;
};

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_CONSTANTS_H_
