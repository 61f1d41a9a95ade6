#include "bench/subject.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/thread.h"
#include "consort/error.h"
#include "io/random_input.h"

namespace consort {
namespace {

// Calls `work` and returns how long it took.
template <typename Work>
TimeNs Timed(Work&& work) {
  const TimeNs start = Clock::Real().NowNs();
  work();
  return Clock::Real().NowNs() - start;
}

void Copy(Buffer& to, const Buffer& from) {
  if (from.size_bytes() > 0) std::memcpy(to.data(), from.data(), from.size_bytes());
}

int64_t TotalBytes(const std::vector<Buffer>& buffers) {
  int64_t bytes = 0;
  for (const Buffer& buffer : buffers) bytes += static_cast<int64_t>(buffer.size_bytes());
  return bytes;
}

bool HasOwnMemory(const DeviceInfo& info) {
  return std::any_of(info.spaces.begin(), info.spaces.end(),
                     [](const MemorySpace& space) { return !space.host_readable(); });
}

void RequireStrict(const Target& target, const Placement& placement) {
  try {
    consort::RequireStrict(placement);
  } catch (const Error& error) {
    throw Error(error.code(), target.ToString() + ": " + error.what());
  }
}

}  // namespace

InputSource SeededInputs(uint64_t seed) {
  return [seed](const Signature& signature) {
    std::vector<Buffer> inputs;
    for (const Port& port : signature.inputs) {
      if (!IsStatic(port.spec.shape)) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("input '{}' takes {}: without a value for it its shape must be fixed (--shape, --dim)",
                                port.name, FormatSpec(port.spec)));
      }
      inputs.push_back(RandomInput(port.spec, seed, port.name));
    }
    return inputs;
  };
}

Signature SignatureOf(const Graph& graph) {
  const auto ports = [&graph](const std::vector<TensorId>& tensors) {
    std::vector<Port> made;
    for (const TensorId id : tensors) {
      const Tensor& tensor = graph.tensor(id);
      made.push_back({tensor.name, tensor.spec, tensor.dim_names});
    }
    return made;
  };
  return {.inputs = ports(graph.inputs()), .outputs = ports(graph.outputs())};
}

Subject::Subject(const Registry& registry, const Target& target, const Artifact& artifact,
                 const SubjectOptions& options, const InputSource& inputs)
    : target_(target), options_(options) {
  options_.compile.execution = Execution::kCaller;
  setup_.open_ns = Timed([&] { device_ = registry.Open(target_, options_.open); });
  setup_.compile_ns = Timed([&] { executable_ = device_->Compile(artifact, options_.compile); });
  if (options_.strict) RequireStrict(target_, placement());
  if (emulated() != nullptr) {
    transfers_hidden_ = "transfers are part of the modelled time";
  } else if (HasOwnMemory(info())) {
    transfers_hidden_ = fmt::format("{} copies between host and device during the call", info().engine);
  }
  binding_ = std::make_shared<Binding>(signature());
  BindInputs(inputs(signature()));
  const ThreadScope scope(caller_cores(), options_.compile.flush_denormals);
  setup_.first_run_ns = Timed([this] { Query(); });
  BindOutputs();
}

// Memory that the device computes from without another copy, where the host can write it.
Buffer Subject::Allocate(const TensorSpec& spec) {
  for (const MemorySpace& space : info().spaces) {
    if (space.host_readable() && ByteSize(spec) > 0) return device_->Allocate(spec, space);
  }
  return Buffer::Allocate(spec);
}

void Subject::BindInputs(std::vector<Buffer> inputs) {
  for (size_t port = 0; port < inputs.size(); ++port) {
    callers_inputs_.push_back(inputs[port].Clone());
    Buffer bound = Allocate(inputs[port].spec());
    Copy(bound, inputs[port]);
    binding_->SetInput(static_cast<int>(port), std::move(bound));
  }
}

void Subject::BindOutputs() {
  for (int port = 0; port < binding_->output_count(); ++port) {
    const TensorSpec spec = binding_->output(port).spec();
    callers_outputs_.push_back(Buffer::Allocate(spec));
    binding_->SetOutput(port, Allocate(spec));
  }
}

void Subject::CopyIn() {
  for (size_t port = 0; port < callers_inputs_.size(); ++port) {
    Copy(binding_->input(static_cast<int>(port)), callers_inputs_[port]);
  }
}

void Subject::CopyOut() {
  for (size_t port = 0; port < callers_outputs_.size(); ++port) {
    Copy(callers_outputs_[port], binding_->output(static_cast<int>(port)));
  }
}

int Subject::threads() const {
  return options_.compile.threads > 0 ? options_.compile.threads : std::max(1, cores().size());
}

CoreSet Subject::caller_cores() const {
  const std::vector<MemorySpace>& spaces = info().spaces;
  const bool other_process = std::any_of(
      spaces.begin(), spaces.end(), [](const MemorySpace& space) { return space.kind == MemorySpace::Kind::kShared; });
  return other_process ? CoreSet() : cores();
}

int64_t Subject::input_bytes() const { return TotalBytes(callers_inputs_); }
int64_t Subject::output_bytes() const { return TotalBytes(callers_outputs_); }

}  // namespace consort
