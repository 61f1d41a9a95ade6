// Pipeline's part for its beginning and its end.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "run/pipeline.h"

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
    if (replica.is_compiled_later()) {
      fits = part.count < 0 || part.count == replica.samples;
    } else {
      for (const Port& port : replica.executable->signature().inputs) {
        fits = fits && (part.count < 0 || port.spec.shape[0] == kDynamic || port.spec.shape[0] == part.count);
      }
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

// Whether some replica may have to be compiled while the session runs.
bool AnyCompilesLater(const PreparedPlan& plan) {
  for (const PreparedStage& stage : plan.stages) {
    for (size_t i = 0; i < ReplicaCount(stage); ++i) {
      const PreparedReplica& replica = ReplicaOf(stage, i);
      if (replica.reopen != nullptr || replica.is_compiled_later()) return true;
    }
  }
  return false;
}

bool RunsInline(const PreparedPlan& plan, const SessionOptions& options) {
  return options.inline_single && plan.stages.size() == 1 && ReplicaCount(plan.stages[0]) == 1 &&
         !HasDeadline(plan, options) && !AnyCompilesLater(plan) && options.on_loss == nullptr &&
         options.on_change == nullptr;
}

}  // namespace

Pipeline::Pipeline(PreparedPlan plan, const SessionOptions& options)
    : options_(options),
      clock_(ClockOf(options_)),
      plan_(WithNativePorts(Checked(std::move(plan)))),
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
  try {
    BeginThreads();
  } catch (...) {
    EndThreads();
    throw;
  }
}

void Pipeline::MakeStations() {
  for (size_t stage = 0; stage < plan_.stages.size(); ++stage) {
    const PreparedStage& prepared = plan_.stages[stage];
    std::vector<Station::Member> members;
    takes_.emplace_back();
    for (size_t i = 0; i < ReplicaCount(prepared); ++i) {
      const PreparedReplica& replica = ReplicaOf(prepared, i);
      takes_.back().push_back(PartsTaken(replica, wiring_.stages[stage]));
      members.push_back({.share = std::max(1e-9, replica.share),
                         .state = i < prepared.replicas.size() ? ReplicaState::kActive : ReplicaState::kSpare,
                         .takes = takes_.back().back(),
                         .compiled = !replica.is_compiled_later()});
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

void Pipeline::BeginThreads() {
  if (HasDeadline(plan_, options_)) {
    watch_ = std::make_unique<Watch>(clock_, [this](TimeNs now_ns) { return LookForOverdue(now_ns); });
  }
  if (AnyCompilesLater(plan_) || options_.on_loss != nullptr) {
    repair_ =
        std::make_unique<Repair>(clock_, [this](Repair& repair, const Repair::Loss& loss) { Recover(repair, loss); });
  }
  for (const WorkerPtr& worker : AllWorkers()) {
    if (worker->replica().executable != nullptr) worker->Begin();
  }
  // So that the first samples are shared as the plan says, and none waits for a thread to start.
  for (const auto& station : stations_) station->AwaitIdle();
}

// The watch last: hung calls are abandoned by it.
void Pipeline::EndThreads() {
  Cancel();
  repair_.reset();
  for (const WorkerPtr& worker : AllWorkers()) worker->Retire();
  watch_.reset();
}

Pipeline::~Pipeline() { EndThreads(); }

}  // namespace consort
