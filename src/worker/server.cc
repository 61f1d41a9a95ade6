#include "worker/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "device/isolated_messages.h"
#include "device/shared_memory.h"

namespace consort {
namespace {

constexpr size_t kAlignment = 64;

size_t Aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

Artifact ReceiveArtifact(Message& message) {
  const std::string name = message.body.at("name").get<std::string>();
  const auto kind = message.body.at("kind").get<ArtifactKind>();
  const auto size = message.body.at("bytes").get<size_t>();
  if (message.descriptors.empty()) throw Error(ErrorCode::kInternal, "a model came without its bytes");
  const auto memory = SharedMemory::Adopt(std::move(message.descriptors.front()), size);
  if (kind == ArtifactKind::kOnnx) {
    return Artifact(Model::Parse({memory->data(), size}, name, {}, message.body.at("data_folder").get<std::string>()));
  }
  const auto* text = reinterpret_cast<const char*>(memory->data());
  return Artifact(kind, name, std::make_shared<const std::string>(text, size));
}

// A binding of the parent's, its tensors in memory that both map.
struct ServedBinding {
  std::vector<std::shared_ptr<SharedMemory>> memories;
  std::shared_ptr<Binding> binding;
  std::shared_ptr<SharedMemory> results;
};

Buffer BufferAt(const ServedBinding& served, const SharedPlace& place, TensorSpec spec) {
  spec.shape = place.shape;
  const std::shared_ptr<SharedMemory>& memory = served.memories.at(place.memory);
  const auto size = static_cast<size_t>(ByteSize(spec));
  if (place.offset > memory->size_bytes() || memory->size_bytes() - place.offset < size) {
    throw Error(ErrorCode::kInternal, fmt::format("a tensor of {} lies outside its shared memory", FormatSpec(spec)));
  }
  return Buffer::Wrap(std::move(spec), MemorySpace{}, memory->data() + place.offset, memory);
}

// One executable and its bindings.
class ExecutableServer {
 public:
  explicit ExecutableServer(Device& device) : device_(device) {}

  // The answer, and the descriptors that go with it.
  nlohmann::json Answer(Message& request, std::vector<int>& descriptors) {
    if (request.body.contains("compile")) return Compile(request);
    if (executable_ == nullptr) throw Error(ErrorCode::kInternal, "nothing was compiled");
    if (request.body.contains("share")) return Share(request);
    return Run(request.body, descriptors);
  }

 private:
  nlohmann::json Compile(Message& request) {
    const auto options = request.body.at("compile").get<CompileOptions>();
    executable_ = device_.Compile(ReceiveArtifact(request), options);
    return {{"signature", executable_->signature()}, {"placement", executable_->placement()}};
  }

  nlohmann::json Share(Message& request) {
    const auto sizes = request.body.at("bytes").get<std::vector<size_t>>();
    const auto first = request.body.at("first").get<size_t>();
    ServedBinding& served = bindings_[request.body.at("share").get<int>()];
    if (sizes.size() != request.descriptors.size() || first > served.memories.size()) {
      throw Error(ErrorCode::kInternal, "shared memories do not match their announcement");
    }
    served.memories.resize(first);
    for (size_t i = 0; i < sizes.size(); ++i) {
      served.memories.push_back(SharedMemory::Adopt(std::move(request.descriptors[i]), sizes[i]));
    }
    return nlohmann::json::object();
  }

  nlohmann::json Run(const nlohmann::json& request, std::vector<int>& descriptors) {
    if (const auto forget = request.find("forget"); forget != request.end()) {
      for (const nlohmann::json& id : *forget) bindings_.erase(id.get<int>());
    }
    ServedBinding& served = bindings_.at(request.at("run").get<int>());
    if (const auto bind = request.find("bind"); bind != request.end()) Bind(served, bind->get<BindingLayout>());
    consort::Run(*executable_, served.binding);
    return Results(served, descriptors);
  }

  void Bind(ServedBinding& served, const BindingLayout& layout) {
    const Signature& signature = executable_->signature();
    served.binding = std::make_shared<Binding>(signature);
    for (size_t port = 0; port < layout.inputs.size(); ++port) {
      served.binding->SetInput(static_cast<int>(port),
                               BufferAt(served, layout.inputs[port], signature.inputs.at(port).spec));
    }
    for (size_t port = 0; port < layout.outputs.size(); ++port) {
      if (layout.outputs[port].memory < 0) continue;
      served.binding->SetOutput(static_cast<int>(port),
                                BufferAt(served, layout.outputs[port], signature.outputs.at(port).spec));
    }
  }

  // Copies what the backend allocated to memory that the parent maps too; it is kept while the outputs fit.
  nlohmann::json Results(ServedBinding& served, std::vector<int>& descriptors) {
    Binding& binding = *served.binding;
    std::vector<OutputResult> results;
    size_t size = 0;
    for (int port = 0; port < binding.output_count(); ++port) {
      if (binding.output_is_callers(port)) continue;
      results.push_back({.port = port, .offset = size, .shape = binding.output(port).spec().shape});
      size = Aligned(size + binding.output(port).size_bytes());
    }
    nlohmann::json answer = {{"results", results}};
    if (!results.empty() && (served.results == nullptr || served.results->size_bytes() < size)) {
      served.results = SharedMemory::Create(size);
      answer["bytes"] = size;
      descriptors.push_back(served.results->descriptor());
    }
    for (const OutputResult& result : results) {
      const Buffer& output = binding.output(result.port);
      if (output.size_bytes() > 0)
        std::memcpy(served.results->data() + result.offset, output.data(), output.size_bytes());
    }
    return answer;
  }

  Device& device_;
  std::unique_ptr<Executable> executable_;
  std::map<int, ServedBinding> bindings_;
};

// The answer that `make` gives, or the error that it throws, as a message.
template <typename Make>
nlohmann::json AnswerOrError(const Make& make) {
  try {
    return make();
  } catch (const Error& error) {
    return ErrorMessage(error);
  } catch (const std::bad_alloc&) {
    return ErrorMessage(Error(ErrorCode::kOutOfMemory, "out of memory in the process of the device"));
  } catch (const std::exception& error) {
    return ErrorMessage(Error(ErrorCode::kInternal, error.what()));
  }
}

void ServeExecutable(std::shared_ptr<Device> device, Channel channel) {
  ExecutableServer server(*device);
  while (std::optional<Message> request = channel.Receive()) {
    std::vector<int> descriptors;
    const nlohmann::json answer = AnswerOrError([&] { return server.Answer(*request, descriptors); });
    if (!channel.Send(answer, descriptors)) return;
  }
}

std::shared_ptr<Device> OpenDevice(const Registry& registry, const nlohmann::json& request) {
  if (request.at("version").get<int>() != kIsolatedVersion) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("consort-worker speaks version {} of the protocol, the program that started "
                            "it version {}; install both from one build",
                            kIsolatedVersion, request.at("version").dump()));
  }
  return registry.Open(request.at("open").get<Target>(), {.plugin = request.at("plugin").get<std::string>()});
}

}  // namespace

void Serve(const Registry& registry, Channel channel) {
  std::shared_ptr<Device> device;
  const std::optional<Message> open = channel.Receive();
  if (!open.has_value()) return;
  const nlohmann::json answer = AnswerOrError([&]() -> nlohmann::json {
    device = OpenDevice(registry, open->body);
    return {{"info", device->info()}};
  });
  if (!channel.Send(answer) || device == nullptr) return;
  while (std::optional<Message> request = channel.Receive()) {
    if (request->descriptors.size() != 1) continue;
    std::thread(ServeExecutable, device, Channel(std::move(request->descriptors.front()))).detach();
  }
}

}  // namespace consort
