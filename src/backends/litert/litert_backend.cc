#include "backends/litert/litert_backend.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "backends/litert/edgetpu_device.h"
#include "backends/litert/interpreter.h"
#include "backends/litert/litert_placement.h"
#include "backends/litert/litert_program.h"
#include "base/strings.h"
#include "base/thread.h"
#include "consort/error.h"

namespace consort {
namespace {

using litert::LiteRtLibrary;

DeviceInfo Describe(const Target& target, const CoreSet& cores) {
  DeviceInfo info;
  info.target = target;
  info.name = fmt::format("CPU (cores {})", cores.ToString());
  info.engine = "LiteRT " + LiteRtLibrary::Get().version();
  info.resource = "cpu";
  info.cores = cores;
  info.memory_bytes = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  info.precisions = {Precision::kFp32, Precision::kInt8, Precision::kUInt8};
  info.accepts = {ArtifactKind::kTfLite};
  info.spaces = {MemorySpace{}};
  return info;
}

class LiteRtDevice : public Device {
 public:
  LiteRtDevice(DeviceInfo info, Clock* clock) : info_(std::move(info)), clock_(clock) {}

  const DeviceInfo& info() const override { return info_; }
  std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) override;
  Buffer Allocate(const TensorSpec& spec, MemorySpace space) override;

 private:
  litert::InterpreterOptions Options(const CompileOptions& options) const;

  DeviceInfo info_;
  Clock* clock_;
};

Buffer LiteRtDevice::Allocate(const TensorSpec& spec, MemorySpace space) {
  if (space != MemorySpace{}) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{} takes host memory only", info_.target.ToString()));
  }
  return Buffer::Allocate(spec);
}

litert::InterpreterOptions LiteRtDevice::Options(const CompileOptions& options) const {
  litert::InterpreterOptions result;
  result.threads = options.threads == 0 ? info_.cores.size() : options.threads;
  if (result.threads < 1 || result.threads > info_.cores.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} threads on {} cores; give 1 to {}", info_.target.ToString(), result.threads,
                            info_.cores.size(), info_.cores.size()));
  }
  result.xnnpack = options.optimization != Optimization::kNone;
  result.prove_placement = options.prove_placement;
  for (const auto& [key, value] : options.engine_options) {
    const std::optional<int64_t> number = ParseInteger(value);
    if (key != "xnnpack_flags" || !number || *number < 0 || *number > UINT32_MAX) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: engine option {}={}: there is only xnnpack_flags=NUMBER", info_.target.ToString(),
                              key, value));
    }
    result.xnnpack_flags = static_cast<uint32_t>(*number);
  }
  return result;
}

std::unique_ptr<Executable> LiteRtDevice::Compile(const Artifact& artifact, const CompileOptions& options) {
  const std::string place = fmt::format("{} on {}", artifact.name(), info_.target.ToString());
  if (artifact.kind() != ArtifactKind::kTfLite) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: LiteRT takes .tflite; give the model's .tflite file, or run the ONNX "
                            "model on cpu@onnxruntime or cpu@openvino",
                            place));
  }
  // XNNPACK's threads are started here and keep the cores and the float mode that they are started with.
  const ThreadScope scope(info_.cores, options.flush_denormals);
  auto bytes = std::make_shared<const std::string>(artifact.bytes());
  auto interpreter = std::make_unique<litert::Interpreter>(std::move(bytes), Options(options), place);
  Placement placement = litert::ReadPlacement(*interpreter, info_.target);
  auto program = std::make_shared<litert::LiteRtProgram>(std::move(interpreter), std::move(placement), place);
  ExecutableOptions executable;
  executable.execution = options.execution;
  executable.cores = info_.cores;
  executable.flush_denormals = options.flush_denormals;
  executable.max_in_flight = options.max_in_flight;
  executable.clock = clock_;
  return MakeExecutable(std::move(program), executable);
}

class LiteRtBackend : public Backend {
 public:
  LiteRtBackend() { CoreSet::Available(); }

  std::string_view name() const override { return "litert"; }
  std::vector<std::string> devices() const override { return {"cpu", "edgetpu"}; }
  std::vector<DeviceFinding> Find() override;
  std::vector<Diagnosis> Diagnose() override;
  std::shared_ptr<Device> Open(const Target& target, const OpenOptions& options) override;
  void CheckUnit(const Target& target) const override;
};

void LiteRtBackend::CheckUnit(const Target& target) const {
  if (target.device == "edgetpu") litert::CheckEdgeTpuUnit(target);
}

std::vector<DeviceFinding> LiteRtBackend::Find() {
  DeviceFinding finding;
  finding.info.target = {"cpu", "", "litert", {}};
  try {
    finding.info = Describe(finding.info.target, CoreSet::Available());
  } catch (const Error& error) {
    finding.usable = false;
    finding.problem = error.what();
    finding.remedy = "make setup";
    return {finding};
  }
  std::vector<DeviceFinding> findings = litert::FindEdgeTpus();
  findings.insert(findings.begin(), std::move(finding));
  return findings;
}

std::vector<Diagnosis> LiteRtBackend::Diagnose() {
  try {
    const LiteRtLibrary& library = LiteRtLibrary::Get();
    return {{Diagnosis::Level::kOk, "litert", fmt::format("LiteRT {} from {}", library.version(), library.path()), ""}};
  } catch (const Error& error) {
    return {{Diagnosis::Level::kProblem, "litert", error.what(), "make setup"}};
  }
}

std::shared_ptr<Device> LiteRtBackend::Open(const Target& target, const OpenOptions& options) {
  if (target.device == "edgetpu") return litert::OpenEdgeTpu(target, options);
  if (target.device != "cpu") {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: the litert backend serves cpu and edgetpu", target.ToString()));
  }
  if (!options.plugin.empty()) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: name another library with CONSORT_LITERT_LIBRARY, not as a plugin ({})",
                            target.ToString(), options.plugin));
  }
  const CoreSet& process = CoreSet::Available();
  const CoreSet cores = target.unit.empty() ? process : CoreSet::Parse(target.unit);
  if (cores.empty() || !process.Contains(cores)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: this process may use cores {}, not {}", target.ToString(),
                                                         process.ToString(), target.unit));
  }
  DeviceInfo info = Describe(target, cores);
  if (target.precision &&
      std::find(info.precisions.begin(), info.precisions.end(), *target.precision) == info.precisions.end()) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: LiteRT computes in what the file holds: fp32, int8 or uint8", target.ToString()));
  }
  return std::make_shared<LiteRtDevice>(std::move(info), options.clock);
}

}  // namespace

std::unique_ptr<Backend> MakeLiteRtBackend() { return std::make_unique<LiteRtBackend>(); }

}  // namespace consort
