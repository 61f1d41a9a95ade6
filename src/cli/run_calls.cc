#include "cli/run_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace consort {
namespace {

[[noreturn]] void ThrowInvalid(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

// One target's calls, one after the other, on one binding.
class Calls {
 public:
  Calls(Executable& executable, const std::vector<PortInput>& inputs, const RunOptions& options,
        const std::string& target)
      : executable_(executable),
        inputs_(inputs),
        options_(options),
        target_(target),
        states_(StatePorts(executable.signature(), options)),
        binding_(std::make_shared<Binding>(executable.signature())) {}

  CallResults Run() {
    BindInputs();
    const int64_t steps = CountSteps(inputs_);
    const int64_t calls = steps > 0 ? steps : options_.iterations;
    for (int64_t call = 0; call < calls; ++call) {
      if (call > 0) CarryStates();
      if (steps > 0) SetStep(call);
      Invoke();
      if (steps > 0) Stack(call, steps);
    }
    return {calls, TakeOutputs(steps > 0)};
  }

 private:
  void BindInputs() {
    for (size_t port = 0; port < inputs_.size(); ++port) {
      const PortInput& input = inputs_[port];
      if (!input.sequence) {
        binding_->SetInput(static_cast<int>(port), input.tensor.Clone());
        continue;
      }
      TensorSpec spec = input.tensor.spec();
      if (spec.shape.size() == executable_.signature().inputs[port].spec.shape.size()) {
        spec.shape.front() = 1;
      } else {
        spec.shape.erase(spec.shape.begin());
      }
      binding_->SetInput(static_cast<int>(port), Buffer::Allocate(std::move(spec)));
    }
  }

  void SetStep(int64_t step) {
    for (size_t port = 0; port < inputs_.size(); ++port) {
      if (!inputs_[port].sequence) continue;
      Buffer& bound = binding_->input(static_cast<int>(port));
      const char* data = static_cast<const char*>(inputs_[port].tensor.data());
      if (bound.size_bytes() > 0) std::memcpy(bound.data(), data + step * bound.size_bytes(), bound.size_bytes());
    }
  }

  void CarryStates() {
    for (const auto& [input, output] : states_) binding_->SetInput(input, binding_->output(output).Clone());
  }

  void Invoke() {
    if (!options_.timeout_s) {
      consort::Run(executable_, binding_);
      return;
    }
    const Clock& clock = options_.clock == nullptr ? Clock::Real() : *options_.clock;
    const TimeNs deadline_ns = clock.NowNs() + static_cast<TimeNs>(*options_.timeout_s * 1e9);
    if (!executable_.Start(binding_).WaitUntil(deadline_ns)) {
      throw Error(ErrorCode::kTimeout,
                  fmt::format("{}: no result within {} s; the device is given up", target_, *options_.timeout_s));
    }
  }

  // Copies the outputs of a step behind those of the steps before.
  void Stack(int64_t step, int64_t steps) {
    stacked_.resize(binding_->output_count());
    for (int port = 0; port < binding_->output_count(); ++port) {
      const Buffer& output = binding_->output(port);
      TensorSpec spec = output.spec();
      spec.shape.insert(spec.shape.begin(), steps);
      if (step == 0) stacked_[port] = Buffer::Allocate(spec);
      if (stacked_[port].spec().shape != spec.shape) {
        ThrowInvalid(fmt::format("output '{}' changes its shape from step to step and cannot be stacked",
                                 executable_.signature().outputs[port].name));
      }
      char* data = static_cast<char*>(stacked_[port].data());
      if (output.size_bytes() > 0) std::memcpy(data + step * output.size_bytes(), output.data(), output.size_bytes());
    }
  }

  bool IsState(int output) const {
    return std::any_of(states_.begin(), states_.end(), [output](const auto& state) { return state.second == output; });
  }

  std::vector<Buffer> TakeOutputs(bool sequence) {
    std::vector<Buffer> outputs;
    for (int port = 0; port < binding_->output_count(); ++port) {
      const bool stacked = sequence && !IsState(port);
      outputs.push_back(stacked ? std::move(stacked_[port]) : binding_->output(port).Clone());
    }
    return outputs;
  }

  Executable& executable_;
  const std::vector<PortInput>& inputs_;
  const RunOptions& options_;
  const std::string& target_;
  std::vector<std::pair<int, int>> states_;
  std::shared_ptr<Binding> binding_;
  std::vector<Buffer> stacked_;
};

}  // namespace

CallResults RunCalls(Executable& executable, const std::vector<PortInput>& inputs, const RunOptions& options,
                     const std::string& target) {
  return Calls(executable, inputs, options, target).Run();
}

}  // namespace consort
