// Calls with empty inputs, which OpenVINO is not asked to make.
#ifndef CONSORT_BACKENDS_OPENVINO_EMPTY_CALL_H_
#define CONSORT_BACKENDS_OPENVINO_EMPTY_CALL_H_

#include <optional>
#include <string>
#include <vector>

#include "consort/device.h"

namespace consort::openvino {

// OpenVINO 2026.4 crashes on an empty batch, or leaves the outputs without their shapes. Where an input is empty along
// an axis that every output has too (by symbolic name), all outputs are empty and nothing is to be computed: gives their
// shapes. Nothing when no input is empty. Throws kUnsupported, beginning with `place`, where an output is not empty or
// its shape does not follow.
std::optional<std::vector<Shape>> ShapesOfEmptyCall(Binding& binding, const std::string& place);

}  // namespace consort::openvino

#endif  // CONSORT_BACKENDS_OPENVINO_EMPTY_CALL_H_
