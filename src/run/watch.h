// The thread that sees calls pass their deadlines.
#ifndef CONSORT_RUN_WATCH_H_
#define CONSORT_RUN_WATCH_H_

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "base/clock_thread.h"
#include "consort/clock.h"

namespace consort {

// Sleeps until the earliest deadline that it was told of and then looks at all. In steady state it wakes once per
// deadline's length, and telling it costs an atomic read. Thread-safe.
class Watch {
 public:
  // look(now) deals with what is overdue and gives the earliest deadline that remains; kNever: none. Must not throw.
  Watch(Clock& clock, std::function<TimeNs(TimeNs now_ns)> look);
  ~Watch();

  // A call begins. Its deadline is already visible to `look`.
  void Expect(TimeNs deadline_ns);

 private:
  void Loop();

  Clock& clock_;
  std::function<TimeNs(TimeNs)> look_;
  std::mutex mutex_;
  std::condition_variable sooner_;
  std::atomic<TimeNs> wakes_ns_{kNever};
  TimeNs asked_ns_ = kNever;  // by Expect
  bool stop_ = false;
  std::optional<ClockThread> thread_;
};

}  // namespace consort

#endif  // CONSORT_RUN_WATCH_H_
