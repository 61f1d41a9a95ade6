// The live view of a running plan.
#ifndef CONSORT_CLI_RUN_PLAN_WATCH_H_
#define CONSORT_CLI_RUN_PLAN_WATCH_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "consort/clock.h"
#include "run/session.h"

namespace consort {

struct WatchOptions {
  std::string title;  // the model
  int64_t calls = 0;  // that are to be run
  int64_t batch = 1;  // samples of a call
  Clock* clock = &Clock::Real();  // the session's
  bool terminal = false;          // redraws its lines in place, four times a second; else once a second, below one another
};

// A session at one moment, `elapsed_ns` after its first call: a line for the whole, one for each stage and replica, one
// for the last loss. Lines of at most 80 columns that end in newlines; no terminal codes.
std::string WatchFrame(const SessionReport& report, TimeNs elapsed_ns, const WatchOptions& options);

// Draws frames to the standard error on a thread of its own, by real time, whatever clock the session has; a last one
// when it ends. `report` is called on that thread, and at the end on the caller's.
class LiveView {
 public:
  LiveView(std::function<SessionReport()> report, WatchOptions options);
  ~LiveView();
  LiveView(const LiveView&) = delete;
  LiveView& operator=(const LiveView&) = delete;

 private:
  void Loop();
  void Draw();

  const std::function<SessionReport()> report_;
  const WatchOptions options_;
  const TimeNs begin_ns_;
  int lines_ = 0;  // on the terminal, of the frame before
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace consort

#endif  // CONSORT_CLI_RUN_PLAN_WATCH_H_
