#include "bench/replicas.h"

#include <sys/prctl.h>

#include <optional>
#include <utility>

#include "base/thread.h"

namespace consort {
namespace {

CoreSet CoresOf(const Target& target) {
  if (target.device != "cpu") return {};
  return target.unit.empty() ? CoreSet::Available() : CoreSet::Parse(target.unit);
}

ReplicaPlans Alike(const Target& target, int count, int threads, bool shared) {
  return {std::vector<ReplicaPlan>(static_cast<size_t>(count), {target, threads}), shared};
}

}  // namespace

ReplicaPlans DivideTarget(const Target& target, int count, int threads) {
  const std::vector<int> cores = CoresOf(target).cores();
  const auto each = static_cast<int>(cores.size()) / count;
  if (count == 1 || each < 1 || threads > each) {
    return Alike(target, count, threads, count > 1 && !cores.empty());
  }
  const int left_over = static_cast<int>(cores.size()) % count;
  ReplicaPlans plans;
  auto next = cores.begin();
  for (int i = 0; i < count; ++i) {
    const auto end = next + each + (i < left_over ? 1 : 0);
    ReplicaPlan plan{target, threads};
    plan.target.unit = CoreSet({next, end}).ToString();
    plans.replicas.push_back(std::move(plan));
    next = end;
  }
  return plans;
}

ReplicaTeam::ReplicaTeam(const std::vector<LoadedReplica>& replicas) {
  for (size_t i = 0; i < replicas.size(); ++i) {
    threads_.emplace_back([this, i, replica = replicas[i]] { Loop(static_cast<int>(i), replica); });
  }
}

ReplicaTeam::~ReplicaTeam() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ReplicaTeam::Run(const std::function<void(int)>& work) {
  std::unique_lock lock(mutex_);
  work_ = &work;
  running_ = size();
  ++round_;
  start_.notify_all();
  done_.wait(lock, [this] { return running_ == 0; });
  if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
}

void ReplicaTeam::RunOne(int index, const std::function<void(int)>& work) {
  try {
    work(index);
  } catch (...) {
    std::lock_guard lock(mutex_);
    if (error_ == nullptr) error_ = std::current_exception();
  }
}

void ReplicaTeam::Loop(int index, const LoadedReplica& replica) {
  // Waits for an arrival end within a nanosecond of the time asked for, not 50 µs later (man 2 prctl).
  prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
  std::optional<ThreadScope> scope;
  std::exception_ptr refused;
  try {
    scope.emplace(replica.cores, replica.flush_denormals);
  } catch (...) {
    refused = std::current_exception();
  }
  uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    start_.wait(lock, [&] { return stop_ || round_ != seen; });
    if (stop_) return;
    seen = round_;
    const std::function<void(int)>& work = *work_;
    if (refused != nullptr) {
      error_ = refused;
    } else {
      lock.unlock();
      RunOne(index, work);
      lock.lock();
    }
    if (--running_ == 0) done_.notify_one();
  }
}

}  // namespace consort
