#include "backends/onnxruntime/onnxruntime_backend.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "backends/onnxruntime/cuda_driver.h"
#include "backends/onnxruntime/onnxruntime_device.h"
#include "base/strings.h"
#include "consort/error.h"

namespace consort {
namespace {

using Kind = ProviderChoice::Kind;

constexpr char kName[] = "onnxruntime";
constexpr char kCudaProvider[] = "CUDAExecutionProvider";
constexpr char kTensorRtProvider[] = "TensorrtExecutionProvider";
constexpr char kLibraryRemedy[] =
    "run 'make setup', or set CONSORT_ONNXRUNTIME_LIBRARY to a libonnxruntime.so of version 1.24 or newer";
constexpr char kGpuRemedy[] =
    "install the onnxruntime-gpu package and set CONSORT_ONNXRUNTIME_LIBRARY to its libonnxruntime.so (docs/gpu.md)";

// "name=path" of a plugin execution provider, or only the path of an ONNX Runtime library.
struct PluginChoice {
  explicit PluginChoice(const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
      library = text;
    } else {
      provider_name = text.substr(0, equals);
      provider_path = text.substr(equals + 1);
    }
  }
  std::string library;
  std::string provider_name;
  std::string provider_path;
};

// The processor's own name, or "CPU".
std::string ProcessorName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

int64_t HostMemoryBytes() { return int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE); }

DeviceInfo BaseInfo(const OrtLibrary& library, const Target& target) {
  return {.target = target, .engine = "ONNX Runtime " + library.version(), .accepts = {ArtifactKind::kOnnx},
          .spaces = {MemorySpace{}}};
}

CoreSet CoresOf(const Target& target) {
  if (target.unit.empty()) return {};
  const CoreSet cores = CoreSet::Parse(target.unit);
  const CoreSet available = CoreSet::Available();
  if (!available.Contains(cores)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: this process may use cores {} only", target.ToString(), available.ToString()));
  }
  return cores;
}

DeviceInfo CpuInfo(const OrtLibrary& library, const Target& target) {
  DeviceInfo info = BaseInfo(library, target);
  const CoreSet confined = CoresOf(target);
  info.cores = confined.empty() ? CoreSet::Available() : confined;
  info.name = fmt::format("{} ({} core{})", ProcessorName(), info.cores.size(), info.cores.size() == 1 ? "" : "s");
  info.resource = "cpu";
  info.memory_bytes = HostMemoryBytes();
  info.precisions = {Precision::kFp32, Precision::kInt8, Precision::kUInt8};
  return info;
}

int IndexOf(const Target& target) {
  if (target.unit.empty()) return 0;
  const std::optional<int64_t> index = ParseInteger(target.unit);
  if (!index || *index < 0 || *index > 1023) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the part after ':' must be the device's number, for example {}:0", target.ToString(),
                            target.device));
  }
  return static_cast<int>(*index);
}

const char* GpuProviderOf(const Target& target) { return target.device == "cuda" ? kCudaProvider : kTensorRtProvider; }

DeviceInfo GpuInfo(const OrtLibrary& library, const Target& target, int index) {
  const CudaDeviceFact& fact = FindCudaDevices().devices.at(index);
  DeviceInfo info = BaseInfo(library, target);
  info.target.unit = std::to_string(index);
  info.name = fact.name;
  info.driver = FindCudaDevices().driver;
  info.resource = fmt::format("cuda:{}", index);
  info.memory_bytes = fact.memory_bytes;
  info.precisions = {Precision::kFp32, Precision::kFp16, Precision::kBf16, Precision::kInt8};
  info.spaces.push_back({MemorySpace::Kind::kDevice, index});
  return info;
}

class OnnxRuntimeBackend : public Backend {
 public:
  std::string_view name() const override { return kName; }
  std::vector<std::string> devices() const override { return {"cpu", "cuda", "tensorrt", "ep"}; }
  std::vector<DeviceFinding> Find() override;
  std::vector<Diagnosis> Diagnose() override;
  std::shared_ptr<Device> Open(const Target& target, const OpenOptions& options) override;

 private:
  std::shared_ptr<Device> OpenCpu(OrtLibrary& library, const Target& target, Clock* clock) const;
  std::shared_ptr<Device> OpenGpu(OrtLibrary& library, const Target& target, Clock* clock) const;
  std::shared_ptr<Device> OpenPlugin(OrtLibrary& library, const Target& target, const PluginChoice& plugin, Clock* clock) const;
};

void FindGpus(const OrtLibrary& library, const std::string& device, std::vector<DeviceFinding>& findings) {
  const Target target{.device = device, .unit = "0", .backend = kName};
  if (!library.HasProvider(GpuProviderOf(target))) return;
  const CudaFacts& facts = FindCudaDevices();
  for (size_t i = 0; i < facts.devices.size(); ++i) {
    findings.push_back({.info = GpuInfo(library, target, static_cast<int>(i))});
  }
  if (!facts.devices.empty()) return;
  findings.push_back({.info = BaseInfo(library, target), .usable = false,
                      .problem = fmt::format("{} is a GPU build, but no CUDA device responds: {}", library.path(), facts.problem),
                      .remedy = "check the driver with 'nvidia-smi' (docs/devices.md)"});
}

std::vector<DeviceFinding> OnnxRuntimeBackend::Find() {
  const Target cpu{.device = "cpu", .backend = kName};
  try {
    const OrtLibrary& library = OrtLibrary::Load();
    std::vector<DeviceFinding> findings{{.info = CpuInfo(library, cpu)}};
    FindGpus(library, "cuda", findings);
    FindGpus(library, "tensorrt", findings);
    return findings;
  } catch (const Error& error) {
    return {{.info = {.target = cpu}, .usable = false, .problem = error.what(), .remedy = kLibraryRemedy}};
  }
}

std::vector<Diagnosis> OnnxRuntimeBackend::Diagnose() {
  try {
    const OrtLibrary& library = OrtLibrary::Load();
    std::vector<Diagnosis> lines{{Diagnosis::Level::kOk, kName,
                                  fmt::format("ONNX Runtime {} from {}; providers: {}", library.version(), library.path(),
                                              Join(library.providers())), ""}};
    if (!library.HasProvider(kCudaProvider)) {
      lines.push_back({Diagnosis::Level::kNote, kName, "no CUDA: the library is a CPU build", kGpuRemedy});
    } else if (!FindCudaDevices().problem.empty()) {
      lines.push_back({Diagnosis::Level::kProblem, kName, "no CUDA device responds: " + FindCudaDevices().problem,
                       "check the driver with 'nvidia-smi' (docs/devices.md)"});
    }
    return lines;
  } catch (const Error& error) {
    return {{Diagnosis::Level::kProblem, kName, error.what(), kLibraryRemedy}};
  }
}

std::shared_ptr<Device> OnnxRuntimeBackend::Open(const Target& target, const OpenOptions& options) {
  const PluginChoice plugin(options.plugin);
  OrtLibrary& library = OrtLibrary::Load(plugin.library);
  if (target.device == "ep") return OpenPlugin(library, target, plugin, options.clock);
  if (!plugin.provider_name.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: a plugin execution provider ('{}') is opened as ep@onnxruntime", target.ToString(),
                            options.plugin));
  }
  return target.device == "cpu" ? OpenCpu(library, target, options.clock) : OpenGpu(library, target, options.clock);
}

std::shared_ptr<Device> OnnxRuntimeBackend::OpenCpu(OrtLibrary& library, const Target& target, Clock* clock) const {
  ProviderChoice provider{.cores = CoresOf(target)};
  return std::make_shared<OnnxRuntimeDevice>(library, std::move(provider), CpuInfo(library, target), clock);
}

std::shared_ptr<Device> OnnxRuntimeBackend::OpenGpu(OrtLibrary& library, const Target& target, Clock* clock) const {
  const int index = IndexOf(target);
  const char* provider_name = GpuProviderOf(target);
  if (!library.HasProvider(provider_name)) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: {} has no {} (it has {}): {}", target.ToString(), library.path(),
                                                     provider_name, Join(library.providers()), kGpuRemedy));
  }
  const CudaFacts& facts = FindCudaDevices();
  if (index >= static_cast<int>(facts.devices.size())) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: {}", target.ToString(),
                            facts.devices.empty() ? "no CUDA device responds: " + facts.problem
                                                  : fmt::format("there are {} CUDA devices, numbered from 0", facts.devices.size())));
  }
  ProviderChoice provider{.kind = target.device == "cuda" ? Kind::kCuda : Kind::kTensorRt, .name = provider_name, .index = index};
  return std::make_shared<OnnxRuntimeDevice>(library, std::move(provider), GpuInfo(library, target, index), clock);
}

std::shared_ptr<Device> OnnxRuntimeBackend::OpenPlugin(OrtLibrary& library, const Target& target, const PluginChoice& plugin,
                                                       Clock* clock) const {
  if (plugin.provider_name.empty()) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: give the plugin execution provider as 'name=/path/to/library.so'", target.ToString()));
  }
  const std::vector<const OrtEpDevice*> found = library.RegisterProviders(plugin.provider_name, plugin.provider_path);
  const int index = IndexOf(target);
  if (index >= static_cast<int>(found.size())) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: {} offers {} device{} on this machine", target.ToString(),
                                                     plugin.provider_path, found.size(), found.size() == 1 ? "" : "s"));
  }
  const OrtApi& api = library.api();
  const OrtHardwareDevice* hardware = api.EpDevice_Device(found[index]);
  constexpr const char* kResources[] = {"cpu", "gpu", "npu"};
  DeviceInfo info = BaseInfo(library, target);
  info.name = fmt::format("{} by {}", api.EpDevice_EpName(found[index]), api.EpDevice_EpVendor(found[index]));
  info.resource = kResources[api.HardwareDevice_Type(hardware)];
  info.precisions = {Precision::kFp32};
  ProviderChoice provider{.kind = Kind::kPlugin, .name = api.EpDevice_EpName(found[index]), .ep_device = found[index]};
  return std::make_shared<OnnxRuntimeDevice>(library, std::move(provider), std::move(info), clock);
}

}  // namespace

std::unique_ptr<Backend> MakeOnnxRuntimeBackend() { return std::make_unique<OnnxRuntimeBackend>(); }

}  // namespace consort
