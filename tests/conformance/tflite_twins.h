// TensorFlow Lite models that compute what the ONNX test models compute.
#ifndef CONSORT_TESTS_CONFORMANCE_TFLITE_TWINS_H_
#define CONSORT_TESTS_CONFORMANCE_TFLITE_TWINS_H_

#include <optional>
#include <string>

namespace consort::test {

// The twin of a model of model/test_models.h: the same ports and numbers, except for the convolution, which is only a
// Relu. Nothing when there is none.
std::optional<std::string> TfLiteTwin(const std::string& onnx_bytes);

}  // namespace consort::test

#endif  // CONSORT_TESTS_CONFORMANCE_TFLITE_TWINS_H_
