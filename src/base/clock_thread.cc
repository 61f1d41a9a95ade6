#include "base/clock_thread.h"

#include <utility>

namespace consort {

ClockMember::ClockMember(Clock& clock, const std::string& name, ThreadRole role)
    : clock_(clock), ticket_(clock.ExpectThread(name, role)) {
  clock_.EnterThread(ticket_);
}

ClockMember::~ClockMember() { clock_.LeaveThread(ticket_); }

ClockThread::ClockThread(Clock& clock, const std::string& name, ThreadRole role, std::function<void()> work)
    : clock_(clock), ticket_(clock.ExpectThread(name, role)) {
  try {
    thread_ = std::thread([&clock, ticket = ticket_, work = std::move(work)] {
      clock.EnterThread(ticket);
      work();
      clock.LeaveThread(ticket);
    });
  } catch (...) {
    clock_.LeaveThread(ticket_);
    throw;
  }
}

void ClockThread::Join() {
  clock_.AwaitThread(ticket_);
  thread_.join();
}

}  // namespace consort
