// Where calls hang.
#ifndef CONSORT_TESTS_FAULT_HANGING_PLACE_H_
#define CONSORT_TESTS_FAULT_HANGING_PLACE_H_

#include <condition_variable>
#include <mutex>

#include "consort/clock.h"

namespace consort::test {

// Hung calls stand here until the test is over. Shared with them.
class HangingPlace {
 public:
  explicit HangingPlace(Clock& clock) : clock_(clock) {}
  void Hang() {
    std::unique_lock lock(mutex_);
    ++inside_;
    while (!open_) clock_.Wait(lock, opened_, clock_.NowNs() + kLongNs);
    --inside_;
    clock_.NotifyAll(left_);
  }
  // Lets everybody out and waits until nobody is left.
  void Open() {
    std::unique_lock lock(mutex_);
    open_ = true;
    clock_.NotifyAll(opened_);
    while (inside_ > 0) clock_.Wait(lock, left_, clock_.NowNs() + kShortNs);
  }

 private:
  static constexpr TimeNs kLongNs = 3'600'000'000'000;
  static constexpr TimeNs kShortNs = 1'000'000;

  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable opened_;
  std::condition_variable left_;
  bool open_ = false;
  int inside_ = 0;
};

}  // namespace consort::test

#endif  // CONSORT_TESTS_FAULT_HANGING_PLACE_H_
