// Ensemble's part for its beginning and its end, and for making lines.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "consort/error.h"
#include "run/ensemble.h"
#include "run/ensemble_line.h"

namespace consort {
namespace {

std::set<std::string> TargetsOf(const Plan& plan) {
  std::set<std::string> targets;
  for (const Stage& stage : plan.stages) {
    for (const Replica& replica : stage.replicas) targets.insert(replica.target.ToString());
  }
  return targets;
}

bool AreAlike(const std::vector<Port>& a, const std::vector<Port>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Port& left, const Port& right) {
    return left.name == right.name && left.spec.dtype == right.spec.dtype && left.spec.shape == right.spec.shape;
  });
}

EnsembleOptions Completed(EnsembleOptions options) {
  if (options.session.clock == nullptr) options.session.clock = &Clock::Real();
  options.session.inline_single = false;  // a loss has to be told while the next sample begins
  return options;
}

}  // namespace

Ensemble::Ensemble(const Plan& plan, Preparing prepare, EnsembleOptions options)
    : prepare_(std::move(prepare)), options_(Completed(std::move(options))), clock_(*options_.session.clock) {
  running_ = MakeLine({.plan = plan, .stages = prepare_(plan)}, {});
  inputs_ = running_->session->inputs();
  outputs_ = running_->session->outputs();
  options_.session.max_in_flight = running_->session->max_in_flight();
  places_.resize(options_.session.max_in_flight);
  for (int index = max_in_flight() - 1; index >= 0; --index) free_.push_back(index);
  while (const std::optional<std::string> target = NextToPrepare()) PrepareBeforehand(*running_, *target);
  thread_.emplace(clock_, "ensemble", ThreadRole::kServant, [this] { Loop(); });
}

// The sessions' threads tell of changes until they have ended.
Ensemble::~Ensemble() {
  Cancel();
  {
    Lock lock(mutex_);
    stopping_ = true;
    clock_.NotifyAll(told_);
    clock_.NotifyAll(changed_);
  }
  thread_->Join();
  lines_.clear();
}

void Ensemble::Cancel() {
  Lock lock(mutex_);
  cancelled_ = true;
  for (const auto& line : lines_) line->session->Cancel();
  clock_.NotifyAll(freed_);
  clock_.NotifyAll(changed_);
}

void Ensemble::ResetStream(int stream) {
  Lock lock(mutex_);
  while (is_handing_over_) clock_.Wait(lock, changed_, kNever);
  running_->session->ResetStream(stream);
}

EnsembleReport Ensemble::report() const {
  Lock lock(mutex_);
  EnsembleReport report = report_;
  report.plan = running_->plan;
  report.session = running_->session->report();
  return report;
}

Ensemble::Line* Ensemble::MakeLine(Prepared prepared, std::vector<std::string> lost) {
  auto line = std::make_unique<Line>();
  line->id = line_ids_++;
  line->plan = std::move(prepared.plan);
  line->lost = std::move(lost);
  SessionOptions options = options_.session;
  options.on_change = [this, id = line->id](const ReplicaChange& change) {
    Lock lock(mutex_);
    changes_.push_back({id, change});
    clock_.NotifyAll(told_);
  };
  line->session = std::make_unique<Session>(std::move(prepared.stages), options);
  const bool is_first = running_ == nullptr;
  if (!is_first && (!AreAlike(line->session->inputs(), inputs_) || !AreAlike(line->session->outputs(), outputs_))) {
    throw Error(ErrorCode::kInvalidArgument, "the plan that was given for the loss has other inputs or outputs");
  }
  Lock lock(mutex_);
  lines_.push_back(std::move(line));
  return lines_.back().get();
}

// Throws what replan and prepare throw, kInfeasible where there is no such plan.
Ensemble::Prepared Ensemble::PrepareWithout(const Line& line, const std::vector<std::string>& lost) {
  if (options_.replan == nullptr) throw Error(ErrorCode::kInfeasible, "no other plan was asked for (replan)");
  std::optional<Plan> plan = options_.replan(line.plan, lost);
  if (!plan.has_value()) throw Error(ErrorCode::kInfeasible, fmt::format("there is no plan without {}", lost.back()));
  PreparedPlan stages = prepare_(*plan);
  return {.plan = *std::move(plan), .stages = std::move(stages)};
}

void Ensemble::PrepareBeforehand(Line& line, const std::string& target) {
  std::vector<std::string> lost;
  {
    Lock lock(mutex_);
    lost = line.lost;
  }
  lost.push_back(target);
  std::optional<Prepared> prepared;
  try {
    prepared = PrepareWithout(line, lost);
  } catch (...) {
    // It is tried again at the loss, and reported then.
  }
  Lock lock(mutex_);
  line.beforehand[target] = std::move(prepared);
}

// Under mutex_.
std::optional<std::string> Ensemble::NextToPrepare() const {
  if (options_.replanning != Replanning::kBeforehand || options_.replan == nullptr) return std::nullopt;
  for (const std::string& target : TargetsOf(running_->plan)) {
    const bool is_lost = std::count(running_->lost.begin(), running_->lost.end(), target) > 0;
    if (!is_lost && !running_->beforehand.contains(target)) return target;
  }
  return std::nullopt;
}

}  // namespace consort
