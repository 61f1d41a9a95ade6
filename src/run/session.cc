#include "run/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "consort/error.h"
#include "device/empty_call.h"
#include "run/pipeline.h"

namespace consort {
namespace {

std::vector<Port> PortsOf(const Wiring& wiring, const std::vector<int>& tensors) {
  std::vector<Port> ports;
  for (int tensor : tensors) {
    const WiredTensor& wired = wiring.tensors[tensor];
    ports.push_back({.name = wired.name, .spec = wired.spec, .dim_names = wired.dim_names});
  }
  return ports;
}

bool Fits(const TensorSpec& actual, const TensorSpec& declared) {
  if (actual.dtype != declared.dtype || actual.shape.size() != declared.shape.size()) return false;
  for (size_t axis = 0; axis < actual.shape.size(); ++axis) {
    if (declared.shape[axis] != kDynamic && declared.shape[axis] != actual.shape[axis]) return false;
  }
  return true;
}

// Into the memory that is there where it has the size.
void CopyTensor(const Buffer& from, Buffer& to) {
  if (to.empty() || to.spec().shape != from.spec().shape || to.spec().dtype != from.spec().dtype) {
    to = from.Clone();
  } else if (from.size_bytes() > 0) {
    std::memcpy(to.data(), from.data(), from.size_bytes());
  }
}

void CheckCount(size_t given, size_t ports, std::string_view what) {
  if (given == ports) return;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{} {} were given for {} ports", given, what, ports));
}

}  // namespace

Session::Session(PreparedPlan plan, const SessionOptions& options)
    : pipeline_(std::make_unique<Pipeline>(std::move(plan), options)) {
  inputs_ = PortsOf(pipeline_->wiring(), pipeline_->wiring().inputs);
  outputs_ = PortsOf(pipeline_->wiring(), pipeline_->wiring().outputs);
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

bool Session::runs_inline() const { return pipeline_->runs_inline(); }
int Session::max_in_flight() const { return pipeline_->slots().size(); }

Ticket Session::Submit(std::span<const Buffer> inputs, const SubmitOptions& options) {
  return SubmitTo(Reserve(), inputs, options);
}

std::optional<Ticket> Session::TrySubmit(std::span<const Buffer> inputs, const SubmitOptions& options) {
  const std::optional<Ticket> ticket = TryReserve();
  if (!ticket.has_value()) return std::nullopt;
  return SubmitTo(*ticket, inputs, options);
}

Ticket Session::SubmitTo(Ticket ticket, std::span<const Buffer> inputs, const SubmitOptions& options) {
  Slot& slot = pipeline_->slots().Of(ticket);
  try {
    CopyIn(slot, inputs);
    StartSlot(slot, options);
  } catch (...) {
    pipeline_->slots().Release(slot);
    throw;
  }
  return ticket;
}

void Session::CopyIn(Slot& slot, std::span<const Buffer> inputs) {
  CheckCount(inputs.size(), inputs_.size(), "inputs");
  const TimeNs start_ns = BeginTransfer();
  for (size_t port = 0; port < inputs.size(); ++port) {
    if (inputs[port].empty() || !Fits(inputs[port].spec(), inputs_[port].spec)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("input '{}' takes {}, not {}", inputs_[port].name, FormatSpec(inputs_[port].spec),
                              inputs[port].empty() ? "an empty buffer" : FormatSpec(inputs[port].spec())));
    }
    CopyTensor(inputs[port], slot.tensors[pipeline_->wiring().inputs[port]]);
  }
  EndTransfer(slot, start_ns);
}

TimeNs Session::BeginTransfer() const { return pipeline_->trace().enabled() ? pipeline_->clock().NowNs() : 0; }

void Session::EndTransfer(const Slot& slot, TimeNs start_ns) {
  if (!pipeline_->trace().enabled()) return;
  pipeline_->trace().Record({.kind = TraceKind::kTransfer,
                             .sample = slot.sample,
                             .start_ns = start_ns,
                             .end_ns = pipeline_->clock().NowNs()});
}

void Session::CopyOut(Slot& slot, std::span<Buffer> outputs) {
  CheckCount(outputs.size(), outputs_.size(), "outputs");
  const TimeNs start_ns = BeginTransfer();
  for (size_t port = 0; port < outputs.size(); ++port) {
    CopyTensor(slot.tensors[pipeline_->wiring().outputs[port]], outputs[port]);
  }
  EndTransfer(slot, start_ns);
}

void Session::StartSlot(Slot& slot, const SubmitOptions& options) {
  const SessionOptions& defaults = pipeline_->options();
  if (slot.phase.load(std::memory_order_acquire) != Slot::Phase::kReserved) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("sample {} was started already", slot.sample));
  }
  if (options.stream < 0 || options.stream >= pipeline_->streams().size()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("stream {}: the session has {} (SessionOptions::streams)",
                                                         options.stream, pipeline_->streams().size()));
  }
  for (size_t port = 0; port < inputs_.size(); ++port) {
    if (!slot.tensors[pipeline_->wiring().inputs[port]].empty()) continue;
    throw Error(ErrorCode::kInvalidArgument, fmt::format("input '{}' has no value", inputs_[port].name));
  }
  slot.stream = options.stream;
  slot.lost_devices.store(options.lost_devices, std::memory_order_relaxed);
  slot.deadline_ns = options.deadline_ns;
  if (options.deadline_ns == kNever && defaults.sample_deadline_ns != kNever) {
    slot.deadline_ns = pipeline_->clock().NowNs() + defaults.sample_deadline_ns;
  }
  slot.is_empty = HasEmptyInput(slot);
  pipeline_->slots().Start(slot);
  if (slot.is_empty && AnswerEmpty(slot)) return;
  pipeline_->Begin(slot);
}

bool Session::HasEmptyInput(const Slot& slot) const {
  const std::vector<int>& inputs = pipeline_->wiring().inputs;
  return std::any_of(inputs.begin(), inputs.end(),
                     [&](int tensor) { return IsEmpty(slot.tensors[tensor].spec().shape); });
}

// A sample of nothing whose outputs are nothing, too, needs no device, and some do not bear it.
bool Session::AnswerEmpty(Slot& slot) {
  const Wiring& wiring = pipeline_->wiring();
  if (pipeline_->streams().any()) return false;
  std::vector<Shape> given;
  for (int tensor : wiring.inputs) given.push_back(slot.tensors[tensor].spec().shape);
  std::vector<Shape> shapes;
  for (const Port& port : outputs_) {
    std::optional<Shape> shape = EmptyShapeOf(port, inputs_, given);
    if (!shape.has_value()) return false;
    shapes.push_back(*std::move(shape));
  }
  for (size_t port = 0; port < outputs_.size(); ++port) {
    TensorSpec spec = outputs_[port].spec;
    spec.shape = shapes[port];
    slot.tensors[wiring.outputs[port]] = Buffer::Allocate(std::move(spec));
  }
  pipeline_->slots().End(slot, nullptr);
  pipeline_->slots().Leave(slot);
  return true;
}

void Session::AwaitSlot(Slot& slot) {
  if (slot.phase.load(std::memory_order_acquire) == Slot::Phase::kReserved) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("sample {} was not started; nothing would end this wait", slot.sample));
  }
  if (!pipeline_->slots().AwaitEnd(slot, slot.deadline_ns)) {
    pipeline_->slots().End(slot, std::make_exception_ptr(Error(ErrorCode::kTimeout,
                                                               fmt::format("sample {}: its deadline passed at stage {}",
                                                                           slot.sample, slot.stage.load()))));
  }
}

// The sample has ended: its results or its error, and the ticket is released.
void Session::Deliver(Slot& slot, std::span<Buffer> outputs) {
  struct Releaser {
    Slots& slots;
    Slot& slot;
    ~Releaser() { slots.Release(slot); }
  } releaser{pipeline_->slots(), slot};
  if (slot.error != nullptr) std::rethrow_exception(slot.error);
  CopyOut(slot, outputs);
}

void Session::Wait(Ticket ticket, std::span<Buffer> outputs) {
  Slot& slot = pipeline_->slots().Of(ticket);
  AwaitSlot(slot);
  Deliver(slot, outputs);
}

bool Session::TryWait(Ticket ticket, std::span<Buffer> outputs) {
  Slot& slot = pipeline_->slots().Of(ticket);
  const bool late = slot.deadline_ns != kNever && pipeline_->clock().NowNs() >= slot.deadline_ns;
  if (!slot.has_ended() && !late) return false;
  AwaitSlot(slot);
  Deliver(slot, outputs);
  return true;
}

void Session::Run(std::span<const Buffer> inputs, std::span<Buffer> outputs, const SubmitOptions& options) {
  Wait(Submit(inputs, options), outputs);
}

Ticket Session::Reserve() { return pipeline_->slots().Reserve(); }
std::optional<Ticket> Session::TryReserve() { return pipeline_->slots().TryReserve(); }

Buffer& Session::input(Ticket ticket, int port) {
  return pipeline_->slots().Of(ticket).tensors.at(pipeline_->wiring().inputs.at(port));
}

void Session::Start(Ticket ticket, const SubmitOptions& options) { StartSlot(pipeline_->slots().Of(ticket), options); }

void Session::Await(Ticket ticket) {
  Slot& slot = pipeline_->slots().Of(ticket);
  AwaitSlot(slot);
  if (slot.error != nullptr) std::rethrow_exception(slot.error);
}

const Buffer& Session::output(Ticket ticket, int port) {
  return pipeline_->slots().Of(ticket).tensors.at(pipeline_->wiring().outputs.at(port));
}

void Session::Release(Ticket ticket) { pipeline_->slots().Release(pipeline_->slots().Of(ticket)); }

void Session::Close() { pipeline_->Close(); }
void Session::Cancel() { pipeline_->Cancel(); }
void Session::AwaitIdle() { pipeline_->slots().AwaitIdle(); }

void Session::Fill(Ticket ticket, std::span<const Buffer> inputs) { CopyIn(pipeline_->slots().Of(ticket), inputs); }
void Session::AwaitEnd(Ticket ticket) { AwaitSlot(pipeline_->slots().Of(ticket)); }
bool Session::has_ended(Ticket ticket) { return pipeline_->slots().Of(ticket).has_ended(); }
bool Session::is_stranded(Ticket ticket) { return pipeline_->slots().Of(ticket).stranded; }
int Session::lost_devices(Ticket ticket) { return pipeline_->slots().Of(ticket).lost_devices.load(); }
void Session::Strand() { pipeline_->Strand(); }
void Session::Unstrand() { pipeline_->Unstrand(); }
int64_t Session::losses() const { return pipeline_->losses(); }
StreamStates Session::StatesOf(int stream) const { return pipeline_->streams().Delivered(stream); }
void Session::RestoreStates(int stream, const StreamStates& states) { pipeline_->streams().Restore(stream, states); }

void Session::ResetStream(int stream) { pipeline_->streams().Reset(stream); }
SessionReport Session::report() const { return pipeline_->Report(); }
std::optional<Plan> Session::replacement() const { return pipeline_->replacement(); }
const Trace& Session::trace() const { return pipeline_->trace(); }
std::string Session::TraceAsJson() const { return TraceJson(pipeline_->trace().Read(), pipeline_->ReplicaNames()); }

}  // namespace consort
