// The thread that deals with lost replicas while the others go on.
#ifndef CONSORT_RUN_REPAIR_H_
#define CONSORT_RUN_REPAIR_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock_thread.h"
#include "consort/clock.h"

namespace consort {

// Calls `work` for each loss that it is told of, in order. Thread-safe.
class Repair {
 public:
  struct Loss {
    enum class Kind : uint8_t {
      kLost,        // to be opened anew where that is possible
      kDistrusted,  // to be left alone
      kSpare,       // a spare that is to be compiled
    };
    int stage = 0;
    int replica = 0;
    TimeNs at_ns = 0;
    Kind kind = Kind::kLost;
  };
  // `work` runs on the thread and must not throw.
  Repair(Clock& clock, std::function<void(Repair&, const Loss&)> work);
  // Waits for the work under way.
  ~Repair();

  void Tell(const Loss& loss);
  // For `work`: waits so long; false when the session ends meanwhile.
  bool Pause(TimeNs duration_ns);

 private:
  void Loop();

  Clock& clock_;
  std::function<void(Repair&, const Loss&)> work_;
  std::mutex mutex_;
  std::condition_variable told_;
  std::vector<Loss> losses_;
  bool stop_ = false;
  std::optional<ClockThread> thread_;
};

}  // namespace consort

#endif  // CONSORT_RUN_REPAIR_H_
