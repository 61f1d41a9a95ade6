#include "backends/converting/converting_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "backends/converting/bundle_executable.h"
#include "backends/converting/file_placement.h"
#include "backends/converting/ported_executable.h"
#include "backends/converting/tflite_forms.h"
#include "consort/error.h"
#include "device/isolated.h"
#include "edgetpu/compiler.h"
#include "edgetpu/read_bundle.h"
#include "tflite/layout.h"

namespace consort {
namespace {

constexpr char kEdgeTpu[] = "edgetpu";

std::vector<Port> PortsOf(const std::vector<TfLitePort>& file, bool of_model) {
  std::vector<Port> ports;
  for (const TfLitePort& port : file) {
    TensorSpec spec = of_model ? TensorSpec{.dtype = DataType::kFloat32, .shape = port.onnx_shape} : port.spec;
    // Of other than four axes as well.
    if (!of_model && port.order != tflite::PlainOrder(port.order.size())) spec.layout = Layout::kNhwc;
    ports.push_back({port.name, spec, std::vector<std::string>(spec.shape.size())});
  }
  return ports;
}

Signature SignatureOf(const TfLiteForm& form, bool of_model) {
  return {.inputs = PortsOf(form.inputs, of_model), .outputs = PortsOf(form.outputs, of_model)};
}

// A profile of a machine without the compiler does not count once it is there, nor the other way.
std::string EngineOf(const DeviceInfo& info) {
  if (info.target.device != kEdgeTpu) return info.engine;
  return info.engine + (FindEdgeTpuCompiler().empty() ? ", no " : ", ") + kEdgeTpuCompiler;
}

// The ports that a bundle tells are those that its file has.
void RequirePorts(const std::vector<TfLitePort>& told, const std::vector<Port>& has, const std::string& file) {
  const bool same = std::equal(told.begin(), told.end(), has.begin(), has.end(), [](const auto& a, const auto& b) {
    return a.spec.dtype == b.spec.dtype && a.spec.shape == b.spec.shape &&
           a.spec.quantization.scale == b.spec.quantization.scale &&
           a.spec.quantization.zero_point == b.spec.quantization.zero_point;
  });
  if (same) return;
  throw Error(ErrorCode::kInvalidModel,
              fmt::format("{}: it has other inputs or outputs than its bundle.json says; write the bundle anew", file));
}

class ConvertingDevice : public Device {
 public:
  ConvertingDevice(std::shared_ptr<Device> inner, std::shared_ptr<TfLiteForms> forms, OpenDevice open_rest,
                   const OpenOptions& open)
      : inner_(std::move(inner)),
        forms_(std::move(forms)),
        open_rest_(std::move(open_rest)),
        open_(open),
        info_(inner_->info()) {
    info_.accepts.push_back(ArtifactKind::kOnnx);
    info_.engine = EngineOf(info_);
  }

  const DeviceInfo& info() const override { return info_; }
  Buffer Allocate(const TensorSpec& spec, MemorySpace space) override { return inner_->Allocate(spec, space); }

  std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) override {
    if (artifact.kind() == ArtifactKind::kBlob) {
      if (const auto bundle = ParseBundleBlob(artifact.bytes())) return CompileBundle(*bundle, options);
    }
    if (artifact.kind() != ArtifactKind::kOnnx) return inner_->Compile(artifact, options);
    const Model& model = artifact.model();
    const TfLiteForm form = forms_->Of(model, is_edgetpu() ? TfLiteDevice::kEdgeTpu : TfLiteDevice::kCpu, Ports(model));
    std::shared_ptr<Executable> inner =
        inner_->Compile(Artifact(ArtifactKind::kTfLite, artifact.name(), form.bytes), options);
    Placement placement =
        PlacementOfSource(inner->placement(), *form.bytes, model.graph(), info_.target.ToString());
    inner = MakeRetold(std::move(inner), SignatureOf(form, false), placement);
    return MakePorted(std::move(inner), SignatureOf(form, true), std::move(placement), OuterOptions(options));
  }

 private:
  bool is_edgetpu() const { return info_.target.device == kEdgeTpu; }

  static CompileOptions InCaller(CompileOptions options) {
    options.execution = Execution::kCaller;
    options.max_in_flight = 1;
    return options;
  }

  ExecutableOptions OuterOptions(const CompileOptions& options) const {
    return {.execution = options.execution,
            .cores = info_.cores,
            .flush_denormals = options.flush_denormals,
            .max_in_flight = options.max_in_flight,
            .clock = open_.clock};
  }

  // --- Bundles ---

  std::unique_ptr<Executable> CompileBundle(const BundleBlob& blob, const CompileOptions& options) const {
    const Bundle bundle = ReadBundle(blob.folder);
    if (is_edgetpu() && !bundle.compiled)
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}: it holds nothing for {}: {}; cpu@litert runs {} on the CPU", blob.folder.string(),
                              info_.target.ToString(),
                              bundle.not_compiled.empty() ? "not compiled" : bundle.not_compiled, bundle.head));
    std::vector<ChainLink> links = {CompileHead(bundle, is_edgetpu() ? *bundle.compiled : bundle.head, options)};
    if (bundle.rest) links.push_back(CompileRest(bundle, blob.rest_target, options));
    return MakeChain(std::move(links), bundle.model_outputs, OuterOptions(options));
  }

  ChainLink CompileHead(const Bundle& bundle, const std::string& file, const CompileOptions& options) const {
    const TfLiteForm form{ReadPart(bundle, file), bundle.inputs, bundle.outputs};
    const std::string place = (bundle.folder / file).string();
    std::shared_ptr<Executable> inner =
        inner_->Compile(Artifact(ArtifactKind::kTfLite, place, form.bytes), InCaller(options));
    RequirePorts(form.inputs, inner->signature().inputs, place);
    RequirePorts(form.outputs, inner->signature().outputs, place);
    Placement placement = inner->placement();
    inner = MakeRetold(std::move(inner), SignatureOf(form, false), placement);
    return {file, info_.target, MakePorted(std::move(inner), SignatureOf(form, true), std::move(placement), {})};
  }

  ChainLink CompileRest(const Bundle& bundle, const std::string& target, const CompileOptions& options) const {
    if (!open_rest_) throw Error(ErrorCode::kUnsupported, "no device for the rest of a bundle");
    const std::shared_ptr<Device> device = open_rest_(Target::Parse(target), open_);
    const auto bytes = ReadPart(bundle, *bundle.rest);
    const Model model = Model::Parse(std::as_bytes(std::span(*bytes)), *bundle.rest);
    return {*bundle.rest, device->info().target, device->Compile(Artifact(model), InCaller(options))};
  }

  // --- Models ---

  // Throws kUnsupported for a precision that the model cannot have there.
  TfLitePorts Ports(const Model& model) const {
    const Precision precision = info_.target.precision.value_or(is_edgetpu() ? Precision::kInt8 : Precision::kFp32);
    if (is_edgetpu()) return precision == Precision::kUInt8 ? TfLitePorts::kUInt8 : TfLitePorts::kInt8;
    if (precision == Precision::kInt8 || HoldsQuantizedOps(model.graph())) return TfLitePorts::kInt8;
    Target int8 = info_.target;
    int8.precision = Precision::kInt8;
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} on {}: LiteRT runs float ONNX models in int8 only: ask for {}, or for cpu@onnxruntime "
                            "or cpu@openvino",
                            model.name(), info_.target.ToString(), int8.ToString()));
  }

  std::shared_ptr<Device> inner_;
  std::shared_ptr<TfLiteForms> forms_;
  OpenDevice open_rest_;
  OpenOptions open_;
  DeviceInfo info_;
};

class ConvertingBackend : public Backend {
 public:
  ConvertingBackend(std::unique_ptr<Backend> inner, Quantizer quantizer, OpenDevice open_rest)
      : inner_(std::move(inner)),
        forms_(std::make_shared<TfLiteForms>(std::move(quantizer))),
        open_rest_(std::move(open_rest)) {}

  std::string_view name() const override { return inner_->name(); }
  std::vector<std::string> devices() const override { return inner_->devices(); }
  std::vector<DeviceFinding> Find() override { return inner_->Find(); }
  std::vector<Diagnosis> Diagnose() override { return inner_->Diagnose(); }
  void CheckUnit(const Target& target) const override { inner_->CheckUnit(target); }
  // The child process is given files.
  bool isolates_itself() const override { return true; }

  std::shared_ptr<Device> Open(const Target& target, const OpenOptions& options) override {
    std::shared_ptr<Device> device = options.isolated && !inner_->isolates_itself() ? OpenIsolated(target, options)
                                                                                    : inner_->Open(target, options);
    return std::make_shared<ConvertingDevice>(std::move(device), forms_, open_rest_, options);
  }

 private:
  std::unique_ptr<Backend> inner_;
  std::shared_ptr<TfLiteForms> forms_;
  OpenDevice open_rest_;
};

}  // namespace

std::unique_ptr<Backend> MakeConvertingBackend(std::unique_ptr<Backend> inner, Quantizer quantizer,
                                               OpenDevice open_rest) {
  return std::make_unique<ConvertingBackend>(std::move(inner), std::move(quantizer), std::move(open_rest));
}

}  // namespace consort
