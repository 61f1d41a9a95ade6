#include "support/full_session.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <vector>

#include "base/clock_thread.h"
#include "measure/statistics.h"

namespace consort::test {
namespace {

void CallOnce(Session& session) {
  const Ticket ticket = session.Reserve();
  session.Start(ticket);
  session.Await(ticket);
  session.Release(ticket);
}

// Threads that each keep one call under way, so that a place is given free when its call has ended, in whatever order
// they end.
class Callers {
 public:
  Callers(Session& session, Clock& clock, int calls) : session_(session), clock_(clock), ends_ns_(calls) {}

  // When the calls ended, ascending.
  std::vector<TimeNs> Ends() {
    const int callers = session_.runs_inline() ? 1 : session_.max_in_flight();
    std::vector<std::unique_ptr<ClockThread>> threads;
    for (int i = 0; i < callers; ++i) {
      threads.push_back(std::make_unique<ClockThread>(clock_, "caller", ThreadRole::kDriver, [this] { Call(); }));
    }
    for (const auto& thread : threads) thread->Join();
    if (error_ != nullptr) std::rethrow_exception(error_);
    std::sort(ends_ns_.begin(), ends_ns_.end());
    return std::move(ends_ns_);
  }

 private:
  void Call() {
    try {
      while (begun_.fetch_add(1) < static_cast<int>(ends_ns_.size())) {
        CallOnce(session_);
        const TimeNs end_ns = clock_.NowNs();
        ends_ns_[ended_.fetch_add(1)] = end_ns;
      }
    } catch (...) {
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
  }

  Session& session_;
  Clock& clock_;
  std::vector<TimeNs> ends_ns_;
  std::atomic<int> begun_{0};
  std::atomic<int> ended_{0};
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;
};

}  // namespace

double CallsPerSecond(Session& session, Clock& clock, int calls) {
  const std::vector<TimeNs> ends_ns = Callers(session, clock, calls).Ends();
  const int filling = std::min(std::max(calls / 10, 2 * session.max_in_flight()), calls / 3);
  return 1e9 / MeanStep({ends_ns.begin() + filling, ends_ns.end() - filling});
}

double SecondsAlone(Session& session, Clock& clock) {
  const TimeNs start_ns = clock.NowNs();
  CallOnce(session);
  return 1e-9 * static_cast<double>(clock.NowNs() - start_ns);
}

}  // namespace consort::test
