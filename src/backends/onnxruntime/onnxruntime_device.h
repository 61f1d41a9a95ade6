// A device driven by ONNX Runtime.
#ifndef CONSORT_BACKENDS_ONNXRUNTIME_ONNXRUNTIME_DEVICE_H_
#define CONSORT_BACKENDS_ONNXRUNTIME_ONNXRUNTIME_DEVICE_H_

#include <memory>

#include "backends/onnxruntime/session_setup.h"
#include "consort/backend.h"

namespace consort {

class OnnxRuntimeDevice : public Device {
 public:
  OnnxRuntimeDevice(OrtLibrary& library, ProviderChoice provider, DeviceInfo info, Clock* clock)
      : library_(library), provider_(std::move(provider)), info_(std::move(info)), clock_(clock) {}

  const DeviceInfo& info() const override { return info_; }
  std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) override;
  Buffer Allocate(const TensorSpec& spec, MemorySpace space) override;

 private:
  // Throws kUnsupported, with the way out, for a precision that this provider would not really compute in.
  void CheckPrecision(const Graph& graph) const;

  OrtLibrary& library_;
  ProviderChoice provider_;
  DeviceInfo info_;
  Clock* clock_;
};

}  // namespace consort

#endif  // CONSORT_BACKENDS_ONNXRUNTIME_ONNXRUNTIME_DEVICE_H_
