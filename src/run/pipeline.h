// The running stages: how samples pass them, and what happens when a device is lost or wrong.
#ifndef CONSORT_RUN_PIPELINE_H_
#define CONSORT_RUN_PIPELINE_H_

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "consort/error.h"
#include "run/prepared.h"
#include "run/repair.h"
#include "run/replica_worker.h"
#include "run/session_options.h"
#include "run/slots.h"
#include "run/station.h"
#include "run/streams.h"
#include "run/trace.h"
#include "run/watch.h"
#include "run/wiring.h"

namespace consort {

// The machinery behind Session. A sample is a slot that goes from station to station; the thread which ends a stage's
// last call takes it to the next one. Each slot that was started is left (Slots::Leave) exactly once. Thread-safe.
class Pipeline {
 public:
  // Throws kInvalidArgument and kUnsupported for what cannot run (MakeWiring, Conversion, verification without a second
  // target).
  Pipeline(PreparedPlan plan, const SessionOptions& options);
  // Cancels, and waits for calls under way; hung ones are left to themselves.
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // --- For Session ---
  const SessionOptions& options() const { return options_; }
  bool runs_inline() const { return inline_worker_ != nullptr; }
  // Sends a started slot through the stages. Inline: computes it.
  void Begin(Slot& slot);
  void Close();   // takes no more samples and waits for those under way
  void Cancel();  // ends those under way with kCancelled
  // Samples do not wait for replicas that are being opened anew, but end as stranded (Strand); or they do again.
  void Strand();
  void Unstrand();
  SessionReport Report() const;
  int64_t losses() const;  // LossReports so far
  std::optional<Plan> replacement() const;
  std::vector<std::vector<std::string>> ReplicaNames() const;
  const Trace& trace() const { return trace_; }
  Trace& trace() { return trace_; }
  Streams& streams() { return streams_; }

  // --- For ReplicaWorker ---
  Clock& clock() const { return clock_; }
  const Wiring& wiring() const { return wiring_; }
  Slots& slots() { return slots_; }
  TimeNs DeadlineOf(int stage) const;
  bool Takes(int stage, int replica, int part) const;
  std::optional<Job> NextJob(ReplicaWorker& worker);
  bool IsLost(const ReplicaWorker& worker) const;
  void Expect(TimeNs deadline_ns);
  void Load(ReplicaWorker& worker, const Job& job, BoundCall& call);
  void Store(ReplicaWorker& worker, const Job& job, BoundCall& call);
  void Note(const ReplicaWorker& worker, TraceKind kind, uint64_t sample, TimeNs start_ns, TimeNs end_ns);
  void Finished(ReplicaWorker& worker, const Job& job, std::exception_ptr error);
  void Overdue(ReplicaWorker& worker, const Job& job, TimeNs started_ns);
  void Break(const std::exception_ptr& error);

 private:
  using WorkerPtr = std::shared_ptr<ReplicaWorker>;

  // pipeline_setup.cc
  void MakeStations();
  void MakeWorkers();
  void BeginThreads();
  void EndThreads();

  // pipeline.cc: the way of a sample. The threads that watch and repair must not wait for room in a queue: kAtOnce.
  void BeginHere(Slot& slot);
  void Enter(Slot& slot, int stage, Station::Entry entry = Station::Entry::kWhenThereIsRoom);
  void Place(const Job& job, Station::Entry entry);
  void EndPart(const Job& job, Station::Entry entry = Station::Entry::kWhenThereIsRoom);
  void PassOn(Slot& slot, Station::Entry entry);
  void Fail(const Job& job, const Error& error);
  void StrandSample(const Job& job, const Error& error);
  void Stop(const std::exception_ptr& error);
  std::exception_ptr InStage(const ReplicaWorker& worker, const std::exception_ptr& error) const;
  Slot& SlotOf(const Job& job) { return slots_.at(job.slot); }
  WorkerPtr WorkerOf(int stage, int index) const;
  std::vector<WorkerPtr> AllWorkers() const;
  void Tell(const ReplicaWorker& worker, ReplicaState before, ReplicaState now, TimeNs at_ns) const;

  // failover.cc: lost devices.
  void Lost(ReplicaWorker& worker, const Job& job, const std::string& why, TimeNs started_ns, bool hung);
  void NoteLoss(ReplicaWorker& worker, const Slot& slot, const std::string& why, TimeNs started_ns);
  void ListLoss(const ReplicaWorker& worker, const std::string& why, uint64_t sample, TimeNs at_ns);
  void Taint(Slot& slot, const Job& job);
  void Quarantine(const ReplicaWorker& worker, ReplicaState as, const std::string& why, uint64_t sample,
                  const Job* retry);
  void NoteRecovery(TimeNs took_ns);
  void FailOrphans(int stage);
  Error NobodyLeft(int stage) const;
  TimeNs LookForOverdue(TimeNs now_ns);
  void Recover(Repair& repair, const Repair::Loss& loss);
  void AskForReplacement(const ReplicaWorker& worker);
  bool Reopen(const WorkerPtr& lost, const Repair::Loss& loss, std::string& why);

  // verify.cc: repeated calls.
  void CheckCanVerify() const;
  bool IsDueForCheck(ReplicaWorker& worker, uint64_t sample);
  void StartCheck(const ReplicaWorker& worker, const Job& job);
  void FinishCheck(ReplicaWorker& worker, const Job& job);
  void AskThird(ReplicaWorker& witness, const Job& job);
  void FinishThird(ReplicaWorker& worker, const Job& job);
  void Undecided(const Job& job);
  void AdoptSecondOpinion(Slot& slot, int part) const;
  bool IsSpare(int stage, int replica) const;
  void Agree(const Job& job);
  void Distrust(int stage, int replica, uint64_t sample);
  void TakeFrom(const ReplicaWorker& worker, const Job& job);

  const SessionOptions options_;
  Clock& clock_;
  PreparedPlan plan_;  // without its executables, which belong to the workers
  const Wiring wiring_;
  Trace trace_;
  Slots slots_;
  Streams streams_;
  std::vector<std::unique_ptr<Station>> stations_;
  std::vector<std::vector<std::vector<bool>>> takes_;  // [stage][replica][part]
  mutable std::mutex workers_mutex_;
  std::vector<std::vector<WorkerPtr>> workers_;  // [stage][replica], spares behind the others
  WorkerPtr inline_worker_;                      // of an inline session: without a thread
  std::vector<WorkerPtr> watched_;               // of the thread that watches
  std::unique_ptr<Watch> watch_;                 // where a stage has a deadline
  std::unique_ptr<Repair> repair_;               // where something is to be done about a loss

  std::atomic<int64_t> retries_{0};
  std::atomic<TimeNs> longest_recovery_ns_{0};
  mutable std::mutex report_mutex_;  // of the following, and of the workers' `unchecked`
  std::vector<LossReport> losses_;
  std::vector<uint64_t> suspects_;
  int64_t verified_ = 0;
  int64_t unverified_ = 0;
  std::optional<Plan> replacement_;
};

}  // namespace consort

#endif  // CONSORT_RUN_PIPELINE_H_
