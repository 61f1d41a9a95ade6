// Names of TensorFlow Lite's built-in operators.
#ifndef CONSORT_TFLITE_OPERATOR_NAMES_H_
#define CONSORT_TFLITE_OPERATOR_NAMES_H_

#include <string_view>

namespace consort::tflite {

// "CONV_2D"; "UNKNOWN_BUILTIN" for a code that the schema known here lacks.
std::string_view BuiltinName(int code);

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_OPERATOR_NAMES_H_
