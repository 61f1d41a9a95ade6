// The process's one ov::Core, and the edge where OpenVINO's exceptions become consort::Error.
#ifndef CONSORT_BACKENDS_OPENVINO_CORE_H_
#define CONSORT_BACKENDS_OPENVINO_CORE_H_

#include <functional>
#include <openvino/openvino.hpp>
#include <string>

#include "consort/error.h"
#include "consort/target.h"
#include "consort/types.h"

namespace consort::openvino {

// Made at the first call; destroyed never, since its plugins leave threads behind. Thread-safe.
ov::Core& SharedCore();

// "OpenVINO 2026.4.1".
std::string EngineName();

// The sentences of an OpenVINO message without source places and trace lines, at most 600 characters.
std::string CleanMessage(const std::string& message);

// Rethrows the exception in flight as a consort::Error that begins with `place`: consort::Error as it is,
// std::bad_alloc as kOutOfMemory, "not supported" in any of OpenVINO's wordings as kUnsupported, anything else with
// `code`.
[[noreturn]] void RethrowAs(ErrorCode code, const std::string& place);

// Runs `function` on a thread of its own that may use `cores`, waits, and rethrows what it threw.
void RunOnCores(const CoreSet& cores, const std::function<void()>& function);

// kUnsupported for types that OpenVINO ports or our buffers do not carry; `what` names the port.
ov::element::Type ToOpenVino(DataType dtype, const std::string& what);

}  // namespace consort::openvino

#endif  // CONSORT_BACKENDS_OPENVINO_CORE_H_
