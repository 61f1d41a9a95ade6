// A device opened through OpenVINO.
#ifndef CONSORT_BACKENDS_OPENVINO_DEVICE_H_
#define CONSORT_BACKENDS_OPENVINO_DEVICE_H_

#include <memory>
#include <openvino/openvino.hpp>
#include <string>
#include <vector>

#include "consort/backend.h"

namespace consort::openvino {

// What is known of `engine_device` ("CPU", "GPU.0"). `target` names it in our words. Throws consort::Error.
DeviceInfo Describe(const std::string& engine_device, const Target& target, const CoreSet& cores);

// A CPU device has all cores of the process.
class OpenVinoDevice : public Device {
 public:
  OpenVinoDevice(std::string engine_device, DeviceInfo info, Clock* clock)
      : engine_device_(std::move(engine_device)), info_(std::move(info)), clock_(clock) {}

  const DeviceInfo& info() const override { return info_; }
  std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) override;
  Buffer Allocate(const TensorSpec& spec, MemorySpace space) override;

 private:
  bool is_cpu() const { return engine_device_ == "CPU"; }
  ov::AnyMap Properties(const Model& model, const CompileOptions& options) const;
  ov::element::Type InferencePrecision(const Model& model) const;
  int Threads(const CompileOptions& options) const;
  std::shared_ptr<Program> CompileProgram(const Model& model, const CompileOptions& options,
                                          const std::string& place) const;

  std::string engine_device_;
  DeviceInfo info_;
  Clock* clock_;
};

}  // namespace consort::openvino

#endif  // CONSORT_BACKENDS_OPENVINO_DEVICE_H_
