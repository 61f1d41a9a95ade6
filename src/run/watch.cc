#include "run/watch.h"

#include <algorithm>
#include <utility>

namespace consort {

Watch::Watch(Clock& clock, std::function<TimeNs(TimeNs)> look) : clock_(clock), look_(std::move(look)) {
  thread_.emplace(clock_, "watch", ThreadRole::kServant, [this] { Loop(); });
}

Watch::~Watch() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    clock_.NotifyAll(sooner_);
  }
  thread_->Join();
}

void Watch::Expect(TimeNs deadline_ns) {
  // Either `look` comes after the deadline was published, or this reads the kNever that was stored before it.
  if (deadline_ns >= wakes_ns_.load()) return;
  std::lock_guard lock(mutex_);
  asked_ns_ = std::min(asked_ns_, deadline_ns);
  clock_.NotifyAll(sooner_);
}

void Watch::Loop() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    wakes_ns_.store(kNever);
    asked_ns_ = kNever;
    lock.unlock();
    const TimeNs earliest_ns = look_(clock_.NowNs());
    lock.lock();
    const TimeNs wakes_ns = std::min(earliest_ns, asked_ns_);
    wakes_ns_.store(wakes_ns);
    while (!stop_ && asked_ns_ >= wakes_ns_.load()) {
      if (!clock_.Wait(lock, sooner_, wakes_ns)) break;
    }
  }
}

}  // namespace consort
