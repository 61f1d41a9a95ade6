#include "run/slots.h"

#include <fmt/format.h>

#include <algorithm>

#include "consort/error.h"

namespace consort {

using Phase = Slot::Phase;

Slots::Slots(const Wiring& wiring, int count, Clock& clock) : wiring_(wiring), clock_(clock), free_(count) {
  size_t parts = 1;
  for (const WiredStage& stage : wiring.stages) parts = std::max(parts, stage.parts.size());
  for (int index = 0; index < count; ++index) {
    auto slot = std::make_unique<Slot>();
    slot->index = index;
    slot->tensors.resize(wiring.tensors.size());
    slot->second_opinions.resize(parts);
    Renew(*slot);
    slot->generation = 0;
    slots_.push_back(std::move(slot));
    free_[free_count_++] = index;
  }
}

void Slots::Replace(Slot& slot, int tensor) const {
  const WiredTensor& wired = wiring_.tensors[tensor];
  slot.tensors[tensor] = wired.fixed ? Buffer::Allocate(wired.spec) : Buffer();
  ++slot.generation;
}

void Slots::Renew(Slot& slot) const {
  for (size_t tensor = 0; tensor < wiring_.tensors.size(); ++tensor) Replace(slot, static_cast<int>(tensor));
  slot.tainted.store(false, std::memory_order_relaxed);
}

Ticket Slots::Reserve() {
  std::unique_lock lock(mutex_);
  while (!closed_ && free_count_ == 0) {
    ++waiting_;
    clock_.Wait(lock, freed_, kNever);
    --waiting_;
  }
  return TakeFree();
}

std::optional<Ticket> Slots::TryReserve() {
  std::lock_guard lock(mutex_);
  if (!closed_ && free_count_ == 0) return std::nullopt;
  return TakeFree();
}

Ticket Slots::TakeFree() {
  if (closed_) throw Error(ErrorCode::kCancelled, "the session takes no more samples: it was closed or cancelled");
  Slot& slot = *slots_[free_[free_head_]];
  // Before it is taken: without memory it stays where it is.
  if (slot.tainted.load(std::memory_order_relaxed)) Renew(slot);
  free_head_ = (free_head_ + 1) % free_.size();
  --free_count_;
  slot.sample = samples_++;
  slot.holders = 1;
  slot.released = false;
  slot.stranded = false;
  slot.error = nullptr;
  slot.phase.store(Phase::kReserved, std::memory_order_release);
  return {slot.sample, slot.index};
}

Slot& Slots::Of(Ticket ticket) {
  std::lock_guard lock(mutex_);
  if (ticket.slot >= 0 && ticket.slot < size()) {
    Slot& slot = *slots_[ticket.slot];
    if (slot.sample == ticket.sample && slot.phase != Phase::kFree && !slot.released) return slot;
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("the ticket of sample {} was released already", ticket.sample));
}

void Slots::Start(Slot& slot) {
  std::lock_guard lock(mutex_);
  if (slot.phase != Phase::kReserved) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("sample {} was started already", slot.sample));
  }
  if (closed_) throw Error(ErrorCode::kCancelled, "the session takes no more samples: it was closed or cancelled");
  slot.phase.store(Phase::kUnderWay, std::memory_order_release);
  ++slot.holders;
  ++under_way_;
  started_.fetch_add(1, std::memory_order_relaxed);
}

bool Slots::End(Slot& slot, std::exception_ptr error) {
  std::lock_guard lock(mutex_);
  return EndLocked(slot, error, /*stranded=*/false);
}

bool Slots::Strand(Slot& slot, std::exception_ptr error) {
  std::lock_guard lock(mutex_);
  return EndLocked(slot, error, /*stranded=*/true);
}

bool Slots::EndLocked(Slot& slot, const std::exception_ptr& error, bool stranded) {
  if (slot.phase != Phase::kUnderWay) return false;
  slot.error = error;
  slot.stranded = stranded;
  slot.phase.store(Phase::kEnded, std::memory_order_release);
  (error == nullptr ? delivered_ : failed_).fetch_add(1, std::memory_order_relaxed);
  clock_.NotifyAll(slot.ended);
  return true;
}

void Slots::Leave(Slot& slot) {
  std::lock_guard lock(mutex_);
  if (--under_way_ == 0) clock_.NotifyAll(idle_);
  Drop(slot);
}

void Slots::Drop(Slot& slot) {
  if (--slot.holders > 0) return;
  slot.phase.store(Phase::kFree, std::memory_order_release);
  slot.error = nullptr;
  free_[(free_head_ + free_count_) % free_.size()] = slot.index;
  ++free_count_;
  if (waiting_ > 0) clock_.NotifyOne(freed_);
}

bool Slots::AwaitEnd(Slot& slot, TimeNs until_ns) {
  std::unique_lock lock(mutex_);
  while (slot.phase != Phase::kEnded) {
    if (!clock_.Wait(lock, slot.ended, until_ns) && slot.phase != Phase::kEnded) return false;
  }
  return true;
}

void Slots::Release(Slot& slot) {
  std::lock_guard lock(mutex_);
  if (!slot.released) Drop(slot);
  slot.released = true;
}

void Slots::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  clock_.NotifyAll(freed_);
}

void Slots::EndAll(const std::exception_ptr& error) {
  std::lock_guard lock(mutex_);
  for (const auto& slot : slots_) EndLocked(*slot, error, /*stranded=*/false);
  all_ended_ = true;
  clock_.NotifyAll(idle_);
}

void Slots::AwaitIdle() {
  std::unique_lock lock(mutex_);
  while (under_way_ > 0 && !all_ended_) clock_.Wait(lock, idle_, kNever);
}

}  // namespace consort
