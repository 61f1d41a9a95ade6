#include "backends/converting/tflite_forms.h"

#include <fmt/format.h>

#include "consort/error.h"
#include "edgetpu/compiler.h"
#include "edgetpu/listed_operators.h"
#include "edgetpu/preflight.h"
#include "tflite/parse.h"

namespace consort {
namespace {

constexpr char kElsewhere[] =
    "cpu@litert/int8 runs it on the CPU, emulated:coral-usb3 says how fast an Edge TPU would be";

// The rules that Coral documents.
void RequireFit(const Model& model) {
  const Preflight preflight = CheckForEdgeTpu(model.graph());
  if (preflight.whole() || preflight.blockers.empty()) return;
  const Blocker& first = preflight.blockers.front();
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{}: {}; {}'consort plan' leaves it to another device", model.name(), Describe(first),
                          first.fix.empty() ? "" : first.fix + ", or "));
}

// What the compiler would leave to the CPU.
void RequireListed(const TfLiteFile& file, const std::string& name) {
  const std::vector<UnlistedOperator> unlisted = FindUnlisted(tflite::ParseContents(file.bytes, name));
  if (unlisted.empty()) return;
  const UnlistedOperator& first = unlisted.front();
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{}: what makes '{}' becomes {}, which is not on the Edge TPU compiler's list; a plan leaves "
                          "it to another device",
                          name, first.tensors.empty() ? "?" : first.tensors.front(), first.name));
}

std::string Compiled(const std::string& tflite, const std::string& name) {
  const std::filesystem::path program = FindEdgeTpuCompiler();
  if (program.empty()) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: an Edge TPU takes what Coral's compiler makes of it, and {} is not on $PATH ({}); {}",
                            name, kEdgeTpuCompiler, kEdgeTpuCompilerPackage, kElsewhere));
  }
  Compilation compilation = CompileForEdgeTpu(tflite, {.program = program});
  if (compilation.compiled) return std::move(compilation.bytes);
  throw Error(ErrorCode::kUnsupported, fmt::format("{}: {} made nothing for the Edge TPU: {}; {}", name,
                                                   program.string(), compilation.why_not, kElsewhere));
}

}  // namespace

TfLiteForm TfLiteForms::Of(const Model& model, TfLiteDevice device, TfLitePorts ports) {
  std::lock_guard lock(mutex_);
  const std::tuple key(model.fingerprint(), device, ports);
  const auto known = made_.find(key);
  return known != made_.end() ? known->second : made_.emplace(key, Make(model, device, ports)).first->second;
}

TfLiteForm TfLiteForms::Make(const Model& model, TfLiteDevice device, TfLitePorts ports) const {
  const bool quantized = HoldsQuantizedOps(model.graph());
  if (device == TfLiteDevice::kEdgeTpu && !quantized) RequireFit(model);
  TfLiteFile file = WriteTfLite(quantized ? model : quantizer_(model, Precision::kInt8), {.ports = ports});
  if (device == TfLiteDevice::kEdgeTpu) {
    RequireListed(file, model.name());
    file.bytes = Compiled(file.bytes, model.name());
  }
  return {std::make_shared<const std::string>(std::move(file.bytes)), std::move(file.inputs), std::move(file.outputs)};
}

}  // namespace consort
