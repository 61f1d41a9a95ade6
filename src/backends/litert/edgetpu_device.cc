#include "backends/litert/edgetpu_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <future>
#include <thread>

#include "backends/litert/edgetpu_plugin.h"
#include "backends/litert/interpreter.h"
#include "backends/litert/litert_placement.h"
#include "backends/litert/litert_program.h"
#include "base/strings.h"
#include "base/thread.h"
#include "consort/backend.h"
#include "consort/error.h"

namespace consort::litert {
namespace {

// The first use loads the firmware, after which the device comes back on the bus.
constexpr TimeNs kPatienceNs = 60'000'000'000;

// What libedgetpu's plugin passes on to the device (edgetpu.h, EdgeTpuManager::DeviceOptions).
constexpr std::array<const char*, 3> kRuntimeOptions = {"Performance", "Usb.AlwaysDfu", "Usb.MaxBulkInQueueLength"};

// "usb:1" → {"usb", 1}; "1" → {"", 1}; "usb" and "" without a number.
struct Unit {
  std::string link;
  std::optional<int64_t> number;
};

std::optional<Unit> ParseUnit(const std::string& text) {
  Unit unit;
  std::string rest = text;
  for (const std::string link : {"usb", "pci"}) {
    if (text != link && !text.starts_with(link + ":")) continue;
    unit.link = link;
    rest = text == link ? "" : text.substr(link.size() + 1);
    if (text.ends_with(":")) return std::nullopt;
  }
  if (rest.empty()) return unit;
  unit.number = ParseInteger(rest);
  return unit.number && *unit.number >= 0 ? std::optional(unit) : std::nullopt;
}

// The index among those listed of the device of a unit, the first where it has no number; absent when there is none.
std::optional<size_t> IndexOf(const std::vector<EdgeTpu>& listed, const std::string& text) {
  const Unit unit = ParseUnit(text).value_or(Unit{});
  int64_t number = 0;
  for (size_t i = 0; i < listed.size(); ++i) {
    if (!unit.link.empty() && listed[i].link != unit.link) continue;
    if (number++ == unit.number.value_or(0)) return i;
  }
  return std::nullopt;
}

std::string Describe(const std::vector<EdgeTpu>& listed) {
  std::vector<std::string> texts;
  for (const EdgeTpu& device : listed) texts.push_back(fmt::format("{} {}", device.link, device.path));
  return listed.empty() ? "none" : Join(texts);
}

DeviceInfo InfoOf(const Target& target, const EdgeTpuPlugin& plugin, const std::optional<EdgeTpu>& device) {
  DeviceInfo info;
  info.target = target;
  info.name = device ? fmt::format("Edge TPU ({} {})", device->link, device->path) : "Edge TPU";
  info.engine = "LiteRT " + LiteRtLibrary::Get().version();
  info.driver = plugin.version();
  info.resource = "edgetpu:" + (device ? device->path : target.unit);
  info.cores = CoreSet::Available();
  info.precisions = {Precision::kInt8, Precision::kUInt8};
  info.accepts = {ArtifactKind::kTfLite};
  info.spaces = {MemorySpace{}};
  return info;
}

// Runs `work` on a thread of its own. Throws kTimeout, begun by `place`, when it takes longer; the thread then goes on
// with what `work` owns. A driver hangs in real time, whatever clock the device has.
template <typename T>
T Within(TimeNs limit_ns, const std::string& place, std::function<T()> work) {
  std::packaged_task<T()> task(std::move(work));
  std::future<T> result = task.get_future();
  std::thread(std::move(task)).detach();
  if (result.wait_for(std::chrono::nanoseconds(limit_ns)) != std::future_status::ready) {
    throw Error(ErrorCode::kTimeout,
                fmt::format("{}: no answer within {:.0f} s; unplug the device and plug it in again, or stop the program that "
                            "holds it ('consort doctor')",
                            place, 1e-9 * static_cast<double>(limit_ns)));
  }
  return result.get();
}

TimeNs PatienceOf(const OpenOptions& options) {
  return options.compile_timeout_ns == kNever ? kPatienceNs : options.compile_timeout_ns;
}

// The runtime and what it sees.
struct Seen {
  EdgeTpuPlugin plugin;
  std::vector<EdgeTpu> listed;
};

// The bus can hang a runtime that only looks.
Seen Look(const std::string& file, const std::string& place, TimeNs limit_ns) {
  return Within<Seen>(limit_ns, place, [file] {
    EdgeTpuPlugin plugin = EdgeTpuPlugin::Load(file);
    std::vector<EdgeTpu> listed = plugin.List();
    return Seen{std::move(plugin), std::move(listed)};
  });
}

// Which operators Coral's compiler made: a model without any has not been through it.
void RequireCompiled(const Interpreter& interpreter, const std::string& place) {
  const std::vector<PlanNode>& nodes = interpreter.plan_before();
  const bool compiled =
      std::any_of(nodes.begin(), nodes.end(), [](const PlanNode& node) { return node.type == kEdgeTpuOperator; });
  if (compiled) return;
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{}: the model holds no {}, so that every operator would run on the CPU; compile it with "
                          "edgetpu_compiler, or ask for cpu@litert by name",
                          place, kEdgeTpuOperator));
}

// A call with zeros: the first one takes the parameters to the chip, so that those that follow need not. Not of a model
// with open shapes.
void WarmUp(Interpreter& interpreter) {
  const LiteRtLibrary& library = LiteRtLibrary::Get();
  for (int input = 0; input < interpreter.input_count(); ++input) {
    const auto* tensor = reinterpret_cast<const TfLiteOpaqueTensor*>(interpreter.input(input));
    int32_t axes = 0, size = 0;
    library.TensorNumDimsSignature(tensor, &axes);
    for (int32_t axis = 0; axis < axes; ++axis) {
      if (library.TensorDimSignature(tensor, axis, &size) == kTfLiteOk && size < 0) return;
    }
  }
  interpreter.Allocate();
  for (int input = 0; input < interpreter.input_count(); ++input) {
    TfLiteTensor* tensor = interpreter.input(input);
    if (library.TensorByteSize(tensor) > 0) std::memset(library.TensorData(tensor), 0, library.TensorByteSize(tensor));
  }
  interpreter.Invoke();
}

class EdgeTpuDevice : public Device {
 public:
  // `unit`: as the runtime is asked for the device.
  EdgeTpuDevice(DeviceInfo info, EdgeTpuPlugin plugin, std::string unit, const OpenOptions& options)
      : info_(std::move(info)),
        plugin_(std::move(plugin)),
        unit_(std::move(unit)),
        clock_(options.clock),
        patience_ns_(PatienceOf(options)) {}

  const DeviceInfo& info() const override { return info_; }
  std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) override;
  Buffer Allocate(const TensorSpec& spec, MemorySpace space) override;

 private:
  InterpreterOptions Options(const CompileOptions& options, const std::string& place) const;
  std::shared_ptr<Program> MakeProgram(const Artifact& artifact, const CompileOptions& options,
                                       const std::string& place);

  DeviceInfo info_;
  EdgeTpuPlugin plugin_;
  std::string unit_;
  Clock* clock_;
  TimeNs patience_ns_;
  std::atomic<bool> given_up_{false};
};

Buffer EdgeTpuDevice::Allocate(const TensorSpec& spec, MemorySpace space) {
  if (space != MemorySpace{}) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{} takes host memory only", info_.target.ToString()));
  }
  return Buffer::Allocate(spec);
}

// Threads and optimisation are those of what is left to the CPU.
InterpreterOptions EdgeTpuDevice::Options(const CompileOptions& options, const std::string& place) const {
  for (const auto& [key, value] : options.engine_options) {
    if (std::find(kRuntimeOptions.begin(), kRuntimeOptions.end(), key) != kRuntimeOptions.end()) continue;
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: engine option {}={}: an Edge TPU's runtime has {}", place, key,
                                                         value, Join({kRuntimeOptions.begin(), kRuntimeOptions.end()})));
  }
  InterpreterOptions result;
  result.threads = std::clamp(options.threads, 1, info_.cores.size());
  result.xnnpack = options.optimization != Optimization::kNone;
  result.prove_placement = options.prove_placement;
  return result;
}

std::shared_ptr<Program> EdgeTpuDevice::MakeProgram(const Artifact& artifact, const CompileOptions& options,
                                                    const std::string& place) {
  const auto make = [bytes = std::make_shared<const std::string>(artifact.bytes()), wanted = Options(options, place), place,
                     plugin = plugin_, unit = unit_, info = info_, runtime = options.engine_options, flush = options.flush_denormals]() mutable {
    const ThreadScope scope(info.cores, flush);
    wanted.accelerator = plugin.MakeDelegate(unit, runtime, place);
    auto interpreter = std::make_unique<Interpreter>(std::move(bytes), wanted, place);
    RequireCompiled(*interpreter, place);
    WarmUp(*interpreter);
    Placement placement = ReadPlacement(*interpreter, info.target);
    return std::shared_ptr<Program>(
        std::make_shared<LiteRtProgram>(std::move(interpreter), std::move(placement), place));
  };
  try {
    return Within<std::shared_ptr<Program>>(patience_ns_, place, make);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kTimeout) given_up_ = true;
    throw;
  }
}

std::unique_ptr<Executable> EdgeTpuDevice::Compile(const Artifact& artifact, const CompileOptions& options) {
  const std::string place = fmt::format("{} on {}", artifact.name(), info_.target.ToString());
  if (given_up_) {
    throw Error(ErrorCode::kDeviceLost,
                fmt::format("{}: the device hung before and is not used again; open it with --isolate, which ends a "
                            "process that hangs",
                            place));
  }
  if (artifact.kind() != ArtifactKind::kTfLite) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: an Edge TPU takes the .tflite file that edgetpu_compiler makes of a full-integer one "
                            "(docs/devices.md)",
                            place));
  }
  ExecutableOptions executable;
  executable.execution = options.execution;
  executable.cores = info_.cores;
  executable.flush_denormals = options.flush_denormals;
  executable.max_in_flight = options.max_in_flight;
  executable.clock = clock_;
  return MakeExecutable(MakeProgram(artifact, options, place), executable);
}

DeviceFinding Missing(const std::string& problem, const std::string& remedy) {
  DeviceFinding finding;
  finding.info.target = {"edgetpu", "", "litert", {}};
  finding.usable = false;
  finding.problem = problem;
  finding.remedy = remedy;
  return finding;
}

}  // namespace

void CheckEdgeTpuUnit(const Target& target) {
  if (ParseUnit(target.unit)) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: '{}' is no Edge TPU; write edgetpu, edgetpu:0, edgetpu:usb:0 or edgetpu:pci:0",
                          target.ToString(), target.unit));
}

std::shared_ptr<Device> OpenEdgeTpu(const Target& target, const OpenOptions& options) {
  CheckEdgeTpuUnit(target);
  if (target.precision && *target.precision != Precision::kInt8 && *target.precision != Precision::kUInt8) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: an Edge TPU computes in int8 or uint8", target.ToString()));
  }
  Seen seen = Look(options.plugin, target.ToString(), PatienceOf(options));
  const std::optional<size_t> index = IndexOf(seen.listed, target.unit);
  if (seen.plugin.lists_devices() && !index) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: there is no such Edge TPU; {} sees {}; 'consort doctor' looks for the cause",
                            target.ToString(), seen.plugin.path(), Describe(seen.listed)));
  }
  DeviceInfo info = InfoOf(target, seen.plugin, index ? std::optional(seen.listed[*index]) : std::nullopt);
  std::string unit = index ? std::to_string(*index) : target.unit;
  return std::make_shared<EdgeTpuDevice>(std::move(info), std::move(seen.plugin), std::move(unit), options);
}

std::vector<DeviceFinding> FindEdgeTpus() {
  std::vector<DeviceFinding> findings;
  try {
    const auto [plugin, listed] = Look("", "edgetpu", kPatienceNs);
    for (size_t i = 0; i < listed.size(); ++i) {
      DeviceFinding& finding = findings.emplace_back();
      finding.info = InfoOf({"edgetpu", std::to_string(i), "litert", {}}, plugin, listed[i]);
    }
    if (findings.empty()) {
      findings.push_back(Missing(plugin.lists_devices() ? plugin.path() + " sees no Edge TPU"
                                                        : plugin.path() + " does not list devices",
                                 "plug it in, then: consort doctor"));
    }
  } catch (const Error& error) {
    findings.push_back(Missing("Coral's runtime, libedgetpu.so.1, is not installed",
                               "for an Edge TPU: install libedgetpu1-std (docs/devices.md)"));
    if (std::string_view(error.what()).find("libedgetpu.so.1: cannot open") == std::string_view::npos) {
      findings.back().problem = error.what();
    }
  }
  return findings;
}

}  // namespace consort::litert
