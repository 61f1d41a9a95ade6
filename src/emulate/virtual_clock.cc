#include "emulate/virtual_clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "consort/error.h"

namespace consort {

void VirtualClock::SleepUntil(TimeNs deadline_ns) {
  std::unique_lock clock_lock(mutex_);
  Member& self = Self("sleep");
  self.deadline_ns = deadline_ns;
  if (Block(clock_lock, self) == Waking::kStuck) throw Error(ErrorCode::kInternal, DescribeWaits());
}

bool VirtualClock::Wait(std::unique_lock<std::mutex>& lock, std::condition_variable& condition, TimeNs deadline_ns) {
  Waking waking;
  std::string problem;
  {
    std::unique_lock clock_lock(mutex_);
    Member& self = Self("wait");
    self.condition = &condition;
    self.deadline_ns = deadline_ns;
    lock.unlock();
    waking = Block(clock_lock, self);
    if (waking == Waking::kStuck) problem = DescribeWaits();
  }
  // Held by nobody: who held it while it ran gave it back before it waited.
  lock.lock();
  if (waking == Waking::kStuck) throw Error(ErrorCode::kInternal, problem);
  return waking == Waking::kNotified;
}

void VirtualClock::NotifyOne(std::condition_variable& condition) { Notify(condition, /*all=*/false); }
void VirtualClock::NotifyAll(std::condition_variable& condition) { Notify(condition, /*all=*/true); }

int64_t VirtualClock::ExpectThread(const std::string& name, ThreadRole role) {
  std::lock_guard clock_lock(mutex_);
  auto member = std::make_unique<Member>();
  member->ticket = ++tickets_;
  member->name = name;
  member->role = role;
  Member* added = members_.emplace(member->ticket, std::move(member)).first->second.get();
  ready_.push_back(added);
  if (running_ == nullptr) LetNextRun();
  return added->ticket;
}

void VirtualClock::EnterThread(int64_t ticket) {
  std::unique_lock clock_lock(mutex_);
  Member* self = members_.at(ticket).get();
  if (!by_thread_.emplace(std::this_thread::get_id(), self).second) {
    const Error error(ErrorCode::kInvalidArgument,
                      fmt::format("virtual clock: the thread of '{}' is registered already", self->name));
    clock_lock.unlock();
    LeaveThread(ticket);
    throw error;
  }
  self->turn.wait(clock_lock, [&] { return running_ == self; });
}

void VirtualClock::LeaveThread(int64_t ticket) {
  std::lock_guard clock_lock(mutex_);
  const auto found = members_.find(ticket);
  Member* leaving = found->second.get();
  std::erase(ready_, leaving);
  std::erase_if(by_thread_, [leaving](const auto& entry) { return entry.second == leaving; });
  if (running_ == leaving) running_ = nullptr;
  for (const auto& [unused, member] : members_) {
    if (member->waits && member->awaited == ticket) MakeReady(*member, Waking::kNotified);
  }
  members_.erase(found);
  if (running_ == nullptr) LetNextRun();
}

// A thread that is not registered may wait for the end of one that is as it waits for anything else.
void VirtualClock::AwaitThread(int64_t ticket) {
  std::unique_lock clock_lock(mutex_);
  const auto self = by_thread_.find(std::this_thread::get_id());
  if (self == by_thread_.end() || !members_.contains(ticket)) return;
  self->second->awaited = ticket;
  Block(clock_lock, *self->second);
}

VirtualClock::Member& VirtualClock::Self(std::string_view what) {
  const auto found = by_thread_.find(std::this_thread::get_id());
  if (found != by_thread_.end()) return *found->second;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("virtual clock: a thread that is not registered cannot {}, because time would not wait for it; "
                  "make it a ClockThread, or register it with a ClockMember (base/clock_thread.h)",
                  what));
}

// What `self` waits for is set. Lets the others run until it is woken.
VirtualClock::Waking VirtualClock::Block(std::unique_lock<std::mutex>& clock_lock, Member& self) {
  self.since = ++waits_;
  self.waits = true;
  running_ = nullptr;
  if (self.deadline_ns <= now_ns_) MakeReady(self, Waking::kDeadline);
  LetNextRun();
  self.turn.wait(clock_lock, [&] { return running_ == &self; });
  return self.waking;
}

void VirtualClock::MakeReady(Member& member, Waking waking) {
  member.waits = false;
  member.condition = nullptr;
  member.awaited = 0;
  member.deadline_ns = kNever;
  member.waking = waking;
  ready_.push_back(&member);
}

void VirtualClock::Notify(const std::condition_variable& condition, bool all) {
  std::lock_guard clock_lock(mutex_);
  std::vector<Member*> woken;
  for (const auto& [unused, member] : members_) {
    if (member->waits && member->condition == &condition) woken.push_back(member.get());
  }
  std::sort(woken.begin(), woken.end(), [](const Member* a, const Member* b) { return a->since < b->since; });
  if (!all && woken.size() > 1) woken.resize(1);
  for (Member* member : woken) MakeReady(*member, Waking::kNotified);
  if (running_ == nullptr) LetNextRun();
}

// Nobody runs. Gives the turn to whoever is ready, or makes somebody ready.
void VirtualClock::LetNextRun() {
  while (ready_.empty() && AdvanceTime()) {
  }
  if (ready_.empty()) {
    Member* stuck = PickStuck();
    if (stuck == nullptr) return;
    MakeReady(*stuck, Waking::kStuck);
  }
  running_ = ready_.front();
  ready_.pop_front();
  running_->turn.notify_one();
}

// To the earliest deadline; false when there is none.
bool VirtualClock::AdvanceTime() {
  TimeNs earliest_ns = kNever;
  for (const auto& [unused, member] : members_) {
    if (member->waits) earliest_ns = std::min(earliest_ns, member->deadline_ns);
  }
  if (earliest_ns == kNever) return false;
  now_ns_.store(std::max(NowNs(), earliest_ns), std::memory_order_release);
  for (const auto& [unused, member] : members_) {
    if (member->waits && member->deadline_ns == earliest_ns) MakeReady(*member, Waking::kDeadline);
  }
  return true;
}

// All wait for ever. Whom to tell: a driver that can be told, or else the servant whose end is waited for; nobody when
// there are only servants, whose work may still come from a thread that is not registered.
VirtualClock::Member* VirtualClock::PickStuck() {
  for (const auto& [unused, member] : members_) {
    if (member->waits && member->role == ThreadRole::kDriver && member->awaited == 0) return member.get();
  }
  for (const auto& [unused, member] : members_) {
    const auto awaited = members_.find(member->awaited);
    if (member->waits && awaited != members_.end() && awaited->second->awaited == 0) return awaited->second.get();
  }
  return nullptr;
}

std::string VirtualClock::DescribeWaits() const {
  std::vector<std::string> names;
  for (const auto& [unused, member] : members_) names.push_back(fmt::format("'{}'", member->name));
  return fmt::format(
      "virtual clock: time stands still at {} ns, because all {} registered threads wait and none has a "
      "deadline: {}; whoever was to wake them is not registered or has ended",
      NowNs(), names.size(), Join(names));
}

}  // namespace consort
