#include "measure/probe.h"

#include <optional>

#include "base/thread.h"
#include "consort/error.h"

namespace consort {
namespace {

// About 130 µs on a core of 3 GHz: short beside a block, long beside an interrupt.
constexpr int kSteps = 100'000;
// A part before it that is not timed: a thread that has just woken up finds cold caches and predictors.
constexpr int kWarmUpSteps = kSteps / 8;

// One chain of multiplications and additions, each waiting for the one before. Its time is clock cycles alone, the same
// to 0.1 % on an idle core, whatever a neighbour does with caches or execution units: what it shows is time that was
// taken away, and the clock. (Chains side by side, which fill the multiplier, were tried: their time varied by 30 %
// without any effect on inference.)
void Arithmetic(int steps) {
  uint64_t value = 1;
  for (int step = 0; step < steps; ++step) {
    value = value * 6364136223846793005U + 1442695040888963407U;  // Knuth's constants; any odd ones would do
    __asm__ volatile("" : "+r"(value));                           // neither left out nor vectorised
  }
}

TimeNs TimedArithmetic() {
  Clock& clock = Clock::Real();
  Arithmetic(kWarmUpSteps);
  const TimeNs start = clock.NowNs();
  Arithmetic(kSteps);
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
