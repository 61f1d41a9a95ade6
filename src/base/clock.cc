#include "consort/clock.h"

#include <cerrno>
#include <chrono>
#include <ctime>

namespace consort {
namespace {

class RealClock : public Clock {
 public:
  TimeNs NowNs() const override {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }

  void SleepUntil(TimeNs deadline_ns) override {
    const timespec deadline = {.tv_sec = deadline_ns / 1'000'000'000, .tv_nsec = deadline_ns % 1'000'000'000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr) == EINTR) {
    }
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
