// Pipeline's part for calls that are repeated on another target, to find devices that give wrong numbers.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "run/pipeline.h"

namespace consort {
namespace {

uint64_t Bit(int replica) { return uint64_t{1} << replica; }

}  // namespace

void Pipeline::CheckCanVerify() const {
  if (options_.verify.every < 0) throw Error(ErrorCode::kInvalidArgument, "verify.every must not be negative");
  if (options_.verify.every == 0) return;
  for (size_t stage = 0; stage < plan_.stages.size(); ++stage) {
    if (plan_.stages[stage].replicas.size() + plan_.stages[stage].spares.size() >= 2) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("stage {} has one target only; to verify its numbers give it a spare on another", stage));
  }
}

// Counts a call that ended well. The samples since the last good check are kept.
bool Pipeline::IsDueForCheck(ReplicaWorker& worker, uint64_t sample) {
  std::lock_guard lock(report_mutex_);
  worker.unchecked.push_back(sample);
  if (++worker.calls_since_check < options_.verify.every) return false;
  worker.calls_since_check = 0;
  return true;
}

void Pipeline::StartCheck(const ReplicaWorker& worker, const Job& job) {
  Job check = job;
  check.kind = Job::Kind::kCheck;
  check.runner = worker.index();
  check.exclude |= Bit(worker.index());
  Place(check, Station::Entry::kFirst);
}

void Pipeline::FinishCheck(ReplicaWorker& worker, const Job& job) {
  if (worker.CallFor(job).Agrees(SlotOf(job).tensors, options_.verify.tolerance)) return Agree(job);
  AskThird(worker, job);
}

// The runner's calls up to this one are good: its faults are held to persist.
void Pipeline::Agree(const Job& job) {
  Slot& slot = SlotOf(job);
  {
    const WorkerPtr runner = WorkerOf(slot.stage, job.runner);
    std::lock_guard lock(report_mutex_);
    ++verified_;
    const auto found = std::find(runner->unchecked.begin(), runner->unchecked.end(), slot.sample);
    if (found != runner->unchecked.end()) runner->unchecked.erase(runner->unchecked.begin(), found + 1);
  }
  EndPart(job);
}

void Pipeline::AskThird(ReplicaWorker& witness, const Job& job) {
  Slot& slot = SlotOf(job);
  slot.second_opinions[job.part] = witness.CallFor(job).CloneOutputs(slot.tensors.size());
  Job third = job;
  third.kind = Job::Kind::kThird;
  third.witness = witness.index();
  third.exclude |= Bit(witness.index());
  Place(third, Station::Entry::kFirst);
}

void Pipeline::FinishThird(ReplicaWorker& worker, const Job& job) {
  Slot& slot = SlotOf(job);
  const BoundCall& third = worker.CallFor(job);
  const double tolerance = options_.verify.tolerance;
  if (third.Agrees(slot.tensors, tolerance)) {
    Distrust(slot.stage, job.witness, slot.sample);
    return Agree(job);
  }
  Distrust(slot.stage, job.runner, slot.sample);
  if (third.Agrees(slot.second_opinions[job.part], tolerance)) {
    third.CopyOutputs(slot);
  } else {
    slots_.End(slot, std::make_exception_ptr(
                         Error(ErrorCode::kInternal,
                               fmt::format("stage {}: {}, {} and {} give three different results for sample {}",
                                           slot.stage.load(), WorkerOf(slot.stage, job.runner)->name(),
                                           WorkerOf(slot.stage, job.witness)->name(), worker.name(), slot.sample))));
  }
  EndPart(job);
}

bool Pipeline::IsSpare(int stage, int replica) const {
  return replica >= static_cast<int>(plan_.stages[stage].replicas.size());
}

// What the witness gave becomes the result of the part.
void Pipeline::AdoptSecondOpinion(Slot& slot, int part) const {
  const std::vector<Buffer>& opinion = slot.second_opinions[part];
  for (size_t tensor = 0; tensor < opinion.size(); ++tensor) {
    if (opinion[tensor].empty()) continue;
    CopyRows(opinion[tensor], wiring_.stages[slot.stage].parts[part], slot.tensors[tensor],
             wiring_.tensors[tensor].name);
  }
}

// Nobody is left to repeat the call (kCheck), or to decide (kThird). Of two that differ a spare is believed: it was put
// there to step in for the other.
void Pipeline::Undecided(const Job& job) {
  Slot& slot = SlotOf(job);
  const std::string runner = WorkerOf(slot.stage, job.runner)->name();
  if (job.kind == Job::Kind::kThird && IsSpare(slot.stage, job.witness) && !IsSpare(slot.stage, job.runner)) {
    Distrust(slot.stage, job.runner, slot.sample);
    AdoptSecondOpinion(slot, job.part);
  } else if (job.kind == Job::Kind::kThird) {
    slots_.End(slot,
               std::make_exception_ptr(Error(
                   ErrorCode::kInternal,
                   fmt::format("stage {}: {} and {} give different results for sample {}, and no third "
                               "target is there to decide",
                               slot.stage.load(), runner, WorkerOf(slot.stage, job.witness)->name(), slot.sample))));
  } else {
    if (options_.verify.every == 1) {
      StrandSample(job, Error(ErrorCode::kDeviceLost,
                              fmt::format("stage {}: no target is left to verify what {} gave for sample {}",
                                          slot.stage.load(), runner, slot.sample)));
    }
    std::lock_guard lock(report_mutex_);
    ++unverified_;
  }
  EndPart(job, Station::Entry::kAtOnce);
}

// The replica gives wrong numbers, as a call for this sample shows; its samples since the last good check may be wrong,
// too.
void Pipeline::Distrust(int stage, int replica, uint64_t sample) {
  const WorkerPtr worker = WorkerOf(stage, replica);
  if (worker->distrusted.exchange(true)) return;
  const std::string why = fmt::format("it gave a wrong result for sample {}", sample);
  ListLoss(*worker, why, sample, clock_.NowNs());
  {
    std::lock_guard lock(report_mutex_);
    for (uint64_t unchecked : worker->unchecked) {
      if (unchecked != sample) suspects_.push_back(unchecked);
    }
    worker->unchecked.clear();
  }
  Quarantine(*worker, ReplicaState::kDistrusted, why, sample, nullptr);
}

// A call that ended well on a replica which was found to be wrong meanwhile is made again by another.
void Pipeline::TakeFrom(const ReplicaWorker& worker, const Job& job) {
  Job again = job;
  again.exclude |= Bit(worker.index());
  again.since_ns = clock_.NowNs();
  retries_.fetch_add(1);
  const int stage = worker.stage();
  Note(worker, TraceKind::kRetry, SlotOf(job).sample, again.since_ns, again.since_ns);
  Station& station = *stations_[stage];
  station.Lose(worker.index(), ReplicaState::kDistrusted, station.why(worker.index()), &again);
  FailOrphans(stage);
}

}  // namespace consort
