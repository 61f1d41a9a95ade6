// Inputs and outputs of a .tflite file as JSON.
#ifndef CONSORT_TFLITE_PORT_JSON_H_
#define CONSORT_TFLITE_PORT_JSON_H_

#include <nlohmann/json.hpp>
#include <vector>

#include "tflite/write_tflite.h"

namespace consort {

// `name`, `type`, `shape`, `layout`, `onnx_shape`, `order`, `scale`, `zero_point` of each; docs/cli.md says what they
// mean.
nlohmann::ordered_json PortsJson(const std::vector<TfLitePort>& ports);

}  // namespace consort

#endif  // CONSORT_TFLITE_PORT_JSON_H_
