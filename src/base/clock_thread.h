// Threads that take part in a clock's time.
#ifndef CONSORT_BASE_CLOCK_THREAD_H_
#define CONSORT_BASE_CLOCK_THREAD_H_

#include <functional>
#include <string>
#include <thread>

#include "consort/clock.h"

namespace consort {

// The calling thread takes part in the clock's time while this lives. Lives and dies on one thread.
class ClockMember {
 public:
  ClockMember(Clock& clock, const std::string& name, ThreadRole role = ThreadRole::kDriver);
  ~ClockMember();
  ClockMember(const ClockMember&) = delete;
  ClockMember& operator=(const ClockMember&) = delete;

 private:
  Clock& clock_;
  int64_t ticket_;
};

// A std::thread that is part of the clock's time from its creation on, so that time waits for it to start, and whose
// end is waited for through the clock. Joined or detached before it is destroyed. The clock outlives it.
class ClockThread {
 public:
  ClockThread(Clock& clock, const std::string& name, ThreadRole role, std::function<void()> work);
  ClockThread(const ClockThread&) = delete;
  ClockThread& operator=(const ClockThread&) = delete;

  void Join();
  void Detach() { thread_.detach(); }

 private:
  Clock& clock_;
  int64_t ticket_;
  std::thread thread_;
};

}  // namespace consort

#endif  // CONSORT_BASE_CLOCK_THREAD_H_
