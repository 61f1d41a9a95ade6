#include "emulate/virtual_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "base/bounded_queue.h"
#include "base/clock_thread.h"
#include "consort/backend.h"
#include "consort/error.h"

namespace consort {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// What happened, in order. Written by one thread at a time: that is what is tested.
class Log {
 public:
  explicit Log(const Clock& clock) : clock_(clock) {}
  void Add(const std::string& what) { lines.push_back(std::to_string(clock_.NowNs()) + " " + what); }
  std::vector<std::string> lines;

 private:
  const Clock& clock_;
};

TEST(VirtualClock, SleepingTakesNoTimeButMovesTheClock) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EXPECT_EQ(clock.NowNs(), 0);
  clock.SleepUntil(3'600'000'000'000);
  EXPECT_EQ(clock.NowNs(), 3'600'000'000'000);
  clock.SleepUntil(5);
  EXPECT_EQ(clock.NowNs(), 3'600'000'000'000) << "time does not run backwards";
}

TEST(VirtualClock, TimeWaitsForAThreadThatHasNotBegun) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  TimeNs seen = -1;
  ClockThread thread(clock, "other", ThreadRole::kDriver, [&] { seen = clock.NowNs(); });
  clock.SleepUntil(1'000'000);
  EXPECT_EQ(seen, 0);
  thread.Join();
}

TEST(VirtualClock, EqualDeadlinesGoInOrderOfRegistration) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  Log log(clock);
  std::vector<std::unique_ptr<ClockThread>> threads;
  for (int i = 0; i < 4; ++i) {
    threads.push_back(std::make_unique<ClockThread>(clock, "t", ThreadRole::kDriver, [&, i] {
      // The later ones go to sleep earlier.
      clock.SleepUntil(10 * (4 - i));
      clock.SleepUntil(100);
      log.Add(std::to_string(i));
    }));
  }
  for (const auto& thread : threads) thread->Join();
  EXPECT_THAT(log.lines, ElementsAre("100 0", "100 1", "100 2", "100 3"));
}

TEST(VirtualClock, ADeadlineEndsAWait) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  BoundedQueue<int> queue(1, clock);
  EXPECT_EQ(queue.Pop(250), std::nullopt);
  EXPECT_EQ(clock.NowNs(), 250);
  EXPECT_EQ(queue.Pop(100), std::nullopt) << "one that has passed, too";
}

TEST(VirtualClock, ANotificationComesBeforeTheDeadline) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  BoundedQueue<int> queue(1, clock);
  ClockThread producer(clock, "producer", ThreadRole::kDriver, [&] {
    clock.SleepUntil(70);
    queue.Push(7);
  });
  EXPECT_EQ(queue.Pop(1'000), 7);
  EXPECT_EQ(clock.NowNs(), 70);
  producer.Join();
}

// A producer every 10 ns, a consumer that takes 25: the queue of two fills, and the consumer sets the pace.
TEST(VirtualClock, ABoundedQueueHoldsTheProducerBack) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  BoundedQueue<int> queue(2, clock);
  Log log(clock);
  ClockThread producer(clock, "producer", ThreadRole::kDriver, [&] {
    for (int i = 0; i < 6; ++i) {
      clock.SleepUntil(clock.NowNs() + 10);
      queue.Push(i);
      log.Add("in " + std::to_string(i));
    }
    queue.Close();
  });
  while (const std::optional<int> value = queue.Pop()) {
    clock.SleepUntil(clock.NowNs() + 25);
    log.Add("out " + std::to_string(*value));
  }
  producer.Join();
  EXPECT_EQ(clock.NowNs(), 10 + 6 * 25);
  EXPECT_THAT(log.lines, ElementsAre("10 in 0", "20 in 1", "30 in 2", "35 out 0", "40 in 3", "60 out 1", "60 in 4",
                                     "85 out 2", "85 in 5", "110 out 3", "135 out 4", "160 out 5"));
}

// Eight threads that pass a token on, sleep, and share a queue.
std::vector<std::string> EightThreads(uint32_t seed) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  Log log(clock);
  BoundedQueue<int> queue(3, clock);
  std::vector<std::unique_ptr<ClockThread>> threads;
  for (uint32_t i = 0; i < 8; ++i) {
    threads.push_back(std::make_unique<ClockThread>(clock, "t" + std::to_string(i), ThreadRole::kDriver, [&, i] {
      uint32_t state = seed + i;
      for (int turn = 0; turn < 20; ++turn) {
        state = state * 1664525u + 1013904223u;
        clock.SleepUntil(clock.NowNs() + state % 5);
        if (i % 2 == 0) {
          queue.Push(static_cast<int>(i) * 100 + turn);
        } else if (const std::optional<int> value = queue.Pop(clock.NowNs() + 50)) {
          log.Add(std::to_string(i) + " got " + std::to_string(*value));
        }
      }
      log.Add(std::to_string(i) + " ends");
    }));
  }
  for (const auto& thread : threads) thread->Join();
  return log.lines;
}

TEST(VirtualClock, EightThreadsDoTheSameEveryTime) {
  const std::vector<std::string> first = EightThreads(1);
  EXPECT_EQ(first.size(), 4u * 20 + 8);
  for (int run = 0; run < 100; ++run) ASSERT_EQ(EightThreads(1), first) << "run " << run;
  EXPECT_NE(EightThreads(2), first) << "another program does something else";
}

TEST(VirtualClock, AnUnregisteredThreadIsToldSo) {
  VirtualClock clock;
  EXPECT_THAT([&] { clock.SleepUntil(1); }, ThrowsMessage<Error>(HasSubstr("not registered cannot sleep")));
  BoundedQueue<int> queue(1, clock);
  EXPECT_THAT([&] { queue.Pop(); }, ThrowsMessage<Error>(HasSubstr("not registered cannot wait")));
}

TEST(VirtualClock, AThreadRegistersOnce) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  EXPECT_THAT([&] { ClockMember(clock, "again"); }, ThrowsMessage<Error>(HasSubstr("registered already")));
  clock.SleepUntil(10);
  EXPECT_EQ(clock.NowNs(), 10);
}

TEST(VirtualClock, WaitingForEverIsAnErrorThatNamesWhoWaits) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  BoundedQueue<int> queue(1, clock);
  BoundedQueue<int> work(1, clock);
  ClockThread servant(clock, "servant", ThreadRole::kServant, [&] { EXPECT_EQ(work.Pop(), std::nullopt); });
  EXPECT_THAT([&] { queue.Pop(); },
              ThrowsMessage<Error>(AllOf(HasSubstr("time stands still"), HasSubstr("'main'"), HasSubstr("'servant'"))));
  work.Close();
  servant.Join();
}

TEST(VirtualClock, ServantsMayWaitForWorkFromOutside) {
  VirtualClock clock;
  BoundedQueue<int> work(1, clock);
  int got = 0;
  ClockThread servant(clock, "servant", ThreadRole::kServant, [&] { got = work.Pop().value_or(-1); });
  EXPECT_TRUE(work.Push(5));
  servant.Join();
  EXPECT_EQ(got, 5);
}

// Takes a millisecond.
class SlowProgram : public Program {
 public:
  explicit SlowProgram(Clock& clock) : clock_(clock) {}
  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  void Invoke(Binding&) override { clock_.SleepUntil(clock_.NowNs() + 1'000'000); }

 private:
  Clock& clock_;
  Signature signature_;
  Placement placement_;
};

TEST(VirtualClock, WorkersOfExecutablesTakePart) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  const auto executable = MakeExecutable(std::make_shared<SlowProgram>(clock),
                                         {.execution = Execution::kWorker, .max_in_flight = 2, .clock = &clock});
  const auto one = std::make_shared<Binding>(Signature{});
  const auto two = std::make_shared<Binding>(Signature{});
  Completion first = executable->Start(one);
  Completion second = executable->Start(two);
  EXPECT_FALSE(second.WaitUntil(500'000));
  EXPECT_EQ(clock.NowNs(), 500'000);
  first.Wait();
  EXPECT_EQ(clock.NowNs(), 1'000'000);
  EXPECT_THAT([&] { second.Wait(); }, ThrowsMessage<Error>(HasSubstr("deadline passed")));
}

TEST(VirtualClock, CallersOfOneExecutableTakeTurns) {
  VirtualClock clock;
  const ClockMember member(clock, "main");
  const auto executable = MakeExecutable(std::make_shared<SlowProgram>(clock), {.clock = &clock});
  const auto call = [&] { consort::Run(*executable, std::make_shared<Binding>(Signature{})); };
  ClockThread other(clock, "other", ThreadRole::kDriver, call);
  call();
  other.Join();
  EXPECT_EQ(clock.NowNs(), 2'000'000);
}

}  // namespace
}  // namespace consort
