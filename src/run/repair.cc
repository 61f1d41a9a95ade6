#include "run/repair.h"

#include <utility>

namespace consort {

Repair::Repair(Clock& clock, std::function<void(Repair&, const Loss&)> work) : clock_(clock), work_(std::move(work)) {
  thread_.emplace(clock_, "repair", ThreadRole::kServant, [this] { Loop(); });
}

Repair::~Repair() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    clock_.NotifyAll(told_);
  }
  thread_->Join();
}

void Repair::Tell(const Loss& loss) {
  std::lock_guard lock(mutex_);
  losses_.push_back(loss);
  clock_.NotifyAll(told_);
}

bool Repair::Pause(TimeNs duration_ns) {
  const TimeNs until_ns = clock_.NowNs() + duration_ns;
  std::unique_lock lock(mutex_);
  while (!stop_ && clock_.NowNs() < until_ns) clock_.Wait(lock, told_, until_ns);
  return !stop_;
}

void Repair::Loop() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (losses_.empty()) {
      clock_.Wait(lock, told_, kNever);
      continue;
    }
    const Loss loss = losses_.front();
    losses_.erase(losses_.begin());
    lock.unlock();
    work_(*this, loss);
    lock.lock();
  }
}

}  // namespace consort
