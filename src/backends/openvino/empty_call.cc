#include "backends/openvino/empty_call.h"

#include <fmt/format.h>

#include "consort/error.h"
#include "device/empty_call.h"

namespace consort::openvino {

std::optional<std::vector<Shape>> ShapesOfEmptyCall(Binding& binding, const std::string& place) {
  int empty = -1;
  for (int port = binding.input_count() - 1; port >= 0; --port) {
    if (IsEmpty(binding.input(port).spec().shape)) empty = port;
  }
  if (empty < 0) return std::nullopt;
  const Signature& signature = binding.signature();
  std::vector<Shape> given;
  for (int port = 0; port < binding.input_count(); ++port) given.push_back(binding.input(port).spec().shape);
  std::vector<Shape> shapes;
  for (const Port& port : signature.outputs) {
    std::optional<Shape> shape = EmptyShapeOf(port, signature.inputs, given);
    if (!shape.has_value()) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}: input '{}' is empty ({}), which OpenVINO does not take, and it does not follow that "
                              "output '{}' is empty, too; use the onnxruntime backend",
                              place, signature.inputs[empty].name, FormatShape(given[empty]), port.name));
    }
    shapes.push_back(*std::move(shape));
  }
  return shapes;
}

}  // namespace consort::openvino
