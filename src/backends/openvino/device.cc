#include "backends/openvino/device.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <openvino/runtime/intel_cpu/properties.hpp>
#include <openvino/runtime/intel_gpu/properties.hpp>

#include "backends/openvino/core.h"
#include "backends/openvino/placement.h"
#include "backends/openvino/program.h"
#include "base/strings.h"
#include "consort/error.h"

namespace consort::openvino {
namespace {

bool IsQuantized(const Graph& graph) {
  return std::any_of(graph.ops().begin(), graph.ops().end(), [](const Op& op) {
    return op.type.find("QuantizeLinear") != std::string::npos || op.type.starts_with("QLinear") ||
           op.type.ends_with("Integer");
  });
}

// Through the file when the prepared model is the file, so that external data beyond a protobuf message's limit can be
// read.
std::shared_ptr<ov::Model> Read(const Model& model) {
  if (model.has_external_data() && model.path() && !model.rewritten()) {
    return SharedCore().read_model(model.path()->string());
  }
  return SharedCore().read_model(model.Serialize({.inline_external_data = true}), ov::Tensor());
}

int64_t MemoryBytes(const std::string& engine_device) {
  if (engine_device == "CPU") return int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  if (!engine_device.starts_with("GPU")) return 0;
  return static_cast<int64_t>(SharedCore().get_property(engine_device, ov::intel_gpu::device_total_mem_size));
}

std::vector<Precision> Precisions(const std::vector<std::string>& capabilities) {
  const std::pair<const char*, Precision> kWords[] = {
      {"FP32", Precision::kFp32}, {"FP16", Precision::kFp16}, {"BF16", Precision::kBf16}, {"INT8", Precision::kInt8}};
  std::vector<Precision> precisions;
  for (const auto& [word, precision] : kWords) {
    if (std::find(capabilities.begin(), capabilities.end(), word) != capabilities.end())
      precisions.push_back(precision);
  }
  return precisions;
}

std::vector<std::string> Words(const std::vector<Precision>& precisions) {
  std::vector<std::string> words;
  for (Precision precision : precisions) words.emplace_back(ToString(precision));
  return words;
}

// Options of ours must not be set behind our back.
void CheckEngineOption(const std::string& key) {
  static const std::pair<const char*, const char*> kOurs[] = {
      {"INFERENCE_PRECISION_HINT", "the target's precision (cpu/bf16)"},
      {"INFERENCE_NUM_THREADS", "the option threads"},
      {"NUM_STREAMS", "several executables"},
      {"ENABLE_CPU_PINNING", "the target's cores (cpu:0)"},
      {"CPU_DENORMALS_OPTIMIZATION", "the option flush_denormals"}};
  for (const auto& [name, instead] : kOurs) {
    if (key == name) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("engine option {}: Consort sets it; use {} instead", key, instead));
    }
  }
}

}  // namespace

DeviceInfo Describe(const std::string& engine_device, const Target& target, const CoreSet& cores) {
  try {
    ov::Core& core = SharedCore();
    DeviceInfo info;
    info.target = target;
    info.name = core.get_property(engine_device, ov::device::full_name);
    info.engine = EngineName();
    info.cores = cores;
    info.memory_bytes = MemoryBytes(engine_device);
    info.precisions = Precisions(core.get_property(engine_device, ov::device::capabilities));
    info.accepts = {ArtifactKind::kOnnx};
    info.spaces = {MemorySpace{}};
    info.resource = target.device == "cpu" ? "cpu" : target.device + ":" + target.unit;
    if (target.device == "cpu") info.name += fmt::format(" (cores {})", cores.ToString());
    return info;
  } catch (...) {
    RethrowAs(ErrorCode::kDeviceLost, target.ToString());
  }
}

Buffer OpenVinoDevice::Allocate(const TensorSpec& spec, MemorySpace space) {
  if (space != MemorySpace{}) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{} takes host memory only", info_.target.ToString()));
  }
  return Buffer::Allocate(spec);
}

// OpenVINO would compute in another precision without a word; here what the device lacks is refused.
ov::element::Type OpenVinoDevice::InferencePrecision(const Model& model) const {
  const Precision asked = info_.target.precision.value_or(Precision::kFp32);
  if (std::find(info_.precisions.begin(), info_.precisions.end(), asked) == info_.precisions.end()) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{} does not compute in {}; it offers {}", info_.target.ToString(),
                                                     ToString(asked), Join(Words(info_.precisions))));
  }
  if (asked == Precision::kInt8 && !IsQuantized(model.graph())) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: OpenVINO quantizes nothing by itself; give a quantized model",
                                                     info_.target.ToString()));
  }
  if (asked == Precision::kFp16) return ov::element::f16;
  return asked == Precision::kBf16 ? ov::element::bf16 : ov::element::f32;
}

int OpenVinoDevice::Threads(const CompileOptions& options) const {
  const int threads = options.threads == 0 ? info_.cores.size() : options.threads;
  if (threads < 1 || threads > info_.cores.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} threads on {} cores; give 1 to {}", info_.target.ToString(), threads,
                            info_.cores.size(), info_.cores.size()));
  }
  return threads;
}

ov::AnyMap OpenVinoDevice::Properties(const Model& model, const CompileOptions& options) const {
  ov::AnyMap properties = {ov::hint::inference_precision(InferencePrecision(model)),
                           ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY)};
  if (is_cpu()) {
    properties.insert(ov::num_streams(1));
    properties.insert(ov::inference_num_threads(Threads(options)));
    properties.insert(ov::hint::enable_cpu_pinning(false));
    properties.insert(ov::intel_cpu::denormals_optimization(options.flush_denormals));
  } else if (options.threads > 1) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{} has no host threads to set", info_.target.ToString()));
  }
  for (const auto& [key, value] : options.engine_options) {
    CheckEngineOption(key);
    properties[key] = value;
  }
  return properties;
}

std::shared_ptr<Program> OpenVinoDevice::CompileProgram(const Model& model, const CompileOptions& options,
                                                        const std::string& place) const {
  const ov::AnyMap properties = Properties(model, options);
  std::shared_ptr<ov::Model> read;
  try {
    read = Read(model);
  } catch (...) {
    RethrowAs(ErrorCode::kInvalidModel, place);
  }
  try {
    const SourceMap source = MarkSourceOps(*read, model.graph());
    ov::CompiledModel compiled = SharedCore().compile_model(read, engine_device_, properties);
    Placement placement =
        options.prove_placement
            ? ReadPlacement(compiled, model.graph(), source, info_.target, options.optimization)
            : UnknownPlacement(model.graph(), info_.target, "the proof of placement was switched off");
    return std::make_shared<OpenVinoProgram>(std::move(compiled), model.graph(), std::move(placement), place);
  } catch (...) {
    RethrowAs(ErrorCode::kUnsupported, place);
  }
}

std::unique_ptr<Executable> OpenVinoDevice::Compile(const Artifact& artifact, const CompileOptions& options) {
  const std::string place = fmt::format("{} on {}", artifact.name(), info_.target.ToString());
  if (artifact.kind() != ArtifactKind::kOnnx) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: OpenVINO takes ONNX models; for a .tflite file use cpu@litert", place));
  }
  std::shared_ptr<Program> program;
  // OpenVINO takes the process's cores from the first thread that compiles, so none that is confined may be that
  // thread.
  RunOnCores(CoreSet::Available(), [&] { program = CompileProgram(artifact.model(), options, place); });
  ExecutableOptions executable;
  executable.execution = options.execution;
  // The cores of the process: OpenVINO gives a thread that calls the mask that it had at its first call, and the scope
  // puts the right one back.
  executable.cores = info_.cores;
  executable.flush_denormals = options.flush_denormals;
  executable.max_in_flight = options.max_in_flight;
  executable.clock = clock_;
  return MakeExecutable(std::move(program), executable);
}

}  // namespace consort::openvino
