#include "backends/converting/converting_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "backends/converting/file_placement.h"
#include "backends/converting/ported_executable.h"
#include "backends/converting/tflite_forms.h"
#include "consort/error.h"
#include "device/isolated.h"
#include "edgetpu/compiler.h"

namespace consort {
namespace {

constexpr char kEdgeTpu[] = "edgetpu";

std::vector<Port> PortsOf(const std::vector<TfLitePort>& file, bool of_model) {
  std::vector<Port> ports;
  for (const TfLitePort& port : file) {
    const TensorSpec spec = of_model ? TensorSpec{.dtype = DataType::kFloat32, .shape = port.onnx_shape} : port.spec;
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

class ConvertingDevice : public Device {
 public:
  ConvertingDevice(std::shared_ptr<Device> inner, std::shared_ptr<TfLiteForms> forms, Clock* clock)
      : inner_(std::move(inner)), forms_(std::move(forms)), clock_(clock), info_(inner_->info()) {
    info_.accepts.push_back(ArtifactKind::kOnnx);
    info_.engine = EngineOf(info_);
  }

  const DeviceInfo& info() const override { return info_; }
  Buffer Allocate(const TensorSpec& spec, MemorySpace space) override { return inner_->Allocate(spec, space); }

  std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) override {
    if (artifact.kind() != ArtifactKind::kOnnx) return inner_->Compile(artifact, options);
    const Model& model = artifact.model();
    const TfLiteForm form = forms_->Of(model, is_edgetpu() ? TfLiteDevice::kEdgeTpu : TfLiteDevice::kCpu, Ports(model));
    CompileOptions inner_options = options;
    inner_options.execution = Execution::kCaller;
    inner_options.max_in_flight = 1;
    std::shared_ptr<Executable> inner =
        inner_->Compile(Artifact(ArtifactKind::kTfLite, artifact.name(), form.bytes), inner_options);
    Placement placement =
        PlacementOfSource(inner->placement(), *form.bytes, model.graph(), info_.target.ToString());
    inner = MakeRetold(std::move(inner), SignatureOf(form, false), placement);
    return MakePorted(std::move(inner), SignatureOf(form, true), std::move(placement),
                      {.execution = options.execution,
                       .cores = info_.cores,
                       .flush_denormals = options.flush_denormals,
                       .max_in_flight = options.max_in_flight,
                       .clock = clock_});
  }

 private:
  bool is_edgetpu() const { return info_.target.device == kEdgeTpu; }

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
  Clock* clock_;
  DeviceInfo info_;
};

class ConvertingBackend : public Backend {
 public:
  ConvertingBackend(std::unique_ptr<Backend> inner, Quantizer quantizer)
      : inner_(std::move(inner)), forms_(std::make_shared<TfLiteForms>(std::move(quantizer))) {}

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
    return std::make_shared<ConvertingDevice>(std::move(device), forms_, options.clock);
  }

 private:
  std::unique_ptr<Backend> inner_;
  std::shared_ptr<TfLiteForms> forms_;
};

}  // namespace

std::unique_ptr<Backend> MakeConvertingBackend(std::unique_ptr<Backend> inner, Quantizer quantizer) {
  return std::make_unique<ConvertingBackend>(std::move(inner), std::move(quantizer));
}

}  // namespace consort
