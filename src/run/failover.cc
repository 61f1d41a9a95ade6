// Pipeline's part for lost devices: quarantine, retry, return.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "run/pipeline.h"

namespace consort {

// Calls whose deadline has passed; gives the earliest that has not.
TimeNs Pipeline::LookForOverdue(TimeNs now_ns) {
  TimeNs earliest_ns = kNever;
  for (const WorkerPtr& worker : AllWorkers()) {
    const TimeNs deadline_ns = worker->deadline_ns();
    if (deadline_ns > now_ns) {
      earliest_ns = std::min(earliest_ns, deadline_ns);
    } else if (worker->TryAbandon()) {
      Overdue(*worker, worker->job(), worker->started_ns());
    }
  }
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

// Of an inline session: nobody else is there.
void Pipeline::NoteLoss(ReplicaWorker& worker, const Slot& slot, const std::string& why, TimeNs started_ns) {
  const TimeNs now_ns = clock_.NowNs();
  Note(worker, TraceKind::kLoss, slot.sample, started_ns, now_ns);
  Note(worker, TraceKind::kQuarantine, slot.sample, now_ns, now_ns);
  {
    std::lock_guard lock(report_mutex_);
    losses_.push_back({.stage = 0, .replica = worker.name(), .why = why, .sample = slot.sample, .at_ns = now_ns});
  }
  stations_[0]->Lose(worker.index(), ReplicaState::kLost, why, nullptr);
}

void Pipeline::Lost(ReplicaWorker& worker, const Job& job, const std::string& why, TimeNs started_ns, bool hung) {
  const TimeNs now_ns = clock_.NowNs();
  Slot& slot = SlotOf(job);
  const int stage = worker.stage();
  const uint64_t sample = slot.sample;
  Note(worker, TraceKind::kLoss, sample, started_ns, now_ns);
  if (hung) Taint(slot, job);
  {
    std::lock_guard lock(report_mutex_);
    losses_.push_back({.stage = stage, .replica = worker.name(), .why = why, .sample = sample, .at_ns = now_ns});
  }
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
  Note(worker, TraceKind::kQuarantine, sample, now_ns, now_ns);
  stations_[stage]->Lose(worker.index(), worker.returns() ? ReplicaState::kReopening : ReplicaState::kLost, why,
                         retry ? &again : nullptr);
  if (!retry) EndPart(job);
  FailOrphans(stage);
  if (repair_ != nullptr) repair_->Tell({stage, worker.index(), now_ns});
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

// On the repair thread.
void Pipeline::Recover(Repair& repair, const Repair::Loss& loss) {
  const WorkerPtr lost = WorkerOf(loss.stage, loss.replica);
  AskForReplacement(*lost);
  if (!lost->returns()) return;
  lost->Retire();
  Station& station = *stations_[loss.stage];
  std::string why;
  for (int attempt = 0; attempt < options_.probe_attempts; ++attempt) {
    if (!repair.Pause(options_.probe_interval_ns)) return;
    try {
      PreparedReplica replica = lost->replica();
      replica.executable = replica.reopen();
      auto worker = std::make_shared<ReplicaWorker>(*this, loss.stage, loss.replica, std::move(replica));
      {
        std::lock_guard lock(workers_mutex_);
        workers_[loss.stage][loss.replica] = worker;
      }
      station.Return(loss.replica, ReplicaState::kActive, "");
      worker->Begin();
      Note(*worker, TraceKind::kReturn, 0, loss.at_ns, clock_.NowNs());
      return;
    } catch (const std::exception& error) {
      why = error.what();
    } catch (...) {
      why = "an exception of unknown type";
    }
  }
  station.Return(loss.replica, ReplicaState::kLost, fmt::format("it did not come back: {}", why));
  FailOrphans(loss.stage);
}

}  // namespace consort
