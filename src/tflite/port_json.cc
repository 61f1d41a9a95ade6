#include "tflite/port_json.h"

namespace consort {

nlohmann::ordered_json PortsJson(const std::vector<TfLitePort>& ports) {
  auto list = nlohmann::ordered_json::array();
  for (const TfLitePort& port : ports) {
    list.push_back({{"name", port.name},
                    {"type", ToString(port.spec.dtype)},
                    {"shape", port.spec.shape},
                    {"layout", ToString(port.spec.layout)},
                    {"onnx_shape", port.onnx_shape},
                    {"order", port.order},
                    {"scale", port.spec.quantization.scale},
                    {"zero_point", port.spec.quantization.zero_point}});
  }
  return list;
}

}  // namespace consort
