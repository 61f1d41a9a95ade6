#include "run/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace consort {
namespace {

// Engines blame the model or themselves.
std::exception_ptr OfEmptySample(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    if (known.code() == ErrorCode::kDeviceLost) return error;
    return std::make_exception_ptr(
        Error(ErrorCode::kUnsupported, fmt::format("the sample is empty, which was not borne: {}", known.what())));
  }
}

}  // namespace

TimeNs Pipeline::DeadlineOf(int stage) const {
  return std::min(plan_.stages[stage].deadline_ns, options_.stage_deadline_ns);
}

bool Pipeline::Takes(int stage, int replica, int part) const { return takes_[stage][replica][part]; }

bool Pipeline::IsLost(const ReplicaWorker& worker) const {
  const ReplicaState state = stations_[worker.stage()]->state(worker.index());
  return state != ReplicaState::kActive && state != ReplicaState::kSpare;
}

void Pipeline::Expect(TimeNs deadline_ns) {
  if (watch_ != nullptr) watch_->Expect(deadline_ns);
}

Pipeline::WorkerPtr Pipeline::WorkerOf(int stage, int index) const {
  std::lock_guard lock(workers_mutex_);
  return workers_[stage][index];
}

std::vector<Pipeline::WorkerPtr> Pipeline::AllWorkers() const {
  std::lock_guard lock(workers_mutex_);
  std::vector<WorkerPtr> all;
  for (const auto& of_stage : workers_) all.insert(all.end(), of_stage.begin(), of_stage.end());
  return all;
}

void Pipeline::Tell(const ReplicaWorker& worker, ReplicaState before, ReplicaState now, TimeNs at_ns) const {
  if (options_.on_change == nullptr) return;
  options_.on_change(
      {.stage = worker.stage(), .replica = worker.name(), .before = before, .now = now, .at_ns = at_ns});
}

void Pipeline::Begin(Slot& slot) {
  if (!runs_inline()) {
    Enter(slot, 0);
    return;
  }
  BeginHere(slot);
}

// Inline: the caller's thread computes it.
void Pipeline::BeginHere(Slot& slot) {
  std::exception_ptr error;
  const TimeNs start_ns = clock_.NowNs();
  try {
    slot.stage = 0;
    if (IsLost(*inline_worker_)) throw NobodyLeft(0);
    inline_worker_->RunHere({.slot = slot.index});
    if (streams_.any()) streams_.Commit(slot, 0);
    if (streams_.any()) streams_.Deliver(slot);
  } catch (const Error& known) {
    if (known.code() == ErrorCode::kDeviceLost && !IsLost(*inline_worker_))
      NoteLoss(*inline_worker_, slot, known.what(), start_ns);
    error = InStage(*inline_worker_, std::current_exception());
  } catch (...) {
    error = InStage(*inline_worker_, std::current_exception());
  }
  if (error != nullptr && slot.is_empty) error = OfEmptySample(error);
  slots_.End(slot, std::move(error));
  slots_.Leave(slot);
}

// From the first Place on, another thread may have the slot.
void Pipeline::Enter(Slot& slot, int stage, Station::Entry entry) {
  slot.stage = stage;
  const int parts = static_cast<int>(wiring_.stages[stage].parts.size());
  slot.parts_left.store(parts, std::memory_order_release);
  Job job{.slot = slot.index,
          .attempts = slot.lost_devices.load(std::memory_order_relaxed),
          .since_ns = trace_.enabled() ? clock_.NowNs() : 0,
          .sample = slot.sample};
  if (streams_.any()) job.stream = slot.stream;
  for (job.part = 0; job.part < parts; ++job.part) Place(job, entry);
}

void Pipeline::Place(const Job& job, Station::Entry entry) {
  const int stage = SlotOf(job).stage;
  switch (stations_[stage]->Place(job, entry)) {
    case Station::Put::kPlaced:
      return;
    case Station::Put::kStopped:
      return EndPart(job);
    case Station::Put::kNobody:
      return Fail(job, NobodyLeft(stage));
  }
}

std::optional<Job> Pipeline::NextJob(ReplicaWorker& worker) {
  while (std::optional<Job> job = stations_[worker.stage()]->Take(worker.index())) {
    Slot& slot = SlotOf(*job);
    const TimeNs now_ns = trace_.enabled() || slot.deadline_ns != kNever ? clock_.NowNs() : 0;
    if (trace_.enabled() && job->kind == Job::Kind::kRun)
      Note(worker, TraceKind::kWait, slot.sample, job->since_ns, now_ns);
    if (slot.deadline_ns != kNever && now_ns >= slot.deadline_ns) {
      slots_.End(
          slot, std::make_exception_ptr(Error(ErrorCode::kTimeout,
                                              fmt::format("sample {}: its deadline passed while it waited for stage {}",
                                                          slot.sample, worker.stage()))));
    }
    if (streams_.is_behind_a_break(slot)) {
      StrandSample(*job, Error(ErrorCode::kDeviceLost,
                               fmt::format("stream {}: a sample before this one could not be run", slot.stream)));
    }
    if (!slot.has_ended()) return job;
    EndPart(*job);
  }
  return std::nullopt;
}

void Pipeline::Load(ReplicaWorker& worker, const Job& job, BoundCall& call) {
  Slot& slot = SlotOf(job);
  if (job.kind == Job::Kind::kRun && streams_.any()) streams_.Load(slot, worker.stage());
  const TimeNs start_ns = call.converts_inputs() ? clock_.NowNs() : 0;
  call.LoadInputs(slot);
  if (call.converts_inputs()) Note(worker, TraceKind::kConversion, slot.sample, start_ns, clock_.NowNs());
}

void Pipeline::Store(ReplicaWorker& worker, const Job& job, BoundCall& call) {
  Slot& slot = SlotOf(job);
  const TimeNs start_ns = call.converts_outputs() ? clock_.NowNs() : 0;
  call.FinishOutputs(slot);
  if (call.converts_outputs()) Note(worker, TraceKind::kConversion, slot.sample, start_ns, clock_.NowNs());
  if (job.kind != Job::Kind::kRun || wiring_.stages[worker.stage()].parts.size() == 1) return;
  const TimeNs copy_ns = clock_.NowNs();
  call.CopyOutputs(slot);
  Note(worker, TraceKind::kTransfer, slot.sample, copy_ns, clock_.NowNs());
}

std::exception_ptr Pipeline::InStage(const ReplicaWorker& worker, const std::exception_ptr& error) const {
  const auto in_stage = [&](ErrorCode code, const char* what) {
    return std::make_exception_ptr(Error(code, fmt::format("stage {} on {}: {}", worker.stage(), worker.name(), what)));
  };
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    return in_stage(known.code(), known.what());
  } catch (const std::bad_alloc&) {
    return in_stage(ErrorCode::kOutOfMemory, "out of memory");
  } catch (const std::exception& other) {
    return in_stage(ErrorCode::kInternal, other.what());
  } catch (...) {
    return in_stage(ErrorCode::kInternal, "an exception of unknown type");
  }
}

void Pipeline::Finished(ReplicaWorker& worker, const Job& job, std::exception_ptr error) {
  Slot& slot = SlotOf(job);
  if (error != nullptr) {
    try {
      std::rethrow_exception(error);
    } catch (const Error& known) {
      if (known.code() == ErrorCode::kDeviceLost)
        return Lost(worker, job, known.what(), worker.started_ns(), /*hung=*/false);
    } catch (...) {
    }
    slots_.End(slot, slot.is_empty ? OfEmptySample(InStage(worker, error)) : InStage(worker, error));
    return EndPart(job);
  }
  if (job.kind == Job::Kind::kCheck) return FinishCheck(worker, job);
  if (job.kind == Job::Kind::kThird) return FinishThird(worker, job);
  if (job.lost_ns > 0) NoteRecovery(clock_.NowNs() - job.lost_ns);
  if (worker.distrusted.load(std::memory_order_acquire)) return TakeFrom(worker, job);
  if (options_.verify.every > 0 && IsDueForCheck(worker, slot.sample)) return StartCheck(worker, job);
  EndPart(job);
}

// One call of the slot's stage less. Whoever ends the last one takes the sample on.
void Pipeline::EndPart(const Job& job, Station::Entry entry) {
  Slot& slot = SlotOf(job);
  if (slot.parts_left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  const int stage = slot.stage;
  // The slot may be another sample's once it was passed on.
  PassOn(slot, entry);
  if (job.stream >= 0) stations_[stage]->EndStreamJob(job.stream, job.sample);
}

void Pipeline::PassOn(Slot& slot, Station::Entry entry) {
  if (!slot.has_ended()) {
    if (streams_.any()) streams_.Commit(slot, slot.stage);
    if (slot.stage + 1 < static_cast<int>(stations_.size())) return Enter(slot, slot.stage + 1, entry);
    if (streams_.any()) streams_.Deliver(slot);
    slots_.End(slot, nullptr);
  }
  slots_.Leave(slot);
}

void Pipeline::Fail(const Job& job, const Error& error) {
  if (job.kind != Job::Kind::kRun) return Undecided(job);
  StrandSample(job, error);
  EndPart(job);
}

void Pipeline::StrandSample(const Job& job, const Error& error) {
  Slot& slot = SlotOf(job);
  slot.lost_devices.store(job.attempts, std::memory_order_relaxed);
  streams_.BreakAt(slot);
  slots_.Strand(slot, std::make_exception_ptr(error));
}

void Pipeline::Strand() {
  for (size_t stage = 0; stage < stations_.size(); ++stage) {
    stations_[stage]->Strand();
    FailOrphans(static_cast<int>(stage));
  }
}

void Pipeline::Unstrand() {
  for (const auto& station : stations_) station->Unstrand();
}

void Pipeline::Close() {
  slots_.Close();
  slots_.AwaitIdle();
}

void Pipeline::Cancel() { Stop(std::make_exception_ptr(Error(ErrorCode::kCancelled, "the session was cancelled"))); }

void Pipeline::Break(const std::exception_ptr& error) { Stop(error); }

void Pipeline::Stop(const std::exception_ptr& error) {
  slots_.Close();
  slots_.EndAll(error);
  for (const auto& station : stations_) station->Stop();
  for (const auto& station : stations_) {
    while (std::optional<Job> job = station->TakeOrphan()) EndPart(*job);
  }
  for (const WorkerPtr& worker : AllWorkers()) worker->Interrupt();
}

}  // namespace consort
