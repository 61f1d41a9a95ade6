#include "measure/probe.h"

#include <array>
#include <optional>

#include "base/thread.h"
#include "consort/error.h"

namespace consort {
namespace {

// About 150 µs on a core of 3 GHz: short beside a block, long beside an interrupt.
constexpr int kSteps = 60'000;

// Six chains that do not depend on each other fill the core's multipliers and adders, so that a neighbour on the same
// physical core (SMT) is felt as well as a lower clock. The constants are Knuth's and Marsaglia's; any odd ones would
// do.
uint64_t Arithmetic() {
  std::array<uint64_t, 6> chains = {1, 2, 3, 4, 5, 6};
  for (int step = 0; step < kSteps; ++step) {
    for (uint64_t& value : chains) value = value * 6364136223846793005U + 1442695040888963407U;
  }
  uint64_t sum = 0;
  for (const uint64_t value : chains) sum ^= value;
  return sum;
}

TimeNs TimedArithmetic() {
  Clock& clock = Clock::Real();
  const TimeNs start = clock.NowNs();
  volatile uint64_t result = Arithmetic();  // volatile: the work may not be left out
  (void)result;
  return clock.NowNs() - start;
}

}  // namespace

ProbeTeam::ProbeTeam(const CoreSet& cores) : times_(cores.cores().size()) {
  for (size_t i = 0; i < times_.size(); ++i) {
    threads_.emplace_back([this, i, core = cores.cores()[i]] { Loop(static_cast<int>(i), core); });
  }
}

ProbeTeam::~ProbeTeam() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

const std::vector<TimeNs>& ProbeTeam::Run() {
  std::unique_lock lock(mutex_);
  running_ = static_cast<int>(threads_.size());
  ++round_;
  start_.notify_all();
  done_.wait(lock, [this] { return running_ == 0; });
  return times_;
}

void ProbeTeam::Loop(int index, int core) {
  std::optional<ThreadScope> scope;
  try {
    scope.emplace(CoreSet({core}), false);
  } catch (const Error&) {
    // The core was taken from the process: the probe runs wherever it may.
  }
  uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    start_.wait(lock, [&] { return stop_ || round_ != seen; });
    if (stop_) return;
    seen = round_;
    lock.unlock();
    const TimeNs took = TimedArithmetic();
    lock.lock();
    times_[static_cast<size_t>(index)] = took;
    if (--running_ == 0) done_.notify_one();
  }
}

}  // namespace consort
