// Small questions about stored tensors.
#ifndef CONSORT_ZOO_CONSTANTS_H_
#define CONSORT_ZOO_CONSTANTS_H_

#include <cstdint>
#include <vector>

#include "onnx/onnx_pb.h"

namespace consort::zoo {

// False for a weight that has a shape only.
bool HasValues(const onnx::TensorProto& tensor);
void DropValues(onnx::TensorProto& tensor);

// Product of the dimensions.
int64_t ElementsOf(const onnx::TensorProto& tensor);

// The values; empty for types other than those named, and for external data.
std::vector<int64_t> IntegersOf(const onnx::TensorProto& tensor);  // int32, int64
std::vector<double> NumbersOf(const onnx::TensorProto& tensor);    // float32, float64, int32, int64

// Of float32 and float64 values; -infinity where one is not finite, +infinity where there is none.
double Smallest(const onnx::TensorProto& tensor);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_CONSTANTS_H_
