// The thread that makes the calls of one replica.
#ifndef CONSORT_RUN_REPLICA_WORKER_H_
#define CONSORT_RUN_REPLICA_WORKER_H_

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock_thread.h"
#include "consort/device.h"
#include "run/bound_call.h"
#include "run/prepared.h"
#include "run/station.h"

namespace consort {

class Pipeline;  // run/pipeline.h

// Takes jobs from its stage's station and makes the calls. A call that hangs in the engine takes the thread with it:
// the worker is then abandoned (TryAbandon), which leaves thread, executable and buffers to one another and touches
// nothing of the pipeline ever after. Made by std::make_shared; the thread keeps it alive.
class ReplicaWorker : public std::enable_shared_from_this<ReplicaWorker> {
 public:
  // The pipeline outlives every worker that was not abandoned.
  ReplicaWorker(Pipeline& pipeline, int stage, int index, PreparedReplica replica);

  int stage() const { return stage_; }
  int index() const { return index_; }
  const std::string& name() const { return replica_.name; }
  bool returns() const { return replica_.reopen != nullptr; }
  const PreparedReplica& replica() const { return replica_; }
  int64_t calls() const { return calls_done_.load(std::memory_order_relaxed); }
  TimeNs busy_ns() const { return busy_ns_.load(std::memory_order_relaxed); }

  // Makes the bindings of all slots beforehand, so that steady state allocates nothing. Before Begin.
  void Prebind(bool checks);
  void Begin();
  // Waits until the thread has ended, or was abandoned; and lets go of it. One caller at a time.
  void Retire();

  // --- For the thread that watches deadlines --- Where the call that the engine makes now is past its deadline and
  // hangs in Start, it is abandoned and its job is the caller's to give to another: true. Otherwise `deadline_ns` is
  // that of the call; kNever: there is none.
  bool TryAbandon(TimeNs now_ns, TimeNs& deadline_ns);
  Job job() const { return job_; }  // of the abandoned call
  TimeNs started_ns() const { return started_ns_; }

  void Interrupt();  // a hint that the running call is not wanted any more

  // --- For the thread that runs a job ---
  BoundCall& CallFor(const Job& job);
  // Inline sessions: makes the call on the calling thread. Throws what it throws.
  void RunHere(const Job& job);
  // Numbers of the calls since the last good check; guarded by the pipeline's verification.
  std::vector<uint64_t> unchecked;
  int calls_since_check = 0;
  std::atomic<bool> distrusted{false};

 private:
  // Counted up by each call, in steps of kCall: so that a call is not taken for the one before it.
  enum State : uint64_t { kIdle, kStarting, kWaiting, kAbandoned, kCall };
  enum class Outcome : uint8_t { kDone, kOverdue, kAbandoned };

  void Loop();
  void Work();
  Outcome Execute(const Job& job, std::exception_ptr& error);
  Outcome Call(BoundCall& call, TimeNs deadline_ns, std::exception_ptr& error);
  bool LeaveStart();
  void SetRunning(std::shared_ptr<Binding> binding);
  BoundCall& CallOf(std::vector<std::unique_ptr<BoundCall>>& calls, const Job& job, OutputUse use);
  void Count(const Job& job, TimeNs start_ns);
  void MarkEnd(bool abandoned);

  Pipeline& pipeline_;
  Clock& clock_;
  const int stage_;
  const int index_;
  PreparedReplica replica_;
  const int parts_;
  const TimeNs allowed_ns_;                        // for a call
  std::vector<std::unique_ptr<BoundCall>> calls_;  // [slot × parts + part]
  std::vector<std::unique_ptr<BoundCall>> checks_;
  std::atomic<uint64_t> state_{kIdle};
  uint64_t call_ = 0;  // its number times kCall; of the thread
  std::atomic<TimeNs> deadline_ns_{kNever};
  Job job_;
  TimeNs started_ns_ = 0;
  std::atomic<int64_t> calls_done_{0};
  std::atomic<TimeNs> busy_ns_{0};

  std::mutex mutex_;  // of the following
  std::condition_variable end_;
  bool has_ended_ = false;
  bool abandoned_ = false;
  std::shared_ptr<Binding> running_;
  std::optional<ClockThread> thread_;
};

}  // namespace consort

#endif  // CONSORT_RUN_REPLICA_WORKER_H_
