#include "device/isolated_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "consort/error.h"

namespace consort {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kMemoriesPerMessage = 16;  // Channel
constexpr int kStaging = 0;                 // index of the memory that copied and provided tensors lie in

size_t Aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

TensorSpec WithShape(TensorSpec spec, const Shape& shape) {
  spec.shape = shape;
  return spec;
}

void Copy(void* to, const void* from, size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

// Finds a place for each tensor of a binding.
struct LayoutBuilder {
  LayoutBuilder(const SharedMemoryTable& table_in, std::shared_ptr<SharedMemory> staging_in)
      : table(table_in), staging(std::move(staging_in)), memories(1) {}

  SharedPlace Staged(const TensorSpec& spec) {
    SharedPlace place = {.memory = kStaging, .offset = staging_bytes, .shape = spec.shape};
    staging_bytes = Aligned(staging_bytes + static_cast<size_t>(ByteSize(spec)));
    return place;
  }

  SharedPlace PlaceOf(const Buffer& buffer, const std::string& name) {
    if (!buffer.space().host_readable()) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("'{}': memory of {} does not reach the process of an isolated device", name,
                              ToString(buffer.space())));
    }
    const auto found = table.Find(buffer.data(), buffer.size_bytes());
    reads_staging = reads_staging || (found.has_value() && found->memory == staging);
    if (!found.has_value() || found->memory == staging) return Staged(buffer.spec());
    const auto known = std::find(memories.begin(), memories.end(), found->memory);
    const auto index = known - memories.begin();
    if (known == memories.end()) memories.push_back(found->memory);
    return {.memory = static_cast<int>(index), .offset = found->offset, .shape = buffer.spec().shape};
  }

  const SharedMemoryTable& table;
  std::shared_ptr<SharedMemory> staging;  // of the layout before, or none
  std::vector<std::shared_ptr<SharedMemory>> memories;
  BindingLayout layout;
  size_t staging_bytes = 0;
  bool reads_staging = false;  // a buffer lies in the staging memory itself
};

}  // namespace

// Bindings that are gone here and still exist at the other end.
struct IsolatedProgram::Forgotten {
  std::mutex mutex;
  std::vector<int> ids;
};

// What is known here of a binding at the other end; lies in the Binding's slot.
struct IsolatedProgram::Remote {
  explicit Remote(std::shared_ptr<Forgotten> forgotten_in, int id_in) : forgotten(std::move(forgotten_in)), id(id_in) {}
  ~Remote() {
    std::lock_guard lock(forgotten->mutex);
    forgotten->ids.push_back(id);
  }

  std::shared_ptr<Forgotten> forgotten;
  int id;
  bool sent = false;     // the other end has `layout`
  uint64_t version = 0;  // of the Binding when `layout` was made
  BindingLayout layout;
  std::vector<std::shared_ptr<SharedMemory>> memories;  // first: staging
  std::shared_ptr<SharedMemory> results;                // outputs that the backend allocated
};

IsolatedProgram::IsolatedProgram(std::shared_ptr<IsolatedShared> shared, Channel channel, Signature signature,
                                 Placement placement)
    : shared_(std::move(shared)),
      channel_(std::move(channel)),
      signature_(std::move(signature)),
      placement_(std::move(placement)),
      forgotten_(std::make_shared<Forgotten>()) {}

bool IsolatedProgram::Abandon(Binding& /*binding*/) {
  shared_->process.Kill("a call hung past its deadline");
  return true;
}

Message IsolatedProgram::Ask(const nlohmann::json& request, std::span<const int> descriptors) {
  return shared_->process.Ask(channel_, request, descriptors, kNever);
}

IsolatedProgram::Remote& IsolatedProgram::RemoteOf(Binding& binding) {
  if (auto* remote = static_cast<Remote*>(binding.slot(forgotten_.get()))) return *remote;
  auto remote = std::make_shared<Remote>(forgotten_, next_binding_++);
  binding.SetSlot(forgotten_.get(), remote);
  return *remote;
}

void IsolatedProgram::Invoke(Binding& binding) {
  Remote& remote = RemoteOf(binding);
  nlohmann::json request = {{"run", remote.id}};
  if (!remote.sent || remote.version != binding.version()) Rebind(binding, remote, request);
  for (int port = 0; port < binding.input_count(); ++port) {
    const SharedPlace& place = remote.layout.inputs[port];
    if (place.memory != kStaging) continue;
    Copy(remote.memories[kStaging]->data() + place.offset, binding.input(port).data(),
         binding.input(port).size_bytes());
  }
  {
    std::lock_guard lock(forgotten_->mutex);
    if (!forgotten_->ids.empty()) request["forget"] = std::exchange(forgotten_->ids, {});
  }
  Message answer = Ask(request);
  remote.sent = true;
  TakeResults(binding, remote, std::move(answer));
}

// Adds to the request what the other end does not know yet; usually nothing when only the address of a copied buffer
// changed.
void IsolatedProgram::Rebind(Binding& binding, Remote& remote, nlohmann::json& request) {
  const bool known = std::exchange(remote.sent, false);
  const std::vector<std::shared_ptr<SharedMemory>> memories = remote.memories;
  BindingLayout layout = Arrange(binding, remote);
  remote.version = binding.version();
  if (!known || layout != remote.layout || memories != remote.memories) {
    remote.layout = std::move(layout);
    SendMemories(remote);
    request["bind"] = remote.layout;
  }
  ProvideStaticOutputs(binding, remote);
}

// Decides where each tensor lies: in place when it is in shared memory of this device, else in the staging memory.
BindingLayout IsolatedProgram::Arrange(Binding& binding, Remote& remote) {
  LayoutBuilder builder(shared_->memories, remote.memories.empty() ? nullptr : remote.memories[kStaging]);
  for (int port = 0; port < binding.input_count(); ++port) {
    builder.layout.inputs.push_back(builder.PlaceOf(binding.input(port), signature_.inputs[port].name));
  }
  for (int port = 0; port < binding.output_count(); ++port) {
    const TensorSpec& spec = signature_.outputs[port].spec;
    SharedPlace place;
    if (binding.output_is_callers(port)) {
      place = builder.PlaceOf(binding.output(port), signature_.outputs[port].name);
    } else if (IsStatic(spec.shape)) {
      place = builder.Staged(spec);
    }
    builder.layout.outputs.push_back(std::move(place));
  }
  const bool too_small = builder.staging == nullptr || builder.staging->size_bytes() < builder.staging_bytes;
  // A buffer that is copied from the staging memory must not be written over by one that now lies there.
  if (too_small || (builder.reads_staging && builder.layout != remote.layout)) {
    builder.staging = SharedMemory::Create(builder.staging_bytes);
    shared_->memories.Add(builder.staging);
  }
  builder.memories[kStaging] = builder.staging;
  remote.memories = std::move(builder.memories);
  return std::move(builder.layout);
}

void IsolatedProgram::ProvideStaticOutputs(Binding& binding, const Remote& remote) {
  for (int port = 0; port < binding.output_count(); ++port) {
    const SharedPlace& place = remote.layout.outputs[port];
    if (binding.output_is_callers(port) || place.memory < 0) continue;
    const std::shared_ptr<SharedMemory>& memory = remote.memories[place.memory];
    binding.ProvideOutput(port, Buffer::Wrap(signature_.outputs[port].spec, {.kind = MemorySpace::Kind::kShared},
                                             memory->data() + place.offset, memory));
  }
}

void IsolatedProgram::SendMemories(const Remote& remote) {
  for (size_t first = 0; first < remote.memories.size(); first += kMemoriesPerMessage) {
    std::vector<int> descriptors;
    std::vector<size_t> sizes;
    for (size_t i = first; i < std::min(first + kMemoriesPerMessage, remote.memories.size()); ++i) {
      descriptors.push_back(remote.memories[i]->descriptor());
      sizes.push_back(remote.memories[i]->size_bytes());
    }
    Ask({{"share", remote.id}, {"first", first}, {"bytes", sizes}}, descriptors);
  }
}

void IsolatedProgram::TakeResults(Binding& binding, Remote& remote, Message answer) {
  for (int port = 0; port < binding.output_count(); ++port) {
    const SharedPlace& place = remote.layout.outputs[port];
    if (place.memory != kStaging || !binding.output_is_callers(port)) continue;
    Buffer& output = binding.output(port);
    Copy(output.data(), remote.memories[kStaging]->data() + place.offset, output.size_bytes());
  }
  if (!answer.descriptors.empty()) {
    remote.results = SharedMemory::Adopt(std::move(answer.descriptors.front()), answer.body.at("bytes").get<size_t>());
    shared_->memories.Add(remote.results);
  }
  for (const OutputResult& result : answer.body.at("results").get<std::vector<OutputResult>>()) {
    const TensorSpec spec = WithShape(signature_.outputs.at(result.port).spec, result.shape);
    const size_t capacity = remote.results == nullptr ? 0 : remote.results->size_bytes();
    if (result.offset > capacity || capacity - result.offset < static_cast<size_t>(ByteSize(spec))) {
      throw Error(ErrorCode::kInternal, fmt::format("output '{}' of {} lies outside its shared memory",
                                                    signature_.outputs[result.port].name, FormatSpec(spec)));
    }
    binding.ProvideOutput(result.port, Buffer::Wrap(spec, {.kind = MemorySpace::Kind::kShared},
                                                    remote.results->data() + result.offset, remote.results));
  }
}

}  // namespace consort
