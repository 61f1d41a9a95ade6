// Small questions about stored tensors.
#ifndef CONSORT_ZOO_CONSTANTS_H_
#define CONSORT_ZOO_CONSTANTS_H_

#include <cstdint>
#include <vector>

#include "onnx/onnx_pb.h"

namespace consort::zoo {

// False for a weight that has a shape only.
bool HasValues(const onnx::TensorProto& tensor);
// Of a floating-point tensor.
void DropValues(onnx::TensorProto& tensor);

// Product of the dimensions.
int64_t ElementsOf(const onnx::TensorProto& tensor);

// The values; empty for types other than those named, and for external data.
std::vector<int64_t> IntegersOf(const onnx::TensorProto& tensor);  // int32, int64
std::vector<double> NumbersOf(const onnx::TensorProto& tensor);    // these, and floats of 16, 32 and 64 bits

// The smallest of the numbers; -infinity where one is not finite, +infinity where there is none.
double Smallest(const onnx::TensorProto& tensor);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_CONSTANTS_H_
