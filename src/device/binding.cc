#include <fmt/format.h>

#include "consort/backend.h"
#include "consort/device.h"
#include "consort/error.h"

namespace consort {
namespace {

int Find(const std::vector<Port>& ports, const std::string& name) {
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

bool ShapeFits(const Shape& actual, const Shape& declared) {
  if (actual.size() != declared.size()) return false;
  for (size_t axis = 0; axis < actual.size(); ++axis) {
    if (declared[axis] != kDynamic && declared[axis] != actual[axis]) return false;
  }
  return true;
}

void CheckFits(const Buffer& buffer, const Port& port, std::string_view role) {
  if (buffer.empty())
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} '{}': the buffer is empty", role, port.name));
  if (buffer.spec().dtype == port.spec.dtype && ShapeFits(buffer.spec().shape, port.spec.shape)) return;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{} '{}' takes {}, not {}", role, port.name,
                                                       FormatSpec(port.spec), FormatSpec(buffer.spec())));
}

}  // namespace

int Signature::FindInput(const std::string& name) const { return Find(inputs, name); }
int Signature::FindOutput(const std::string& name) const { return Find(outputs, name); }

Binding::Binding(const Signature& signature)
    : signature_(signature),
      inputs_(signature.inputs.size()),
      outputs_(signature.outputs.size()),
      callers_output_(signature.outputs.size(), false) {}

void Binding::CheckIdle() const {
  if (in_flight()) throw Error(ErrorCode::kInvalidArgument, "the binding is in flight; wait for its completion first");
}

void Binding::SetInput(int port, Buffer buffer) {
  CheckIdle();
  CheckFits(buffer, signature_.inputs.at(port), "input");
  inputs_[port] = std::move(buffer);
  ++version_;
}

void Binding::SetOutput(int port, Buffer buffer) {
  CheckIdle();
  CheckFits(buffer, signature_.outputs.at(port), "output");
  outputs_[port] = std::move(buffer);
  callers_output_[port] = true;
  ++version_;
}

void Binding::Begin() {
  CheckIdle();
  for (size_t port = 0; port < inputs_.size(); ++port) {
    if (inputs_[port].empty()) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("input '{}' is not bound", signature_.inputs[port].name));
    }
  }
  std::lock_guard lock(mutex_);
  cancelled_ = false;
  error_ = nullptr;
  overdue_.store(false, std::memory_order_release);
  state_.store(State::kRunning, std::memory_order_release);
}

bool Binding::Enter(Program& program) {
  std::lock_guard lock(mutex_);
  const bool wanted = !cancelled_ && !overdue();
  if (wanted) program_ = &program;
  return wanted;
}

void Binding::Finish(std::exception_ptr error) {
  std::lock_guard lock(mutex_);
  program_ = nullptr;
  error_ = std::move(error);
  state_.store(State::kDone, std::memory_order_release);
  (clock_ == nullptr ? Clock::Real() : *clock_).NotifyAll(condition_);
}

void Completion::Wait() { WaitUntil(kNever); }

bool Completion::WaitUntil(TimeNs deadline_ns) {
  std::unique_lock lock(binding_->mutex_);
  binding_->clock_ = clock_;
  while (binding_->in_flight()) {
    if (!clock_->Wait(lock, binding_->condition_, deadline_ns) && binding_->in_flight()) {
      binding_->overdue_.store(true, std::memory_order_release);
      return false;
    }
  }
  if (binding_->error_ != nullptr) std::rethrow_exception(binding_->error_);
  return true;
}

void Completion::Cancel() {
  std::lock_guard lock(binding_->mutex_);
  if (!binding_->in_flight()) return;
  binding_->cancelled_ = true;
  if (binding_->program_ != nullptr) binding_->program_->Interrupt(*binding_);
}

void Run(Executable& executable, const std::shared_ptr<Binding>& binding) { executable.Start(binding).Wait(); }

}  // namespace consort
