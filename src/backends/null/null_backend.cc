#include "backends/null/null_backend.h"

#include <fmt/format.h>

#include "backends/null/null_program.h"
#include "consort/error.h"

namespace consort {
namespace {

DeviceInfo NullInfo(const Target& target) {
  return {.target = target,
          .name = "null device",
          .engine = "none",
          .resource = "null",
          .precisions = {Precision::kFp32, Precision::kFp16, Precision::kBf16, Precision::kInt8, Precision::kUInt8},
          .accepts = {ArtifactKind::kOnnx},
          .spaces = {MemorySpace{}}};
}

class NullDevice : public Device {
 public:
  NullDevice(const Target& target, const OpenOptions& options) : info_(NullInfo(target)), clock_(options.clock) {}

  const DeviceInfo& info() const override { return info_; }

  std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) override {
    if (!options.engine_options.empty()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("the null device has no engine option '{}'", options.engine_options.front().first));
    }
    // model() refuses artifacts of another kind.
    auto program = std::make_shared<NullProgram>(artifact.model(), info_.target, options);
    return MakeExecutable(std::move(program), {.execution = options.execution,
                                               .flush_denormals = options.flush_denormals,
                                               .max_in_flight = options.max_in_flight,
                                               .clock = clock_});
  }

  Buffer Allocate(const TensorSpec& spec, MemorySpace space) override {
    if (space != MemorySpace{}) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("the null device has host memory only, not {}", ToString(space)));
    }
    return Buffer::Allocate(spec);
  }

 private:
  DeviceInfo info_;
  Clock* clock_;
};

class NullBackend : public Backend {
 public:
  std::string_view name() const override { return "null"; }
  std::vector<std::string> devices() const override { return {"null"}; }
  std::vector<DeviceFinding> Find() override { return {{.info = NullInfo(Target::Parse("null@null"))}}; }
  std::vector<Diagnosis> Diagnose() override { return {}; }

  std::shared_ptr<Device> Open(const Target& target, const OpenOptions& options) override {
    if (!target.unit.empty()) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}: the null device has no units; use null", target.ToString()));
    }
    return std::make_shared<NullDevice>(target, options);
  }
};

}  // namespace

std::unique_ptr<Backend> MakeNullBackend() { return std::make_unique<NullBackend>(); }

}  // namespace consort
