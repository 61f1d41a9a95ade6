// Places for samples under way: a preallocated ring.
#ifndef CONSORT_RUN_SLOTS_H_
#define CONSORT_RUN_SLOTS_H_

#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "consort/buffer.h"
#include "consort/clock.h"
#include "run/wiring.h"

namespace consort {

// Stands for a sample from when its place was reserved until it is released. A value.
struct Ticket {
  uint64_t sample = 0;  // numbered from 0, in the order of reservation
  int slot = -1;
};

// The tensors of one sample and how far it is. The stages hand it to one another, and may write what is not said to be
// guarded.
struct Slot {
  int index = 0;
  std::vector<Buffer> tensors;  // by Wiring's index; empty where the size is not known yet
  // Grows when other memory took the place of tensors, so that bindings to the old are made anew.
  uint64_t generation = 0;
  std::atomic<bool> tainted{false};  // an abandoned call may still read it: never used again
  std::atomic<int> parts_left{0};    // calls of the stage that have not ended
  std::atomic<int> stage{0};
  int stream = 0;
  TimeNs deadline_ns = kNever;
  bool is_empty = false;  // an input has no elements
  std::atomic<int> lost_devices{0};  // with it, where nobody was left to try again
  std::vector<std::vector<Buffer>> second_opinions;  // by part: of a call whose repetition differed

  enum class Phase : uint8_t { kFree, kReserved, kUnderWay, kEnded };
  std::atomic<Phase> phase{Phase::kFree};  // this and the following: written under the mutex of Slots
  uint64_t sample = 0;
  int holders = 0;        // the caller, and the stages
  bool released = false;  // by the caller
  bool stranded = false;  // ended because no device was left to run it
  std::exception_ptr error;
  std::condition_variable ended;

  bool has_ended() const { return phase.load(std::memory_order_acquire) == Phase::kEnded; }
};

// Hands out slots and knows how each sample ended. Thread-safe; steady state allocates nothing.
class Slots {
 public:
  // `wiring` and `clock` outlive it.
  Slots(const Wiring& wiring, int count, Clock& clock);

  // A free slot; Reserve waits for one, TryReserve gives nothing. Both throw kCancelled after Close.
  Ticket Reserve();
  std::optional<Ticket> TryReserve();
  // The slot of a ticket that was not released; else kInvalidArgument.
  Slot& Of(Ticket ticket);
  Slot& at(int index) { return *slots_.at(index); }
  int size() const { return static_cast<int>(slots_.size()); }

  // The stages hold the slot from now on, until Leave. Throws kInvalidArgument unless it was just reserved, kCancelled
  // after Close.
  void Start(Slot& slot);
  // The sample has ended, without or with an error. False when it had before: the first word counts.
  bool End(Slot& slot, std::exception_ptr error);
  // As End: no device is left to run it.
  bool Strand(Slot& slot, std::exception_ptr error);
  void Leave(Slot& slot);

  // Waits until the sample has ended or the time has come.
  bool AwaitEnd(Slot& slot, TimeNs until_ns);
  // The caller has done with it, once. A sample that is under way goes on.
  void Release(Slot& slot);

  void Close();                                  // no more reservations
  void EndAll(const std::exception_ptr& error);  // of what is under way
  void AwaitIdle();                              // until the stages hold none, or everything was ended

  int64_t started() const { return started_.load(std::memory_order_relaxed); }
  int64_t delivered() const { return delivered_.load(std::memory_order_relaxed); }
  int64_t failed() const { return failed_.load(std::memory_order_relaxed); }

  // New memory for a tensor of known size.
  void Replace(Slot& slot, int tensor) const;

 private:
  Ticket TakeFree();
  void Renew(Slot& slot) const;
  void Drop(Slot& slot);
  bool EndLocked(Slot& slot, const std::exception_ptr& error, bool stranded);

  const Wiring& wiring_;
  Clock& clock_;
  std::vector<std::unique_ptr<Slot>> slots_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::condition_variable idle_;
  std::vector<int> free_;  // a ring
  size_t free_head_ = 0;
  size_t free_count_ = 0;
  uint64_t samples_ = 0;
  int under_way_ = 0;
  int waiting_ = 0;  // for a free slot
  bool closed_ = false;
  bool all_ended_ = false;
  std::atomic<int64_t> started_{0};
  std::atomic<int64_t> delivered_{0};
  std::atomic<int64_t> failed_{0};
};

}  // namespace consort

#endif  // CONSORT_RUN_SLOTS_H_
