// The backends of this build, in the order in which they serve a device name that several offer.
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "backends/faulty/faulty_backend.h"
#include "backends/litert/litert_backend.h"
#include "backends/null/null_backend.h"
#include "backends/onnxruntime/onnxruntime_backend.h"
#include "backends/openvino/openvino_backend.h"
#include "consort/registry.h"
#include "emulate/emulated_backend.h"

namespace consort {
namespace {

bool TestBackendsAsked() {
  const char* value = std::getenv("CONSORT_TEST_BACKENDS");
  return value != nullptr && std::string_view(value) == "1";
}

// Adds it and tells where it stays.
Backend* Added(Registry& registry, std::unique_ptr<Backend> backend) {
  Backend* added = backend.get();
  registry.Add(std::move(backend));
  return added;
}

}  // namespace

Registry MakeBuiltinRegistry(const EmulationOptions& emulation) {
  Registry registry;
  Backend* onnxruntime = Added(registry, MakeOnnxRuntimeBackend());
  Backend* openvino = Added(registry, MakeOpenVinoBackend());
  registry.Add(MakeLiteRtBackend());
  Backend* null = Added(registry, MakeNullBackend());
  // LiteRT is no host: cost models need the ONNX model.
  for (std::unique_ptr<Backend>& backend : MakeEmulatedBackends({onnxruntime, openvino, null}, emulation)) {
    registry.Add(std::move(backend));
  }
  if (TestBackendsAsked()) registry.Add(MakeFaultyBackend());
  return registry;
}

}  // namespace consort
