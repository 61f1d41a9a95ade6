#include "consort/clock.h"

#include <sys/prctl.h>

#include <cerrno>
#include <chrono>
#include <ctime>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace consort {
namespace {

// The end of a wait that is spent awake. Without timer slack a thread wakes 30 µs late as a median and 90 µs at the
// 99th percentile (benchmarks/clock_precision, two cores of a virtual machine); a longer end would take the core from
// others for little.
constexpr TimeNs kAwakeNs = 60'000;

// Linux may end a sleep up to 50 µs late to save power; from here on this thread's end within a nanosecond (man 2
// prctl, PR_SET_TIMERSLACK).
void EndSleepsOnTime() {
  static thread_local const int done = prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
  static_cast<void>(done);
}

void Pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class RealClock : public Clock {
 public:
  TimeNs NowNs() const override {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }

  void SleepUntil(TimeNs deadline_ns) override {
    EndSleepsOnTime();
    const TimeNs wake_ns = deadline_ns - kAwakeNs;
    if (NowNs() < wake_ns) {
      const timespec wake = {.tv_sec = wake_ns / 1'000'000'000, .tv_nsec = wake_ns % 1'000'000'000};
      while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr) == EINTR) {
      }
    }
    while (NowNs() < deadline_ns) Pause();
  }

  bool Wait(std::unique_lock<std::mutex>& lock, std::condition_variable& condition, TimeNs deadline_ns) override {
    if (deadline_ns == kNever) {
      condition.wait(lock);
      return true;
    }
    // steady_clock is CLOCK_MONOTONIC in libstdc++.
    const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(deadline_ns)};
    return condition.wait_until(lock, deadline) == std::cv_status::no_timeout;
  }
};

}  // namespace

Clock& Clock::Real() {
  static RealClock clock;
  return clock;
}

}  // namespace consort
