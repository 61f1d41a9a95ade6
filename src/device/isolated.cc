#include "device/isolated.h"

#include <fmt/format.h>

#include "consort/error.h"
#include "device/isolated_program.h"

namespace consort {
namespace {

// The cores that the process may use: a CPU's unit is a set of cores, another device's is not.
CoreSet CoresOf(const Target& target) {
  return target.device == "cpu" && !target.unit.empty() ? CoreSet::Parse(target.unit) : CoreSet();
}

// The bytes of an artifact in shared memory, and what the other end makes it from again.
std::shared_ptr<SharedMemory> ShareArtifact(const Artifact& artifact, nlohmann::json& request) {
  std::string serialized;
  std::string data_folder;
  if (artifact.kind() == ArtifactKind::kOnnx) {
    serialized = artifact.model().Serialize();
    if (artifact.model().has_external_data())
      data_folder = std::filesystem::absolute(artifact.model().data_folder()).string();
  }
  const std::string& bytes = artifact.kind() == ArtifactKind::kOnnx ? serialized : artifact.bytes();
  std::shared_ptr<SharedMemory> memory = SharedMemory::Create(bytes.size());
  bytes.copy(reinterpret_cast<char*>(memory->data()), bytes.size());
  request["kind"] = artifact.kind();
  request["name"] = artifact.name();
  request["bytes"] = bytes.size();
  request["data_folder"] = data_folder;
  return memory;
}

class IsolatedDevice : public Device {
 public:
  IsolatedDevice(const Target& target, const OpenOptions& options)
      : options_(options), shared_(std::make_shared<IsolatedShared>(FindWorker(), target, CoresOf(target))) {
    const nlohmann::json request = {
        {"open", target.ToString()}, {"version", kIsolatedVersion}, {"plugin", options.plugin}};
    info_ = shared_->process.Ask(request, options.compile_timeout_ns).body.at("info").get<DeviceInfo>();
    info_.spaces = {{.kind = MemorySpace::Kind::kShared}, MemorySpace{}};
  }

  const DeviceInfo& info() const override { return info_; }

  std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) override {
    nlohmann::json request = {{"compile", options}};
    const std::shared_ptr<SharedMemory> bytes = ShareArtifact(artifact, request);
    const int descriptor = bytes->descriptor();
    Channel channel = shared_->process.OpenChannel();
    const Message answer = shared_->process.Ask(channel, request, {&descriptor, 1}, options_.compile_timeout_ns);
    auto program =
        std::make_shared<IsolatedProgram>(shared_, std::move(channel), answer.body.at("signature").get<Signature>(),
                                          answer.body.at("placement").get<Placement>());
    // Cores and the floating-point mode are for the thread that computes: the other process sees to them.
    return MakeExecutable(std::move(program), {.execution = options.execution,
                                               .flush_denormals = false,
                                               .max_in_flight = options.max_in_flight,
                                               .clock = options_.clock});
  }

  Buffer Allocate(const TensorSpec& spec, MemorySpace space) override {
    if (space == MemorySpace{}) return Buffer::Allocate(spec);
    if (space.kind != MemorySpace::Kind::kShared) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}: an isolated device shares host memory only, not memory of {}",
                              info_.target.ToString(), ToString(space)));
    }
    std::shared_ptr<SharedMemory> memory = SharedMemory::Create(static_cast<size_t>(ByteSize(spec)));
    shared_->memories.Add(memory);
    void* data = memory->data();
    return Buffer::Wrap(spec, space, data, std::move(memory));
  }

 private:
  OpenOptions options_;
  std::shared_ptr<IsolatedShared> shared_;
  DeviceInfo info_;
};

}  // namespace

std::shared_ptr<Device> OpenIsolated(const Target& resolved, const OpenOptions& options) {
  return std::make_shared<IsolatedDevice>(resolved, options);
}

}  // namespace consort
