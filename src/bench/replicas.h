// Replicas: several executables of one model at once, and the threads that query them.
#ifndef CONSORT_BENCH_REPLICAS_H_
#define CONSORT_BENCH_REPLICAS_H_

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "consort/target.h"

namespace consort {

// What one replica gets.
struct ReplicaPlan {
  Target target;
  int threads = 0;  // engine threads; 0: one per core of the target
};

struct ReplicaPlans {
  std::vector<ReplicaPlan> replicas;
  bool shared = false;  // they compete for the same cores; of cpu targets only
};

// Divides the cores of a cpu target evenly, in order, among `count` replicas (the first ones get what is left over),
// with `threads` engine threads each (0: one per core of the replica). With fewer cores than replicas, on other
// devices, and where `threads` are more than a replica's cores, all share the target.
ReplicaPlans DivideTarget(const Target& target, int count, int threads);

// One replica as a scenario sees it.
struct LoadedReplica {
  std::function<void()> query;
  CoreSet cores;  // the querying thread is confined to these; empty: left as it is
  bool flush_denormals = true;
};

// A thread per replica, asleep between blocks. One user at a time; steady state allocates nothing.
class ReplicaTeam {
 public:
  explicit ReplicaTeam(const std::vector<LoadedReplica>& replicas);
  ~ReplicaTeam();
  ReplicaTeam(const ReplicaTeam&) = delete;
  ReplicaTeam& operator=(const ReplicaTeam&) = delete;

  int size() const { return static_cast<int>(threads_.size()); }
  // Calls work(i) on replica i's thread, on all at once, and waits. Rethrows the first error of any.
  void Run(const std::function<void(int)>& work);

 private:
  void Loop(int index, const LoadedReplica& replica);
  void RunOne(int index, const std::function<void(int)>& work);

  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable done_;
  const std::function<void(int)>* work_ = nullptr;
  uint64_t round_ = 0;
  int running_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
  std::vector<std::thread> threads_;
};

}  // namespace consort

#endif  // CONSORT_BENCH_REPLICAS_H_
