// Pipeline's part for lost devices: quarantine, retry, return.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "run/pipeline.h"

namespace consort {

// Calls whose deadline has passed; gives the earliest that has not.
TimeNs Pipeline::LookForOverdue(TimeNs now_ns) {
  {
    std::lock_guard lock(workers_mutex_);
    for (const auto& of_stage : workers_) watched_.insert(watched_.end(), of_stage.begin(), of_stage.end());
  }
  TimeNs earliest_ns = kNever;
  for (const WorkerPtr& worker : watched_) {
    TimeNs deadline_ns = kNever;
    if (worker->TryAbandon(now_ns, deadline_ns)) Overdue(*worker, worker->job(), worker->started_ns());
    earliest_ns = std::min(earliest_ns, deadline_ns);
  }
  watched_.clear();
  return earliest_ns;
}

void Pipeline::Overdue(ReplicaWorker& worker, const Job& job, TimeNs started_ns) {
  const double allowed_ms = static_cast<double>(DeadlineOf(worker.stage())) / 1e6;
  Lost(worker, job, fmt::format("a call did not end within its deadline of {:.3g} ms", allowed_ms), started_ns,
       /*hung=*/true);
}

// The call may go on: what it may write is nobody's any more, and the slot is not used for another sample.
void Pipeline::Taint(Slot& slot, const Job& job) {
  slot.tainted.store(true, std::memory_order_relaxed);
  // Other parts and repeated calls write elsewhere.
  if (job.kind != Job::Kind::kRun || wiring_.stages[slot.stage].parts.size() > 1) return;
  for (int tensor : wiring_.stages[slot.stage].outputs) slots_.Replace(slot, tensor);
}

void Pipeline::ListLoss(const ReplicaWorker& worker, const std::string& why, uint64_t sample, TimeNs at_ns) {
  std::lock_guard lock(report_mutex_);
  losses_.push_back(
      {.stage = worker.stage(), .replica = worker.name(), .why = why, .sample = sample, .at_ns = at_ns});
}

// Of an inline session: nobody else is there.
void Pipeline::NoteLoss(ReplicaWorker& worker, const Slot& slot, const std::string& why, TimeNs started_ns) {
  const TimeNs now_ns = clock_.NowNs();
  Note(worker, TraceKind::kLoss, slot.sample, started_ns, now_ns);
  Note(worker, TraceKind::kQuarantine, slot.sample, now_ns, now_ns);
  ListLoss(worker, why, slot.sample, now_ns);
  stations_[0]->Lose(worker.index(), ReplicaState::kLost, why, nullptr);
}

void Pipeline::NoteRecovery(TimeNs took_ns) {
  TimeNs longest_ns = longest_recovery_ns_.load();
  while (took_ns > longest_ns && !longest_recovery_ns_.compare_exchange_weak(longest_ns, took_ns)) {
  }
}

void Pipeline::Lost(ReplicaWorker& worker, const Job& job, const std::string& why, TimeNs started_ns, bool hung) {
  const TimeNs now_ns = clock_.NowNs();
  Slot& slot = SlotOf(job);
  const int stage = worker.stage();
  const uint64_t sample = slot.sample;
  Note(worker, TraceKind::kLoss, sample, started_ns, now_ns);
  if (hung) Taint(slot, job);
  ListLoss(worker, why, sample, now_ns);
  Job again = job;
  ++again.attempts;
  again.lost_ns = now_ns;
  again.since_ns = now_ns;
  const bool retry = again.attempts < options_.max_attempts && !slot.has_ended();
  if (retry) {
    retries_.fetch_add(1);
    Note(worker, TraceKind::kRetry, sample, now_ns, now_ns);
  } else {
    slots_.End(slot, std::make_exception_ptr(
                         Error(ErrorCode::kDeviceLost,
                               fmt::format("sample {}: {} devices were lost with it at stage {}, the last was {}: {}",
                                           sample, again.attempts, stage, worker.name(), why))));
  }
  Quarantine(worker, worker.returns() ? ReplicaState::kReopening : ReplicaState::kLost, why, sample,
             retry ? &again : nullptr);
  if (!retry) EndPart(job);
}

// The replica is used no more. The loss was listed before: who sees a sample end for it sees it as well.
void Pipeline::Quarantine(const ReplicaWorker& worker, ReplicaState as, const std::string& why, uint64_t sample,
                          const Job* retry) {
  const TimeNs now_ns = clock_.NowNs();
  const int stage = worker.stage();
  Note(worker, TraceKind::kQuarantine, sample, now_ns, now_ns);
  const int spare = stations_[stage]->Lose(worker.index(), as, why, retry);
  Tell(worker, ReplicaState::kActive, as, now_ns);
  if (repair_ != nullptr) {
    if (spare >= 0) repair_->Tell({stage, spare, now_ns, Repair::Loss::Kind::kSpare});
    using Kind = Repair::Loss::Kind;
    const Kind kind = as == ReplicaState::kDistrusted ? Kind::kDistrusted : Kind::kLost;
    repair_->Tell({stage, worker.index(), now_ns, kind});
  }
  FailOrphans(stage);
}

void Pipeline::FailOrphans(int stage) {
  while (std::optional<Job> orphan = stations_[stage]->TakeOrphan()) Fail(*orphan, NobodyLeft(stage));
}

Error Pipeline::NobodyLeft(int stage) const {
  std::string lost;
  for (const WorkerPtr& worker : AllWorkers()) {
    if (worker->stage() != stage) continue;
    const std::string why = stations_[stage]->why(worker->index());
    if (!why.empty()) lost += fmt::format("; {}: {}", worker->name(), why);
  }
  return Error(ErrorCode::kDeviceLost, fmt::format("stage {}: no device is left to run it{}", stage, lost));
}

void Pipeline::AskForReplacement(const ReplicaWorker& worker) {
  if (options_.on_loss == nullptr) return;
  try {
    std::optional<Plan> plan = options_.on_loss(worker.stage(), worker.name());
    std::lock_guard lock(report_mutex_);
    if (plan.has_value()) replacement_ = std::move(plan);
  } catch (...) {
    // The caller's own affair; the session goes on with what is left.
  }
}

// The executable is compiled anew, or, of a spare, for the first time.
bool Pipeline::Reopen(const WorkerPtr& lost, const Repair::Loss& loss, std::string& why) {
  try {
    PreparedReplica replica = lost->replica();
    replica.executable = loss.kind == Repair::Loss::Kind::kSpare ? replica.compile() : replica.reopen();
    if (replica.executable == nullptr) throw Error(ErrorCode::kDeviceLost, "nothing was opened");
    CheckPorts(replica, wiring_, loss.stage);
    auto worker = std::make_shared<ReplicaWorker>(*this, loss.stage, loss.replica, std::move(replica));
    worker->unchecked.reserve(static_cast<size_t>(options_.verify.every + slots_.size()));
    {
      std::lock_guard lock(workers_mutex_);
      workers_[loss.stage][loss.replica] = worker;
    }
    stations_[loss.stage]->Return(loss.replica, ReplicaState::kActive, "");
    worker->Begin();
    const TimeNs now_ns = clock_.NowNs();
    Note(*worker, TraceKind::kReturn, 0, loss.at_ns, now_ns);
    Tell(*worker, ReplicaState::kReopening, ReplicaState::kActive, now_ns);
    return true;
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {
    why = "an exception of unknown type";
  }
  return false;
}

// On the repair thread.
void Pipeline::Recover(Repair& repair, const Repair::Loss& loss) {
  const WorkerPtr lost = WorkerOf(loss.stage, loss.replica);
  const bool is_spare = loss.kind == Repair::Loss::Kind::kSpare;
  if (!is_spare) AskForReplacement(*lost);
  if (loss.kind == Repair::Loss::Kind::kDistrusted || (!is_spare && !lost->returns())) return;
  lost->Retire();
  std::string why = "it was not tried";
  const int attempts = is_spare ? 1 : options_.probe_attempts;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    if (!is_spare && !repair.Pause(options_.probe_interval_ns)) return;
    if (Reopen(lost, loss, why)) return;
  }
  why = fmt::format("it {}: {}", is_spare ? "could not be compiled" : "did not come back", why);
  const int next = stations_[loss.stage]->Return(loss.replica, ReplicaState::kLost, why);
  if (next >= 0) repair.Tell({loss.stage, next, loss.at_ns, Repair::Loss::Kind::kSpare});
  Tell(*lost, ReplicaState::kReopening, ReplicaState::kLost, clock_.NowNs());
  FailOrphans(loss.stage);
}

}  // namespace consort
