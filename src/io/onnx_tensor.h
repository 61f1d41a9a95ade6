// Tensors as ONNX's own test data stores them: a serialized TensorProto in a .pb file.
#ifndef CONSORT_IO_ONNX_TENSOR_H_
#define CONSORT_IO_ONNX_TENSOR_H_

#include <string>
#include <string_view>

#include "io/named_tensor.h"

namespace consort {

// Reads a TensorProto, whether its values lie in raw_data or in the typed fields. External data is refused: a tensor
// file names no other file. Throws kInvalidModel naming `name` when it is broken, kInvalidArgument for element types
// that buffers do not carry.
NamedTensor ParseOnnxTensor(std::string_view bytes, const std::string& name);

// Whether the bytes parse as a TensorProto that says its element type. Never throws.
bool LooksLikeOnnxTensor(std::string_view bytes);

}  // namespace consort

#endif  // CONSORT_IO_ONNX_TENSOR_H_
