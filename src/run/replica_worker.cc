#include "run/replica_worker.h"

#include <utility>

#include "base/thread.h"
#include "consort/error.h"
#include "run/pipeline.h"

namespace consort {

ReplicaWorker::ReplicaWorker(Pipeline& pipeline, int stage, int index, PreparedReplica replica)
    : pipeline_(pipeline),
      clock_(pipeline.clock()),
      stage_(stage),
      index_(index),
      replica_(std::move(replica)),
      parts_(static_cast<int>(pipeline.wiring().stages[stage].parts.size())),
      allowed_ns_(pipeline.DeadlineOf(stage)),
      calls_(static_cast<size_t>(pipeline.slots().size() * parts_)),
      checks_(calls_.size()) {}

void ReplicaWorker::Prebind(bool checks) {
  if (replica_.executable == nullptr) return;
  for (int slot = 0; slot < pipeline_.slots().size(); ++slot) {
    for (int part = 0; part < parts_; ++part) {
      if (!pipeline_.Takes(stage_, index_, part)) continue;
      CallFor({.slot = slot, .part = part});
      if (checks) CallFor({.slot = slot, .part = part, .kind = Job::Kind::kCheck});
    }
  }
}

BoundCall& ReplicaWorker::CallFor(const Job& job) {
  if (job.kind != Job::Kind::kRun) return CallOf(checks_, job, OutputUse::kApart);
  return CallOf(calls_, job, parts_ > 1 ? OutputUse::kApart : OutputUse::kDirect);
}

BoundCall& ReplicaWorker::CallOf(std::vector<std::unique_ptr<BoundCall>>& calls, const Job& job, OutputUse use) {
  const Slot& slot = pipeline_.slots().at(job.slot);
  std::unique_ptr<BoundCall>& call = calls[static_cast<size_t>(job.slot * parts_ + job.part)];
  if (call == nullptr || call->generation() != slot.generation) {
    const WiredStage::Part& part = pipeline_.wiring().stages[stage_].parts[job.part];
    call = std::make_unique<BoundCall>(replica_.executable->signature(), pipeline_.wiring(), slot, part, use);
  }
  return *call;
}

void ReplicaWorker::Begin() {
  thread_.emplace(clock_, replica_.name, ThreadRole::kServant, [self = shared_from_this()] { self->Loop(); });
}

void ReplicaWorker::Loop() {
  try {
    const ThreadScope scope(replica_.cores, /*flush_denormals=*/false);
    Work();
  } catch (...) {
    pipeline_.Break(std::current_exception());
  }
  MarkEnd(/*abandoned=*/false);
}

void ReplicaWorker::Work() {
  while (std::optional<Job> job = pipeline_.NextJob(*this)) {
    std::exception_ptr error;
    const Outcome outcome = Execute(*job, error);
    if (outcome == Outcome::kAbandoned) return;
    if (outcome == Outcome::kOverdue) {
      pipeline_.Overdue(*this, *job, started_ns_);
    } else {
      pipeline_.Finished(*this, *job, std::move(error));
    }
  }
  if (!pipeline_.IsLost(*this)) return;
  // What it holds of the device goes with it, before the device is opened anew; the process of an isolated one is
  // ended.
  calls_.clear();
  checks_.clear();
  replica_.executable.reset();
}

void ReplicaWorker::MarkEnd(bool abandoned) {
  std::lock_guard lock(mutex_);
  (abandoned ? abandoned_ : has_ended_) = true;
  clock_.NotifyAll(end_);
}

void ReplicaWorker::Retire() {
  {
    std::unique_lock lock(mutex_);
    while (!has_ended_ && !abandoned_ && thread_.has_value()) clock_.Wait(lock, end_, kNever);
  }
  if (!thread_.has_value()) return;  // never begun, or retired already
  if (abandoned_) {
    thread_->Detach();
  } else {
    thread_->Join();
  }
  thread_.reset();
}

void ReplicaWorker::SetRunning(std::shared_ptr<Binding> binding) {
  std::lock_guard lock(mutex_);
  running_ = std::move(binding);
}

void ReplicaWorker::Interrupt() {
  std::lock_guard lock(mutex_);
  if (running_ != nullptr) Completion(running_, clock_).Cancel();
}

bool ReplicaWorker::TryAbandon(TimeNs now_ns, TimeNs& deadline_ns) {
  // The state first: a deadline that is read later is of this call, or of one that has another number.
  uint64_t state = state_.load();
  deadline_ns = deadline_ns_.load();
  if (deadline_ns > now_ns) return false;
  deadline_ns = kNever;
  if (state % kCall != kStarting) return false;
  if (!state_.compare_exchange_strong(state, state - kStarting + kAbandoned)) return false;
  deadline_ns_.store(kNever);
  MarkEnd(/*abandoned=*/true);
  return true;
}

// False when the call was abandoned meanwhile.
bool ReplicaWorker::LeaveStart() {
  uint64_t starting = call_ + kStarting;
  return state_.compare_exchange_strong(starting, call_ + kWaiting) || starting == call_ + kWaiting;
}

ReplicaWorker::Outcome ReplicaWorker::Call(BoundCall& call, TimeNs deadline_ns, std::exception_ptr& error) {
  bool in_time = true;
  call_ += kCall;
  state_.store(call_ + kStarting);
  deadline_ns_.store(deadline_ns);
  if (deadline_ns != kNever) pipeline_.Expect(deadline_ns);
  try {
    Completion completion = replica_.executable->Start(call.binding());
    if (!LeaveStart()) return Outcome::kAbandoned;
    in_time = completion.WaitUntil(deadline_ns);
  } catch (...) {
    error = std::current_exception();
    if (!LeaveStart()) return Outcome::kAbandoned;
  }
  deadline_ns_.store(kNever);
  state_.store(call_ + kIdle);
  return in_time ? Outcome::kDone : Outcome::kOverdue;
}

ReplicaWorker::Outcome ReplicaWorker::Execute(const Job& job, std::exception_ptr& error) {
  try {
    BoundCall& call = CallFor(job);
    pipeline_.Load(*this, job, call);
    job_ = job;
    started_ns_ = clock_.NowNs();
    SetRunning(call.binding());
    const TimeNs deadline_ns = allowed_ns_ == kNever ? kNever : started_ns_ + allowed_ns_;
    const Outcome outcome = Call(call, deadline_ns, error);
    if (outcome == Outcome::kAbandoned) return outcome;
    SetRunning(nullptr);
    if (outcome == Outcome::kOverdue || error != nullptr) return outcome;
    Count(job, started_ns_);
    pipeline_.Store(*this, job, call);
  } catch (...) {
    error = std::current_exception();
  }
  return Outcome::kDone;
}

void ReplicaWorker::RunHere(const Job& job) {
  BoundCall& call = CallFor(job);
  pipeline_.Load(*this, job, call);
  const TimeNs start_ns = clock_.NowNs();
  Run(*replica_.executable, call.binding());
  Count(job, start_ns);
  pipeline_.Store(*this, job, call);
}

// A call that ended well.
void ReplicaWorker::Count(const Job& job, TimeNs start_ns) {
  const TimeNs end_ns = clock_.NowNs();
  calls_done_.fetch_add(1, std::memory_order_relaxed);
  busy_ns_.fetch_add(end_ns - start_ns, std::memory_order_relaxed);
  const TraceKind kind = job.kind == Job::Kind::kRun ? TraceKind::kRun : TraceKind::kCheck;
  pipeline_.Note(*this, kind, pipeline_.slots().at(job.slot).sample, start_ns, end_ns);
}

}  // namespace consort
