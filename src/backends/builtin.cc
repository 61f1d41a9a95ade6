// The backends of this build, in the order in which they serve a device name that several offer.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/converting/converting_backend.h"
#include "backends/faulty/faulty_backend.h"
#include "backends/litert/litert_backend.h"
#include "backends/null/null_backend.h"
#include "backends/onnxruntime/onnxruntime_backend.h"
#include "backends/openvino/openvino_backend.h"
#include "backends/quantizing/quantizing_backend.h"
#include "consort/error.h"
#include "consort/registry.h"
#include "emulate/emulated_backend.h"

namespace consort {
namespace {

bool TestBackendsAsked() {
  const char* value = std::getenv("CONSORT_TEST_BACKENDS");
  return value != nullptr && std::string_view(value) == "1";
}

// Backends go into one registry, each made quantizing where there is a quantizer.
class Adder {
 public:
  Adder(Registry& registry, const Quantizer& quantizer) : registry_(registry), quantizer_(quantizer) {}

  // Tells where the backend stays.
  Backend* Add(std::unique_ptr<Backend> backend, Precision activations = Precision::kInt8) {
    Backend* added = backend.get();
    registry_.Add(quantizer_ ? MakeQuantizingBackend(std::move(backend), quantizer_, activations) : std::move(backend));
    return added;
  }

 private:
  Registry& registry_;
  const Quantizer& quantizer_;
};

// An Edge TPU's numbers: those of LiteRT's kernels on the file that it would be given, where there can be one; else of
// the quantized ONNX model on the host.
class EdgeTpuNumbers {
 public:
  EdgeTpuNumbers(Backend* litert, Quantizer quantizer) : litert_(litert), quantizer_(std::move(quantizer)) {}

  IntegerNumbers operator()(const Model& model, Device& host, const CompileOptions& compile,
                            const OpenOptions& open) const {
    std::string why;
    try {
      const Target target{.device = "cpu", .backend = "litert", .precision = Precision::kInt8};
      return {litert_->Open(target, open)->Compile(Artifact(model), compile), "cpu@litert, in int8"};
    } catch (const Error& error) {
      // Open shapes are not LiteRT's.
      if (error.code() != ErrorCode::kUnsupported && error.code() != ErrorCode::kInvalidArgument) throw;
      why = error.what();
    }
    const std::string on = host.info().target.ToString();
    try {
      const Model quantized = quantizer_(model, Precision::kUInt8);
      return {host.Compile(Artifact(quantized), compile),
              fmt::format("{}, quantized in ONNX (no file for LiteRT: {})", on, why.substr(0, why.find(';')))};
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnsupported) throw;
      return {host.Compile(Artifact(model), compile), fmt::format("{}, in fp32 ({})", on, error.what())};
    }
  }

 private:
  Backend* litert_;
  Quantizer quantizer_;
};

// A device of an engine that takes ONNX; of the first where the target names none.
std::shared_ptr<Device> OpenFor(Target target, const std::vector<Backend*>& engines, const OpenOptions& options) {
  for (Backend* engine : engines) {
    const std::vector<std::string> devices = engine->devices();
    if (!target.backend.empty() && target.backend != engine->name()) continue;
    if (std::find(devices.begin(), devices.end(), target.device) == devices.end()) continue;
    target.backend = engine->name();
    OpenOptions here = options;
    here.plugin.clear();  // is meant for the other part
    return engine->Open(target, here);
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: the rest of a bundle runs on a device of onnxruntime or openvino", target.ToString()));
}

}  // namespace

Registry MakeQuantizingRegistry(const EmulationOptions& emulation, const Quantizer& quantizer) {
  Registry registry;
  Adder adder(registry, quantizer);
  // The engines' integer kernels on x86 are made for unsigned activations: of signed ones ONNX Runtime 1.32 fuses a part
  // only, and OpenVINO 2026.4 computes a Conv behind Concat wrongly (docs/quantization.md).
  Backend* onnxruntime = adder.Add(MakeOnnxRuntimeBackend(), Precision::kUInt8);
  Backend* openvino = adder.Add(MakeOpenVinoBackend(), Precision::kUInt8);
  const OpenDevice open_rest = [onnxruntime, openvino](const Target& target, const OpenOptions& options) {
    return OpenFor(target, {onnxruntime, openvino}, options);
  };
  std::unique_ptr<Backend> litert = MakeLiteRtBackend();
  if (quantizer) litert = MakeConvertingBackend(std::move(litert), quantizer, open_rest);
  MakeIntegerNumbers integers;
  if (quantizer) integers = EdgeTpuNumbers(litert.get(), quantizer);
  registry.Add(std::move(litert));
  Backend* null = adder.Add(MakeNullBackend());
  // LiteRT is no host of its own: cost models need the ONNX model.
  for (std::unique_ptr<Backend>& backend : MakeEmulatedBackends({onnxruntime, openvino, null}, emulation, integers)) {
    const bool on_openvino = backend->name() == openvino->name();
    adder.Add(std::move(backend), on_openvino ? Precision::kUInt8 : Precision::kInt8);
  }
  if (TestBackendsAsked()) registry.Add(MakeFaultyBackend());
  return registry;
}

Registry MakeBuiltinRegistry(const EmulationOptions& emulation) { return MakeQuantizingRegistry(emulation, nullptr); }

}  // namespace consort
