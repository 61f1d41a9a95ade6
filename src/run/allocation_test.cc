// Steady state allocates nothing. A program of its own: it replaces operator new.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

#include "run/session.h"
#include "run/test_programs.h"

namespace {

std::atomic<int64_t> allocations = 0;

void* Counted(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return Counted(size); }
void* operator new[](std::size_t size) { return Counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace consort {
namespace {

using test::ChainStage;
using test::ChainValue;
using test::Filled;
using test::FloatPort;
using test::MakePart;
using test::MakeReplica;

// Of 1,000 samples, after some that warm up.
int64_t AllocationsOf(Session& session, int streams = 1) {
  const Buffer input = Filled(1);
  Buffer output = Filled(0);
  std::array<Ticket, 4> tickets;
  const auto round = [&](int stream) {
    for (Ticket& ticket : tickets) ticket = session.Submit({&input, 1}, {.stream = stream});
    for (const Ticket& ticket : tickets) session.Wait(ticket, {&output, 1});
  };
  for (int i = 0; i < 20; ++i) round(i % streams);
  const int64_t before = allocations.load();
  for (int i = 0; i < 250; ++i) round(i % streams);
  return allocations.load() - before;
}

TEST(Allocation, IsCounted) {
  const int64_t before = allocations.load();
  Filled(1);
  EXPECT_GT(allocations.load(), before);
}

TEST(Allocation, NoneInline) {
  Session session({.stages = {{.replicas = {MakeReplica(ChainStage(0))}}}}, {.max_in_flight = 4});
  ASSERT_TRUE(session.runs_inline());
  EXPECT_EQ(AllocationsOf(session), 0);
}

TEST(Allocation, NoneInAPipelineWithDeadlinesAndChecks) {
  PreparedPlan plan;
  for (int stage = 0; stage < 4; ++stage) {
    plan.stages.push_back({.replicas = {MakeReplica(ChainStage(stage)), MakeReplica(ChainStage(stage))},
                           .spares = {MakeReplica(ChainStage(stage))}});
  }
  Session session(plan, {.max_in_flight = 6,
                         .stage_deadline_ns = 10'000'000'000,
                         .sample_deadline_ns = 100'000'000'000,
                         .verify = {.every = 10}});
  EXPECT_EQ(AllocationsOf(session), 0);
}

TEST(Allocation, NoneWithStatesAndDividedStages) {
  PreparedPlan plan;
  plan.stages.push_back(
      {.replicas = {MakeReplica({{FloatPort("x"), FloatPort("state")}, {FloatPort("t0"), FloatPort("next")}})}});
  PreparedStage divided;
  for (const int64_t samples : {3, 1}) divided.replicas.push_back(MakePart(ChainStage(0, {samples}), samples));
  plan.stages.push_back(divided);
  Session session(plan, {.max_in_flight = 6, .states = {{"state", "next"}}, .streams = 2});
  EXPECT_EQ(AllocationsOf(session, 2), 0);
}

}  // namespace
}  // namespace consort
