// Time. Everything that waits does so through a Clock.
#ifndef CONSORT_CLOCK_H_
#define CONSORT_CLOCK_H_

#include <condition_variable>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>

namespace consort {

// Monotonic time in nanoseconds since an arbitrary start.
using TimeNs = int64_t;
inline constexpr TimeNs kNever = std::numeric_limits<TimeNs>::max();

// What a thread is to a clock that knows its threads.
enum class ThreadRole : uint8_t {
  kDriver,   // ends by itself; when all threads wait for ever, that is an error of a driver
  kServant,  // waits for work as long as it lives
};

// The source of time and the only way to block. Real() is CLOCK_MONOTONIC. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimeNs NowNs() const = 0;
  // Returns at the deadline, not before. The real clock sleeps and spends the last 60 µs awake.
  virtual void SleepUntil(TimeNs deadline_ns) = 0;
  // Releases `lock` and waits until notified or until the deadline; false when the deadline passed.
  // Wakes spuriously: callers loop over their condition.
  virtual bool Wait(std::unique_lock<std::mutex>& lock, std::condition_variable& condition, TimeNs deadline_ns) = 0;

  // Wake what waits for `condition` through this clock. A clock that makes its own time has to know who was woken, so
  // conditions are notified through the clock that waits for them, by whoever holds the mutex.
  virtual void NotifyOne(std::condition_variable& condition) { condition.notify_one(); }
  virtual void NotifyAll(std::condition_variable& condition) { condition.notify_all(); }

  // Threads that take part in the time of a clock which makes its own; real time needs to know none of them.
  // base/clock_thread.h calls these. ExpectThread announces a thread before it runs and gives its ticket; it calls
  // EnterThread first of all and LeaveThread last. AwaitThread returns when a thread has left.
  virtual int64_t ExpectThread(const std::string& /*name*/, ThreadRole /*role*/) { return 0; }
  virtual void EnterThread(int64_t /*ticket*/) {}
  virtual void LeaveThread(int64_t /*ticket*/) {}
  virtual void AwaitThread(int64_t /*ticket*/) {}

  static Clock& Real();
};

}  // namespace consort

#endif  // CONSORT_CLOCK_H_
