// The backends of this build, in the order in which they serve a device name that several offer.
#include <cstdlib>
#include <string_view>

#include "backends/faulty/faulty_backend.h"
#include "backends/litert/litert_backend.h"
#include "backends/null/null_backend.h"
#include "backends/onnxruntime/onnxruntime_backend.h"
#include "backends/openvino/openvino_backend.h"
#include "consort/registry.h"

namespace consort {
namespace {

bool TestBackendsAsked() {
  const char* value = std::getenv("CONSORT_TEST_BACKENDS");
  return value != nullptr && std::string_view(value) == "1";
}

}  // namespace

Registry MakeBuiltinRegistry() {
  Registry registry;
  registry.Add(MakeOnnxRuntimeBackend());
  registry.Add(MakeOpenVinoBackend());
  registry.Add(MakeLiteRtBackend());
  registry.Add(MakeNullBackend());
  if (TestBackendsAsked()) registry.Add(MakeFaultyBackend());
  return registry;
}

}  // namespace consort
