// Values of stored tensors, and tensors made of values.
#ifndef CONSORT_QUANTIZE_STORED_VALUES_H_
#define CONSORT_QUANTIZE_STORED_VALUES_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "consort/model.h"
#include "onnx/onnx_pb.h"

namespace consort {

// The model's message with external data read into it. Throws kUnsupported beyond 2 GiB.
onnx::ModelProto ProtoWithData(const Model& model);

// True for float32 values that lie in the message.
bool HoldsFloats(const onnx::TensorProto& tensor);
// The values of a float32 tensor whose data lies in the message (no external data); else kInternal.
std::vector<float> FloatsOf(const onnx::TensorProto& tensor);

// Tensors with their values in raw_data. `dims` empty: a scalar.
onnx::TensorProto FloatTensor(const std::string& name, const std::vector<int64_t>& dims, std::span<const float> values);
onnx::TensorProto Int32Tensor(const std::string& name, const std::vector<int64_t>& dims,
                              std::span<const int32_t> values);
// `type` is INT8 or UINT8; values lie in its range.
onnx::TensorProto ByteTensor(const std::string& name, onnx::TensorProto::DataType type,
                             const std::vector<int64_t>& dims, std::span<const int> values);

// Sizes of the axes.
std::vector<int64_t> DimsOf(const onnx::TensorProto& tensor);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_STORED_VALUES_H_
