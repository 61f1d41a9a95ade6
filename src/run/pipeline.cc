#include "run/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace consort {
namespace {

Clock& ClockOf(const SessionOptions& options) { return options.clock == nullptr ? Clock::Real() : *options.clock; }

int SlotCount(const PreparedPlan& plan, const SessionOptions& options) {
  if (options.max_in_flight < 0) throw Error(ErrorCode::kInvalidArgument, "max_in_flight must not be negative");
  if (options.max_in_flight > 0) return options.max_in_flight;
  int count = 1;
  for (const PreparedStage& stage : plan.stages) count += static_cast<int>(stage.replicas.size()) + stage.queue_depth;
  return count;
}

PreparedPlan Checked(PreparedPlan plan) {
  for (size_t stage = 0; stage < plan.stages.size(); ++stage) {
    const PreparedStage& prepared = plan.stages[stage];
    if (prepared.replicas.size() + prepared.spares.size() > kMaxReplicas) {
      throw Error(ErrorCode::kUnsupported, fmt::format("stage {} has more than {} replicas", stage, kMaxReplicas));
    }
    if (prepared.queue_depth < 1) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("stage {}: queue_depth must be at least 1", stage));
    }
  }
  return plan;
}

const PreparedReplica& ReplicaOf(const PreparedStage& stage, size_t index) {
  return index < stage.replicas.size() ? stage.replicas[index] : stage.spares[index - stage.replicas.size()];
}

size_t ReplicaCount(const PreparedStage& stage) { return stage.replicas.size() + stage.spares.size(); }

// A replica of a divided stage takes the parts that its ports fit.
std::vector<bool> PartsTaken(const PreparedReplica& replica, const WiredStage& stage) {
  std::vector<bool> takes;
  for (const WiredStage::Part& part : stage.parts) {
    bool fits = true;
    for (const Port& port : replica.executable->signature().inputs) {
      fits = fits && (part.count < 0 || port.spec.shape[0] == kDynamic || port.spec.shape[0] == part.count);
    }
    takes.push_back(fits);
  }
  return takes;
}

bool HasDeadline(const PreparedPlan& plan, const SessionOptions& options) {
  return options.stage_deadline_ns != kNever ||
         std::any_of(plan.stages.begin(), plan.stages.end(),
                     [](const PreparedStage& stage) { return stage.deadline_ns != kNever; });
}

bool AnyReturns(const PreparedPlan& plan) {
  for (const PreparedStage& stage : plan.stages) {
    for (size_t i = 0; i < ReplicaCount(stage); ++i) {
      if (ReplicaOf(stage, i).reopen != nullptr) return true;
    }
  }
  return false;
}

bool RunsInline(const PreparedPlan& plan, const SessionOptions& options) {
  return options.inline_single && plan.stages.size() == 1 && ReplicaCount(plan.stages[0]) == 1 &&
         !HasDeadline(plan, options) && !AnyReturns(plan) && options.on_loss == nullptr;
}

}  // namespace

std::string_view ToString(ReplicaState state) {
  switch (state) {
    case ReplicaState::kActive:
      return "active";
    case ReplicaState::kSpare:
      return "spare";
    case ReplicaState::kReopening:
      return "reopening";
    case ReplicaState::kLost:
      return "lost";
    case ReplicaState::kDistrusted:
      return "distrusted";
  }
  return "active";
}

Pipeline::Pipeline(PreparedPlan plan, const SessionOptions& options)
    : options_(options),
      clock_(ClockOf(options_)),
      plan_(Checked(std::move(plan))),
      wiring_(MakeWiring(plan_, options_.states)),
      trace_(options_.trace_capacity),
      slots_(wiring_, SlotCount(plan_, options_), clock_),
      streams_(wiring_, std::max(1, options_.streams)) {
  CheckCanVerify();
  MakeStations();
  MakeWorkers();
  if (RunsInline(plan_, options_)) {
    inline_worker_ = workers_[0][0];
    return;
  }
  // A clock that knows its threads refuses here one that it does not know: such a thread could not wait for the others'
  // ends.
  clock_.SleepUntil(clock_.NowNs());
  if (HasDeadline(plan_, options_)) {
    watch_ = std::make_unique<Watch>(clock_, [this](TimeNs now_ns) { return LookForOverdue(now_ns); });
  }
  if (AnyReturns(plan_) || options_.on_loss != nullptr) {
    repair_ =
        std::make_unique<Repair>(clock_, [this](Repair& repair, const Repair::Loss& loss) { Recover(repair, loss); });
  }
  for (const WorkerPtr& worker : AllWorkers()) worker->Begin();
  // So that the first samples are shared as the plan says, and none waits for a thread to start.
  for (const auto& station : stations_) station->AwaitIdle();
}

void Pipeline::MakeStations() {
  for (size_t stage = 0; stage < plan_.stages.size(); ++stage) {
    const PreparedStage& prepared = plan_.stages[stage];
    std::vector<Station::Member> members;
    takes_.emplace_back();
    for (size_t i = 0; i < ReplicaCount(prepared); ++i) {
      takes_.back().push_back(PartsTaken(ReplicaOf(prepared, i), wiring_.stages[stage]));
      members.push_back({.share = std::max(1e-9, ReplicaOf(prepared, i).share),
                         .state = i < prepared.replicas.size() ? ReplicaState::kActive : ReplicaState::kSpare,
                         .takes = takes_.back().back()});
    }
    const int parts = static_cast<int>(wiring_.stages[stage].parts.size());
    const int capacity = slots_.size() * parts;
    // What waits in front of the first stage is bounded by the slots.
    const int depth = stage == 0 ? capacity : prepared.queue_depth * parts;
    stations_.push_back(std::make_unique<Station>(std::move(members), capacity, depth, streams_.size(), clock_));
  }
}

void Pipeline::MakeWorkers() {
  for (size_t stage = 0; stage < plan_.stages.size(); ++stage) {
    workers_.emplace_back();
    PreparedStage& prepared = plan_.stages[stage];
    for (size_t i = 0; i < ReplicaCount(prepared); ++i) {
      auto worker =
          std::make_shared<ReplicaWorker>(*this, static_cast<int>(stage), static_cast<int>(i), ReplicaOf(prepared, i));
      worker->Prebind(options_.verify.every > 0);
      worker->unchecked.reserve(static_cast<size_t>(options_.verify.every + slots_.size()));
      workers_.back().push_back(std::move(worker));
    }
    for (PreparedReplica& replica : prepared.replicas) replica.executable.reset();
    for (PreparedReplica& replica : prepared.spares) replica.executable.reset();
  }
}

Pipeline::~Pipeline() {
  Cancel();
  repair_.reset();
  for (const WorkerPtr& worker : AllWorkers()) worker->Retire();
  watch_.reset();
}

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

void Pipeline::Note(const ReplicaWorker& worker, TraceKind kind, uint64_t sample, TimeNs start_ns, TimeNs end_ns) {
  trace_.Record(
      {kind, static_cast<int16_t>(worker.stage()), static_cast<int16_t>(worker.index()), sample, start_ns, end_ns});
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
  } catch (const Error& known) {
    if (known.code() == ErrorCode::kDeviceLost && !IsLost(*inline_worker_))
      NoteLoss(*inline_worker_, slot, known.what(), start_ns);
    error = InStage(*inline_worker_, std::current_exception());
  } catch (...) {
    error = InStage(*inline_worker_, std::current_exception());
  }
  slots_.End(slot, std::move(error));
  slots_.Leave(slot);
}

// From the first Place on, another thread may have the slot.
void Pipeline::Enter(Slot& slot, int stage, bool may_block) {
  slot.stage = stage;
  const int parts = static_cast<int>(wiring_.stages[stage].parts.size());
  slot.parts_left.store(parts, std::memory_order_release);
  Job job{.slot = slot.index, .since_ns = trace_.enabled() ? clock_.NowNs() : 0, .sample = slot.sample};
  if (streams_.any()) job.stream = slot.stream;
  for (job.part = 0; job.part < parts; ++job.part) Place(job, /*urgent=*/!may_block);
}

void Pipeline::Place(const Job& job, bool urgent) {
  const int stage = SlotOf(job).stage;
  switch (stations_[stage]->Place(job, urgent)) {
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
    slots_.End(slot, InStage(worker, error));
    return EndPart(job);
  }
  if (job.kind == Job::Kind::kCheck) return FinishCheck(worker, job);
  if (job.kind == Job::Kind::kThird) return FinishThird(worker, job);
  if (job.lost_ns > 0) {
    const TimeNs took_ns = clock_.NowNs() - job.lost_ns;
    TimeNs longest_ns = longest_recovery_ns_.load();
    while (took_ns > longest_ns && !longest_recovery_ns_.compare_exchange_weak(longest_ns, took_ns)) {
    }
  }
  if (worker.distrusted.load(std::memory_order_acquire)) return TakeFrom(worker, job);
  if (options_.verify.every > 0 && IsDueForCheck(worker, slot.sample)) return StartCheck(worker, job);
  EndPart(job);
}

// One call of the slot's stage less. Whoever ends the last one takes the sample on.
void Pipeline::EndPart(const Job& job, bool may_block) {
  Slot& slot = SlotOf(job);
  if (slot.parts_left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  const int stage = slot.stage;
  // The slot may be another sample's once it was passed on.
  PassOn(slot, may_block);
  if (job.stream >= 0) stations_[stage]->EndStreamJob(job.stream, job.sample);
}

void Pipeline::PassOn(Slot& slot, bool may_block) {
  if (!slot.has_ended()) {
    if (streams_.any()) streams_.Commit(slot, slot.stage);
    if (slot.stage + 1 < static_cast<int>(stations_.size())) return Enter(slot, slot.stage + 1, may_block);
    slots_.End(slot, nullptr);
  }
  slots_.Leave(slot);
}

void Pipeline::Fail(const Job& job, const Error& error) {
  if (job.kind != Job::Kind::kRun) return Undecided(job);
  slots_.End(SlotOf(job), std::make_exception_ptr(error));
  EndPart(job);
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

SessionReport Pipeline::Report() const {
  SessionReport report{.started = slots_.started(),
                       .delivered = slots_.delivered(),
                       .failed = slots_.failed(),
                       .retries = retries_.load(),
                       .longest_recovery_ns = longest_recovery_ns_.load()};
  report.stages.resize(stations_.size());
  for (const WorkerPtr& worker : AllWorkers()) {
    const Station& station = *stations_[worker->stage()];
    report.stages[worker->stage()].push_back({.name = worker->name(),
                                              .state = station.state(worker->index()),
                                              .why = station.why(worker->index()),
                                              .calls = worker->calls(),
                                              .busy_ns = worker->busy_ns()});
  }
  std::lock_guard lock(report_mutex_);
  report.losses = losses_;
  report.verified = verified_;
  report.unverified = unverified_;
  report.suspects = suspects_;
  std::sort(report.suspects.begin(), report.suspects.end());
  return report;
}

std::optional<Plan> Pipeline::replacement() const {
  std::lock_guard lock(report_mutex_);
  return replacement_;
}

std::vector<std::vector<std::string>> Pipeline::ReplicaNames() const {
  std::vector<std::vector<std::string>> names(stations_.size());
  for (const WorkerPtr& worker : AllWorkers()) names[worker->stage()].push_back(worker->name());
  return names;
}

}  // namespace consort
