// A clock whose time passes only while everybody waits.
#ifndef CONSORT_EMULATE_VIRTUAL_CLOCK_H_
#define CONSORT_EMULATE_VIRTUAL_CLOCK_H_

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "consort/clock.h"

namespace consort {

// Time for programs of several threads that run as fast as they can and the same way every time. Its threads take part
// by base/clock_thread.h. One of them runs at a time, until it waits or sleeps; who was woken first runs next. When
// none can run, time jumps to the earliest deadline; of equal ones the thread that was registered first goes first.
// What a thread does between two waits takes no time.
//
// A thread may block in no other way on what another registered thread does: that one would never get its turn. Waiting
// for an engine, a file or a process is fine, and time stands still meanwhile. A thread that is not registered may read
// the time and notify; to wait or to sleep it must register (else kInvalidArgument). When all threads wait for ever and
// one of them is no servant, its wait throws kInternal naming who waits.
//
// Starts at 0. Outlives its threads and whatever waits through it. Thread-safe.
//
//   VirtualClock clock;
//   const ClockMember member(clock, "main");
//   auto device = registry.Open(Target::Parse("emulated:coral-usb3"), {.clock = &clock});
class VirtualClock : public Clock {
 public:
  TimeNs NowNs() const override { return now_ns_.load(std::memory_order_acquire); }
  void SleepUntil(TimeNs deadline_ns) override;
  bool Wait(std::unique_lock<std::mutex>& lock, std::condition_variable& condition, TimeNs deadline_ns) override;
  void NotifyOne(std::condition_variable& condition) override;
  void NotifyAll(std::condition_variable& condition) override;
  int64_t ExpectThread(const std::string& name, ThreadRole role) override;
  void EnterThread(int64_t ticket) override;
  void LeaveThread(int64_t ticket) override;
  void AwaitThread(int64_t ticket) override;

 private:
  enum class Waking : uint8_t { kNot, kNotified, kDeadline, kStuck };

  // A registered thread. It runs, or stands in ready_, or waits: for a condition, another thread, or a time alone.
  struct Member {
    int64_t ticket = 0;
    std::string name;
    ThreadRole role = ThreadRole::kDriver;
    std::condition_variable turn;
    bool waits = false;
    const std::condition_variable* condition = nullptr;
    int64_t awaited = 0;  // ticket of the thread whose end it waits for; 0: none
    TimeNs deadline_ns = kNever;
    int64_t since = 0;  // order of the waits
    Waking waking = Waking::kNot;
  };

  Member& Self(std::string_view what);
  Waking Block(std::unique_lock<std::mutex>& clock_lock, Member& self);
  void MakeReady(Member& member, Waking waking);
  void Notify(const std::condition_variable& condition, bool all);
  void LetNextRun();
  bool AdvanceTime();
  Member* PickStuck();
  std::string DescribeWaits() const;

  std::atomic<TimeNs> now_ns_{0};
  mutable std::mutex mutex_;                            // of everything below
  std::map<int64_t, std::unique_ptr<Member>> members_;  // by ticket: the order of registration
  std::map<std::thread::id, Member*> by_thread_;
  std::deque<Member*> ready_;
  Member* running_ = nullptr;
  int64_t tickets_ = 0;
  int64_t waits_ = 0;
};

}  // namespace consort

#endif  // CONSORT_EMULATE_VIRTUAL_CLOCK_H_
