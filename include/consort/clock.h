// Time. Everything that waits does so through a Clock.
#ifndef CONSORT_CLOCK_H_
#define CONSORT_CLOCK_H_

#include <condition_variable>
#include <cstdint>
#include <limits>
#include <mutex>

namespace consort {

// Monotonic time in nanoseconds since an arbitrary start.
using TimeNs = int64_t;
inline constexpr TimeNs kNever = std::numeric_limits<TimeNs>::max();

// The source of time and the only way to block. Real() is CLOCK_MONOTONIC. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimeNs NowNs() const = 0;
  virtual void SleepUntil(TimeNs deadline_ns) = 0;
  // Releases `lock` and waits until notified or until the deadline; false when the deadline passed.
  // Wakes spuriously: callers loop over their condition.
  virtual bool Wait(std::unique_lock<std::mutex>& lock, std::condition_variable& condition, TimeNs deadline_ns) = 0;

  static Clock& Real();
};

}  // namespace consort

#endif  // CONSORT_CLOCK_H_
