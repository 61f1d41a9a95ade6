#include "base/thread.h"

#include <gtest/gtest.h>

#include <limits>

#include "consort/error.h"

namespace consort {
namespace {

// Half the smallest normal number, in a way the compiler cannot fold.
float HalfOfSmallest() {
  volatile float smallest = std::numeric_limits<float>::min();
  return smallest * 0.5f;
}

TEST(ThreadScope, ConfinesAndRestores) {
  const CoreSet before = CoreSet::OfThread(0);
  const CoreSet one({before.cores().back()});
  {
    ThreadScope scope(one, /*flush_denormals=*/false);
    EXPECT_EQ(CoreSet::OfThread(0), one);
  }
  EXPECT_EQ(CoreSet::OfThread(0), before);
}

TEST(ThreadScope, RestoresAMaskThatSomebodyElseChanged) {
  const CoreSet before = CoreSet::OfThread(0);
  if (before.size() < 2) GTEST_SKIP() << "one core only";
  {
    ThreadScope scope(before, /*flush_denormals=*/false);
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(before.cores().front(), &mask);
    ASSERT_EQ(sched_setaffinity(0, sizeof(mask), &mask), 0);
  }
  EXPECT_EQ(CoreSet::OfThread(0), before);
}

TEST(ThreadScope, FlushesDenormalsOnlyInside) {
  ASSERT_GT(HalfOfSmallest(), 0.0f);
  {
    ThreadScope scope({}, /*flush_denormals=*/true);
    EXPECT_EQ(HalfOfSmallest(), 0.0f);
  }
  EXPECT_GT(HalfOfSmallest(), 0.0f);
}

TEST(ThreadScope, CoresThatDoNotExistAreAnError) {
  EXPECT_THROW(ThreadScope(CoreSet({1000}), /*flush_denormals=*/false), Error);
}

}  // namespace
}  // namespace consort
