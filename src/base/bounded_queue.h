// A first-in first-out queue of fixed capacity between threads.
#ifndef CONSORT_BASE_BOUNDED_QUEUE_H_
#define CONSORT_BASE_BOUNDED_QUEUE_H_

#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "consort/clock.h"

namespace consort {

// Any number of producers and consumers. Allocates its capacity once. After Close, Push refuses and Pop empties the rest.
// All waiting and waking is done through the clock, which outlives the queue.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity, Clock& clock = Clock::Real()) : ring_(capacity), clock_(&clock) {}

  // False when the queue is full or closed; `value` is then untouched.
  bool TryPush(T& value) {
    std::lock_guard lock(mutex_);
    if (closed_ || count_ == ring_.size()) return false;
    PushLocked(value);
    return true;
  }

  // Waits for room; false when the queue is closed.
  bool Push(T value) {
    std::unique_lock lock(mutex_);
    while (!closed_ && count_ == ring_.size()) clock_->Wait(lock, not_full_, kNever);
    if (closed_) return false;
    PushLocked(value);
    return true;
  }

  // Waits for an element; nothing when the queue is closed and empty, or when the deadline passes first.
  std::optional<T> Pop(TimeNs deadline_ns = kNever) {
    std::unique_lock lock(mutex_);
    while (!closed_ && count_ == 0) {
      if (!clock_->Wait(lock, not_empty_, deadline_ns) && count_ == 0) return std::nullopt;
    }
    if (count_ == 0) return std::nullopt;
    std::optional<T> value(std::move(ring_[head_]));
    ring_[head_] = T();
    head_ = (head_ + 1) % ring_.size();
    --count_;
    clock_->NotifyOne(not_full_);
    return value;
  }

  void Close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    clock_->NotifyAll(not_empty_);
    clock_->NotifyAll(not_full_);
  }

  size_t size() const {
    std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  void PushLocked(T& value) {
    ring_[(head_ + count_) % ring_.size()] = std::move(value);
    ++count_;
    clock_->NotifyOne(not_empty_);
  }

  mutable std::mutex mutex_;
  std::condition_variable not_empty_;
  std::condition_variable not_full_;
  std::vector<T> ring_;
  size_t head_ = 0;
  size_t count_ = 0;
  bool closed_ = false;
  Clock* clock_;
};

}  // namespace consort

#endif  // CONSORT_BASE_BOUNDED_QUEUE_H_
