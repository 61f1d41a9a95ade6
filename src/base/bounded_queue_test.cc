#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace consort {
namespace {

TEST(BoundedQueue, KeepsOrderBetweenThreads) {
  BoundedQueue<int> queue(3);
  std::thread producer([&] {
    for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(queue.Push(i));
    queue.Close();
  });
  int expected = 0;
  while (std::optional<int> value = queue.Pop()) EXPECT_EQ(*value, expected++);
  EXPECT_EQ(expected, 10'000);
  producer.join();
}

TEST(BoundedQueue, TryPushRefusesWhenFull) {
  BoundedQueue<int> queue(1);
  int value = 1;
  EXPECT_TRUE(queue.TryPush(value));
  EXPECT_FALSE(queue.TryPush(value));
  EXPECT_EQ(queue.size(), 1u);
}

TEST(BoundedQueue, PopGivesUpAtTheDeadline) {
  BoundedQueue<int> queue(1);
  EXPECT_FALSE(queue.Pop(Clock::Real().NowNs() + 100'000).has_value());
}

TEST(BoundedQueue, ClosedRefusesPushAndEmptiesTheRest) {
  BoundedQueue<int> queue(2);
  ASSERT_TRUE(queue.Push(7));
  queue.Close();
  EXPECT_FALSE(queue.Push(8));
  EXPECT_EQ(queue.Pop(), 7);
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

TEST(BoundedQueue, CloseWakesAWaitingProducer) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.Push(1));
  std::thread producer([&] { EXPECT_FALSE(queue.Push(2)); });
  queue.Close();
  producer.join();
}

}  // namespace
}  // namespace consort
